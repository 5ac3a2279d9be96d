"""Figures of what is learned inside: cells, lines and ticks against the frames behind them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import modnets as mn
from modnets.visuals.dynamics import GATE_COLORS
from modnets.visuals.style import kind_style

NODES = ("XOR 0 1", "AND 0 1")
KINDS = ("modular, learned", "shared, learned")


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def cells(ax: Axes) -> np.ndarray:
    return np.ma.filled(ax.collections[0].get_array(), np.nan)


def test_gates_and_layers_have_a_heat_map_each(rng: np.random.Generator) -> None:
    rows, families = ("8 rows", "40 rows"), ("AND", "XOR")
    keys = list(product(rows, KINDS, families, NODES))
    shares = pd.DataFrame(keys, columns=["rows", "kind", "family", "sub_function"])
    shares = shares.assign(share=rng.random(len(keys)), n=36)
    keys = list(product(("before", "after"), (1, 2, 3), NODES))
    layers = pd.DataFrame(keys, columns=["state", "layer", "sub_function"])
    layers = layers.assign(accuracy=rng.uniform(0.5, 1, len(keys)))
    notes = pd.DataFrame({"kind": [KINDS[1]], "rows": ["40 rows"], "note": ["5 % solved"]})
    axes = mn.plot.inside(shares, layers, notes=notes, network="sparse")
    assert axes.shape == (3, 2)
    wanted = shares.set_index(["rows", "kind", "family", "sub_function"])["share"]
    for (i, row), (j, kind) in product(enumerate(rows), enumerate(KINDS)):
        cell = [[wanted[row, kind, family, node] for node in NODES] for family in families]
        np.testing.assert_allclose(cells(axes[i, j]), cell)
    known = layers.set_index(["state", "layer", "sub_function"])["accuracy"]
    for ax, state in zip(axes[-1], ("before", "after"), strict=True):
        cell = [[known[state, layer, node] for node in NODES] for layer in (1, 2, 3)]
        np.testing.assert_allclose(cells(ax), cell)
        assert ax.get_title() == state
    assert axes[1, 1].get_title() == "5 % solved"
    assert axes[2, 0].get_ylabel().startswith("sparse")
    assert "36 runs" in axes[0, 0].figure.get_supxlabel()
    check_drawing(axes[0, 0].figure)
    plt.close(axes[0, 0].figure)


def test_recovery_is_drawn_beside_chance(rng: np.random.Generator) -> None:
    graphs, settings, n_rows = ("6-2-2", "6-3-2-2"), ("published", "chosen"), (8, 16, 32)
    keys = list(product(graphs, KINDS, settings, n_rows, range(2), range(3)))
    columns = ["graph", "kind", "setting", "train_rows", "split_seed", "seed"]
    runs = pd.DataFrame(keys, columns=columns)
    runs = runs.assign(run=runs.index.astype(str), epoch=9, edge_f1=rng.random(len(runs)))
    runs["routing_recovered"] = (rng.random(len(runs)) < 0.4).astype(float)
    summary = mn.summarize(runs, columns[:4], share="routing_recovered", measure="edge_f1")
    chance = {graph: mn.analysis.chance_level(graph, draws=100) for graph in graphs}
    axes = mn.plot.recovery(summary, chance)
    groups = runs.groupby(["graph", "kind", "setting", "train_rows"])["routing_recovered"].mean()
    for column, graph in enumerate(graphs):
        lines = {line.get_label(): line for line in axes[0, column].lines}
        for kind, setting in product(KINDS, settings):
            line = lines[f"{kind}: {setting}"]
            np.testing.assert_allclose(line.get_ydata(), groups[graph, kind, setting])
            assert line.get_color() == kind_style(kind).color
        for ax, measure in zip(axes[:, column], ("routing_recovered", "edge_f1"), strict=True):
            drawn = [line for line in ax.lines if line.get_label() == "routings drawn at random"]
            assert set(drawn[0].get_ydata()) == {chance[graph][measure]}
    (legend,) = axes[0, 0].figure.legends
    assert "6 runs a point" in legend.get_title().get_text()
    assert len(legend.get_texts()) == 5
    check_drawing(axes[0, 0].figure)
    plt.close(axes[0, 0].figure)
    with pytest.raises(ValueError, match="nothing to draw"):
        mn.plot.recovery(summary.iloc[:0], chance)


@pytest.fixture
def changes(rng: np.random.Generator) -> pd.DataFrame:
    """A run of 3 slots, 5 evaluations."""
    keys = list(product(range(0, 50, 10), ((1, 0), (1, 1), (2, 0))))
    table = pd.DataFrame({"epoch": [key[0] for key in keys]}).assign(run="a", task=0, module=0)
    table["level"], table["slot"] = zip(*(key[1] for key in keys), strict=True)
    table["gate"] = rng.choice(["XOR", "XNOR", "AND", "B", "NOR"], len(keys))
    table["reads"] = rng.choice(["0 1", "1 0", "2 3"], len(keys))
    return mn.analysis.slot_changes(table)


def test_a_timeline_shows_gates_and_where_slots_are_rewired(
    changes: pd.DataFrame, ax: Axes
) -> None:
    mn.plot.timeline(changes, ax=ax)
    mesh, ticks = ax.collections
    positions = {(1, 0): 0, (1, 1): 1, (2, 0): 2}
    colors = mesh.to_rgba(mesh.get_array()).reshape(3, 5, 4)
    for row in changes.itertuples():
        wanted = GATE_COLORS[mn.analysis.gate_family(row.gate)]
        assert to_hex(colors[positions[row.level, row.slot], row.epoch // 10]) == wanted
    drawn = {(path.vertices[0][0], path.vertices[0][1]) for path in ticks.get_paths()}
    rewired = changes[changes["rewired"]]
    assert drawn == {(row.epoch, positions[row.level, row.slot]) for row in rewired.itertuples()}
    assert 0 < len(rewired) < changes["flipped"].sum()  # an exchange of sources has no tick
    two = pd.concat([changes, changes.assign(run="b")])
    with pytest.raises(ValueError, match="changes holds 2 runs or tasks"):
        mn.plot.timeline(two)
    with pytest.raises(ValueError, match="holds one evaluation"):
        mn.plot.timeline(changes[changes["epoch"] == 0])


def test_courses_are_the_medians_by_kind_and_outcome(
    changes: pd.DataFrame, rng: np.random.Generator
) -> None:
    keys = list(product(KINDS, ("solved", "not solved"), range(5), range(0, 50, 10)))
    runs = pd.DataFrame(keys, columns=["kind", "outcome", "number", "epoch"])
    runs["run"] = runs["kind"] + runs["outcome"] + runs["number"].astype(str)
    measures = ["flipped", "edge_f1", "bit_accuracy", "train_bit_accuracy", "test_bit_accuracy"]
    runs[measures] = rng.random((len(runs), len(measures)))
    runs["solved"] = rng.random(len(runs)) < 0.5
    table = mn.analysis.course(runs, ["kind", "outcome"], measures[:3])
    one = runs["run"].iloc[0]
    figure = mn.plot.dynamics(runs, changes.assign(run=one), {"a run": one}, table, floor=0.75)
    above, below = figure.subfigs
    for ax, measure in zip(below.axes, measures[:3], strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        wanted = runs.groupby(["kind", "outcome", "epoch"])[measure].median()
        for kind, outcome in product(KINDS, ("solved", "not solved")):
            line = lines[f"{kind}: {outcome} (5 runs)"]
            np.testing.assert_allclose(line.get_ydata(), wanted[kind, outcome])
            assert (line.get_linestyle() == "-") == kind.endswith("known")  # dashes: what is known
            assert (line.get_markerfacecolor() != "white") == (outcome == "solved")
    assert "majority floor" in {line.get_label() for line in below.axes[-1].lines}
    accuracy = {line.get_label(): line for line in above.axes[2].lines}
    of_one = runs[runs["run"] == one]
    np.testing.assert_allclose(accuracy["test rows"].get_ydata(), of_one["test_bit_accuracy"])
    right = of_one.loc[of_one["solved"], "epoch"]
    assert accuracy["whole table right"].get_xdata().tolist() == right.tolist()
    assert not above.axes[1].axison  # there is no second run
    check_drawing(figure)
    plt.close(figure)
    with pytest.raises(ValueError, match="measure='depth'"):
        mn.plot.course(table, "depth")
