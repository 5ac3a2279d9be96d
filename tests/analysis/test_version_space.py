"""The exact theory against literal enumeration, and against the numbers that are known."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from modnets.analysis.version_space import enumeration
from modnets.analysis.version_space.curves import MEASURES
from modnets.analysis.version_space.dense import dense_version_space
from modnets.analysis.version_space.modular import VersionSpace, modular_version_space
from modnets.analysis.version_space.symmetries import Solution
from modnets.config.grid import grid
from modnets.tasks.gates import TWO_INPUT_GATES, Gate, SubFunction, all_rows
from modnets.tasks.graphs import FunctionGraph

TWO = FunctionGraph(2, [["XOR 0 1", "OR 0 1"]])
THREE = FunctionGraph(3, [["XOR 0 1", "XOR 1 2"], ["AND 0 1"]])
#: The first slot of the last level plays no part.
UNUSED = FunctionGraph(3, [["XOR 0 1", "AND 1 2"], ["XOR 0 1", "AND 0 1"]], outputs=(1,))
#: A sub-function of one input in a network whose slots read two.
NOT = SubFunction(Gate("NOT", (1, 0)), (1,))
NARROW = FunctionGraph(2, [["AND 0 1", NOT]], name="narrow")
ONE = FunctionGraph(2, [["XOR 0 1"]])
AND = FunctionGraph(2, [["AND 0 1"]])
PARTS = ("known", "learned")


def networks(
    graph: FunctionGraph, shared: bool, known: dict[str, bool], slots: tuple[int, ...]
) -> Iterator[tuple[tuple, tuple]]:
    """Every labelled network, literally: its choices, and its table as rows of outputs."""
    arity, pool = graph.fan_in, len(graph.modules)
    n_sources = (graph.n_inputs, *slots[:-1])
    positions = [(level, slot) for level, n in enumerate(slots) for slot in range(n)]
    reads = [
        [graph.routing[level][slot]]
        if known["routing"]
        else list(itertools.permutations(range(n_sources[level]), arity))
        for level, slot in positions
    ]
    fills: list = [[number] for number in range(len(positions))]
    if shared:
        fills = [
            [graph.selection[level][slot]] if known["selection"] else range(pool)
            for level, slot in positions
        ]
    chosen = [graph.outputs]
    if not known["outputs"]:
        chosen = list(itertools.permutations(range(slots[-1]), graph.n_outputs))
    gates = list(itertools.product((0, 1), repeat=2**arity))
    inputs = [tuple(column) for column in all_rows(graph.n_inputs).T.tolist()]
    for modules in itertools.product(gates, repeat=pool if shared else len(positions)):
        for read in itertools.product(*reads):
            for filled in itertools.product(*fills):
                values = inputs
                for level, n in enumerate(slots):
                    at = sum(slots[:level])
                    values = [
                        output_of(modules[filled[k]], tuple(values[s] for s in read[k]))
                        for k in range(at, at + n)
                    ]
                for outputs in chosen:
                    yield (modules, read, filled, outputs), tuple(values[o] for o in outputs)


@cache
def output_of(gate: tuple[int, ...], sources: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Row by row; places beyond the sources read zero."""
    arity = len(gate).bit_length() - 1
    rows = zip(*sources, strict=True)
    return tuple(gate[int("".join(map(str, row)).ljust(arity, "0"), 2)] for row in rows)


def table_of(graph: FunctionGraph) -> tuple:
    """[output] -> its bits, row by row."""
    return tuple(map(tuple, graph.truth_table().T.tolist()))


def expanded(space: VersionSpace) -> Counter:
    """Table -> labelled networks, with all signs."""
    functions, result = space.functions, Counter()
    n_outputs = functions.outputs.shape[1]
    signs = [(0,)] * n_outputs if functions.signed else [(0, 1)] * n_outputs
    for ids, count in zip(functions.outputs, functions.networks, strict=True):
        words = [int(functions.bitsets[i, 0]) for i in ids]
        for flips in itertools.product(*signs):
            table = tuple(
                tuple((word >> row & 1) ^ flip for row in range(functions.n_rows))
                for word, flip in zip(words, flips, strict=True)
            )
            result[table] += int(count) // functions.signs
    return result


CASES = [
    (TWO, shared, dict(zip(("routing", "selection", "outputs"), known, strict=True)), None)
    for shared in (True, False)
    for known in itertools.product((True, False), repeat=3)
    if shared or known[1] == known[0]
]
ALL, NONE = (dict.fromkeys(("routing", "selection", "outputs"), value) for value in (True, False))
CASES += [
    (THREE, True, NONE | {"selection": True}, None),
    (THREE, True, ALL | {"selection": False}, None),
    (THREE, False, ALL, None),
    (UNUSED, True, ALL, None),
    (UNUSED, True, ALL | {"selection": False}, None),
    (UNUSED, True, ALL | {"outputs": False}, None),
    (UNUSED, False, ALL, None),
    (NARROW, True, ALL, None),
    (NARROW, True, ALL | {"selection": False}, None),
    (NARROW, False, ALL | {"outputs": False}, None),
    (ONE, False, NONE, (3,)),
    (ONE, True, NONE, (3,)),
    (AND, True, NONE, (2, 2)),
]


@pytest.mark.parametrize(("graph", "shared", "known", "slots"), CASES)
def test_functions_and_solutions_are_those_of_every_network(
    graph: FunctionGraph, shared: bool, known: dict[str, bool], slots: tuple[int, ...] | None
) -> None:
    words = {name: "known" if value else "learned" for name, value in known.items()}
    space = modular_version_space(graph, shared, **words, slots=slots)
    literal = list(networks(graph, shared, known, slots or graph.slots))
    counts = Counter(table for _, table in literal)
    assert space.n_labelled == len(literal)
    assert space.n_functions == len(counts)
    assert expanded(space) == counts
    right = [choices for choices, table in literal if table == table_of(graph)]
    assert len(right) == space.n_solutions > 0
    result = {parts(solution): solution.networks for solution in space.solutions}
    assert len(result) == len(space.solutions)
    open_slots = {solution.outputs: places_left_open(solution) for solution in space.solutions}
    assert result == Counter(literal_parts(choices, shared, open_slots) for choices in right)


def parts(solution: Solution) -> tuple:
    """A solution's gates, reads, fills and outputs, slot by slot."""
    read = tuple(itertools.chain(*solution.routing))
    if solution.modules is None:
        return tuple(itertools.chain(*solution.gates)), read, None, solution.outputs
    filled = tuple(itertools.chain(*solution.selection))
    return solution.modules, read, filled, solution.outputs


def places_left_open(solution: Solution) -> list[int]:
    return [k for k, gate in enumerate(itertools.chain(*solution.gates)) if gate is None]


def literal_parts(choices: tuple, shared: bool, open_slots: dict[tuple, list[int]]) -> tuple:
    """The same of a literal network, without what is left open."""
    modules, read, filled, outputs = choices
    tables = {table: name for name, table in TWO_INPUT_GATES.items()}
    read, filled = (
        tuple(None if k in open_slots[outputs] else value for k, value in enumerate(values))
        for values in (read, filled)
    )
    if shared:
        return tuple(tables[table] for table in modules), read, filled, outputs
    named = []
    for table, sources in zip(modules, read, strict=True):
        narrow = table if sources is None or len(sources) == 2 else table[::2]
        named.append(sources and tables.get(narrow, "".join(map(str, narrow))))
    return tuple(named), read, None, outputs


@pytest.mark.parametrize(
    ("graph", "shared", "labelled", "distinct", "solutions"),
    [
        ("6-2-2", False, 256, 256, 1),
        ("6-2-2", True, 16, 16, 1),
        ("6-3-2-2", False, 16**5, 52_672, 8),
        ("6-3-2-2", True, 256, 100, 2),
        ("6-3-3-2-2", True, 4096, 688, 4),
        ("6-3-3-2-2", False, 16**8, 5_163_680, 64),
    ],
)
def test_the_numbers_that_are_known(
    graph: str, shared: bool, labelled: int, distinct: int, solutions: int
) -> None:
    space = modular_version_space(graph, shared)
    assert (space.n_labelled, space.n_functions) == (labelled, distinct)
    assert space.n_solutions == len(space.solutions) == solutions


def test_learned_routing_of_one_level() -> None:
    # Two slots read an ordered pair each; pairs of truth tables up to negation: 82 of them a slot.
    space = modular_version_space("6-2-2", False, "learned")
    assert space.n_labelled == (30 * 16) ** 2 * 2
    single = 1 + 6 + 15 * (4 + 1)
    assert space.n_functions == (2 * single) ** 2
    assert space.n_solutions == 2 * 2**2  # slots in either order, inputs of each XOR too


def test_the_symmetries_of_solutions_are_told() -> None:
    own = modular_version_space("6-3-2-2", False).solutions
    inner = [(1, 0), (1, 1), (1, 2)]
    every = {c for n in range(4) for c in itertools.combinations(inner, n)}
    assert {solution.negated for solution in own} == every
    assert all(not (s.renamed or s.swapped or s.other) for s in own)
    shared = modular_version_space("6-3-2-2").solutions
    assert [s.modules for s in shared] == [("XOR", "AND"), ("XNOR", "NOR")]
    assert [s.negated for s in shared] == [(), tuple(inner)]
    # XOR and AND may change places in a pool whose selection is learned.
    mixed = modular_version_space("6-3-2-2", selection="learned").solutions
    assert Counter(s.modules_renamed for s in mixed) == {(): 2, ((0, 1), (1, 0)): 2}
    learned = modular_version_space("6-2-2", True, "learned").solutions
    assert Counter((s.renamed, s.swapped) for s in learned) == Counter(
        (renamed, swapped)
        for renamed in ((), ((1, 0, 1), (1, 1, 0)))
        for swapped in ((), ((1, 0),), ((1, 1),), ((1, 0), (1, 1)))
    )


def test_a_network_that_computes_the_graph_in_another_way_is_called_so() -> None:
    # NOT x1 and x0 AND x1 also give x0 AND NOT x1.
    graph = FunctionGraph(2, [["A 0 1", "B 0 1"], ["NIMPLY 0 1"]])
    result = modular_version_space(graph, False).solutions
    assert any((1, 1) in s.other for s in result)
    assert any(not s.other for s in result)
    for solution in result:
        gates = [f"{name} 0 1" for name in itertools.chain(*solution.gates)]
        again = FunctionGraph(2, [gates[:2], gates[2:]])
        assert (again.truth_table() == graph.truth_table()).all()


def literal_curve(
    space: VersionSpace, sets: list[np.ndarray], by_networks: bool
) -> dict[str, np.ndarray]:
    """Each measure for each row set, function by function."""
    tables = expanded(space)
    right = space.graph.truth_table()
    every = [(np.array(t).T, n if by_networks else 1) for t, n in tables.items()]
    result: dict[str, list] = {name: [] for name in ("left", *MEASURES)}
    for train in sets:
        rest = [row for row in range(len(right)) if row not in set(train.tolist())]
        left = [(t, n) for t, n in every if (t[train] == right[train]).all()]
        total = sum(n for _, n in left)
        votes = sum(n * t for t, n in left)[rest] / total
        share = np.where(right[rest] == 1, votes, 1 - votes)
        vote = np.where(np.isclose(share, 0.5), 0.5, (share > 0.5).astype(float))
        result["left"].append(len(left))
        result["bit_accuracy"].append(
            sum(n * (t[rest] == right[rest]).mean() for t, n in left) / total
        )
        result["row_accuracy"].append(
            sum(n * (t[rest] == right[rest]).all(axis=1).mean() for t, n in left) / total
        )
        result["vote_bit_accuracy"].append(vote.mean())
        result["vote_row_accuracy"].append(vote.prod(axis=1).mean())
        result["single"].append(len(left) == 1)
        result["solved"].append(sum(n for t, n in left if (t == right).all()) / total)
    return {name: np.array(values, float) for name, values in result.items()}


@pytest.mark.parametrize("weights", ["functions", "networks"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("n", [2, 4])
def test_the_learning_curve_is_that_of_a_literal_loop(shared: bool, n: int, weights: str) -> None:
    space = modular_version_space(THREE, shared, "known", "learned" if shared else None)
    rng = np.random.default_rng(7)
    sets = [rng.permutation(8)[:n] for _ in range(9)]
    wanted = literal_curve(space, sets, weights == "networks")
    curve = space.learning_curve(sets, weights=weights)
    assert len(curve) == 1
    row = curve.iloc[0]
    assert (row["rows"], row["draws"]) == (n, 9)
    assert row["left_mean"] == wanted["left"].mean()
    ordered = np.sort(wanted["left"])
    assert (row["left_low"], row["left_median"], row["left_high"]) == tuple(ordered[[0, 4, 8]])
    for name in MEASURES:
        assert row[name] == pytest.approx(wanted[name].mean()), name
        error = wanted[name].std(ddof=1) / 3
        assert row[f"{name}_se"] == pytest.approx(error), name


def test_the_expected_curve_of_shared_modules() -> None:
    rows = [4, 6, 8, 12, 16]
    curve = modular_version_space("6-3-2-2").learning_curve(rows, draws=400)
    assert list(curve["rows"]) == rows
    assert (curve["draws"] == 400).all()
    np.testing.assert_allclose(curve["bit_accuracy"], [0.85, 0.94, 0.98, 0.997, 1], atol=0.02)
    np.testing.assert_allclose(curve["single"], [0.23, 0.61, 0.87, 0.98, 1], atol=0.08)
    assert (curve["single"] <= curve["solved"]).all()


def test_draws_are_the_same_for_every_kind_and_nested() -> None:
    rows = [3, 5]
    few = modular_version_space("6-3-2-2").learning_curve(rows, draws=30)
    more = modular_version_space("6-3-2-2", False).learning_curve(rows, draws=30)
    # What the smaller set of functions leaves is a part of what the larger one does.
    assert (few["left_mean"] < more["left_mean"]).all()
    assert (few["single"] >= more["single"]).all()
    again = modular_version_space("6-3-2-2").learning_curve(rows, draws=30)
    assert few.equals(again)
    other = modular_version_space("6-3-2-2").learning_curve(rows, draws=30, seed=1)
    assert not few.equals(other)


def test_splits_that_runs_have_are_scored_on_their_test_rows() -> None:
    runs = grid(graph="6-3-2-2", model="shared", routing="known", train_rows=6, split_seed=range(4))
    space = modular_version_space("6-3-2-2")
    curve = space.learning_curve([run.split for run in runs])
    exact = []
    for run in runs:
        split = run.split
        left = [
            table
            for table in (np.array(outputs).T for outputs in expanded(space))
            if (table == space.graph.truth_table())[split["train"]].all()
        ]
        right = [(t == space.graph.truth_table())[split["test"]].mean() for t in left]
        exact.append(np.mean(right))
    assert curve["bit_accuracy"].item() == pytest.approx(np.mean(exact))


def test_every_table_is_right_by_half() -> None:
    graph = FunctionGraph(2, [["XOR 0 1", "OR 0 1"]])
    space = dense_version_space(graph)
    tables = list(itertools.product(itertools.product((0, 1), repeat=2), repeat=4))
    assert space.n_functions == space.n_labelled == len(tables)
    right = graph.truth_table()
    left = [np.array(t) for t in tables if (np.array(t)[:1] == right[:1]).all()]
    row = space.learning_curve([[0]]).iloc[0]
    assert row["left_mean"] == len(left)
    bits = np.mean([(t == right)[1:].mean() for t in left])
    rows = np.mean([(t == right)[1:].all(axis=1).mean() for t in left])
    assert (row["bit_accuracy"], row["row_accuracy"]) == pytest.approx((bits, rows))
    assert row["solved"] == np.mean([(t == right).all() for t in left])
    assert (row["single"], row["vote_bit_accuracy"], row["vote_row_accuracy"]) == (0, 0.5, 0.25)
    assert dense_version_space("6-2").n_functions == 2**128


def test_what_is_too_large_says_how_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumeration, "MOST_STATES", 1000)
    space = modular_version_space("6-3-2-2", False, "learned")
    assert space.n_labelled == 30**3 * 6**2 * 2 * 16**5
    with pytest.raises(ValueError, match=r"level 1 has 551,368 .* allowed are 1,000; .* 2.04e\+12"):
        _ = space.n_functions
    assert "too large to enumerate" in space.refusal
    assert space.n_functions_at_most == space.n_labelled
    small = modular_version_space(TWO, False, "learned")
    assert small.n_functions_at_most == 2**8 < small.n_labelled
    assert math.prod([16, 2]) ** 2 * 2 == small.n_labelled


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: modular_version_space("three tasks"),
            "three tasks; allowed are modular networks on one",
        ),
        (
            lambda: dense_version_space("two tasks"),
            "graph two tasks; allowed is one function graph",
        ),
        (lambda: modular_version_space("6-3-2-2", routing="guessed"), "guessed"),
        (
            lambda: modular_version_space("6-3-2-2").learning_curve([64]),
            "rows=64 of 64; allowed is 1 to 63",
        ),
        (
            lambda: modular_version_space("6-3-2-2").learning_curve([[1, 1]]),
            "a set of 2; allowed are 1 to",
        ),
        (
            lambda: modular_version_space("6-3-2-2").learning_curve([[64]]),
            "64 to 64; allowed are 0 to 63",
        ),
        (lambda: modular_version_space("6-3-2-2").learning_curve([]), "at least one number"),
        (lambda: modular_version_space("6-3-2-2").learning_curve([4], draws=0), "draws=0"),
        (
            lambda: modular_version_space("6-3-2-2").learning_curve([4], weights="all"),
            "unknown weights",
        ),
        (
            lambda: modular_version_space("6-3-2-2").learning_curve([{"train": [1]}]),
            "has the parts train; allowed are train and test",
        ),
        (
            lambda: modular_version_space("6-3-2-2", shared_modules=6).n_functions,
            r"16,777,216 pools of 6 modules; allowed are 1,000,000",
        ),
        (
            lambda: modular_version_space(FunctionGraph(13, [["XOR 0 1"]])),
            "13 inputs; allowed are 12 to enumerate",
        ),
    ],
)
def test_errors_are_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_kind_that_cannot_express_the_graph_has_no_curve() -> None:
    space = modular_version_space(
        TWO, True, "learned", shared_modules=1
    )  # one module for two gates
    assert space.n_solutions == 0
    assert space.solutions == []
    with pytest.raises(ValueError, match="no network of this kind computes the graph"):
        space.learning_curve([2])


def test_a_table_of_more_words_than_one() -> None:
    # The same graph with two inputs more, that nothing reads: 256 rows, four words.
    wide = FunctionGraph(8, [["XOR 0 1", "XOR 2 3", "XOR 4 5"], ["AND 0 1", "AND 1 2"]])
    for shared in (True, False):
        own, other = modular_version_space(wide, shared), modular_version_space("6-3-2-2", shared)
        assert own.functions.bitsets.shape[1] == 4
        assert (own.n_functions, own.n_solutions) == (other.n_functions, other.n_solutions)
        assert len(own.solutions) == other.n_solutions
    rows = np.arange(0, 256, 32)  # as rows of the six inputs: 0, 8, 16, ...
    wanted = modular_version_space("6-3-2-2").learning_curve([rows // 4])
    result = modular_version_space(wide).learning_curve([rows])
    assert result["left_mean"].item() == wanted["left_mean"].item()
    assert result["solved"].item() == wanted["solved"].item()
