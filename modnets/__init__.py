"""modnets: when and how are modular networks better?

``import modnets as mn`` is all that a notebook needs.

The public names stand in ``__init__.pyi``; each is imported when it is first used, so that the
command line and worker processes start without what they do not need.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
