"""Figures of results, and diagrams of networks, runs and tasks: ``mn.plot.heatmap(...)``."""

from modnets.lazy import attach

__getattr__, __dir__ = attach(__name__)
