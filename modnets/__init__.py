"""modnets: when and how are modular networks better?

``import modnets as mn`` is all that a notebook needs: names for daily use stand in ``mn``, all
others in ``mn.tasks``, ``mn.models``, ``mn.analysis`` and ``mn.plot``.  ``mn.explain(word)`` says
what a setting, a column or a term means.

The public names stand in type stubs (``.pyi``); each is imported when it is first used, so that the
command line and worker processes start without what they do not need.
"""

import importlib.metadata

from modnets import old_modules
from modnets.lazy import attach
from modnets.old_names import OLD_NAMES

old_modules.install()
_public, __dir__ = attach(__name__, OLD_NAMES)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.metadata.version("modnets")
    return _public(name)
