"""Texts, colours, announcements and stored runs of the explorer, without a browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.live import Live
from modnets.experiments.sweep import sweep
from modnets.explorer.app import Explorer
from modnets.explorer.curves_widget import HERE
from modnets.explorer.finished_runs import FinishedRuns
from modnets.explorer.page import HINT
from modnets.tasks.gate_names import name_of
from modnets.tasks.graphs import FunctionGraph
from modnets.visuals import descriptions
from modnets.visuals.run_views import findings_table
from modnets.visuals.style import KINDS, MODULE_COLORS

CSS = (HERE / "explorer.css").read_text()


def trained(explorer: Explorer) -> Explorer:
    explorer.panel.train.click()
    explorer.wait()
    return explorer


def status(explorer: Explorer) -> str:
    return re.sub("<[^>]*>", "", explorer.panel.status.value)


# Colours


def colors(dark: bool) -> dict[str, str]:
    """The colours of a theme by their names, as the style sheet has them."""
    rule = re.compile(
        r"(?m)^(\[data-jp-theme-light=\"false\"\] )?\.mn-explorer \{(.*?)\}", re.DOTALL
    )
    values: dict[str, str] = {}
    for of_dark, text in rule.findall(CSS):
        if dark or not of_dark:
            values |= dict(re.findall(r"--mn-([\w-]+): (?:var\([\w-]+, )?(#[0-9a-f]{6})", text))
    return values


def linear(color: str | np.ndarray) -> np.ndarray:
    if isinstance(color, str):
        color = np.array([int(color[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(color <= 0.03928, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)


def contrast(one: str | np.ndarray, other: str | np.ndarray) -> float:
    """As the Web Content Accessibility Guidelines define it, in [1, 21]."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(linear(color) @ weights) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def inverted(color: str) -> np.ndarray:
    """``invert(1) hue-rotate(180deg)``, by the matrices of the CSS specification."""
    value = np.array([int(color[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    value = 1 - value
    gray = np.array([0.213, 0.715, 0.072])
    return np.clip(2 * gray @ value - value, 0, 1)


def test_contrast_is_computed_as_the_guidelines_do() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_contrast(dark: bool) -> None:
    color = colors(dark)
    papers = ["#ffffff"] if not dark else ["#111111", "#212121"]  # of JupyterLab's themes
    assert color["paper"] == papers[0]
    for paper in papers:
        for name in ("ink", "soft", "error"):
            assert contrast(color[name], paper) >= 4.5, name
    for text, behind in (
        ("on-cell", "right"),
        ("on-cell", "wrong"),
        ("ink", "none"),
        ("on-button", "button"),
        ("ink", "pressed"),
        ("ink", "notice"),
    ):
        assert contrast(color[text], color[behind]) >= 4.5, (text, behind)
    for name in ("right", "wrong", "focus"):  # no text
        assert contrast(color[name], papers[0]) >= 3, name


def test_names_of_modules_have_contrast_in_both_themes() -> None:
    assert "filter: invert(1) hue-rotate(180deg)" in CSS
    for fill in MODULE_COLORS:
        assert contrast("#000000", fill) >= 4.5
        assert contrast(inverted("#000000"), inverted(fill)) >= 4.5, fill


# Descriptions


def test_no_gate_looks_like_a_module() -> None:
    """A gate that passes on its first input is called A, and so is a module."""
    for table in _tables():
        formula = descriptions.gate_formula(name_of(table), [f"x{index}" for index in range(3)])
        assert len(formula) > 1
        assert not re.search(r"\b(NOT_)?[A-Z]\b", formula)
    assert descriptions.gate_formula("C", ["x4", "x1", "x5"]) == "= x5"
    assert descriptions.gate_formula("NOT_A", ["s1.2", "s1.0"]) == "= ¬s1.2"
    assert descriptions.gate_formula("NIMPLY", ["x0", "x1"]) == "x0∧¬x1"
    assert descriptions.gate_formula("FALSE", ["x0", "x1"]) == "always 0"
    assert descriptions.sub_function_formula("A 3 1") == "= 3"
    assert descriptions.sub_function_formula("XOR 3 1") == "XOR 3 1"


def _tables() -> list[tuple[int, ...]]:
    """All tables of two inputs, and of three."""
    return [
        tuple(bits >> row & 1 for row in range(2**n)) for n in (2, 3) for bits in range(2**2**n)
    ]


def test_findings_show_no_gate_as_a_letter() -> None:
    """A slot that computes A is shown beside module A."""
    graph = FunctionGraph(4, [["A 0 1", "NOT_B 2 3"], ["XOR 0 1"]])
    run = RunConfig(graph=graph, model="shared", routing="known", train_rows=12, epochs=400)
    live = Live([run], compiled=False)
    live.train()
    html = findings_table(run, live.record(run.key, run.epochs)["structure"], run.epochs)
    cells = re.findall(r"<td>(.*?)</td>", html)
    assert "= 0" in cells  # the true part
    assert "= ¬3" in cells
    letters = [re.sub("<[^>]*>", "", cell) for cell in cells]
    modules = [text for cell, text in zip(cells, letters, strict=True) if "mn-module" in cell]
    assert [text for text in letters if re.fullmatch(r"(NOT_)?[A-Z]", text)] == modules


@pytest.mark.parametrize("kind", [*KINDS, "sparse 75 %", "shared, known selection", "line"])
def test_kinds_are_explained(kind: str) -> None:
    text = descriptions.describe_kind(kind)
    assert len(text) > 20
    for word in ("modular", "shared", "known", "learned", "dense", "sparse"):
        assert (f"{word}:" in text) == (word in kind), word
    assert ("your own" in text) == (kind == "line")


def test_every_column_and_setting_is_explained(make: Callable[..., Explorer]) -> None:
    explorer = trained(make(kinds=["dense", "shared, known"]))
    for row in explorer.panel.curves_widget.strip:
        explorer.panel.curves_widget.selected = row["runs"][0]["key"]
        explorer.flush()
        titles = re.findall(r'<th scope="col" title="(.*?)">', explorer.panel.gates.value)
        assert len(titles) >= 4
        assert all(len(title) > 20 for title in titles)
        assert row["description"] == descriptions.describe_kind(row["kind"])
    meanings = explorer.panel.page.meanings
    assert "Gumbel(0, 1)" in meanings["Gumbel noise"]
    assert meanings["shared, learned"] == descriptions.describe_kind("shared, learned")
    labels = [control.description for control in explorer.controls.every() if control.description]
    assert set(labels) <= set(meanings)


# Announcements and status


def test_progress_is_announced_at_few_moments(make: Callable[..., Explorer]) -> None:
    explorer = make(epochs=400, runs=4)
    announced: list[str] = []
    explorer.panel.page.observe(
        lambda change: announced.append(change["new"]), names="announcement"
    )
    for share in np.linspace(0, 0.99, 60).tolist():
        explorer.panel.progress(share, 3.0, 2.0)
    assert [text.split(",")[0] for text in announced] == ["25%", "50%", "76%"]
    trained(explorer)
    assert announced[3] == "starting"
    assert announced[-1].startswith("done: 12 runs")
    assert explorer.panel.page.share == 1


def test_after_resume_the_newest_epoch_is_shown(make: Callable[..., Explorer]) -> None:
    explorer = make(epochs=1000, runs=4)
    panel = explorer.panel

    async def use() -> None:
        panel.train.click()
        while not panel.curves_widget.curves or explorer.live.share < 0.05:
            await asyncio.sleep(0.02)
        panel.stop.click()
        panel.curves_widget.epoch = 0  # an earlier epoch
        explorer.flush()
        assert panel.replaying
        assert "before training" in panel.title.value
        panel.stop.click()
        assert not panel.replaying
        assert panel.curves_widget.epoch == -1

    asyncio.run(use())
    explorer.wait()
    assert panel.epoch.value == 1000
    assert panel.title.value.endswith("epoch 1000</span></div>")


def test_curves_name_their_task_and_say_when_they_are_old(make: Callable[..., Explorer]) -> None:
    explorer = trained(make())
    controls, widget = explorer.controls, explorer.panel.curves_widget
    assert widget.caption == (
        "6-3-2-2, 16 training rows: unseen bits right (median, quartiles of 2 runs)"
    )
    assert widget.old == ""
    controls.settings["runs"].value = 5  # more of the same
    controls.kinds["sparse"].value = True
    assert widget.old == ""
    controls.graph.value = "6-2-2"
    assert widget.old == "old curves: 6-3-2-2. Press Train for 6-2-2"
    controls.settings["train_rows"].value = 9
    controls.gumbel.value = True
    assert widget.old == (
        "old curves: 6-3-2-2; training rows 16; without Gumbel noise. "
        "Press Train for 6-2-2; training rows 9; with Gumbel noise"
    )
    controls.settings["runs"].value = 2
    trained(explorer)
    assert widget.old == ""
    assert widget.caption.startswith("6-2-2, 9 training rows")


# Stored runs


def test_runs_of_the_store_are_shown_again(make: Callable[..., Explorer]) -> None:
    first = trained(make())
    other = trained(make(graph="6-2-2", kinds=["dense"]))
    again = make()
    assert status(again).startswith("found in")
    assert status(again).endswith("6 runs of 6-3-2-2")
    assert again.panel.curves_widget.curves == [
        curve | {"theory": None} for curve in first.panel.curves_widget.curves
    ]
    assert again.panel.curves_widget.strip == first.panel.curves_widget.strip
    assert again.panel.curves_widget.old == ""
    assert again.panel.group.options == ("6-3-2-2", "6-2-2")
    again.panel.group.value = "6-2-2"
    assert again.panel.curves_widget.strip == other.panel.curves_widget.strip
    assert again.panel.curves_widget.old == "old curves: 6-2-2. Press Train for 6-3-2-2"
    latest = make(graph="6-2", train_rows=8)  # the store has none of it
    assert latest.panel.group.value == "6-2-2"
    trained(again)
    assert again.panel.group.layout.display == "none"
    assert again.panel.curves_widget.strip == first.panel.curves_widget.strip


def test_a_store_that_cannot_be_read_is_an_error_in_the_status(
    make: Callable[..., Explorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(make(kinds=["dense"]))

    def broken(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("modnets.explorer.app.FinishedRuns", broken)
    explorer = make(kinds=["dense"])
    assert "Permission denied" in status(explorer)
    assert not explorer.panel.train.disabled


def test_a_cell_that_is_run_again_follows_the_training(make: Callable[..., Explorer]) -> None:
    first = make(epochs=5000, runs=4)

    async def use() -> Explorer:
        first.panel.train.click()
        while first.live.share == 0:
            await asyncio.sleep(0.02)
        live = first.live
        again = make(epochs=5000, runs=4)
        assert again.live is live
        assert first.live is None
        assert "made after this one" in status(first)
        share = live.share
        while not again.panel.curves_widget.curves or live.share == share:
            await asyncio.sleep(0.02)
        assert again.panel.stop.description == "Stop"
        again.panel.stop.click()
        assert not live.running
        assert status(again).startswith("stopped at")
        return again

    again = asyncio.run(use())
    assert again.live.error is None


def test_runs_that_differ_in_a_setting_of_their_kind_are_not_pooled(tmp_path: Path) -> None:
    base = RunConfig(epochs=4, train_rows=16)
    runs = grid(base, model=["dense", "shared"], lr=[0.01, 0.1], seed=range(2))
    runs += grid(base, model="shared", lr_routing=0.5, seed=range(2))
    sweep(runs, tmp_path, compiled=False, workers=1, progress=False)
    finished = FinishedRuns(tmp_path)
    keys = {label: set(finished.frame.loc[rows, "run"]) for label, rows in finished.groups.items()}
    wanted = {
        "6-3-2-2, lr 0.01, lr routing 0.1": (0.01, (0.1, None)),
        "6-3-2-2, lr 0.1, lr routing 0.1": (0.1, (0.1, None)),
        "6-3-2-2, lr 0.01, lr routing 0.5": (0.01, (0.5, None)),
    }
    assert set(keys) == set(wanted)
    for label, (lr, routing) in wanted.items():
        assert keys[label] == {
            run.key for run in runs if run.lr == lr and run.final.lr_routing in routing
        }
    widths = grid(base, model="dense", hidden=[(6,), (24,)], seed=range(2))
    sweep(widths, tmp_path / "w", compiled=False, workers=1, progress=False)
    assert set(FinishedRuns(tmp_path / "w").groups) == {"6-3-2-2, hidden 6", "6-3-2-2, hidden 24"}


def test_a_hint_is_shown_where_no_kernel_has_the_widgets() -> None:
    assert "run this cell again" in HINT
    assert re.search(
        r"\.mn-hint \{ display: none; \}", CSS
    )  # the style sheet of a live explorer hides it
