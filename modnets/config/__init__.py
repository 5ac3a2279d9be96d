"""What determines a run: its settings, what they default to, what they may be, and its key."""
