"""What the command line does, one command each."""
