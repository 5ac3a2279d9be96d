"""What is to be learned: gates, function graphs, splits."""
