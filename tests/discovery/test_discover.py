"""Graphs discovered by each method, put to use, judged, drawn; controls without structure."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import modnets as mn
from modnets.discovery.discoveries import Discovery
from modnets.discovery.nodes import nodes_of, wiring_of
from modnets.models.recovery import is_recovered
from modnets.models.structures import Structures
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS

RUN = mn.RunConfig(graph="6-2-2", hidden=(20, 16), train_rows=40, epochs=300, eval_every=300)


@pytest.fixture(scope="module")
def dense() -> Discovery:
    return mn.discover(RUN, votes=2)


def test_dense_networks_give_the_graph(dense: Discovery) -> None:
    assert dense.found
    assert dense.graph is not None
    assert (dense.graph.truth_table() == GRAPHS["6-2-2"].truth_table()).all()
    assert list(map(wiring_of, nodes_of(dense.graph))) == [frozenset({0, 1}), frozenset({2, 3})]
    assert "6-2-2 from 40 rows" in repr(dense)
    assert len(dense.networks) == len(dense.votes) == 2
    assert dense.flops == dense.votes["flops"].sum() > 0


def test_each_edge_has_a_confidence(dense: Discovery) -> None:
    own = dense.edges[dense.edges["in_graph"]]
    assert set(zip(own["source"], own["reader"], strict=True)) == {
        *(("x0", "(x0 x1)"), ("x1", "(x0 x1)"), ("x2", "(x2 x3)"), ("x3", "(x2 x3)")),
        *(("(x0 x1)", "y0"), ("(x2 x3)", "y1")),
    }
    assert own["confidence"].between(0, 1).all()
    assert own["confidence"].min() >= dense.confidence - 1e-9


def test_units_alone_are_a_part_of_both(dense: Discovery) -> None:
    units, responses = dense.seen_by("units"), dense.seen_by("responses")
    assert max(units.evidence, responses.evidence) == pytest.approx(dense.evidence)
    with pytest.raises(ValueError, match="modules='rows'; allowed for this discovery: responses"):
        dense.seen_by("rows")


@pytest.mark.parametrize("method", ["data", "routing"])
def test_other_ways_to_the_graph(method: str) -> None:
    run = mn.RunConfig(train_rows=40, epochs=100, eval_every=100)
    found = mn.discover(run, method=method, votes=2)
    (judged,) = mn.analysis.judge_discoveries([found]).to_dict("records")
    assert judged["recovered"]
    assert judged["computes"]
    assert judged["edge_f1"] == 1.0
    assert not judged["wrong"]


def test_rows_in_another_order_and_seed_give_the_same_graph() -> None:
    runs = [mn.RunConfig(train_rows=48, seed=seed) for seed in (0, 1)]
    one, other = mn.discover(runs, method="data", votes=1)
    assert one.graph == other.graph


def test_only_training_rows_are_looked_at() -> None:
    """Another task that agrees on the training rows gives the same discovery."""
    run = mn.RunConfig(train_rows=32)
    table = GRAPHS["6-3-2-2"].truth_table().copy()
    unseen = np.concatenate([run.split["validation"], run.split["test"]])
    table[unseen] = 1 - table[unseen]
    other = replace(run, graph=FunctionGraph.from_table(table))
    a, b = (mn.discover(one, method="data", votes=2) for one in (run, other))
    pd.testing.assert_frame_equal(a.edges, b.edges)
    short = {"epochs": 60, "eval_every": 60, "hidden": (12, 8)}
    a, b = (mn.discover(replace(one, **short), votes=1) for one in (run, other))
    pd.testing.assert_frame_equal(a.edges, b.edges)
    assert a.evidence == b.evidence


@pytest.mark.parametrize("method", ["dense", "data"])
def test_without_structure_nothing_is_found(method: str) -> None:
    short = mn.RunConfig(graph="6-2", hidden=(20, 16), epochs=200, eval_every=200, train_rows=48)
    found = mn.discover(short, method=method, votes=1)
    assert not found.found
    assert found.graph is None
    assert found.why_not in repr(found)
    assert "bits" in found.why_not
    assert not found.edges["in_graph"].any()
    (judged,) = mn.analysis.judge_discoveries([found]).to_dict("records")
    assert not judged["found"]
    assert np.isnan(judged["edge_f1"])


def test_a_found_graph_is_known_routing() -> None:
    found = mn.discover(mn.RunConfig(train_rows=40), method="data", votes=1)
    run = mn.RunConfig(model="modular", routing="known", train_rows=40, epochs=300)
    knows = mn.train(replace(run, knowledge=found.graph), progress=False)
    structure = knows.structure
    assert structure is not None
    wiring = Structures.from_plain([structure])
    assert is_recovered(GRAPHS["6-3-2-2"], wiring, 0, None)[0]


def test_wirings_are_equal_where_recovery_says_so() -> None:
    """Against the comparison of routings, on graphs with slots permuted or edges changed."""
    for seed in range(12):
        graph = mn.graphs(range(seed, seed + 1), widths=(6, 3, 2, 2), gates=["XOR", "AND"])[0]
        other = mn.tasks.perturbed_graph(graph, edges=seed % 3, seed=seed)
        order = np.random.default_rng(seed).permutation(3).tolist()
        first = [other.levels[0][place] for place in order]
        places = {old: new for new, old in enumerate(order)}
        second = [
            mn.tasks.SubFunction(node.gate, tuple(places[place] for place in node.inputs))
            for node in other.levels[1]
        ]
        moved = FunctionGraph(6, [first, second])
        plain = {"routing": [[list(n.inputs) for n in level] for level in moved.levels]}
        wiring = Structures.from_plain([plain | {"outputs": list(moved.outputs)}])
        same = list(map(wiring_of, nodes_of(moved))) == list(map(wiring_of, nodes_of(graph)))
        assert same == bool(is_recovered(graph, wiring, 0, None)[0])


def test_calibration_counts_edges_by_their_confidence() -> None:
    edges = pd.DataFrame(
        {
            "method": "data",
            "graph": ["a", "a", "b", "b", "b"],
            "confidence": [0.05, 0.95, 0.9, 0.92, 0.02],
            "true": [False, True, True, False, True],
        }
    )
    table = mn.analysis.edge_calibration(edges, bins=[0.0, 0.5, 1.0]).set_index("bin")
    assert table.index.tolist() == ["0 to 0.5", "0.5 to 1"]
    assert table["edges"].tolist() == [2, 3]
    assert table["true"].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert (table["true_low"] <= table["true"]).all()
    assert (table["true"] <= table["true_high"]).all()
    assert table["graphs"].tolist() == [2, 2]


def test_wrong_arguments_are_refused_in_a_line() -> None:
    with pytest.raises(ValueError, match="unknown method 'dens', did you mean 'dense'"):
        mn.discover(RUN, method="dens")
    with pytest.raises(ValueError, match="unknown modules 'all'; allowed: both, responses, units"):
        mn.discover(RUN, modules="all")
    with pytest.raises(ValueError, match="runs is empty; allowed is at least one"):
        mn.discover([])
    wide = FunctionGraph(13, [["XOR 0 1", "XOR 2 3"]])
    with pytest.raises(ValueError, match="allowed are tasks of up to 12 input bits"):
        mn.discover(replace(RUN, graph=wide))
    with pytest.raises(ValueError, match="allowed are tasks of up to 12 input bits"):
        mn.discover(mn.RunConfig(graph="two tasks"))
    with pytest.raises(ValueError, match="truths: 0 graphs; allowed are 1"):
        mn.analysis.judge_discoveries([mn.discover(RUN, method="data", votes=1)], [])


def test_the_figure_has_its_panels(dense: Discovery) -> None:
    shares = {"solved": [0.2, 0.9], "solved_low": [0.1, 0.8], "solved_high": [0.3, 1.0]}
    success = pd.DataFrame({"way": "dense", "train_rows": [16, 32]} | shares)
    use = pd.DataFrame({"use": "discovered", "train_rows": [16, 32]} | shares)
    edges = mn.analysis.judge_edges([dense]).assign(way="dense")
    calibration = mn.analysis.edge_calibration(edges, ["way"])
    axes = mn.plot.discovery(success, calibration, use, success, dense, chance=0.01)
    assert len(axes) == 6
    (line,) = [line for line in axes[0].lines if line.get_label().startswith("found: dense")]
    assert line.get_ydata().tolist() == [0.2, 0.9]
    names = {text.get_text() for text in axes[4].texts}
    assert names == {*(f"x{n}" for n in range(6)), "y0", "y1"}
    smallest = min(dense.networks, key=lambda one: one.n_edges)
    assert len(axes[4].lines) == smallest.n_edges
    plt.close("all")


def test_what_has_no_networks_is_not_drawn() -> None:
    found = mn.discover(mn.RunConfig(train_rows=40), method="data", votes=1)
    with pytest.raises(ValueError, match="it has no networks; allowed is one of the method"):
        mn.plot.draw_pruned(found)
