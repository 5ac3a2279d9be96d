"""Where things lie, from the package's place and never from the working folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from modnets.errors import shown

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
FIGURES = ROOT / "figures"
NOTEBOOKS = ROOT / "notebooks"
RESULTS = ROOT / "results"


def expanded(path: str | os.PathLike[str], parameter: str = "path") -> Path:
    """A path that a user has given, with ``~`` expanded.

    Every path is expanded here and nowhere else, when it comes in: what opens files further down
    does not agree on what ``~`` is.

    Parameters
    ----------
    path : str or Path
    parameter : str
        What it was given as, for the error.

    Raises
    ------
    ValueError
        If it is no path, or names a user who is not known here.

    Examples
    --------
    >>> expanded("~/study") == Path.home() / "study"
    True
    """
    try:
        if not os.fspath(path) or isinstance(os.fspath(path), bytes) or "\0" in os.fspath(path):
            raise TypeError
        found = Path(path).expanduser()
        found.lstat()
    except TypeError:
        raise ValueError(
            f"{parameter}={shown(path)}; allowed is a path, as a text or a Path"
        ) from None
    except RuntimeError:
        raise ValueError(
            f"{parameter}={shown(str(path))}: no such user here; allowed is a path, ~ for your own "
            "home"
        ) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # what else is wrong, who opens it will tell
            raise ValueError(
                f"{parameter}={shown(str(path))}: {error.strerror}; allowed is a shorter path"
            ) from None
    return found
