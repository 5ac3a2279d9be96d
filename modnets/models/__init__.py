"""One network each: ordinary torch.nn.Module."""

from modnets.lazy import attach

__getattr__, __dir__ = attach(__name__)
