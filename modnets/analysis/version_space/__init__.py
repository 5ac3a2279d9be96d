"""Exactly what rows of a table leave open: the functions that a network can express, counted."""
