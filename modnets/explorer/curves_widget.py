"""The curves and the strip of runs, drawn in the browser.

An anywidget, not a picture: a frame costs Python a millisecond in place of a hundred, every run can
be clicked, and colours follow the theme of JupyterLab.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from modnets.explorer.words import what
from modnets.visuals.plots import kind_order
from modnets.visuals.style import KNOWN, kind_style

HERE = Path(__file__).parent


class CurvesWidget(anywidget.AnyWidget):
    """Learning curves above a strip of runs."""

    _esm = "\n".join((HERE / name).read_text() for name in ("run_strip.js", "curves.js"))
    _css = HERE / "explorer.css"
    #: A curve of each kind: ``points`` are (epoch, low, median, high).
    curves = traitlets.List().tag(sync=True)
    epochs = traitlets.Int(1).tag(sync=True)
    #: The epoch looked at; -1 for none.
    epoch = traitlets.Int(-1).tag(sync=True)
    floor = traitlets.Float(None, allow_none=True).tag(sync=True)
    #: What is drawn, in words; and, of one run, what its accuracy is the share of.
    caption = traitlets.Unicode("").tag(sync=True)
    measure = traitlets.Unicode("").tag(sync=True)
    #: Why the curves are out of date; nothing if they are not.
    old = traitlets.Unicode("").tag(sync=True)
    #: A row of each kind, with its runs.
    strip = traitlets.List().tag(sync=True)
    #: Key of the run looked at.
    selected = traitlets.Unicode("").tag(sync=True)

    def copy_text(self, text: str) -> None:
        """Put a text onto the clipboard of the browser."""
        self.send({"copy": text})


def curves_of(
    curves: pd.DataFrame, kinds: Iterable[str], theory: Mapping[str, float]
) -> list[dict[str, Any]]:
    """The trait ``curves`` from what ``learning_curves`` returns."""
    found = []
    for kind in kind_order(kinds):
        line = curves[curves["kind"] == kind].sort_values("epoch")
        points = line[["epoch", "low", "median", "high"]].dropna().round(5).to_numpy().tolist()
        found.append(_look(kind) | {"points": points, "theory": theory.get(kind)})
    return found


def strip_of(runs: pd.DataFrame, kinds: Iterable[str]) -> list[dict[str, Any]]:
    """The trait ``strip`` from a row per run: ``run``, ``kind``, ``seed``, ``done``, ``solved``,
    ``accuracy``.
    """
    found = []
    for kind in kind_order(kinds):
        part = runs[runs["kind"] == kind]
        cells = [
            {
                "key": key,
                "seed": int(seed),
                "done": bool(done),
                "solved": bool(solved),
                "accuracy": round(float(accuracy), 4) if np.isfinite(accuracy) else None,
            }
            for key, seed, done, solved, accuracy in zip(
                *(part[name] for name in ("run", "seed", "done", "solved", "accuracy")),
                strict=True,
            )
        ]
        found.append(_look(kind) | {"runs": cells})
    return found


def _look(kind: str) -> dict[str, str]:
    look = kind_style(kind)
    dash = {KNOWN: "", "-.": "7 3 1.5 3"}.get(look.linestyle, "6 3")
    words = {"kind": kind, "label": look.label, "what": what(kind)}
    return words | {"color": look.color, "dash": dash}
