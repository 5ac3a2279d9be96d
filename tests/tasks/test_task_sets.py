"""Sets of tasks: their formulas, and known structure that computes every task's table."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS, get_graph
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.splits import n_train_rows, split_rows, split_task
from modnets.tasks.task_sets import TaskSet

# The three tasks, written out.
FORMULAS = [
    lambda x0, x1, x2, x3, x4, x5: ((x0 ^ x1) & (x2 ^ x3), (x2 ^ x3) & (x4 ^ x5)),
    lambda x0, x1, x2, x3, x4, x5: ((x0 | x2) & (x3 | x4), (x1 | x5) & (x3 | x4)),
    lambda x0, x1, x2, x3, x4, x5: ((x0 | x2) & (x4 ^ x5), (x0 ^ x1) & (x3 | x4)),
]
PUBLISHED = {"two tasks": FORMULAS[::2], "three tasks": FORMULAS}

GATES = ("XOR", "AND", "OR", "NAND", "NIMPLY")


@pytest.fixture(params=TASK_SETS)
def tasks(request: pytest.FixtureRequest) -> TaskSet:
    """Each named set of tasks."""
    return TASK_SETS[request.param]


@st.composite
def task_sets(draw, depths: tuple[int, ...] = (1, 2, 3)) -> TaskSet:
    """Sets of 2 to 4 random graphs of 5 inputs and 2 outputs, each of one of the depths."""
    graphs = []
    for _ in range(draw(st.integers(2, 4))):
        levels = draw(st.lists(st.integers(2, 4), min_size=min(depths), max_size=max(depths)))
        graphs.append(random_graph((5, *levels, 2), GATES, seed=draw(st.integers(0, 10**6))))
    return TaskSet(tuple(graphs))


def wired(tasks: TaskSet, task: int, row: list[int], every_level: bool) -> list[int]:
    """A task's outputs from routing, selection and output slots alone, slot by slot."""
    values, seen = row, []
    for routing, selection in zip(tasks.routing[task], tasks.selection[task], strict=True):
        result = []
        for sources, module in zip(routing, selection, strict=True):
            bits = "".join(str(values[source]) for source in sources)
            result.append(tasks.modules[module].table[int(bits, 2)] if bits else None)
        values = result
        seen += result
    outputs = tasks.places_of_outputs(every_level)[task]
    return [(seen if every_level else values)[index] for index in outputs]


def assert_wired(tasks: TaskSet, every_level: bool) -> None:
    """Known structure gives each task its own graph's table."""
    bits = [list(row) for row in itertools.product((0, 1), repeat=tasks.n_sources)]
    for task, graph in enumerate(tasks.graphs):
        result = [wired(tasks, task, row, every_level) for row in bits]
        assert result == graph.truth_table().tolist()


def test_named_sets_compute_their_formulas(tasks: TaskSet) -> None:
    formulas, bits = PUBLISHED[tasks.name], list(itertools.product((0, 1), repeat=6))
    wanted = [list(formula(*row)) for formula in formulas for row in bits]
    assert tasks.truth_table().tolist() == wanted
    assert tasks.evaluate(tasks.rows()).tolist() == wanted
    order = np.random.default_rng(0).permutation(len(wanted))
    assert tasks.evaluate(tasks.rows(order)).tolist() == [wanted[row] for row in order]


def test_every_named_set_has_its_formulas() -> None:
    assert set(TASK_SETS) == set(PUBLISHED)
    assert [get_graph(name).n_tasks for name in PUBLISHED] == [2, 3]
    assert get_graph("two tasks") is TASK_SETS["two tasks"]


def test_rows_are_numbered_task_by_task_and_end_in_a_one_hot_id(tasks: TaskSet) -> None:
    n_tasks = tasks.n_tasks
    assert tasks.n_inputs == 6 + n_tasks == tasks.n_sources + n_tasks
    assert (tasks.n_rows, tasks.n_outputs) == (64, 2)
    rows = tasks.rows()
    assert rows.shape == (64 * n_tasks, 6 + n_tasks)
    for number, row in enumerate(rows.tolist()):
        task, index = number // 64, number % 64
        assert row[:6] == [int(bit) for bit in f"{index:06b}"]
        assert row[6:] == [int(other == task) for other in range(n_tasks)]
    some = [64, 3, 127, 64]
    assert tasks.rows(np.array(some)).tolist() == rows[some].tolist()


def test_structure_of_the_named_sets() -> None:
    two, three = TASK_SETS.values()
    assert [gate.name for gate in three.modules] == ["XOR", "OR", "AND"]
    assert three.slots == (3 + 3, 2)  # three XORs of the first task, three ORs of the second
    assert two.slots == (3 + 2, 2)
    assert (two.widths, three.widths) == ((6, 5, 2, 2), (6, 6, 2, 2))
    assert (three.fan_in, three.has_structure) == (2, True)
    assert three.selection == (((0, 0, 0, 1, 1, 1), (2, 2)),) * 3
    assert three.routing[1] == (((), (), (), (0, 2), (3, 4), (1, 5)), ((3, 4), (5, 4)))


@settings(max_examples=40)
@given(task_sets(depths=(2, 2)))
def test_known_structure_of_equal_depths_computes_every_task(tasks: TaskSet) -> None:
    assert_wired(tasks, every_level=False)
    assert_wired(tasks, every_level=True)


@settings(max_examples=60)
@given(task_sets())
def test_known_structure_of_any_depths_computes_every_task(tasks: TaskSet) -> None:
    assert_wired(tasks, every_level=True)
    depths = [len(graph.levels) for graph in tasks.graphs]
    assert len(tasks.slots) == max(depths)
    if len(set(depths)) == 1:
        assert_wired(tasks, every_level=False)
    else:
        with pytest.raises(ValueError, match=r"output_levels='last': a task of .* allowed is 'ev"):
            tasks.places_of_outputs()


@given(task_sets())
def test_levels_have_the_fewest_slots_with_one_gate_each_whatever_the_task(tasks: TaskSet) -> None:
    assert len(set(tasks.selection)) == 1
    assert len(tasks.selection) == len(tasks.routing) == tasks.n_tasks
    for depth, width in enumerate(tasks.slots):
        here = [
            [node.gate.table for node in graph.levels[depth]] if depth < len(graph.levels) else []
            for graph in tasks.graphs
        ]
        distinct = {table for tables in here for table in tables}
        assert width == sum(max(t.count(table) for t in here) for table in distinct)
        for task, tables in enumerate(here):
            used = [sources for sources in tasks.routing[task][depth] if sources]
            assert len(used) == len(tables)  # the others read nothing
    pool = [gate.table for gate in tasks.modules]
    assert len(set(pool)) == len(pool)
    assert set(pool) == {gate.table for graph in tasks.graphs for gate in graph.modules}


def test_an_unused_slot_reads_nothing_and_outputs_keep_their_order() -> None:
    one = FunctionGraph(4, [["AND 0 1", "XOR 2 3", "XOR 1 2"]], outputs=(2, 0))
    other = FunctionGraph(4, [["OR 0 3", "AND 2 3"]], outputs=(1, 0))
    tasks = TaskSet((one, other))
    assert tasks.routing == (
        (((0, 1), (2, 3), (1, 2), ()),),
        (((2, 3), (), (), (0, 3)),),
    )
    assert tasks.places_of_outputs() == ((2, 0), (0, 3))


@given(task_sets())
def test_a_set_survives_json(tasks: TaskSet) -> None:
    again = task_from_dict(json.loads(json.dumps(tasks.to_dict())))
    assert isinstance(again, TaskSet)
    assert again == tasks
    assert hash(again) == hash(tasks)
    assert again.truth_table().tolist() == tasks.truth_table().tolist()
    assert str(again) == again.name == f"{tasks.width_name}, {tasks.n_tasks} tasks"


def test_named_sets_survive_json(tasks: TaskSet) -> None:
    assert task_from_dict(json.loads(json.dumps(tasks.to_dict()))) == tasks
    graph = tasks.graphs[0]
    assert task_from_dict(graph.to_dict()) == graph


def test_order_and_name_tell_sets_apart() -> None:
    graphs = tuple(GRAPHS[name] for name in ("6-2-2", "6-3-2-2"))
    one = TaskSet(graphs, name="mine")
    assert one == TaskSet(list(graphs), name="mine")
    assert one != TaskSet(graphs[::-1], name="mine")
    assert one != TaskSet(graphs, name="yours")


def test_a_task_without_structure_leaves_the_set_without() -> None:
    tasks = TaskSet((GRAPHS["6-3-2-2"], GRAPHS["6-2"]))
    assert (tasks.has_structure, tasks.slots, tasks.widths) == (False, (), (6, 2))
    tables = [graph.truth_table().tolist() for graph in tasks.graphs]
    assert tasks.truth_table().tolist() == tables[0] + tables[1]


# Splits


@given(st.integers(1, 63), st.integers(0, 2**31), st.sampled_from(["different", "same"]))
def test_each_task_is_split_as_its_own_table_is(rows: int, seed: int, held_out: str) -> None:
    tasks = TASK_SETS["three tasks"]
    parts = split_task(tasks, rows, seed, held_out=held_out)
    assert list(parts) == ["train", "validation", "test"]
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(192))
    for task in range(3):
        seed_of_task = seed + (10_000 * task if held_out == "different" else 0)
        wanted = split_rows(GRAPHS["6-2-2"], rows, seed_of_task)
        for name, numbers in parts.items():
            own = numbers[(numbers >= 64 * task) & (numbers < 64 * task + 64)] - 64 * task
            assert own.tolist() == getattr(wanted, name).tolist()


def test_tasks_hold_out_the_same_rows_or_different_ones() -> None:
    tasks = TASK_SETS["three tasks"]
    for held_out, distinct in (("same", 1), ("different", 3)):
        train = split_task(tasks, 20, 3, held_out=held_out)["train"].reshape(3, 20) % 64
        assert len({tuple(rows) for rows in train.tolist()}) == distinct


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TaskSet([GRAPHS["6-2-2"]]), "1 tasks in a set; allowed are 2 or more"),
        (lambda: TaskSet([]), "0 tasks in a set; allowed are 2 or more"),
        (
            lambda: TaskSet([GRAPHS["6-2-2"], FunctionGraph(5, [["XOR 0 1", "AND 2 3"]])]),
            r"tasks of \[\(6, 2\), \(5, 2\)\] inputs and outputs; allowed are tasks of the same",
        ),
        (
            lambda: TaskSet([GRAPHS["6-2-2"], FunctionGraph(6, [["XOR 0 1"]])]),
            r"tasks of \[\(6, 2\), \(6, 1\)\] inputs and outputs",
        ),
        (lambda: TaskSet([FunctionGraph(21, [["XOR 0 1"]])] * 2), "of the same, up to 20 inputs"),
        (
            lambda: TaskSet([GRAPHS["6-2-2"], GRAPHS["6-3-2-2"]]).places_of_outputs(),
            "'last': a task of 6-3-2-2, 2 tasks has 1 levels of 2; allowed is 'every'",
        ),
        (
            lambda: n_train_rows(TASK_SETS["two tasks"], train_rows=64),
            "train_rows=64 of 64 rows leaves no row to test on",
        ),
        (
            lambda: split_task(TASK_SETS["two tasks"], 8, 0, held_out="sam"),
            "unknown held_out 'sam', did you mean 'same'.*allowed: different, same",
        ),
        (lambda: get_graph("two task"), "unknown graph 'two task', did you mean 'two tasks'"),
    ],
)
def test_errors_say_what_is_allowed(make, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
