"""Networks and tasks drawn from live objects."""
