"""Random graphs are what was asked for, counted on their truth tables; families; JSON."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import modnets as mn
from modnets.tasks.bit_signals import Signals
from modnets.tasks.graph_families import graphs, read_graphs, write_graphs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.random_graphs import random_graph

SETTINGS = {
    "balance": {"widths": (6, 3, 2, 2), "balance": (0.2, 0.7)},
    "irrelevant": {"widths": (9, 4, 3, 3), "irrelevant": 2, "overlap": 0.5},
    "blocks": {"widths": (9, 4, 3, 3), "blocks": 2, "irrelevant": 1, "overlap": 1.0},
    "reuse": {"widths": (8, 4, 3, 2, 2), "reuse": 3.0},
    "fan-ins": {
        **{"widths": (9, 4, 2, 2), "gates": {"XOR": 2.0, "AND": 1.0, "OR": 1.0}},
        "fan_in": {2: 1.0, 3: 1.0},
    },
}


def _needed(graph: FunctionGraph) -> bool:
    """Whether each sub-function changes an output where it is complemented, literally."""
    table = graph.truth_table()
    for depth, level in enumerate(graph.levels):
        for place in range(len(level)):
            below = graph.rows()
            for at, nodes in enumerate(graph.levels):
                now = np.stack([node.gate(below[:, node.inputs]) for node in nodes], axis=1)
                if at == depth:
                    now[:, place] ^= 1
                below = now
            if np.array_equal(below[:, graph.outputs], table):
                return False
    return True


def _relevant(graph: FunctionGraph) -> list[int]:
    rows, table = graph.rows(), graph.truth_table()
    flips = [rows ^ np.eye(graph.n_inputs, dtype=np.uint8)[i] for i in range(graph.n_inputs)]
    return [i for i, flip in enumerate(flips) if not np.array_equal(graph.evaluate(flip), table)]


def _blocks(graph: FunctionGraph) -> int:
    """Parts of the graph without a connection between them."""
    part = {(0, i): {(0, i)} for i in range(graph.n_inputs)}
    for depth, level in enumerate(graph.levels, start=1):
        for place, node in enumerate(level):
            joined = {(depth, place)}.union(*(part[depth - 1, s] for s in node.inputs))
            part |= dict.fromkeys(joined, joined)
    return len({frozenset(p) for p in part.values() if len(p) > 1})


@pytest.mark.parametrize("name", SETTINGS)
def test_draws_are_fair_tasks(name: str) -> None:
    settings = SETTINGS[name]
    for seed in range(25):
        graph = random_graph(**settings, seed=seed)
        assert graph.widths == settings["widths"]
        table = graph.truth_table()
        columns = {min(y, tuple(1 - v for v in y)) for y in map(tuple, table.T.tolist())}
        assert len(columns) == graph.n_outputs
        low, high = settings.get("balance", (1e-9, 1 - 1e-9))
        assert ((table.mean(axis=0) >= low) & (table.mean(axis=0) <= high)).all()
        assert len(_relevant(graph)) == graph.n_inputs - settings.get("irrelevant", 0)
        assert _needed(graph)
        assert _blocks(graph) >= settings.get("blocks", 1)
        if "reuse" in settings:
            assert len(graph.modules) == round(sum(graph.slots) / settings["reuse"])
        assert random_graph(**settings, seed=seed) == graph
        assert FunctionGraph.from_dict(graph.to_dict()) == graph


def test_plain_calls_draw_what_they_drew() -> None:
    graph = random_graph((6, 3, 2, 2), ("XOR", "AND", "OR"), 2, 1)
    assert [[str(node) for node in level] for level in graph.levels] == [
        ["XOR 2 4", "OR 0 5", "AND 1 3"],
        ["XOR 1 2", "XOR 0 2"],
    ]


def test_signals_are_the_truth_table() -> None:
    graph = random_graph((7, 5, 3, 3), {"XOR": 1.0, "NIMPLY": 1.0}, seed=4)
    signals = Signals(graph)
    bits = [[y >> row & 1 for y in signals.outputs] for row in range(signals.n_rows)]
    assert np.array_equal(bits, graph.truth_table())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": (6, 3, 3, 2), "blocks": 1}, "as many outputs as"),
        ({"widths": (6, 2, 2), "irrelevant": 6}, "below the 6 inputs"),
        ({"widths": (6, 2, 2), "blocks": 3}, "blocks=3"),
        ({"widths": (20, 3, 2, 2), "irrelevant": 0}, "lacked exactly 0 irrelevant inputs"),
        ({"widths": (6, 3, 2, 2), "reuse": 1.0}, "takes 5 distinct gates; there are 3"),
        ({"widths": (6, 3, 2, 2), "gates": {"FOO": 1.0}}, "FOO"),
        ({"widths": (6, 3, 2, 2), "balance": (0.7, 0.2)}, "balance=.*low <= high"),
    ],
)
def test_what_cannot_be_met_is_said_in_a_line(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        random_graph(**settings)
    assert "\n" not in str(error.value)


def test_families() -> None:
    tree, deeper = graphs(family="tree", depth=[2, 3], gates=("XOR", "AND"))
    assert [tree.n_inputs, deeper.n_inputs] == [4, 8]
    assert tree.truth_table()[:, 0].sum() == 4
    (chain,) = graphs(family="chain", length=5)
    assert np.array_equal(chain.truth_table()[:, 0], chain.rows().sum(axis=1) % 2)
    (parity,) = graphs(family="parity", size=3, inputs=7)
    assert parity.irrelevant_inputs == (3, 4, 5, 6)
    both, one = graphs(family="retina", goal=["AND", "OR"])
    assert [both.truth_table().sum(), one.truth_table().sum()] == [64, 192]  # 8 of 16 patterns
    assert [g.name for g in graphs(family="published")] == ["6-2-2", "6-3-2-2", "6-3-3-2-2"]
    drawn = graphs([3, 5], widths=(6, 3, 2, 2), overlap=[0.0, 1.0])
    assert len({graph.name for graph in drawn}) == 4
    with pytest.raises(ValueError, match="graphs of family 'tree'"):
        graphs(family="tree", size=3)


def test_graphs_are_an_axis_and_a_file(tmp_path: Path) -> None:
    drawn = mn.graphs(3, widths=(6, 3, 2, 2))
    assert len(mn.grid(graph=drawn, model=["dense", "modular"], seeds=range(2))) == 12
    every = [*drawn, *graphs(family="retina")]
    write_graphs(every, tmp_path / "graphs.json")
    assert read_graphs(tmp_path / "graphs.json") == every
    with pytest.raises(ValueError, match="allowed is a file of graphs"):
        read_graphs(tmp_path / "none.json")


def test_properties() -> None:
    table = mn.analysis.graph_properties(
        [*graphs(family="published"), *graphs(family="parity", size=3, inputs=7)]
    ).set_index("graph")
    depth_2 = table.loc["6-3-2-2"]
    assert depth_2["rho_min"] == pytest.approx(1 / math.sqrt(3))
    assert (depth_2["degree"], depth_2["leap"], depth_2["functions"]) == (4, 2, 2)
    assert depth_2["entropy"] == pytest.approx(1.5487949406953987)
    parity = table.loc["parity 3 of 7"]
    assert (parity["leap"], parity["degree"], parity["relevant_inputs"]) == (3, 3, 3)
    assert table.loc["6-2-2", "relevant_inputs"] == 4
    assert table["identifiable"].all()


def test_an_and_of_ands_does_not_tell_its_wiring() -> None:
    ands, large = graphs(family="tree", depth=[2, 4], gates=["AND"])
    table = mn.analysis.graph_properties([ands, large])
    assert table["identifiable"].tolist() == [False, pd.NA]
    assert "identifiable" not in mn.analysis.graph_properties([ands], searches=0)
