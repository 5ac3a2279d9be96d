"""What training rows decide: enumeration, searches, and both against brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import modnets as mn
from modnets.analysis import decisions
from modnets.analysis.version_space import modular
from modnets.analysis.version_space.enumeration import States
from modnets.analysis.version_space.spec import NetworkSpec

SMALL = mn.FunctionGraph(4, [["XOR 0 1", "AND 2 3"], ["OR 0 1"]])


def functions_of_two_levels(n_inputs: int) -> set[tuple[int, ...]]:
    """All tables of a gate of two gates of two inputs each, by brute force."""
    x = np.array(list(itertools.product((0, 1), repeat=n_inputs)))
    gates = np.array(list(itertools.product((0, 1), repeat=4)))
    pairs = itertools.combinations(range(n_inputs), 2)
    first = {tuple(gate[x[:, i] + 2 * x[:, j]]) for i, j in pairs for gate in gates}
    tables = set()
    for a, b in itertools.combinations_with_replacement(sorted(first), 2):
        corner = np.array(a) + 2 * np.array(b)
        tables |= {tuple(gate[corner]) for gate in gates}
    return tables


def test_it_says_what_brute_force_says() -> None:
    tables = np.array(sorted(functions_of_two_levels(4)))
    runs = [
        mn.RunConfig(graph=SMALL, model="modular", train_rows=rows, split_seed=seed)
        for rows in (8, 10, 12, 14)
        for seed in range(4)
    ]
    answer = mn.analysis.decided(runs)
    assert answer["run"].tolist() == [run.key for run in runs]
    assert answer["exact"].all()
    truth = SMALL.truth_table()[:, 0]
    for run, said in zip(runs, answer["decided"], strict=True):
        index = run.split["train"]
        assert said == ((tables[:, index] == truth[index]).all(axis=1).sum() == 1)
    assert answer["decided"].nunique() == 2


def test_searches_agree_with_enumeration() -> None:
    runs = [
        mn.RunConfig(graph=SMALL, model=model, train_rows=rows, split_seed=seed)
        for model in ("modular", "shared")
        for rows in (8, 11)
        for seed in range(5)
    ]
    exact = mn.analysis.decided(runs)["decided"].tolist()
    by_search = [decisions._by_search([run], 64)[0] for run in runs]
    assert by_search == exact
    assert len(set(exact)) == 2


def test_graphs_of_one_shape_are_told_apart() -> None:
    other = mn.FunctionGraph(4, [["AND 0 1", "XOR 2 3"], ["AND 0 1"]])
    wide = [mn.FunctionGraph(14, [[f"XOR 0 {source}", "AND 2 3"], ["OR 0 1"]]) for source in (1, 5)]
    apart = [
        [
            mn.RunConfig(
                graph=graph, model="modular", routing=routing, train_rows=rows, split_seed=i
            )
            for i in range(seeds)
        ]
        for graphs, routing, rows, seeds in (
            ((SMALL, other), "learned", 12, 8),
            (wide, "known", 9, 4),
        )
        for graph in graphs
    ]
    alone = [mn.analysis.decided(runs, searches=4)["decided"].tolist() for runs in apart]
    together = mn.analysis.decided([run for runs in apart for run in runs], searches=4)
    assert together["decided"].tolist() == [said for answers in alone for said in answers]
    assert alone[0] != alone[1]


def test_of_larger_tasks_searches_tell() -> None:
    graph = mn.FunctionGraph(14, [["XOR 0 1", "AND 2 3"], ["OR 0 1"]])
    runs = [mn.RunConfig(graph=graph, model="modular", train_rows=rows) for rows in (6, 120)]
    answer = mn.analysis.decided(runs, searches=4)
    assert answer["decided"].tolist() == [False, True]
    assert not answer["exact"].any()


@pytest.mark.parametrize("run", [mn.RunConfig(), replace(mn.RunConfig(), model="sparse")])
def test_networks_without_slots_are_refused(run: mn.RunConfig) -> None:
    with pytest.raises(ValueError, match="allowed are modular networks on tasks of bits"):
        mn.analysis.decided([run])


def test_what_is_too_large_to_enumerate_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def enumerate_levels(spec: NetworkSpec) -> list[States]:
        tried.append(spec)
        raise ValueError("too large")

    monkeypatch.setattr(modular, "enumerate_levels", enumerate_levels)
    other = mn.FunctionGraph(4, [["AND 0 1", "XOR 2 3"], ["OR 0 1"]])
    runs = mn.grid(graph=[SMALL, other], model=["modular", "shared"], train_rows=12)
    answer = mn.analysis.decided(runs, searches=4)
    assert not answer["exact"].any()
    assert tried == [NetworkSpec.of(run) for run in runs[:2]]
    assert len(runs) == 4
