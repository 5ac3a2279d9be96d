"""The explorer without a browser: every control, every button, every diagram."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modnets.analysis.epoch_curves import training_curves
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.discovery.discover import discover
from modnets.experiments.live import Live, Part
from modnets.experiments.store import Store
from modnets.experiments.sweep import sweep
from modnets.explorer.app import Explorer
from modnets.explorer.session import HEARTBEAT
from modnets.explorer.settings import MORE, SETTINGS
from modnets.models.gate_fits import fit_gates
from modnets.models.registry import MODELS
from modnets.tasks.data_sets import DATA_SETS
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.random_graphs import random_graph
from modnets.visuals import descriptions
from modnets.visuals import run_views as views
from modnets.visuals.diagrams.annotations import word_for
from modnets.visuals.diagrams.usage import used_slots

KINDS = ["dense", "modular, known", "shared, learned"]


def trained(explorer: Explorer) -> Explorer:
    explorer.panel.train.click()
    explorer.wait()
    return explorer


def status(explorer: Explorer) -> str:
    return re.sub("<[^>]*>", "", explorer.panel.status.value)


def test_every_control_has_a_meaning_on_hover(make: Callable[..., Explorer]) -> None:
    controls = make().controls
    for control in controls.every():
        tooltip = getattr(control, "tooltip", None) or control.tooltips[0]
        assert len(tooltip) > 20, control.description
    units = {"train_rows": "rows", "epochs": "epochs", "runs": "runs", "lr": "per step"}
    units |= {"lr_routing": "per step", "weight_decay": "per step"}
    for name, unit in units.items():
        assert f"({unit})" in controls.settings[name].tooltip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_rows", 20),
        ("epochs", 60),
        ("lr", 0.1),
        ("lr_routing", 0.01),
        ("weight_decay", 0.0001),
        ("temperature", 0.5),
    ],
)
def test_every_setting_reaches_the_runs(
    make: Callable[..., Explorer], name: str, value: float
) -> None:
    explorer = make()
    explorer.controls.settings[name].value = value
    assert all(getattr(run, name) == value for run in explorer.controls.configs())


def test_runs_seeds_kinds_and_gumbel_reach_the_runs(make: Callable[..., Explorer]) -> None:
    controls = make().controls
    controls.settings["runs"].value, controls.settings["seed"].value = 3, 7
    controls.kinds["dense"].value = False
    controls.kinds["shared, known"].value = controls.gumbel.value = True
    runs = controls.configs()
    assert {run.kind for run in runs} == {"modular, known", "shared, learned", "shared, known"}
    assert [run.seed for run in runs] == [run.split_seed for run in runs] == [7, 8, 9] * 3
    assert all(run.gumbel and run.record == "every" for run in runs)
    assert all(run.lr_selection == run.lr_routing for run in runs)


def test_known_connections_may_be_those_of_a_graph_that_was_discovered(
    make: Callable[..., Explorer],
) -> None:
    found = discover(RunConfig(train_rows=40), method="data", votes=1)
    explorer = make(knowledge=found.graph, kinds=KINDS, runs=1, epochs=20)
    runs = {run.kind: run.final for run in explorer.controls.configs()}
    assert runs["modular, known"].known_graph == found.graph
    assert runs["dense"].knowledge is None
    trained(explorer)
    assert explorer.live is not None
    assert explorer.live.is_done
    other = FunctionGraph(4, [["XOR 0 1", "XOR 2 3"]], name="of four")
    assert "knowledge=of four" in make(knowledge=other).controls.problems["kinds"]


def test_a_graph_drawn_at_random(make: Callable[..., Explorer]) -> None:
    explorer = make()
    controls = explorer.controls
    controls.source.value = "random"
    controls.depth.value, controls.width.value, controls.gates.value = 3, 4, "NAND"
    task = controls.task()
    assert task.widths == (8, 4, 4, 2, 2)
    assert {gate.name for gate in task.modules} == {"NAND"}
    controls.graph_seed.value = 5
    assert controls.task() != task
    explorer.flush()
    assert "random 5" in explorer.panel.title.value
    controls.gates.value = "NANDY"
    assert "unknown gate 'NANDY'" in unescape(controls.errors["task"].value)
    assert explorer.panel.train.disabled


def test_data_sets_are_in_the_list_of_tasks(make: Callable[..., Explorer]) -> None:
    controls = make().controls
    assert {"6-3-2-2", "two tasks", *DATA_SETS} <= {*controls.graph.options}
    for kind, box in controls.kinds.items():
        box.value = kind == "dense"
    for name in ("monks-2", "tic-tac-toe"):
        controls.graph.value = name
        assert controls.problems == {}
        assert {run.graph for run in controls.configs()} == {DATA_SETS[name]()}


def test_a_typed_table_trains_and_a_bad_one_says_why(make: Callable[..., Explorer]) -> None:
    explorer = make(kinds=["dense"])
    controls = explorer.controls
    controls.source.value = "table"
    assert controls.source_boxes["table"].layout.display != "none"
    assert controls.source_boxes["named"].layout.display == "none"
    controls.table.value = "0,1,2\n"
    assert "allowed" in controls.errors["task"].value
    with pytest.raises(ValueError, match="allowed"):
        explorer.train()
    controls.table.value = "".join(f"{r >> 1},{r & 1},{int(r == 3)}\n" for r in range(4))
    assert controls.errors["task"].layout.display == "none"
    assert "allowed is 1 to 3 rows" in controls.errors["train_rows"].value
    controls.settings["train_rows"].value = 2
    assert controls.problems == {}
    run = trained(explorer).live.runs[0]
    assert run.graph.truth_table().ravel().tolist() == [0, 0, 0, 1]
    namespace: dict[str, Any] = {}
    exec(explorer.copy().rsplit("trained", 1)[0], namespace)
    assert namespace["run"].key == explorer.run_view.config.key


def test_errors_stand_beside_their_controls(make: Callable[..., Explorer]) -> None:
    explorer = make(train_rows=40)
    controls = explorer.controls
    for box in controls.kinds.values():
        box.value = False
    assert "at least one" in controls.errors["kinds"].value
    controls.kinds["dense"].value = True
    assert all(line.value == "" for line in controls.errors.values())
    assert not explorer.panel.train.disabled
    with pytest.raises(ValueError, match=r"unknown setting.*epochz"):
        make(epochz=3)
    with pytest.raises(ValueError, match=r"kinds=.*denze"):
        make(kinds=["denze"])
    with pytest.raises(ValueError, match="unknown graph"):
        make(graph="6-3")


def test_training_fills_every_diagram_and_the_store(make: Callable[..., Explorer]) -> None:
    explorer = make()
    panel, widget = explorer.panel, explorer.panel.curves_widget
    assert "the task 6-3-2-2" in panel.title.value
    assert "<svg" in panel.diagram.value
    assert widget.floor == 0.75
    assert panel.stop.disabled
    trained(explorer)
    assert status(explorer).startswith("done: 6 runs")
    assert panel.bar.value == 1
    assert [curve["kind"] for curve in widget.curves] == KINDS
    assert [[run["done"] for run in row["runs"]] for row in widget.strip] == [[True] * 2] * 3
    table = Store(explorer.store).table()
    assert set(table["run"]) == {run.key for run in explorer.live.runs}
    wanted = training_curves(table).set_index(["kind", "epoch"])
    for curve in widget.curves:
        for epoch, low, median, high in curve["points"]:
            row = wanted.loc[(curve["kind"], epoch)]
            assert (low, median, high) == pytest.approx(
                tuple(row[["low", "median", "high"]]), abs=1e-5
            )
    assert "shared, learned, seed 0" in panel.title.value
    assert "computes" in panel.gates.value


def test_a_run_is_picked_and_replayed(make: Callable[..., Explorer]) -> None:
    explorer = trained(make())
    panel, widget = explorer.panel, explorer.panel.curves_widget
    dense = widget.strip[0]["runs"][1]["key"]
    widget.selected = dense
    explorer.flush()
    assert "dense, seed 1" in panel.title.value
    assert "readable" in panel.gates.value
    widget.selected = widget.strip[2]["runs"][1]["key"]
    panel.epoch.value = 4
    explorer.flush()
    assert re.search(r"shared, learned, seed 1 .*epoch 4<", panel.title.value)
    assert widget.epoch == 4
    widget.epoch = 0  # a click into the curves
    explorer.flush()
    assert panel.epoch.value == 0
    assert "before training" in panel.title.value
    first = explorer.live.record(widget.selected, 0)
    assert panel.table.value == views.truth_table(explorer.run_view.config, first["predicted"])
    panel.play.playing = True
    panel.play.value = 10
    assert panel.epoch.value == 10


def test_a_slider_that_is_dragged_is_drawn_twice_at_most(make: Callable[..., Explorer]) -> None:
    explorer = trained(make())

    async def drag() -> int:
        await asyncio.sleep(0.3)
        before = explorer.input_redraw.count
        for epoch in range(1, 11):
            explorer.panel.epoch.value = epoch
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.6)
        return explorer.input_redraw.count - before

    assert asyncio.run(drag()) == 2
    assert "epoch 10<" in explorer.panel.title.value


def test_stop_resume_and_no_thread_left(make: Callable[..., Explorer]) -> None:
    before = set(threading.enumerate())
    explorer = make(epochs=5000, runs=8)
    panel = explorer.panel

    async def use() -> None:
        panel.train.click()
        while not panel.curves_widget.curves or explorer.live.share < 0.01:
            await asyncio.sleep(0.02)
        explorer.controls.settings["epochs"].value = 40  # does not change what is running
        explorer.controls.settings["train_rows"].value = 9
        panel.stop.click()
        assert not explorer.live.running
        assert set(threading.enumerate()) <= before
        assert panel.stop.description == "Resume"
        assert status(explorer).startswith("stopped at")
        share = explorer.live.share
        panel.stop.click()
        assert explorer.live.running
        assert panel.stop.description == "Stop"
        while explorer.live.share == share:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert explorer.live.running

    asyncio.run(use())
    assert {run.epochs for run in explorer.live.runs} == {5000}
    panel.train.click()  # the new settings: what trained before is stopped
    assert {run.epochs for run in explorer.live.runs} == {40}
    explorer.wait()
    explorer.close()
    assert set(threading.enumerate()) <= before


def test_progress_is_shown_also_while_steps_are_prepared(
    make: Callable[..., Explorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first press there is nothing new to draw for a while."""
    prepared, advance = threading.Event(), Part.advance

    def slowly(part: Part) -> None:
        prepared.wait(30)
        advance(part)

    monkeypatch.setattr(Part, "advance", slowly)
    explorer, texts = make(kinds=["dense"]), []

    async def watch() -> None:
        explorer.panel.train.click()
        for _ in range(3):
            texts.append(status(explorer))
            await asyncio.sleep(1.3 * HEARTBEAT)
        prepared.set()

    asyncio.run(watch())
    assert len(set(texts)) == 3
    assert all(re.fullmatch(r"0%, \d\.\d s, preparing the first steps", text) for text in texts)
    explorer.wait()
    assert status(explorer).startswith("done")


def test_an_error_in_training_is_shown_and_raised(
    make: Callable[..., Explorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "broken", lambda _config: 1 / 0)
    explorer = make(kinds=["broken", "dense"])
    explorer.panel.train.click()
    with pytest.raises(Exception, match="division by zero"):
        explorer.wait()
    assert "2 runs failed" in status(explorer)
    assert "division by zero" in explorer.panel.status.value
    assert len(Store(explorer.store).keys()) == 2  # the others are done


def test_a_user_defined_model_is_a_kind(
    make: Callable[..., Explorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch import nn

    monkeypatch.setitem(
        MODELS, "line", lambda config: nn.Linear(config.graph.n_inputs, config.graph.n_outputs)
    )
    explorer = trained(make(kinds=["line"]))
    assert explorer.panel.curves_widget.curves[0]["kind"] == "line"
    assert "wrong" in explorer.panel.table.value


def test_figure_and_code_can_be_saved(make: Callable[..., Explorer], tmp_path: Path) -> None:
    explorer = make(figure_folder=tmp_path / "figures")
    explorer.panel.save.click()
    assert "press Train first" in status(explorer)
    trained(explorer)
    explorer.panel.save.click()
    files = sorted(path.name for path in (tmp_path / "figures").iterdir())
    endings = ("csv", "png", "provenance.json", "svg")
    assert files == [f"explorer.{ending}" for ending in endings]
    saved = pd.read_csv(tmp_path / "figures" / "explorer.csv")
    pd.testing.assert_frame_equal(saved, explorer.curves(), check_dtype=False)
    explorer.panel.copy.click()
    text = explorer.panel.text.value
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    config = explorer.run_view.config
    assert namespace["run"].key == config.key
    record = explorer.live.record(config.key, 20)
    assert namespace["trained"].table["predicted"].iloc[-1] == record["predicted"]


def test_a_finished_sweep_is_explored(make: Callable[..., Explorer], tmp_path: Path) -> None:
    store = tmp_path / "sweep"
    runs = grid(
        RunConfig(epochs=10),
        graph=["6-2-2", "6-3-2-2"],
        model=["dense", "shared"],
        train_rows=[8, 16],
        seed=range(2),
    )
    results = sweep(runs, store, compiled=False, workers=1, progress=False)
    explorer = make(results=store)
    panel = explorer.panel
    assert len(panel.group.options) == 4
    assert "6-3-2-2, train rows 16" in panel.group.options
    panel.group.value = "6-3-2-2, train rows 16"
    assert sum(len(row["runs"]) for row in panel.curves_widget.strip) == 4
    assert "shared, learned" in panel.title.value
    assert "<svg" in panel.diagram.value
    panel.curves_widget.selected = panel.curves_widget.strip[0]["runs"][0]["key"]
    explorer.flush()
    assert "not kept in a store" in panel.diagram.value
    assert "all right" in panel.table.value or "wrong" in panel.table.value
    explorer.panel.copy.click()
    assert "mn.train(run)" in panel.text.value
    without_configs = make(results=results)
    assert "keeps no configs" in status(without_configs)
    assert without_configs.panel.curves_widget.curves
    for wrong in (tmp_path / "nothing", results.iloc[:0]):
        with pytest.raises(ValueError, match="allowed"):
            make(results=wrong)


def test_a_finished_sweep_of_images_is_explored(
    make: Callable[..., Explorer], tmp_path: Path
) -> None:
    """Networks on images are drawn by their weights, which a store does not keep."""
    base = RunConfig(
        graph=DigitPairs(), train_rows=40, samples=2, test_samples=2, epochs=2, eval_every=1
    )
    runs = grid(base, model=["dense", "shared"], routing="known", seed=range(2))
    sweep(runs, tmp_path, compiled=False, workers=1, progress=False)
    panel = make(results=tmp_path).panel
    assert sum(len(row["runs"]) for row in panel.curves_widget.strip) == 4
    assert "not kept in a store" in panel.diagram.value


def test_the_diagram_shows_the_gates_that_slots_compute(make: Callable[..., Explorer]) -> None:
    explorer = trained(make(kinds=["shared, learned"], epochs=60, train_rows=40))
    config, run = explorer.run_view.config, explorer.panel.curves_widget.selected
    gates = {}
    for epoch in (0, 60):
        network = explorer.live.network(run, epoch)
        figure = views.network_figure(network, config.graph, has_weights=True)
        shown = [text.get_text() for text in figure.axes[0].texts]
        used = used_slots(network)
        gates[epoch] = [
            word_for(slot.name, slot.clarity)
            for level, uses in zip(fit_gates(network, config.graph), used, strict=True)
            for slot, use in zip(level, uses, strict=True)
            if use
        ]
        assert gates[epoch]
        assert Counter(gates[epoch]) <= Counter(shown)
    assert gates[0] != gates[60]
    assert views.EDGE_COLORS in explorer.panel.diagram.value
    again = make(results=explorer.store)
    assert views.EDGE_COLORS not in again.panel.diagram.value  # it has no weights
    assert "<svg" in again.panel.diagram.value


def test_a_store_of_the_explorer_can_be_replayed(make: Callable[..., Explorer]) -> None:
    first = trained(make())
    again = make(results=first.store)
    again.panel.curves_widget.selected = first.panel.curves_widget.selected
    again.panel.epoch.value = 4
    first.panel.epoch.value = 4
    for explorer in (first, again):
        explorer.flush()
    assert "epoch 4<" in again.panel.title.value
    assert again.panel.table.value == first.panel.table.value
    assert again.panel.gates.value == first.panel.gates.value


def test_another_task_is_shown_until_an_epoch_is_selected(make: Callable[..., Explorer]) -> None:
    explorer = trained(make())
    explorer.controls.settings["lr"].value = 0.1  # no other task
    explorer.flush()
    assert "seed 0" in explorer.panel.title.value
    explorer.controls.graph.value = "6-2-2"
    explorer.flush()
    assert "the task 6-2-2" in explorer.panel.title.value
    explorer.panel.epoch.value = 4
    explorer.flush()
    assert "epoch 4<" in explorer.panel.title.value
    assert "computes" in explorer.panel.gates.value


# Views of one run


@pytest.mark.parametrize("name", [*GRAPHS, *TASK_SETS])
def test_the_truth_table_marks_right_and_wrong_cells(name: str) -> None:
    config = RunConfig(graph=name, model="dense", train_rows=20)
    table = config.graph.truth_table()
    answers = table.copy()
    answers[5, 0] ^= 1
    texts = ["".join(map(str, column)) for column in answers.T]
    predicted = " ".join(hex(int(text, 2)) for text in texts)
    assert (views.bits_of_prediction(predicted, len(table)) == answers).all()
    html = views.truth_table(config, predicted)
    assert html.count('class="mn-bad') == 1
    assert html.count('class="mn-ok') == table.size - 1
    assert html.count(" (training row)") == len(config.split["train"]) * table.shape[1]
    assert "y0: 1 wrong" in html
    assert "y1: all right" in html


def test_a_large_table_is_not_drawn() -> None:
    levels = [["XOR 0 1", "AND 2 11"]]
    config = RunConfig(graph=FunctionGraph(12, levels), train_rows=20)
    assert "too many rows" in views.truth_table(config, None)


def test_a_diagram_has_no_rules_for_its_page() -> None:
    for graph in GRAPHS.values():
        html = views.diagram(None, graph)
        assert "<style" not in html  # its rules would be those of the page
    live = Live([RunConfig(epochs=2, train_rows=8)], compiled=False)
    live.train()
    html = views.diagram(live.network(live.runs[0].key, 2), live.runs[0].graph)
    assert html.startswith('<div class="mn-diagram"><svg')
    assert len(html) < 400_000


def test_findings_name_gates_and_modules() -> None:
    run = RunConfig(model="shared", routing="known", epochs=10, train_rows=40, record="every")
    live = Live([run], compiled=False)
    live.train()
    record = live.record(run.key, 10)
    html = views.findings_table(run, record["structure"], 10)
    named = json.loads(record["structure"])["gates"]
    routing = run.graph.routing
    for level, (gates, reads_of_level) in enumerate(zip(named, routing, strict=True)):
        below = "x" if level == 0 else f"s{level}."
        for gate, reads in zip(gates, reads_of_level, strict=True):
            assert (
                f"<b>{descriptions.gate_formula(gate, [f'{below}{one}' for one in reads])}</b>"
                in html
            )
    assert html.count("<tr>") == 1 + 5
    structure = json.loads(record["structure"])
    noted = [
        "more than a bit"
        in views.findings_table(run, json.dumps(structure | {"faithful": right}), 10)
        for right in (True, False)
    ]
    assert noted == [False, True]
    del structure["faithful"]  # as recorded by versions that did not check it
    assert "more than a bit" not in views.findings_table(run, json.dumps(structure), 10)
    assert "Nothing was recorded" in views.findings_table(run, None, 10)


def test_settings_have_sensible_limits(make: Callable[..., Explorer]) -> None:
    controls = make().controls
    assert set(controls.settings) == {*SETTINGS, *MORE}
    controls.graph.value = "6-2-2"
    assert controls.settings["train_rows"].max == 63
    assert controls.settings["runs"].max == 128


def test_a_task_of_many_inputs_opens_and_trains(tmp_path: Path) -> None:
    settings = {"train_rows": 16, "epochs": 4, "runs": 1, "kinds": ["dense"]}
    explorer = Explorer(graph=random_graph((30, 8, 2), seed=0), store=tmp_path, **settings)
    assert explorer.panel.curves_widget.floor is None  # of too many rows to count
    explorer.train()
    explorer.wait()
    assert explorer.panel.curves_widget.curves
    assert "too many rows" in explorer.panel.table.value
    explorer.close()
