"""Numbers out of results."""

from modnets.lazy import attach

__getattr__, __dir__ = attach(__name__)
