"""The page of a report, from its contents and the templates beside this file."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mistune
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from modnets.amounts import in_time
from modnets.reports.contents import Contents
from modnets.reports.networks import MEASURES, Moment, Shown
from modnets.visuals.run_views import renamed

HERE = Path(__file__).parent
PAGE, STYLES, SCRIPT = "report.html", "report.css", "report.js"
#: Size of the curves of a replay, in pixels, and margins: left, right, top, bottom.
WIDTH, HEIGHT = 640, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 14, 10, 26
#: Measure of a moment -> its words and colour.
CURVES = {
    "train_bit_accuracy": ("on training rows", "#8c8c8c"),
    "test_bit_accuracy": ("on unseen rows", "#0072b2"),
    "test_unseen_bit_accuracy": ("on pairs never seen", "#0072b2"),
    "bit_accuracy": ("on the whole table", "#d55e00"),
}
assert set(CURVES) == set(MEASURES)
#: The study to cite, as CITATION.cff has it.
CITATION = """@article{modnets,
  title   = {How Can Knowledge of a Task's Modular Structure
             Improve Generalization and Training Efficiency?},
  journal = {Transactions on Machine Learning Research},
  year    = {2025},
  url     = {https://openreview.net/forum?id=46hFTOUox7},
  note    = {results made with modnets %s}
}"""


def rendered(contents: Contents) -> str:
    """The whole page; the same for the same contents."""
    script = (HERE / SCRIPT).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    replay = next((one for one in contents.shown if len(one.moments) > 1), None)
    return (
        _templates()
        .get_template(PAGE)
        .render(
            it=contents,
            styles=Markup((HERE / STYLES).read_text(encoding="utf-8")),
            script=Markup(script),
            script_digest=digest,
            about=markdown(contents.source.about),
            replay=replay,
            curves=Markup(curves(replay)) if replay else "",
            places=places(replay) if replay else "",
            legend=[CURVES[name] for name in replay.moments[-1].accuracies] if replay else [],
            citation=CITATION % version("modnets"),
            version=version("modnets"),
        )
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "safe_html": Markup,
        "renamed": lambda html, ids: Markup(renamed(html, ids)),
        "in_time": in_time,
        "data": data,
        "percent": percent,
        "thousands": lambda number: f"{number:,}",
        "moment": moment_words,
        "day": lambda time: str(time).replace("T", " ").removesuffix("Z"),
    }
    return templates


def markdown(text: str) -> Markup:
    """Text of a notebook or study as HTML; HTML in it is shown as it stands, pictures are not."""
    made = mistune.create_markdown(escape=True, plugins=["table"])(text)
    return Markup(made)


def data(text: str, kind: str) -> Markup:
    """The address of a file that is part of the page."""
    return Markup(f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}")


def percent(share: float | None, digits: int = 1) -> str:
    """``"75 %"``, ``"81.2 %"``; a dash where nothing is known."""
    if share is None or share != share:
        return "–"
    return f"{round(100 * share, digits):g} %"


def moment_words(moment: Moment) -> str:
    """A moment of a training, in a line."""
    words = [f"{percent(moment.accuracies[name])} {CURVES[name][0]}" for name in moment.accuracies]
    return f"epoch {moment.epoch:,}: {', '.join(words)}" if words else f"epoch {moment.epoch:,}"


def curves(shown: Shown) -> str:
    """SVG of the accuracies of a replay, with a line that its script moves."""
    moments = shown.moments
    end = max(moments[-1].epoch, 1)
    lowest = min((value for one in moments for value in one.accuracies.values()), default=0.0)
    low = 0.0 if lowest < 0.45 else 0.4

    def x(epoch: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * epoch / end

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (1 - low))

    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="accuracy of the run over the epochs">'
    ]
    for tick in (low, (1 + low) / 2, 1.0):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" '
            f'y2="{y(tick):.1f}"/><text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" '
            f'text-anchor="end">{percent(tick)}</text>'
        )
    for epoch, anchor in ((0, "start"), (end, "end")):
        parts.append(f'<text x="{x(epoch):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">'
                     f"{'epoch ' * (epoch == 0)}{epoch:,}</text>")  # fmt: skip
    parts.append(f'<line class="now" x1="{x(end):.1f}" x2="{x(end):.1f}" y1="{TOP}" '
                 f'y2="{HEIGHT - BOTTOM}"/>')  # fmt: skip
    for name in moments[-1].accuracies:
        points = " ".join(f"{x(one.epoch):.1f},{y(one.accuracies[name]):.1f}" for one in moments)
        parts.append(f'<polyline points="{points}" stroke="{CURVES[name][1]}"/>')
    return "".join([*parts, "</svg>"])


def places(shown: Shown) -> str:
    """Where the line of each moment stands in the curves, as the script reads it."""
    end = max(shown.moments[-1].epoch, 1)
    xs: list[Any] = [
        round(LEFT + (WIDTH - LEFT - RIGHT) * one.epoch / end, 1) for one in shown.moments
    ]
    return json.dumps(xs)
