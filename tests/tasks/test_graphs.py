"""Function graphs: the published numbers, and every graph against a literal evaluation."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modnets.tasks.gates import TWO_INPUT_GATES, Gate, SubFunction, gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, get_graph
from modnets.tasks.random_graphs import random_graph


def literal(graph: FunctionGraph, row: tuple[int, ...]) -> list[int]:
    """One row, node by node: each gate's table is read at the index its inputs give in binary."""
    values = list(row)
    for level in graph.levels:
        values = [
            node.gate.table[int("".join(str(values[i]) for i in node.inputs), 2)] for node in level
        ]
    return [values[o] for o in graph.outputs]


@st.composite
def graphs(draw) -> FunctionGraph:
    """Graphs of 1 to 3 levels over 2 to 5 inputs, gates of 1 to 3 inputs."""
    n_inputs = n_sources = draw(st.integers(2, 5))
    levels = []
    for _ in range(draw(st.integers(1, 3))):
        level = []
        for _ in range(draw(st.integers(1, 4))):
            fan_in = draw(st.integers(1, min(3, n_sources)))
            inputs = draw(st.permutations(range(n_sources)))[:fan_in]
            table = draw(st.tuples(*[st.integers(0, 1)] * 2**fan_in))
            level.append(SubFunction(Gate("g" + "".join(map(str, table)), table), tuple(inputs)))
        levels.append(level)
        n_sources = len(level)
    outputs = draw(st.permutations(range(n_sources)))[: draw(st.integers(1, n_sources))]
    return FunctionGraph(n_inputs, levels, outputs=tuple(outputs))


# The published tasks, written out.
FORMULAS = {
    "6-2-2": lambda x0, x1, x2, x3, x4, x5: (x0 ^ x1, x2 ^ x3),
    "6-3-2-2": lambda x0, x1, x2, x3, x4, x5: (
        (x0 ^ x1) & (x2 ^ x3),
        (x2 ^ x3) & (x4 ^ x5),
    ),
    "6-3-3-2-2": lambda x0, x1, x2, x3, x4, x5: (
        (x0 ^ x1) & (x2 ^ x3) | (x0 ^ x1) & (x4 ^ x5),
        (x2 ^ x3) & (x4 ^ x5) | (x0 ^ x1) & (x4 ^ x5),
    ),
    "6-2": lambda *x: tuple(
        y >> (63 - int("".join(map(str, x)), 2)) & 1
        for y in (0x4F562F00AECBC2DF, 0x6FE4167AB65F5E9A)
    ),
}


def test_every_named_graph_has_its_formula() -> None:
    assert set(FORMULAS) == set(GRAPHS)


def test_named_graphs_compute_their_formulas(graph: FunctionGraph) -> None:
    wanted = [list(FORMULAS[graph.name](*row)) for row in itertools.product((0, 1), repeat=6)]
    assert graph.truth_table().tolist() == wanted
    assert graph.evaluate(graph.rows()).tolist() == wanted


@pytest.mark.parametrize(
    ("name", "ones", "floor"),
    [
        ("6-2-2", [32, 32], 0.5),
        ("6-3-2-2", [16, 16], 0.75),
        ("6-3-3-2-2", [24, 24], 0.625),
    ],
)
def test_ones_and_floors(name: str, ones: list[int], floor: float) -> None:
    table = GRAPHS[name].truth_table()
    assert table.sum(axis=0).tolist() == ones
    assert (table == 0).mean() == floor


def test_ones_of_the_control() -> None:
    table = GRAPHS["6-2"].truth_table()
    ones = [0x4F562F00AECBC2DF.bit_count(), 0x6FE4167AB65F5E9A.bit_count()]
    assert table.sum(axis=0).tolist() == ones
    # the majority of each output, right in 53 % and 59 % of the rows
    majority = [max(n, 64 - n) / 64 for n in ones]
    assert [round(share, 2) for share in majority] == [0.53, 0.59]


def test_true_routing_and_selection() -> None:
    assert GRAPHS["6-2-2"].routing == (((0, 1), (2, 3)),)
    assert GRAPHS["6-2-2"].selection == ((0, 0),)
    assert GRAPHS["6-3-2-2"].routing == (((0, 1), (2, 3), (4, 5)), ((0, 1), (1, 2)))
    assert GRAPHS["6-3-2-2"].selection == ((0, 0, 0), (1, 1))
    deep = GRAPHS["6-3-3-2-2"]
    assert deep.routing == (
        ((0, 1), (2, 3), (4, 5)),
        ((0, 1), (1, 2), (0, 2)),
        ((0, 2), (1, 2)),
    )
    assert deep.selection == ((0, 0, 0), (1, 1, 1), (2, 2))
    assert [module.name for module in deep.modules] == ["XOR", "AND", "OR"]


def test_the_control_has_no_structure() -> None:
    control = GRAPHS["6-2"]
    assert not control.has_structure
    assert (control.routing, control.selection, control.modules) == ((), (), ())
    assert control.irrelevant_inputs == ()
    assert (control.widths, control.n_outputs, control.fan_in) == ((6, 2), 2, 2)


def test_names_are_widths(graph: FunctionGraph) -> None:
    assert graph.name == "-".join(map(str, graph.widths)) == str(graph)
    assert get_graph(graph.name) is get_graph(graph) is graph


def test_irrelevant_inputs_of_named_graphs() -> None:
    result = {name: graph.irrelevant_inputs for name, graph in GRAPHS.items()}
    assert result == {"6-2-2": (4, 5), "6-3-2-2": (), "6-3-3-2-2": (), "6-2": ()}


@given(graphs())
def test_evaluate_is_the_literal_evaluation(graph: FunctionGraph) -> None:
    rows = list(itertools.product((0, 1), repeat=graph.n_inputs))
    wanted = [literal(graph, row) for row in rows]
    assert graph.truth_table().tolist() == wanted
    assert graph.evaluate(np.array(rows[::-1])).tolist() == wanted[::-1]
    shuffled = np.random.default_rng(0).permutation(len(rows))
    assert graph.rows(shuffled).tolist() == [list(rows[i]) for i in shuffled]


@given(graphs())
def test_a_graph_survives_json(graph: FunctionGraph) -> None:
    again = FunctionGraph.from_dict(json.loads(json.dumps(graph.to_dict())))
    assert again == graph
    assert hash(again) == hash(graph)
    assert again.truth_table().tolist() == graph.truth_table().tolist()


def test_named_graphs_survive_json(graph: FunctionGraph) -> None:
    again = FunctionGraph.from_dict(json.loads(json.dumps(graph.to_dict())))
    assert again == graph
    assert again.truth_table().tolist() == graph.truth_table().tolist()


@given(graphs())
def test_irrelevant_inputs_change_no_output(graph: FunctionGraph) -> None:
    rows = graph.rows()
    for index in graph.irrelevant_inputs:
        flipped = rows.copy()
        flipped[:, index] ^= 1
        assert np.array_equal(graph.evaluate(flipped), graph.truth_table())


@given(graphs())
def test_an_input_is_irrelevant_if_no_path_leads_to_an_output(graph: FunctionGraph) -> None:
    def reached(level: int, index: int) -> set[int]:
        if level < 0:
            return {index}
        node = graph.levels[level][index]
        return set().union(*(reached(level - 1, below) for below in node.inputs))

    used = set().union(*(reached(len(graph.levels) - 1, o) for o in graph.outputs))
    assert set(graph.irrelevant_inputs) == set(range(graph.n_inputs)) - used


@given(graphs())
def test_modules_are_the_distinct_gates(graph: FunctionGraph) -> None:
    tables = [module.table for module in graph.modules]
    assert len(set(tables)) == len(tables)
    for level, modules in zip(graph.levels, graph.selection, strict=True):
        assert [tables[module] for module in modules] == [node.gate.table for node in level]


@given(st.integers(0, 10**6), st.integers(2, 4), st.sampled_from([1, 2]))
def test_random_graphs(seed: int, fan_in: int, n_outputs: int) -> None:
    widths = (7, 5, 4, n_outputs)
    graph = random_graph(widths, fan_in=fan_in, seed=seed)
    assert graph.widths == widths
    assert graph == random_graph(widths, fan_in=fan_in, seed=seed)
    for level, n_sources in zip(graph.routing, (7, 5), strict=True):
        assert all(len(set(inputs)) == fan_in for inputs in level)
        uses = np.bincount([source for inputs in level for source in inputs], minlength=n_sources)
        assert uses.max() - uses.min() <= 1  # as evenly as possible
    row = tuple(np.random.default_rng(seed).integers(0, 2, 7).tolist())
    assert graph.evaluate(np.array([row])).tolist() == [literal(graph, row)]


def test_random_graphs_differ_by_seed() -> None:
    drawn = {random_graph((6, 4, 2, 2), seed=seed).routing for seed in range(8)}
    assert len(drawn) > 1


def test_random_graphs_draw_from_the_gates_given() -> None:
    drawn = random_graph((6, 5, 5, 5), gates=["NAND", "NOR"], fan_in=3)
    assert {module.name for module in drawn.modules} == {"NAND", "NOR"}


def test_a_graph_from_its_table(graph: FunctionGraph) -> None:
    same = FunctionGraph.from_table(graph.truth_table())
    assert (same.n_inputs, same.n_outputs, same.name) == (6, 2, "6-2")
    rows = graph.rows()[::-1]
    assert np.array_equal(same.evaluate(rows), graph.evaluate(rows))


def test_every_two_input_gate_as_a_graph() -> None:
    for name, table in TWO_INPUT_GATES.items():
        result = FunctionGraph(2, [[f"{name} 0 1"]]).truth_table()
        assert result[:, 0].tolist() == list(table)
        swapped = FunctionGraph(2, [[f"{name} 1 0"]]).truth_table()
        assert swapped[:, 0].tolist() == [table[i] for i in (0, 2, 1, 3)]


def test_twenty_inputs_are_enumerated() -> None:
    graph = FunctionGraph(20, [[f"XOR {2 * i} {2 * i + 1}" for i in range(10)], ["AND 0 9"]])
    table = graph.truth_table()
    assert table.shape == (2**20, 1)
    assert table.sum() == 2**18
    assert table[1 << 19 | 1, 0] == 1  # 1 0 at the first pair, 0 1 at the last
    assert table[1 << 17 | 1, 0] == 0  # 1 0 at the second


def test_more_inputs_are_computed_on_demand() -> None:
    graph = FunctionGraph(62, [["XOR 0 61", "AND 1 2"]])
    with pytest.raises(ValueError, match=r"n_inputs=62: .* up to 20 inputs; evaluate\(rows"):
        graph.truth_table()
    with pytest.raises(ValueError, match="n_inputs=62"):
        graph.rows()
    numbers = [0, 1, 2**61, 2**61 + 1, 2**60 + 2**59, 2**62 - 1]
    wanted = [literal(graph, tuple(map(int, f"{number:062b}"))) for number in numbers]
    assert wanted == [[0, 0], [1, 0], [1, 0], [0, 0], [0, 1], [0, 1]]
    assert graph.evaluate(graph.rows(np.array(numbers))).tolist() == wanted


def test_a_truth_table_cannot_be_changed(graph: FunctionGraph) -> None:
    with pytest.raises(ValueError, match="read-only"):
        graph.truth_table()[0, 0] = 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FunctionGraph(0, [["AND 0 1"]]), "n_inputs=0; allowed is 1 to 1,000"),
        (lambda: FunctionGraph(1001, [["AND 0 1"]]), "n_inputs=1001; allowed is 1 to 1,000"),
        (lambda: FunctionGraph(2), "levels is empty; give levels of sub-functions, or a table"),
        (lambda: FunctionGraph(2, [["AND 0 1"], []]), "level 2 is empty; allowed is at least 1"),
        (
            lambda: FunctionGraph(3, [["AND 0 1", "OR 1 2"], ["XOR 1 2"]]),
            r"level 2: 'XOR 1 2' reads \(1, 2\); allowed places are 0 to 1",
        ),
        (
            lambda: FunctionGraph(2, [["AND 0 1"]], outputs=(0, 0)),
            r"outputs=\(0, 0\); allowed are distinct places from 0 to 0",
        ),
        (lambda: FunctionGraph(2, [["AND 0 1"]], outputs=()), r"outputs=\(\); allowed are"),
        (lambda: FunctionGraph(2, [["AND 0 1"]], outputs=(1,)), r"outputs=\(1,\); allowed are"),
        (
            lambda: FunctionGraph(2, [["AND 0 1"]], table=[[0], [0], [0], [1]]),
            "give levels or a table, not both",
        ),
        (
            lambda: FunctionGraph(2, table=[[0], [1]]),
            r"table has shape \(2, 1\); allowed is \(4, outputs\)",
        ),
        (lambda: FunctionGraph(1, table=[[0], [2]]), "table: allowed entries are 0 and 1"),
        (lambda: FunctionGraph(21, table=[[0]]), "a table has at most 20 inputs"),
        (lambda: FunctionGraph.from_table(np.zeros((3, 1))), r"table has shape \(3, 1\)"),
        (lambda: get_graph("6-3-2"), "unknown graph '6-3-2', did you mean '6-3-2-2'"),
        (lambda: FunctionGraph(2, [["AND"]]), "'AND': allowed is a gate and its input places"),
        (lambda: FunctionGraph(2, [["AND 0 x"]]), "'AND 0 x': allowed is a gate and its input"),
        (lambda: FunctionGraph(2, [["NOPE 0 1"]]), "unknown gate 'NOPE'"),
        (lambda: FunctionGraph(2, [["AND 0 0"]]), r"inputs=\(0, 0\); allowed are distinct places"),
        (lambda: SubFunction(gate("AND"), (0, 1, 2)), "table of 4 entries reads 2 inputs"),
        (lambda: random_graph((6, 2)), r"widths=\(6, 2\); allowed are inputs, levels"),
        (
            lambda: random_graph((6, 2, 2, 2), fan_in=3),
            r"fan_in=3 needs at least 3 sources, but level 2 has 2 \(widths 6-2-2-2\)",
        ),
        (lambda: random_graph((6, 2, 3)), "outputs=3; allowed is 1 to 2"),
        (
            lambda: GRAPHS["6-2-2"].evaluate(np.zeros((4, 5))),
            r"x has shape \(4, 5\); allowed is \(rows, 6\)",
        ),
    ],
)
def test_errors_say_what_is_allowed(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
