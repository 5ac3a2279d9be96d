"""The curves and the strip of runs, drawn in the browser.

An anywidget, not a raster image: a frame costs Python a millisecond instead of a hundred, every run
can be clicked, and colours follow the theme of JupyterLab.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from modnets.analysis.statistics import majority_floor
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task
from modnets.visuals.descriptions import describe_kind
from modnets.visuals.plots import kind_order
from modnets.visuals.style import KNOWN, kind_style

HERE = Path(__file__).parent


def floor_of(task: Task) -> float | None:
    """The accuracy of the best constant answer; None where a task has too many rows to know."""
    known = task.enumerable or task.images is not None or isinstance(task, Samples)
    return majority_floor(task) if known else None


class CurvesWidget(anywidget.AnyWidget):
    """Learning curves above a strip of runs."""

    _esm = "\n".join((HERE / name).read_text() for name in ("run_strip.js", "curves.js"))
    _css = HERE / "explorer.css"
    #: A curve of each kind: ``points`` are (epoch, low, median, high).
    curves: traitlets.List[Any] = traitlets.List().tag(sync=True)
    epochs = traitlets.Int(1).tag(sync=True)
    #: The selected epoch; -1 for none.
    epoch = traitlets.Int(-1).tag(sync=True)
    floor = traitlets.Float(None, allow_none=True).tag(sync=True)
    #: Title of the curves; and, for tooltips, what the accuracy of a run is the share of.
    caption = traitlets.Unicode("").tag(sync=True)
    measure = traitlets.Unicode("").tag(sync=True)
    #: Why the curves are out of date; empty if they are not.
    old = traitlets.Unicode("").tag(sync=True)
    #: A row of each kind, with its runs.
    strip: traitlets.List[Any] = traitlets.List().tag(sync=True)
    #: Key of the selected run.
    selected = traitlets.Unicode("").tag(sync=True)

    def copy_text(self, text: str) -> None:
        """Put a text onto the clipboard of the browser."""
        self.send({"copy": text})


def curves_of(
    curves: pd.DataFrame, kinds: Iterable[str], theory: Mapping[str, float]
) -> list[dict[str, Any]]:
    """The trait ``curves`` from what ``training_curves`` returns."""
    traits = []
    for kind in kind_order(kinds):
        line = curves[curves["kind"] == kind].sort_values("epoch")
        points = line[["epoch", "low", "median", "high"]].dropna().round(5).to_numpy().tolist()
        traits.append(_style(kind) | {"points": points, "theory": theory.get(kind)})
    return traits


def strip_of(runs: pd.DataFrame, kinds: Iterable[str]) -> list[dict[str, Any]]:
    """The trait ``strip`` from a row per run: ``run``, ``kind``, ``seed``, ``done``, ``solved``,
    ``accuracy``.
    """
    rows = []
    for kind in kind_order(kinds):
        of_kind = runs[runs["kind"] == kind]
        cells = [
            {
                "key": key,
                "seed": int(seed),
                "done": bool(done),
                "solved": bool(solved),
                "accuracy": round(float(accuracy), 4) if np.isfinite(accuracy) else None,
            }
            for key, seed, done, solved, accuracy in zip(
                *(of_kind[name] for name in ("run", "seed", "done", "solved", "accuracy")),
                strict=True,
            )
        ]
        rows.append(_style(kind) | {"runs": cells})
    return rows


def _style(kind: str) -> dict[str, str]:
    style = kind_style(kind)
    dash = {KNOWN: "", "-.": "7 3 1.5 3"}.get(style.linestyle, "6 3")
    texts = {"kind": kind, "label": style.label, "description": describe_kind(kind)}
    return texts | {"color": style.color, "dash": dash}
