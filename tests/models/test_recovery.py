"""Recovery: unchanged by whatever keeps the function, broken by whatever does not."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from by_hand import Wiring
from hypothesis import given, settings
from hypothesis import strategies as st

from modnets.config.run_config import RunConfig
from modnets.models import slot_matching
from modnets.models.gate_fits import fit_gates
from modnets.models.recovery import compare, is_recovered, match, order_free
from modnets.models.slot_matching import best_matching
from modnets.models.structures import Structures, readable_slots
from modnets.tasks.gates import SYMMETRIC_GATES, TWO_INPUT_GATES, gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS

ASYMMETRIC = FunctionGraph(4, [["NIMPLY 0 1", "IMPLY 2 3", "XOR 1 2"], ["AND 0 1", "NIMPLY 2 0"]])
#: Those whose every sub-function an output needs.
TASKS = {
    "6-2-2": GRAPHS["6-2-2"],
    "6-3-2-2": GRAPHS["6-3-2-2"],
    "6-3-3-2-2": GRAPHS["6-3-3-2-2"],
    "asymmetric": ASYMMETRIC,
}
graphs = st.sampled_from(sorted(TASKS)).map(TASKS.get)


# What keeps the function


def renamed_slots(wiring: Wiring, orders: list[list[int]]) -> Wiring:
    """Slots of each level permuted: ``order[new]`` is the old index."""
    routing, selection, below = [], [], list(range(wiring.n_inputs))
    for level, order in enumerate(orders):
        index = {old: new for new, old in enumerate(below)}
        reads = [tuple(index[s] for s in wiring.routing[level][old]) for old in order]
        routing.append(tuple(reads))
        selection.append(tuple(wiring.selection[level][old] for old in order))
        below = order
    index = {old: new for new, old in enumerate(below)}
    outputs = tuple(index[o] for o in wiring.outputs)
    return replace(wiring, routing=tuple(routing), selection=tuple(selection), outputs=outputs)


def renamed_modules(wiring: Wiring, order: list[int]) -> Wiring:
    index = {old: new for new, old in enumerate(order)}
    selection = tuple(tuple(index[m] for m in level) for level in wiring.selection)
    return replace(wiring, tables=tuple(wiring.tables[old] for old in order), selection=selection)


def swapped(wiring: Wiring, level: int, slot: int) -> Wiring:
    """The inputs of one slot swapped."""
    routing = [list(reads) for reads in wiring.routing]
    routing[level][slot] = routing[level][slot][::-1]
    return replace(wiring, routing=tuple(map(tuple, routing)))


def with_table(wiring: Wiring, module: int, table: tuple[int, ...]) -> Wiring:
    tables = list(wiring.tables)
    tables[module] = table
    return replace(wiring, tables=tuple(tables))


def negated(wiring: Wiring, level: int, slot: int) -> Wiring:
    """One inner signal complemented, and the modules that read it adapted; own modules."""
    module = wiring.selection[level][slot]
    wiring = with_table(wiring, module, tuple(1 - bit for bit in wiring.tables[module]))
    for reader, sources in enumerate(wiring.routing[level + 1]):
        if slot in sources:
            module = wiring.selection[level + 1][reader]
            a, b, c, d = wiring.tables[module]
            table = (c, d, a, b) if sources[0] == slot else (b, a, d, c)
            wiring = with_table(wiring, module, table)
    return wiring


@settings(max_examples=60, deadline=None)
@given(graph=graphs, shared=st.booleans(), data=st.data())
def test_recovery_is_unchanged_by_what_keeps_the_function(graph, shared, data) -> None:
    wiring = Wiring.of(graph)
    wiring = wiring if shared else wiring.own()
    if not shared:
        for level in range(len(graph.slots) - 1):
            for slot in range(graph.slots[level]):
                if data.draw(st.booleans()):
                    wiring = negated(wiring, level, slot)
    for level, slot in ((n, s) for n, width in enumerate(graph.slots) for s in range(width)):
        a, b, c, d = wiring.tables[wiring.selection[level][slot]]
        if b == c and data.draw(st.booleans()):  # symmetric
            wiring = swapped(wiring, level, slot)
        elif not shared and data.draw(st.booleans()):  # the gate permuted with its inputs
            wiring = swapped(wiring, level, slot)
            wiring = with_table(wiring, wiring.selection[level][slot], (a, c, b, d))
    wiring = renamed_slots(wiring, [data.draw(st.permutations(range(n))) for n in graph.slots])
    wiring = renamed_modules(wiring, data.draw(st.permutations(range(len(wiring.tables)))))
    assert (wiring.function() == graph.truth_table()).all()
    recovery = compare(wiring.network(shared), graph)
    assert recovery.recovered
    assert recovery.routing_recovered
    assert recovery.edge_f1 == pytest.approx(1.0)
    assert all(edge for row in recovery.true_edges for slot in row for edge in slot)


@settings(max_examples=80, deadline=None)
@given(graph=graphs, data=st.data())
def test_recovery_is_broken_by_what_changes_the_function(graph, data) -> None:
    wiring = Wiring.of(graph).own()
    levels = list(enumerate(graph.slots))
    level, width = data.draw(st.sampled_from(levels))
    slot = data.draw(st.integers(0, width - 1))
    kind = data.draw(st.sampled_from(["reroute", "swap", "gate", "outputs"]))
    if kind == "reroute":
        below = graph.widths[level]
        pair = data.draw(st.permutations(range(below)))[:2]
        reads = list(map(list, wiring.routing))
        reads[level][slot] = tuple(pair)
        wiring = replace(wiring, routing=tuple(map(tuple, reads)))
    elif kind == "swap":
        wiring = swapped(wiring, level, slot)
    elif kind == "gate":
        table = data.draw(st.sampled_from(sorted(TWO_INPUT_GATES.values())))
        wiring = with_table(wiring, wiring.selection[level][slot], table)
    else:
        outputs = data.draw(st.permutations(range(graph.slots[-1])))[: graph.n_outputs]
        wiring = replace(wiring, outputs=tuple(outputs))
    keeps = bool((wiring.function() == graph.truth_table()).all())
    recovery = compare(wiring.network(shared=False), graph)
    assert recovery.recovered <= keeps
    if kind == "swap":
        assert recovery.recovered == keeps


def test_the_right_function_by_another_circuit_is_not_recovered() -> None:
    """y = a XOR b, from AND and NOR by NOR."""
    graph = FunctionGraph(2, [["XOR 0 1", "AND 0 1"], ["A 0 1"]])
    other = Wiring(
        2, (((0, 1), (1, 0)), ((0, 1),)), ((0, 1), (1,)), ((0, 0, 0, 1), (1, 0, 0, 0)), (0,)
    )
    assert (other.function() == graph.truth_table()).all()
    recovery = compare(other.network(), graph)
    assert not recovery.recovered
    assert recovery.routing_recovered  # the routing is equal, inner gates differ


def test_wiring_alone_asks_for_the_order_of_inputs_where_it_matters() -> None:
    graph = FunctionGraph(3, [["NIMPLY 0 1", "XOR 1 2"], ["NIMPLY 0 1"]])

    def wired(wiring: Wiring) -> bool:
        plain = {"routing": wiring.routing, "outputs": wiring.outputs}
        return bool(is_recovered(graph, Structures.from_plain([plain]), 0, None)[0])

    wiring = Wiring.of(graph)
    assert wired(wiring)
    assert not wired(swapped(wiring, 0, 0))  # inputs cannot be complemented
    assert wired(swapped(wiring, 0, 1))
    assert wired(swapped(wiring, 1, 0))  # NIMPLY of complemented signals is a NOR: symmetric


@pytest.mark.parametrize("name", SYMMETRIC_GATES)
def test_symmetric_gates_are_free_of_order(name: str) -> None:
    assert len(order_free(gate(name, 3), signs_free=False)) == 6


def test_orders_of_gates_against_a_literal_search() -> None:
    for name, table in TWO_INPUT_GATES.items():
        a, b, c, d = table
        turned = (a, c, b, d)
        signs = itertools.product((0, 1), repeat=3)
        forms = {
            tuple(table[2 * (i ^ s) + (j ^ t)] ^ u for i in (0, 1) for j in (0, 1))
            for s, t, u in signs
        }
        free = order_free(gate(name), signs_free=True)
        assert ((1, 0) in free) == (turned in forms)
        plain = order_free(gate(name), signs_free=False)
        assert ((1, 0) in plain) == (turned in {table, tuple(1 - bit for bit in table)})


# Matching


def literal_f1(graph: FunctionGraph, one: dict) -> float:
    """The best of all permutations of slots, by brute force."""
    routing, outputs = one["routing"], one["outputs"]
    slots = [len(level) for level in routing]
    used = [set() for _ in slots]
    used[-1] = set(outputs)
    for level in reversed(range(1, len(slots))):
        for slot in used[level]:
            used[level - 1] |= set(routing[level][slot])
    edges = {
        (level, source, slot)
        for level, reads in enumerate(routing)
        for slot in used[level]
        for source in reads[slot]
    } | {("out", source, number) for number, source in enumerate(outputs)}
    best = 0
    for orders in itertools.product(
        *(itertools.permutations(range(n), k) for n, k in zip(slots, graph.slots, strict=True))
    ):
        true, below = set(), list(range(graph.n_inputs))
        for level, (reads, order) in enumerate(zip(graph.routing, orders, strict=True)):
            for node, sources in enumerate(reads):
                true |= {(level, below[source], order[node]) for source in sources}
            below = order
        true |= {("out", below[node], number) for number, node in enumerate(graph.outputs)}
        best = max(best, 2 * len(true & edges) / (len(true) + len(edges)))
    return best


def random_structures(graph: FunctionGraph, slots: tuple[int, ...], count: int) -> list[dict]:
    rng, result = np.random.default_rng(0), []
    for _ in range(count):
        below, routing = graph.n_inputs, []
        for width in slots:
            routing.append([rng.permutation(below)[:2].tolist() for _ in range(width)])
            below = width
        result.append({"routing": routing, "outputs": rng.permutation(below)[:2].tolist()})
    return result


@pytest.mark.parametrize("slots", [None, (4, 3)])
@pytest.mark.parametrize("name", ["6-3-2-2", "asymmetric"])
def test_edge_f1_is_that_of_the_best_renaming(name: str, slots: tuple[int, ...] | None) -> None:
    graph = TASKS[name]
    plain = random_structures(graph, slots or graph.slots, 23)
    structure = Structures.from_plain(plain)
    _, f1 = match(graph, structure, 0)
    assert f1.tolist() == pytest.approx([literal_f1(graph, one) for one in plain])


def test_the_matching_gives_the_edges_that_it_counts() -> None:
    graph = TASKS["6-3-2-2"]
    structure = Structures.from_plain(random_structures(graph, (5, 3), 11))
    slots, f1 = match(graph, structure, 0)
    for run in range(structure.n_runs):
        edges = [level[run] for level in structure.edges(0, graph.n_inputs)]
        agree = sum(
            edges[0][slots[0][run, node], source]
            for node, sources in enumerate(graph.routing[0])
            for source in sources
        ) + sum(
            edges[1][slots[1][run, node], slots[0][run, source]]
            for node, sources in enumerate(graph.routing[1])
            for source in sources
        )
        agree += sum(
            structure.outputs[run, 0, output] == slots[1][run, node]
            for output, node in enumerate(graph.outputs)
        )
        n_read = sum(level.sum() for level in edges) + 2
        assert f1[run] == pytest.approx(2 * agree / (n_read + 10 + 2))


def test_step_by_step_is_at_most_the_best_and_finds_a_true_one(monkeypatch) -> None:

    graph = TASKS["6-3-3-2-2"]
    plain = random_structures(graph, (5, 4, 3), 17)
    plain.append(
        {"routing": [list(map(list, level)) for level in graph.routing], "outputs": [0, 1]}
    )
    plain[-1]["routing"][0] += [[0, 1], [0, 1]]
    plain[-1]["routing"][1] += [[0, 1]]
    plain[-1]["routing"][2] += [[0, 1]]
    structure = Structures.from_plain(plain)
    _, best = match(graph, structure, 0)
    monkeypatch.setattr(slot_matching, "MAX_PAIRS", 0)
    _, near = match(graph, structure, 0)
    assert (near <= best + 1e-12).all()
    assert near[-1] == best[-1] == pytest.approx(1.0)
    assert near.mean() > 0.9 * best.mean()


def test_fewer_slots_than_sub_functions() -> None:
    graph = TASKS["6-3-2-2"]
    edges = [np.zeros((1, 2, 6), bool), np.zeros((1, 1, 2), bool)]
    edges[0][0, 0, [2, 3]] = edges[1][0, 0, 0] = True
    slots, agree = best_matching(graph.routing, edges, np.zeros((1, 1, 2), int))
    assert agree.tolist() == [3]
    assert slots[0][0].tolist().count(-1) == 1
    assert slots[0][0, 1] == 0


def test_levels_that_are_too_few_or_too_many() -> None:
    graph = TASKS["6-3-2-2"]
    for slots in ((3,), (3, 2, 2)):
        structure = Structures.from_plain(random_structures(graph, slots, 5))
        assert not is_recovered(graph, structure, 0, None).any()
        assert (match(graph, structure, 0)[1] < 1).all()


def test_a_duplicate_of_a_sub_function_stands_for_it_too() -> None:
    """More slots than needed: each output may read a copy of b of its own."""
    graph = TASKS["6-3-2-2"]
    wiring = Wiring(
        6,
        (((0, 1), (2, 3), (4, 5), (3, 2)), ((0, 1), (3, 2))),
        ((0, 0, 0, 0), (1, 1)),
        (TWO_INPUT_GATES["XOR"], TWO_INPUT_GATES["AND"]),
        (0, 1),
    )
    assert (wiring.function() == graph.truth_table()).all()
    recovery = compare(wiring.network(), graph)
    assert recovery.recovered
    assert recovery.edge_f1 < 1


def test_outputs_from_every_level() -> None:
    graph = TASKS["6-2-2"]
    plain = {"routing": [[[0, 1], [2, 3]], [[0, 1]]], "outputs": [0, 1]}
    structure = Structures.from_plain([plain, plain | {"outputs": [2, 1]}], every_level=True)
    assert structure.readable == readable_slots((2, 1), True) == ((0, 0), (0, 1), (1, 0))
    assert is_recovered(graph, structure, 0, None).tolist() == [True, False]
    assert match(graph, structure, 0)[1].tolist() == pytest.approx([1.0, 2 * 5 / (8 + 6)])


def test_a_task_of_a_set() -> None:
    tasks = TASK_SETS["three tasks"]
    from modnets.models.registry import build

    run = RunConfig(graph=tasks, model="shared", routing="known").final
    network = build(run, 0)
    for task in range(3):
        assert compare(network, tasks, task).routing_recovered
        assert not compare(network, tasks, task).recovered  # its modules are untrained


def test_a_table_has_nothing_to_compare_with() -> None:
    with pytest.raises(ValueError, match=r"^graph=6-2 has no known structure to compare with$"):
        compare(Wiring.of(GRAPHS["6-2-2"]).network(), GRAPHS["6-2"])


def test_networks_that_do_not_fit_are_refused() -> None:
    from modnets.models.registry import build

    network = Wiring.of(GRAPHS["6-3-2-2"]).network()
    for ask in (compare, fit_gates):
        with pytest.raises(ValueError, match=r"^graph=4-1-1 has 4 inputs, 1 outputs, 1 tasks; the"):
            ask(network, FunctionGraph(4, [["XOR 0 1"]]))
        with pytest.raises(ValueError, match=r"^task=1; allowed are 0 to 0$"):
            ask(network, "6-3-2-2", 1)
        with pytest.raises(ValueError, match=r"^network=MLP\(.*; allowed is a ModularNetwork"):
            ask(build(RunConfig().final, 0), "6-3-2-2")
        with pytest.raises(ValueError, match="graph"):
            ask(network, "6-3-2")
