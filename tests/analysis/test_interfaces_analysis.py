"""Interfaces between modules: names, modules exchanged between networks, shares, the figure."""

from __future__ import annotations

import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import Wiring

import modnets as mn
from modnets.analysis.intervals import wilson_interval
from modnets.models.modular import ModularNetwork
from modnets.models.module_exchange import exchange
from modnets.models.modules import compute

GRAPH = mn.GRAPHS["6-3-2-2"]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "scalar"),
        ({"signals": "binary"}, "bit"),
        ({"signal_size": 2}, "2 values"),
        ({"signal_size": 3, "signals": "binary"}, "3 bits"),
        ({"model": "dense", "signal_size": 3}, ""),
    ],
)
def test_names(settings: dict, name: str) -> None:
    assert mn.analysis.interface(mn.RunConfig(**{"model": "shared"} | settings)) == name


def literal_rows(network: ModularNetwork, taken: dict, x: np.ndarray) -> np.ndarray:
    """Logits, slot by slot, where the layers of some slots are given."""
    structure = network.structure()
    values = [torch.from_numpy(x.T.copy()).float()]
    for level, slots in enumerate(structure["routing"]):
        below, outputs = values[-1], []
        for slot, sources in enumerate(slots):
            pool, module = (
                (0, structure["selection"][level][slot]) if network.shared else (level, slot)
            )
            layers = taken.get((level, slot), (network.pools[pool], module))
            picked = [(w[layers[1]][None], b[layers[1]][None]) for w, b in layers[0].layers()]
            outputs.append(compute(picked, below[list(sources)][None])[0])
        values.append(torch.stack(outputs))
    return values[-1][structure["outputs"]].detach().numpy().T


@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_an_exchange_is_one_of_a_literal_network(kind: str) -> None:
    runs = [mn.RunConfig(model=kind, train_rows=40, epochs=60, seed=seed) for seed in (0, 1)]
    first, donor = (mn.train(run, progress=False).network for run in runs)
    assert isinstance(first, ModularNetwork)
    assert isinstance(donor, ModularNetwork)
    rows = runs[0].split["train"].tolist()
    x, wanted = GRAPH.rows(np.array(rows)), GRAPH.targets(np.array(rows))
    selected = donor.structure().get("selection")
    found = exchange(first, donor, GRAPH, rows)
    assert len(found) >= 4
    for one in found:
        pool, module = (0 if kind == "shared" else one.donor_level), one.donor_slot
        module = selected[one.donor_level][module] if selected else module
        taken = {(one.level, one.slot): (donor.pools[pool], module)}
        right = ((literal_rows(first, taken, x) > 0) == wanted).all(axis=1).mean()
        assert one.right == pytest.approx(right)


def test_gates_are_those_of_high_and_low_values() -> None:
    """Networks of exact gates: an XNOR for XOR changes what the level above is to do with it."""
    plain = Wiring.of(GRAPH).network()
    tables = ((1, 0, 0, 1), (1, 0, 0, 0))  # XNOR and NOR, which give the same table
    turned = replace(Wiring.of(GRAPH), tables=tables).network()
    rows = range(64)
    own, mixed = exchange(plain, plain, GRAPH, rows), exchange(plain, turned, GRAPH, rows)
    for one in own:
        same = (one.level == 0) == (one.donor_level == 0)  # XOR below, AND above
        assert (one.same_gate, one.right == 1) == (same, same)
    assert not any(one.same_gate for one in mixed)
    assert all(one.right < 1 for one in mixed)
    back = exchange(turned, turned, GRAPH, rows)
    assert [one.same_gate for one in back] == [one.same_gate for one in own]


def test_bits_of_one_gate_can_be_exchanged_always() -> None:
    base = mn.RunConfig(model="shared", routing_method="best", signals="binary", epochs=20)
    many = mn.graphs(8, widths=(6, 3, 2, 2), gates=["XOR", "AND", "OR"])
    runs = mn.independent(mn.grid(base, graph=many, train_rows=24, seeds=range(2)))
    found = mn.analysis.exchanges(runs)
    assert found.loc[found["same_gate"], "kept"].all()
    assert set(found["interface"]) == {"bit"}
    assert found["same_gate"].sum() > 10
    assert 0 < found["same_gate"].mean() < 1
    assert {*found["run"], *found["donor"]} <= {run.key for run in runs}
    trained = mn.analysis.last(mn.sweep(runs)).set_index("run")["train_row_accuracy"]
    assert (trained[found["run"]] == 1).all()


def test_what_cannot_be_exchanged_is_refused() -> None:
    run = mn.RunConfig(model="modular", routing="known", epochs=2)
    with pytest.raises(ValueError, match="runs: one of 6-3-2-2; allowed are several of each"):
        mn.analysis.exchanges([run])
    with pytest.raises(ValueError, match="has no modules; allowed are modular networks"):
        mn.analysis.exchanges([mn.RunConfig()])
    networks = [mn.build(replace(run, signal_size=size), 0) for size in (1, 2)]
    with pytest.raises(ValueError, match=r"donor has modules of .*; allowed are those of"):
        mn.models.exchange(*networks, GRAPH, [0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exchanged is empty; no two networks were right"):
        mn.analysis.exchange_shares(pd.DataFrame(columns=["run", "graph", "kept"]), ["graph"])


def test_shares_have_graphs_as_clusters() -> None:
    kept = [True] * 30 + [False] * 10
    alone = pd.DataFrame({"kept": kept, "run": range(40), "graph": range(40), "kind": "a"})
    one = mn.analysis.exchange_shares(alone, ["kind"]).iloc[0]
    assert (one["n"], one["networks"], one["graphs"], one["kept"]) == (40, 40, 40, 0.75)
    unset = mn.analysis.exchange_shares(alone.assign(kind=None), ["kind"])
    assert unset["n"].tolist() == [40]
    few = alone.assign(graph=[0] * 10 + [1] * 10 + [2] * 10 + [3] * 10)
    other = mn.analysis.exchange_shares(few, ["kind"]).iloc[0]
    low, high = wilson_interval(30, 40)
    assert other["kept_low"] < one["kept_low"] < low + 0.02
    assert other["kept_high"] > one["kept_high"] - 0.02 > high - 0.05


def test_the_figure_has_a_line_and_a_bar_for_each_interface() -> None:
    names, kinds = ["scalar", "bit"], ["modular, known", "shared, known"]
    of = ["task", "kind", "interface", "control", "train_rows"]
    points = itertools.product(["a", "b"], kinds, names, ["", "wide"], [16, 32])
    curves = pd.DataFrame(points, columns=of)
    curves = curves.assign(solved=0.5, solved_low=0.4, solved_high=0.6)
    ends = pd.DataFrame(itertools.product(kinds, names), columns=["kind", "interface"])
    needed = ends.assign(rows_50=20.0, rows_50_low=18.0, rows_50_high=25.0)
    swaps = pd.concat([ends.assign(same_gate=same) for same in (True, False)])
    swaps = swaps.assign(kept=0.5, kept_low=0.25, kept_high=0.75)
    times = ends.iloc[:2].assign(time=10.0, solved=0.5, solved_low=0.4, solved_high=0.6)
    axes = mn.plot.interfaces(curves, times, needed, swaps, names)
    assert axes.shape == (3, 4)
    assert [line.get_label() for line in axes[0, 0].lines][0::2] == names
    assert len(axes[0, 0].lines) == 4
    assert [len(ax.patches) for ax in axes[2, 2:]] == [4, 4]
    assert [patch.get_height() for patch in axes[2, 2].patches] == [0.5] * 4
    assert axes[2, 2].get_title() == "modular, known"
    with pytest.raises(ValueError, match="interfaces has 0; allowed are 1 to 5"):
        mn.plot.interfaces(curves, times, needed, swaps, [])
    plt.close("all")
