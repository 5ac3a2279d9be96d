"""Numbers out of results."""
