"""How long notebooks take: ``figures/timings.csv``, which plans tell and ``--times`` writes."""

from __future__ import annotations

import re
from csv import DictReader, DictWriter
from pathlib import Path

import nbformat
from filelock import FileLock

from modnets.errors import require
from modnets.hardware import cores, cpu_name
from modnets.paths import ROOT

#: The CSV in the folder of figures.
FILE = "timings.csv"
LOCK = ROOT / "build" / f"{FILE}.lock"
#: The last line that a sweep with work to do prints: runs wanted.
FINISHED = re.compile(r"\b(\d+) of \1 runs done, 0 to do")


def durations(folder: Path) -> dict[str, float]:
    """Notebook -> seconds that it took on 2 cores, two at a time; {} without the CSV."""
    if not (folder / FILE).is_file():
        return {}
    return {row["name"]: float(row["value"]) for row in _rows(folder) if row["unit"] == "s"}


def record(folder: Path, name: str, seconds: float, runs: int) -> None:
    """Write what a notebook took into the CSV of a folder, in its row or a new one.

    Parameters
    ----------
    folder : Path
    name : str
        Of the notebook.
    seconds : float
    runs : int
        Runs of its sweeps; 0 if there was none to train.

    Raises
    ------
    ValueError
        If there is no such CSV.
    """
    require((folder / FILE).is_file(), f"{folder / FILE} is missing; --times writes into it")
    machine = f"{cores()} cores, {cpu_name()}"
    taken = {"name": name, "value": f"{seconds:.0f}", "unit": "s", "machine": machine}
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCK):  # of notebooks side by side
        rows = _rows(folder)
        row = next((row for row in rows if row["name"] == name), None)
        if row is None:
            rows.append(row := dict.fromkeys(rows[0], ""))
        row |= taken | {"runs": str(runs or "")}
        with (folder / FILE).open("w", newline="") as file:
            writer = DictWriter(file, row, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def runs_of(copy: Path) -> int:
    """Runs of the sweeps of an executed notebook that had some to train, by what they printed."""
    cells = nbformat.read(copy, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    text = "".join(output.text for output in outputs if output.get("name") == "stderr")
    return sum(int(found) for found in FINISHED.findall(text))


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / FILE).open(newline="") as file:
        return list(DictReader(file))
