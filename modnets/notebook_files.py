"""The notebooks and their parameters, and values for them read from the command line."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from traitlets.log import get_logger

from modnets.errors import first_line, nearest, require, shown
from modnets.notebook_format import nbformat
from modnets.parameters import KINDS, Parameter, literal_or_word
from modnets.paths import FIGURES, expanded

#: Named outright, so that the file of a notebook need not name a kernel.
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
#: What reading a file raises that is no notebook, whatever it is.
FOREIGN: tuple[type[Exception], ...] = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(nbformat.ValidationError, AssertionError, MemoryError),
)
SMALL = "small"  # the scale of a study that make figures runs
SUFFIXES = (".svg", ".png", ".csv")


@dataclass(frozen=True)
class Notebook:
    """A notebook by the path of its file."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the file, without ending."""
        return self.path.stem

    @cached_property
    def content(self) -> nbformat.NotebookNode:
        """The notebook, its kernel set to Python's own."""
        try:
            text = self.path.read_text(encoding="utf-8")
            with quiet():
                content = nbformat.reads(text, as_version=4)
                nbformat.validate(content, relax_add_props=True)
        except FOREIGN as error:
            reason = first_line(error)[:80]
            raise ValueError(f"{self.path} is no notebook ({reason})") from None
        content.metadata["kernelspec"] = KERNEL
        return content

    @cached_property
    def question(self) -> str:
        """Its first heading."""
        texts = (cell.source for cell in self.content.cells if cell.cell_type == "markdown")
        lines = (line for text in texts for line in text.splitlines())
        return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")

    @property
    def code(self) -> list[str]:
        """The sources of its code cells that are not empty, without blanks at their ends."""
        cells = (cell.source.strip() for cell in self.content.cells if cell.cell_type == "code")
        return [source for source in cells if source]

    @property
    def digest(self) -> str:
        """A hash of its code: neither texts nor outputs enter."""
        return hashlib.sha256("\0".join(self.code).encode()).hexdigest()

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The lines of the cell tagged ``parameters``, as papermill sees them."""
        from papermill import inspect_notebook  # not where only the text is read: it takes long

        parameters, content = {}, self.content
        try:
            with quiet():
                every = inspect_notebook(content)
        except FOREIGN as error:
            raise ValueError(
                f"{self.path}: no parameters can be read ({first_line(error)[:80]}); allowed is a "
                "cell tagged parameters, with lines such as epochs: int = 1000  # meaning"
            ) from None
        for name, seen in every.items():
            default = literal_or_word(seen["default"])
            kind = seen["inferred_type_name"]
            kind = kind if kind in KINDS else type(default).__name__
            parameters[name] = Parameter(name, kind, default, seen["help"])
        return parameters

    @property
    def has_figure(self) -> bool:
        """Whether it draws one; metadata ``{"modnets": {"figure": false}}`` say it does not."""
        own = self.content.metadata.get("modnets", {})
        return bool(own.get("figure", True)) if isinstance(own, dict) else True

    def figure_files(self, values: dict[str, Any]) -> list[Path]:
        """The files of its figure: drawing, picture, and the numbers behind them.

        Parameters
        ----------
        values : dict
            Parameters that differ from their defaults.  ``figure_folder``, ``figure_name`` and
            ``scale`` matter: at full scale a figure has a name of its own.
        """
        if not self.has_figure:
            return []
        default = self.parameters.get("figure_folder")
        folder = values.get("figure_folder", default.default if default else "")
        base = self.path.parent / str(folder) if folder else FIGURES
        scaled = self.name if values.get("scale", SMALL) == SMALL else f"{self.name}_full"
        name = values.get("figure_name") or scaled
        return [base / f"{name}{suffix}" for suffix in SUFFIXES]

    def read(self, words: dict[str, str]) -> dict[str, Any]:
        """The values of those parameters that this notebook has.

        Raises
        ------
        ValueError
            If a value does not fit the type of the parameter's default.
        """
        values = {}
        for name, text in words.items():
            if name in self.parameters:
                value = self.parameters[name].read(text)
                if name.endswith(("_folder", "_path")) and value:
                    # The user's shell means her working folder, not the notebook's.
                    value = str(expanded(value, name).absolute())
                values[name] = value
        return values


@contextmanager
def quiet() -> Iterator[None]:
    """Jupyter's libraries neither warn nor log; what matters is raised."""
    logger = logging.getLogger(get_logger().name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def find_notebooks(folder: Path) -> dict[str, Notebook]:
    """Name -> notebook, for the notebooks of a folder."""
    require(
        folder.is_dir(),
        f"--folder={shown(str(folder))} is no folder; allowed is one that holds notebooks",
    )
    return {path.stem: Notebook(path) for path in sorted(folder.glob("*.ipynb"))}


def check_parameters(notebooks: list[Notebook], names: list[str]) -> None:
    """Raise unless each name is a parameter of at least one of the notebooks.

    Raises
    ------
    ValueError
        ``unknown parameter 'depht', did you mean 'depth'?``
    """
    known = sorted({name for notebook in notebooks for name in notebook.parameters})
    for name in names:
        require(
            name in known,
            f"unknown parameter {name!r}{nearest(name, known)}; allowed: {', '.join(known)}",
        )
