"""Folders of the project, relative to the package and never to the working directory."""

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
    """A path from the user, with ``~`` expanded.

    Every path is expanded here and nowhere else, at the public interface, since libraries that
    open files differ in how they treat ``~``.

    Parameters
    ----------
    path : str or Path
    parameter : str
        The argument's name, for the error.

    Raises
    ------
    ValueError
        If it is no path, is too long, or names an unknown user.

    Examples
    --------
    >>> expanded("~/study") == Path.home() / "study"
    True
    """
    try:
        if not os.fspath(path) or isinstance(os.fspath(path), bytes) or "\0" in os.fspath(path):
            raise TypeError
        result = Path(path).expanduser()
        result.lstat()
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
        if error.errno == errno.ENAMETOOLONG:  # other errors are reported where it is opened
            raise ValueError(
                f"{parameter}={shown(str(path))}: {error.strerror}; allowed is a shorter path"
            ) from None
    return result
