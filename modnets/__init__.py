"""modnets: when and how are modular networks better?

``import modnets as mn`` is all that a notebook needs.

The public names stand in ``__init__.pyi``; each is imported when it is first used, so that the
command line and worker processes start without what they do not need.
"""

import importlib.metadata

import lazy_loader

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.metadata.version("modnets")
    return _public(name)
