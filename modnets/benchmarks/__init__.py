"""The engine measured, and other ways to train the same networks beside it."""
