"""The record that a figure's files carry: from which runs, by which code, with which parameters.

Every path in it is relative, to the repository where it lies there, else to the figure; those begin
with a dot.  Nothing in it changes where the same figure is made again by the same code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from modnets.errors import shown
from modnets.notebook_files import Notebook
from modnets.notebook_sources import files_of, files_of_code
from modnets.parameters import defined
from modnets.paths import NOTEBOOKS, ROOT
from modnets.provenance import code_state
from modnets.runs_read import digest_of, namespace, runs_read, summed_up

#: Ending of the file beside a figure that holds its record.
SUFFIX = ".provenance.json"
#: Parameters of a notebook that say where a figure goes, and not what it shows.
WHERE = ("figure_folder",)


def record_of(name: str, folder: Path) -> dict[str, Any]:
    """The record of a figure that is written now.

    Parameters
    ----------
    name : str
        Of the figure.
    folder : Path
        Where it is written.

    Returns
    -------
    dict
        JSON values: ``figure``, ``modnets`` (version), ``git_commit``, ``git_clean``; ``made_by``,
        the notebook or script, with hashes of its code and of the files of the package that it
        reaches; its ``parameters``; ``runs``, how many were read, with hashes of their
        ``settings`` and ``results``; and the same of each of their ``stores``.
    """
    variables = namespace()
    cells = [cell for cell in variables.get("In", ()) if isinstance(cell, str)]
    return {
        "figure": name,
        "modnets": version("modnets"),
        **code_state(),
        "made_by": _made_by(cells, variables, folder),
        "parameters": _parameters(cells, variables, folder),
        **_results(folder),
    }


def code_of(path: Path) -> dict[str, str | None]:
    """Hashes of the code of a notebook or script, and of what it reaches in the package.

    Raises
    ------
    ValueError, OSError
        If it cannot be read; of code that is no Python the second hash is None.
    """
    if path.suffix == ".ipynb":
        notebook = Notebook(path)
        code, find = notebook.digest, lambda: files_of(notebook)
    else:
        text = path.read_text(encoding="utf-8")
        code, find = hashlib.sha256(text.encode()).hexdigest(), lambda: files_of_code(text)
    package = None
    with contextlib.suppress(ValueError, SyntaxError):
        package = digest_of_files(find())
    return {"code": code[:32], "package": package}


def digest_of_files(paths: Iterable[Path]) -> str:
    """A hash of files of the package: their names and what is in them."""
    contents = {path.relative_to(ROOT): path.read_bytes() for path in paths}
    return digest_of(f"{p.as_posix()} {hashlib.sha256(c).hexdigest()}" for p, c in contents.items())


def portable(path: Path, folder: Path) -> str:
    """A path as a record names it."""
    path = path.absolute()
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    relative = Path(os.path.relpath(path, folder.absolute())).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def located(name: str, folder: Path) -> Path:
    """The path that a record names, of a figure in a folder."""
    return (folder if name.startswith(".") else ROOT) / name


def _results(folder: Path) -> dict[str, Any]:
    stores: list[dict[str, Any]] = []
    every: list[tuple[str, str]] = []
    for results, keys in runs_read():
        digests = results.run_digests(keys)
        if digests:
            results.keep_keys(sorted(digests))
            place = results.folder and portable(results.folder, folder)
            stores.append({"folder": place, **summed_up(digests.items())})
            every += digests.items()
    return {**summed_up(every), "stores": stores}


def _made_by(cells: Sequence[str], variables: Mapping[str, Any], folder: Path) -> Any:
    path = notebook_of(cells, variables) if cells else script_of(variables)
    if path is None:
        return None
    with contextlib.suppress(ValueError, OSError):
        return {"file": portable(path, folder), **code_of(path)}
    return None


def script_of(variables: Mapping[str, Any]) -> Path | None:
    """The script that runs, if it is the user's own: of no package, nor of Python."""
    file = variables.get("__file__")
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    path, schemes = Path(file).absolute(), ("purelib", "platlib", "stdlib", "scripts")
    installed = any(path.is_relative_to(sysconfig.get_path(scheme)) for scheme in schemes)
    return None if installed or not path.is_file() else path


def notebook_of(cells: Sequence[str], variables: Mapping[str, Any]) -> Path | None:
    """The notebook that most cells that have run are of, here or among those of the repository.

    No program that runs notebooks tells a kernel its file.  At least half of the cells have to be
    in it as they are saved; among copies the one goes first that JupyterLab or VS Code names.
    """
    ran = {cell.strip() for cell in cells} - {""}
    told = os.environ.get("JPY_SESSION_NAME") or variables.get("__vsc_ipynb_file__") or ""
    best: tuple[tuple[Any, ...], Path] | None = None
    for folder in dict.fromkeys((Path.cwd(), NOTEBOOKS)):
        for path in sorted(folder.glob("*.ipynb")):
            with contextlib.suppress(ValueError, OSError):
                shared = len(ran & set(Notebook(path).code))
                rank = (shared, path.name == Path(str(told)).name, -len(path.name))
                if 2 * shared >= len(ran) and (best is None or rank > best[0]):
                    best = rank, path
    return best and best[1]


def _parameters(cells: Sequence[str], variables: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The parameters of a notebook, with the values that they have now; paths as in all else."""
    names = [parameter.name for cell in cells for parameter in defined(cell)]
    values = {name: variables[name] for name in names if name in variables and name not in WHERE}
    return {name: _plain(value, folder) for name, value in values.items()}


def _plain(value: Any, folder: Path) -> Any:
    if isinstance(value, str) and os.path.isabs(value):
        return portable(Path(value), folder)
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return shown(value)


def as_text(record: Mapping[str, Any]) -> str:
    """A record in one line of ASCII, as pictures carry it."""
    return json.dumps(record, separators=(",", ":"))


def beside(record: Mapping[str, Any], files: Iterable[Path]) -> str:
    """What stands in the file beside a figure: its record, and the hash of each of its files."""
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return json.dumps({**record, "files": hashes}, indent=1) + "\n"
