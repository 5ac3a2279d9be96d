"""Pictures out of numbers and networks."""
