"""What a report is of: a store, or a notebook with its store, question and figures."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modnets.config.yaml_text import from_yaml
from modnets.errors import nearest, require, shown
from modnets.experiments.result_digests import kept_keys
from modnets.experiments.store import Store, finished
from modnets.figure_records import SUFFIX, located
from modnets.notebook_files import Notebook, find_notebooks
from modnets.paths import FIGURES, NOTEBOOKS, RESULTS, expanded


@dataclass
class Source:
    """What a report is of.

    Parameters
    ----------
    store : Store
    question : str
        One line; empty if nobody has asked one.
    about : str
        Markdown: what stands below the question.
    notebook : Notebook, optional
    runs : list of str, optional
        Keys of the runs that the notebook's figure is of; None for all that the store holds.
    figures : list of Path
        Pictures of the notebook, in SVG.
    """

    store: Store
    question: str = ""
    about: str = ""
    notebook: Notebook | None = None
    runs: list[str] | None = None
    figures: list[Path] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the notebook, or of the store's folder."""
        return self.notebook.name if self.notebook else self.store.folder.name

    @property
    def place(self) -> str:
        """The folder of the store as a command names it: its last two names, or one."""
        folder = self.store.folder
        return f"{folder.parent.name}/{folder.name}" if folder.parent == RESULTS else folder.name


def source_of(source: str | os.PathLike[str], store: str | Path | None = None) -> Source:
    """What a word of the user means.

    Parameters
    ----------
    source : str or Path
        The folder of a store; the path of a notebook, or the name of one of the repository.
    store : str or Path, optional
        The store of a notebook, where it is another than it names.

    Raises
    ------
    ValueError
        If it is neither, or the notebook's store is not there.
    """
    path = expanded(source, "source")
    if path.is_dir():
        require(store is None, f"store={shown(str(store))}; allowed is none, as source is one")
        return _of_store(Store(path))
    known = find_notebooks(NOTEBOOKS) if NOTEBOOKS.is_dir() else {}
    if path.suffix == ".ipynb" and path.is_file():
        return _of_notebook(Notebook(path), store)
    if str(source) in known:
        return _of_notebook(known[str(source)], store)
    raise ValueError(
        f"source={shown(str(source))} is no folder and no notebook{nearest(source, known)}; "
        "allowed is the folder of a store, a file in .ipynb, or the name of a notebook"
    )


def _of_store(store: Store) -> Source:
    texts = [_about(name, text) for name, text in store.studies().items()]
    question, _, about = next(filter(None, texts), "").partition("\n")
    return Source(store, question.strip(), about.strip())


def _about(name: str, text: str) -> str:
    """What a study's file says that it is about."""
    try:
        return str((from_yaml(text, name) or {}).get("about") or "").strip()
    except (ValueError, AttributeError):
        return ""


def _of_notebook(notebook: Notebook, store: str | Path | None) -> Source:
    pictures = _pictures(notebook)
    records = [record for path in pictures if (record := _record(path))]
    folder, runs = _recorded(records[0], pictures[0].parent) if records else (None, None)
    default = notebook.parameters.get("store")
    named = default.default if default else ""
    if store is not None or folder is None:
        beside = notebook.path.parent / str(named) if named else RESULTS / notebook.name
        folder, runs = (beside if store is None else expanded(store, "store")), None
    if not folder.is_dir():
        raise ValueError(
            f"store={shown(str(folder))} is no folder; allowed is one that {notebook.name} has "
            f"filled: modnets notebook run {notebook.name}"
        )
    cells = [cell.source for cell in notebook.content.cells if cell.cell_type == "markdown"]
    text = cells[0] if cells else ""
    lines = text.splitlines()
    heading = next((index for index, line in enumerate(lines) if line.startswith("#")), None)
    about = lines if heading is None else lines[heading + 1 :]
    found = finished(folder)
    return Source(found, notebook.question, "\n".join(about).strip(), notebook, runs, pictures)


def _pictures(notebook: Notebook) -> list[Path]:
    """The figures that a notebook wrote: that of its name first, then others that say so."""
    files = notebook.figure_files({})
    folder = files[0].parent if files else FIGURES
    first = [path for path in files[:1] if path.is_file()]
    others = []
    for beside in sorted(folder.glob(f"*{SUFFIX}")):
        picture = beside.with_name(beside.name.removesuffix(SUFFIX) + ".svg")
        made = (_record(picture) or {}).get("made_by") or {}
        file = made.get("file")
        if file and located(file, folder).resolve() == notebook.path.resolve():
            others += [picture] * (picture.is_file() and picture not in first)
    return first + others


def _record(picture: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(picture.with_suffix(SUFFIX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "stores" in record else None


def _recorded(record: dict[str, Any], folder: Path) -> tuple[Path | None, list[str] | None]:
    """The store that a figure was made from, and which of its runs, where that is known."""
    for one in record["stores"]:
        if one["folder"]:
            place = located(one["folder"], folder)
            if place.is_dir():
                return place, kept_keys(place, one["settings"])
    return None, None
