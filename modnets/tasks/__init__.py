"""What is to be learned: gates, function graphs, splits."""

from modnets.lazy import attach

__getattr__, __dir__ = attach(__name__)
