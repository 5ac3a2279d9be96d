"""Gates of slots and change over time, counted by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

import modnets as mn
from modnets.tasks.gates import TWO_INPUT_GATES

NODES = ("XOR 0 1", "XOR 2 3", "XOR 4 5", "AND 0 1")
NAMES = ("XOR", "XNOR", "AND", "A", "NOT_B", "FALSE", "OR", "NIMPLY")


@pytest.fixture
def slots() -> pd.DataFrame:
    """The gates of 7 runs of two kinds, drawn at random."""
    rng = np.random.default_rng(11)
    rows = []
    for run in range(7):
        for node, name in enumerate(NODES):
            row = {"run": f"run {run}", "epoch": 10, "task": 0, "level": 1 + (node == 3)}
            row |= {"slot": node % 3, "module": int(rng.integers(2)), "reads": "0 1"}
            row |= {"used": rng.random() < 0.8, "gate": str(rng.choice(NAMES)), "node": node % 3}
            rows.append(row | {"sub_function": name, "kind": "ab"[run % 2], "train_rows": 8})
        rows.append(rows[-1] | {"slot": 1, "node": None, "sub_function": None})
    return pd.DataFrame(rows)


def test_a_family_is_closed_under_negation_and_exchange_of_inputs() -> None:
    names = {table: name for name, table in TWO_INPUT_GATES.items()}
    for table, name in names.items():
        negated = names[tuple(1 - bit for bit in table)]
        exchanged = names[(table[0], table[2], table[1], table[3])]
        assert (
            mn.analysis.gate_family(name)
            == mn.analysis.gate_family(negated)
            == mn.analysis.gate_family(exchanged)
        )
    assert {mn.analysis.gate_family(name) for name in names.values()} == set(
        mn.analysis.FAMILIES
    ) - {"other"}
    assert mn.analysis.gate_family("NOT_D") == "one input"
    assert mn.analysis.gate_family("OTHER") == "other"


def test_shares_are_those_counted_by_hand(slots: pd.DataFrame) -> None:
    shares = mn.analysis.gate_shares(slots)
    at = shares.set_index(["kind", "sub_function", "family"])["share"]
    for kind, part in slots.groupby("kind"):
        for name in NODES:
            gates = [
                mn.analysis.gate_family(g) for g in part.loc[part["sub_function"] == name, "gate"]
            ]
            for family in shares["family"].unique():
                assert at[kind, name, family] == pytest.approx(gates.count(family) / len(gates))
    assert shares.groupby("kind")["n"].unique().map(list).to_dict() == {"a": [4], "b": [3]}
    first = shares.drop_duplicates(["kind", "family"])
    positions = first["family"].map(mn.analysis.FAMILIES.index).groupby(first["kind"])
    assert all(order.is_monotonic_increasing for _, order in positions)


def test_redundancy_counts_slots_that_are_right_and_their_modules(slots: pd.DataFrame) -> None:
    result = mn.analysis.redundancy(slots).set_index("run")
    assert set(result["gate"]) == {"XOR"}  # AND is needed once
    assert (result["needed"] == 3).all()
    for run, part in slots[slots["sub_function"].fillna("").str.startswith("XOR")].groupby("run"):
        right = [
            g in ("XOR", "XNOR") and u for g, u in zip(part["gate"], part["used"], strict=True)
        ]
        assert result.loc[run, "right"] == sum(right)
        assert result.loc[run, "modules"] == len(set(part["module"][right]))
    assert result["right"].max() > 0


def test_an_exchange_of_sources_flips_but_does_not_rewire() -> None:
    reads, gates = ["0 1", "1 0", "2 1", "2 1", "2 1"], ["AND", "AND", "OR", "OR", "OR"]
    one = pd.DataFrame({"epoch": range(0, 50, 10), "reads": reads, "gate": gates})
    one = one.assign(run="a", task=0, level=1, slot=0, module=[0, 0, 0, 0, 1])
    other = one.assign(slot=1, reads="3 4", gate="XOR", module=1)
    shuffled = pd.concat([one, other]).sample(frac=1, random_state=1)
    result = mn.analysis.slot_changes(shuffled).sort_values("epoch")
    own = result[result["slot"] == 0]
    assert own["flipped"].tolist() == [False, True, True, False, True]
    assert own["rewired"].tolist() == [False, False, True, False, True]
    assert own["regated"].tolist() == [False, False, True, False, False]
    assert not result.loc[result["slot"] == 1, ["flipped", "rewired", "regated"]].any(axis=None)


def test_visits_count_how_often_a_state_is_found_and_lost() -> None:
    states = {"never": "00000", "always": "11111", "lost": "01101", "left": "10010"}
    rows = [
        {"run": run, "epoch": 10 * index, "solved": bit == "1"}
        for run, bits in states.items()
        for index, bit in enumerate(bits)
    ]
    table = mn.analysis.visits(pd.DataFrame(rows).sample(frac=1, random_state=2)).set_index("run")
    assert table["found"].to_dict() == {"never": 0, "always": 1, "lost": 2, "left": 2}
    assert table["lost"].to_dict() == {"never": 0, "always": 0, "lost": 1, "left": 2}
    assert table["stays"].to_dict() == {"never": 0, "always": 1, "lost": 1, "left": 0}
    assert table["first"].drop("never").to_dict() == {"always": 0, "lost": 10, "left": 0}
    assert np.isnan(table.loc["never", "first"])
    assert table["share"].to_dict() == {"never": 0, "always": 1, "lost": 0.6, "left": 0.4}


def test_a_course_is_the_median_of_runs_averaged_over_a_window() -> None:
    rng = np.random.default_rng(3)
    epochs = np.arange(0, 110, 10)
    results = pd.concat(
        pd.DataFrame({"run": run, "kind": "ab"[run % 2], "epoch": epochs, "f1": rng.random(11)})
        for run in range(7)
    )
    table = mn.analysis.course(results, ["kind"], ["f1"], window=50, confidence=0.8)
    assert table["epoch"].unique().tolist() == [0, 50, 100]
    for row in table.itertuples():
        inside = results["epoch"].between(row.epoch - 49, row.epoch)
        means = results[inside & (results["kind"] == row.kind)].groupby("run")["f1"].mean()
        assert row.n == len(means)
        wanted = np.quantile(means, [0.1, 0.5, 0.9])
        np.testing.assert_allclose([row.low, row.median, row.high], wanted)


def test_two_bits_of_level_2_do_not_tell_the_outputs_of_depth_3() -> None:
    a, b, c = np.array(list(product((0, 1), repeat=3))).T  # the three XORs take every combination
    outputs = np.array([a & (b | c), c & (a | b)])
    graph = mn.tasks.get_graph("6-3-3-2-2").truth_table()
    assert {tuple(row) for row in graph} == {tuple(row) for row in outputs.T}
    pairs = [2 * a + b, 2 * b + c, 2 * a + c]
    bits = [np.array(gate)[pair] for pair in pairs for gate in TWO_INPUT_GATES.values()]
    for first, second in product(bits, repeat=2):
        met = 2 * first + second
        known = [len(np.unique(outputs[:, met == code], axis=1).T) == 1 for code in np.unique(met)]
        assert not all(known)


def test_refusals_are_one_line(slots: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="found is empty"):
        mn.analysis.gate_shares(slots.iloc[:0])
    results = pd.DataFrame({"run": ["a"], "epoch": [0], "f1": [0.5]})
    with pytest.raises(ValueError, match="window=0; allowed is at least 1"):
        mn.analysis.course(results, [], ["f1"], window=0)
    with pytest.raises(ValueError, match=r"confidence=1; allowed is in \(0, 1\)"):
        mn.analysis.course(results, [], ["f1"], confidence=1)
    with pytest.raises(ValueError, match=r"missing columns \['solved'\]"):
        mn.analysis.visits(results)
