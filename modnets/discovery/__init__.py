"""Structure found: function graphs from dense networks, from rows alone, from learned routing."""
