"""``mn.report``: a finished study as one file of HTML."""

from __future__ import annotations

import os
from pathlib import Path

from modnets.checked import checked
from modnets.errors import first_line, require, shown
from modnets.leftovers import mark
from modnets.paths import expanded
from modnets.reports.contents import gathered
from modnets.reports.page import rendered
from modnets.reports.sources import source_of

SUFFIXES = (".html", ".htm")
#: Bytes of a report, at most; beyond them its parts are left out, the heaviest first.
MOST_BYTES = 5_000_000


@checked
def report(
    source: str | Path,
    file: str | Path,
    *,
    store: str | Path | None = None,
    question: str | None = None,
    retrain: bool = True,
) -> Path:
    """Write a study as one file of HTML, which needs no network and nothing beside it.

    It has the question; what varied and what did not; figures, with their numbers to download;
    runs a point, kind of interval, floor and ceiling; failures; the best, the median and the worst
    network, drawn, and a replay of one of them; versions, commit, machine and time; how to do it
    again, hashes of settings and results, and the citation.  The same results give the same bytes.

    Parameters
    ----------
    source : str or Path
        The folder of a store; or a notebook, by its path or, of the repository's, its name.
    file : str or Path
        ``FILE.html``; replaced if it is there, whole or not at all.
    store : str or Path, optional
        The store of a notebook; by default that of its figure, of its parameter, or
        ``results/NAME``.
    question : str, optional
        By default the first heading of the notebook, or what the study's file says in ``about``.
    retrain : bool
        Whether the chosen networks are trained again to be drawn; it may take a minute.

    Returns
    -------
    Path
        The file, of less than 5 MB.

    Raises
    ------
    ValueError
        If there is no such store or notebook, or the file cannot be written; in one line.
    StoreError
        If a result file cannot be read that is not damaged.

    Examples
    --------
    >>> report("results/study", "study.html")  # doctest: +SKIP
    """
    path = expanded(file, "file")
    require(path.suffix in SUFFIXES, f"file={shown(str(path))}; allowed is a name in .html")
    contents = gathered(source_of(source, store), question, retrain=retrain)
    text = rendered(contents)
    while len(text.encode()) > MOST_BYTES and contents.lighten():
        text = rendered(contents)
    _write(path, text)
    return path


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    temporary = path.with_name(f".{path.name}-{mark()}")
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(
            f"file={shown(str(path))} cannot be written ({error.strerror or first_line(error)}); "
            "allowed is one in a folder that you may write to"
        ) from None
