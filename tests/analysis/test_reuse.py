"""Adaptation, what is kept and what is forgotten, compared with literal loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import modnets as mn

BASE = mn.RunConfig(train_rows=40, epochs=6, eval_every=3, weight_decay=0)
GRAPHS = [
    mn.FunctionGraph(6, [["XOR 0 1", "AND 2 3", "OR 4 5"], [f"{gate} 0 1", "OR 1 2"]])
    for gate in ("XOR", "AND", "OR")
]


def stages(n_seeds: int = 3, **settings: object) -> list[list[mn.RunConfig]]:
    runs = [
        [replace(BASE, graph=graph, seed=s, split_seed=s, **settings) for s in range(n_seeds)]
        for graph in GRAPHS
    ]
    return mn.in_sequence(runs)


def test_chains_are_counted_from_their_first_run() -> None:
    listed = stages()
    found = mn.analysis.chains([run for stage in listed for run in stage]).set_index("run")
    for number, stage in enumerate(listed, start=1):
        for run, first in zip(stage, listed[0], strict=True):
            assert found.loc[run.key].tolist() == [first.key, number]


def test_epochs_to_adapt_are_the_first_that_reach_the_level() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"run": f"{kind} {seed}", "kind": kind, "stage": 1, "epoch": epoch, "split_seed": seed}
        | {"seed": seed, "test_bit_accuracy": rng.uniform(0.5, top)}
        for kind, top in (("fast", 1.0), ("slow", 0.96), ("never", 0.9))
        for seed in range(9)
        for epoch in (0, 10, 20, 30)
    ]
    table = pd.DataFrame(rows)
    found = mn.analysis.adaptation(table, resamples=200).set_index("kind")
    for kind, group in table.groupby("kind"):
        firsts = []
        for _, run in group.groupby("run"):
            reached = [r.epoch for r in run.itertuples() if r.test_bit_accuracy >= 0.95]
            firsts.append(min(reached, default=np.inf))
        assert found.loc[kind, "epochs"] == sorted(firsts)[4]
        assert found.loc[kind, "adapted"] == np.mean(np.isfinite(firsts))
        assert found.loc[kind, "epochs_low"] <= found.loc[kind, "epochs"]
        assert found.loc[kind, "epochs"] <= found.loc[kind, "epochs_high"]
        assert found.loc[kind, "n"] == 9
    assert np.isinf(found.loc["never", "epochs"])
    early = mn.analysis.adaptation(table, ["kind"], level=0.4, resamples=50)
    assert set(early["epochs"]) == {0.0}


@pytest.mark.parametrize("kind", ["dense", "shared, known"])
def test_what_is_kept_is_asked_of_the_later_networks(kind: str) -> None:
    listed = stages(**mn.analysis.kind_settings(kind))
    again = mn.analysis.revisits(listed)
    assert len(again) == 9
    assert {run.lr for run in again} == {0}
    results = pd.concat([mn.sweep(stage, progress=False) for stage in listed])
    later = mn.sweep(again, progress=False)
    runs = [*(run for stage in listed for run in stage), *again]
    kept = mn.analysis.retention(results, later, runs)
    assert len(kept) == 9 + 9
    assert set(kept["kind"]) == {kind}
    first = listed[0][1]
    of_chain = kept[kept["chain"] == first.key].set_index(["learned", "after"])["bit_accuracy"]
    assert sorted(of_chain.index) == [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]
    network = mn.train(listed[2][1], progress=False, chunk=4).network
    right = answers(network, GRAPHS[0]) == GRAPHS[0].truth_table()
    assert of_chain[1, 3] == pytest.approx(right.mean(), abs=0.02)
    ends = mn.analysis.last(results).set_index("run")["bit_accuracy"]
    for number, stage in enumerate(listed, start=1):
        assert of_chain[number, number] == ends[stage[1].key]
    lost = mn.analysis.forgetting(kept, resamples=100).iloc[0]
    by_chain = []
    for _, group in kept.groupby("chain"):
        at = group.set_index(["learned", "after"])["bit_accuracy"]
        by_chain.append(np.mean([at[task, task] - at[task, 3] for task in (1, 2)]))
    assert lost["forgotten"] == pytest.approx(np.mean(by_chain))
    assert lost["forgotten"] == pytest.approx(lost["learned"] - lost["kept"])
    assert lost["forgotten_low"] <= lost["forgotten"] <= lost["forgotten_high"]
    assert (lost["n"], lost["tasks"]) == (3, 2)


def answers(network: object, graph: mn.FunctionGraph) -> np.ndarray:
    import torch

    rows = torch.from_numpy(graph.rows(np.arange(graph.n_rows))).float()
    return (network(rows) > 0).int().numpy()


def test_what_was_no_stage_is_refused() -> None:
    listed = stages()
    again = mn.analysis.revisits(listed[:2])
    results = pd.concat([mn.sweep(stage, progress=False) for stage in listed[:2]])
    later = mn.sweep(again, progress=False)
    with pytest.raises(ValueError, match="is none of runs; allowed are runs of both"):
        mn.analysis.retention(results, later, again)
    strange = [replace(again[0], graph="6-3-2-2", seed=9)]
    later = mn.sweep(strange, progress=False)
    with pytest.raises(ValueError, match="no stage had its task"):
        mn.analysis.retention(results, later, [*listed[0], *listed[1], *strange])


def test_means_are_plain_means() -> None:
    table = pd.DataFrame({"kind": list("aabb"), "split_seed": [0, 1, 0, 1], "seed": [0, 1, 0, 1]})
    table["bit_accuracy"] = [0.5, 1.0, 0.25, 0.25]
    found = mn.analysis.means(table, ["kind"], resamples=200).set_index("kind")
    assert found["accuracy"].tolist() == [0.75, 0.25]
    assert found.loc["b", ["low", "high"]].tolist() == [0.25, 0.25]
    assert found.loc["a", ["low", "high"]].tolist() == [0.5, 1.0]


@pytest.mark.parametrize("taken", ["all", "modules"])
def test_what_is_taken_of_a_later_stage_is_what_is_asked_for(taken: str) -> None:
    base = mn.RunConfig(model="shared", routing="known", epochs=2)
    listed = mn.in_sequence([mn.grid(base, seeds=[0]), mn.grid(base, seeds=[0])])
    (again,) = mn.analysis.revisits(listed, transferred=taken)
    assert again.final.transferred == taken
