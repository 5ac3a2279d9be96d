"""Gate fits: modules constructed from gates are fitted as those gates."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from by_hand import Wiring

from modnets.config.run_config import RunConfig
from modnets.models.gate_fits import fit_gates, fit_gates_of_runs, read_signals
from modnets.models.modular import ModularNetwork
from modnets.models.registry import build
from modnets.models.structures import structures
from modnets.tasks.gate_names import NEVER, name_of
from modnets.tasks.gates import TWO_INPUT_GATES, all_rows, gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS

STRUCTURED = [name for name, graph in GRAPHS.items() if graph.has_structure]
ZERO_FIRST = [name for name, table in TWO_INPUT_GATES.items() if table[0] == 0]


def names(network: ModularNetwork, graph: FunctionGraph) -> list[list[str]]:
    return [[slot.name for slot in level] for level in fit_gates(network, graph)]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", STRUCTURED)
def test_a_network_of_exact_gates_reads_out_as_those_gates(name: str, shared: bool) -> None:
    graph = GRAPHS[name]
    fits = fit_gates(Wiring.of(graph).network(shared), graph)
    assert [[slot.name for slot in level] for level in fits] == [
        [node.gate.name for node in level] for level in graph.levels
    ]
    assert all(slot.clarity == pytest.approx(1.0) for level in fits for slot in level)
    assert all(
        slot.table == node.gate.table
        for level, nodes in zip(fits, graph.levels, strict=True)
        for slot, node in zip(level, nodes, strict=True)
    )


@pytest.mark.parametrize("name", TWO_INPUT_GATES)
def test_every_gate_of_two_inputs_up_to_negation(name: str) -> None:
    graph = FunctionGraph(2, [[f"{name} 0 1"]])
    fits = fit_gates(Wiring.of(graph).network(), graph)[0][0]
    table = np.array(TWO_INPUT_GATES[name]) ^ TWO_INPUT_GATES[name][0]
    assert fits.name in ZERO_FIRST
    assert TWO_INPUT_GATES[fits.name] == tuple(table)
    assert fits.table == tuple(table)


def test_negated_inner_signals_read_out_as_what_they_amount_to() -> None:
    """XNOR and NOR for XOR and AND."""
    graph = GRAPHS["6-3-2-2"]
    negated = replace(Wiring.of(graph), tables=(TWO_INPUT_GATES["XNOR"], TWO_INPUT_GATES["NOR"]))
    assert (negated.function() == graph.truth_table()).all()
    assert names(negated.network(), graph) == [["XOR"] * 3, ["AND"] * 2]


def test_noise_lowers_clarity_and_not_the_name_until_it_should() -> None:
    graph, wiring = GRAPHS["6-3-2-2"], Wiring.of(GRAPHS["6-3-2-2"])
    torch.manual_seed(0)
    noise = None
    clarity, kept = [], []
    for size in (0.0, 0.01, 0.02, 0.03, 1.0, 10.0):
        network = wiring.network()
        weights = [p for name, p in network.named_parameters() if name.startswith("pools")]
        noise = noise or [torch.randn_like(weight) for weight in weights]
        with torch.no_grad():
            for weight, draw in zip(weights, noise, strict=True):
                weight += size * draw
        fits = fit_gates(network, graph)
        clarity.append(np.mean([slot.clarity for level in fits for slot in level]))
        kept.append([[slot.name for slot in level] for level in fits])
    right = [["XOR"] * 3, ["AND"] * 2]
    assert kept[:4] == [right] * 4
    assert kept[-1] != right
    assert clarity[:4] == sorted(clarity[:4], reverse=True)
    assert clarity[3] < 0.95 < clarity[0]


def test_the_values_are_those_of_the_network() -> None:
    for config in (
        RunConfig(model="shared", slots=(5, 3)),
        RunConfig(model="modular", arity=3),
        RunConfig(graph=TASK_SETS["three tasks"], model="shared", output_levels="every"),
    ):
        network, task = build(config.final, 0), config.graph
        parameters = {name: p.detach()[None] for name, p in network.named_parameters()}
        wiring = structures(network, parameters)
        bits = all_rows(task.n_sources)
        for number in range(task.n_tasks):
            levels = fit_gates_of_runs(network, parameters, wiring, bits, number)
            ids = np.eye(task.n_tasks)[[number] * len(bits)] if task.n_tasks > 1 else bits[:, :0]
            x = torch.from_numpy(np.concatenate([bits, ids], axis=1).astype(np.float32))
            with torch.no_grad():
                logits = network(x).numpy()
            ends = [wiring.readable[index] for index in wiring.outputs[0, number]]
            outputs = np.stack([levels[level].values[0, slot] for level, slot in ends], axis=1)
            np.testing.assert_allclose(outputs, logits, rtol=1e-4, atol=1e-5)


def test_many_runs_are_read_as_each_alone() -> None:
    config = RunConfig(model="shared")
    networks = [build(config.final, seed) for seed in range(5)]
    parameters = {
        name: torch.stack([dict(network.named_parameters())[name].detach() for network in networks])
        for name, _ in networks[0].named_parameters()
    }
    wiring = structures(networks[0], parameters)
    levels = fit_gates_of_runs(networks[0], parameters, wiring, config.graph.rows())
    for run, network in enumerate(networks):
        for level, alone in zip(levels, fit_gates(network, config.graph), strict=True):
            assert level.names[run].tolist() == [slot.name for slot in alone]
            assert level.clarity[run] == pytest.approx([slot.clarity for slot in alone])


def test_tables_and_clarity_against_a_literal_loop() -> None:
    rng = np.random.default_rng(0)
    sources, values = rng.random((2, 3, 2, 11)) > 0.5, rng.random((2, 3, 11)).astype(np.float32)
    fits = read_signals(values, sources)
    for run, slot in itertools.product(range(2), range(3)):
        v = values[run, slot]
        cut = (v.min() + v.max()) / 2
        v, cut = (-v, -cut) if v[0] > cut else (v, cut)
        signal = v > cut
        assert fits.signals[run, slot].tolist() == signal.tolist()
        ones, zeros = [], []
        for a, b in itertools.product((0, 1), repeat=2):
            rows = (sources[run, slot, 0] == a) & (sources[run, slot, 1] == b)
            entry = fits.tables[run, slot, 2 * a + b]
            if not rows.any():
                assert entry == NEVER
                continue
            assert entry == (signal[rows].mean() > 0.5)
            (ones if entry else zeros).append(v[rows])
        gap = -1.0
        if ones and zeros:
            spread = v.max() - v.min()
            gap = (np.concatenate(ones).min() - np.concatenate(zeros).max()) / spread
        assert fits.clarity[run, slot] == pytest.approx(max(gap, 0.0), abs=1e-6)


def test_a_constant_slot_reads_as_constant() -> None:
    sources = np.array([[[[0, 0, 1, 1], [0, 1, 0, 1]]]], dtype=bool)
    fits = read_signals(np.full((1, 1, 4), 3.7, np.float32), sources)
    assert fits.names.tolist() == [["FALSE"]]
    broken = read_signals(np.full((1, 1, 4), np.nan, np.float32), sources)
    assert broken.names.tolist() == [["FALSE"]]


def test_an_output_is_cut_at_0_where_that_parts_it() -> None:
    """-20, -5, -5, 3 is an AND as a logit; by its range alone it would be an OR."""
    sources = np.array([[[[0, 0, 1, 1], [0, 1, 0, 1]]]], dtype=bool)
    values = np.array([[[-20.0, -5.0, -5.0, 3.0]]])
    inner, output = (read_signals(values, sources, np.array([[end]])) for end in (False, True))
    assert (inner.names.item(), output.names.item()) == ("OR", "AND")
    exact = np.array([[[0.01, -0.02, 0.015, 1.0]]])  # 0 is no clear threshold here
    assert read_signals(exact, sources, np.array([[True]])).names.item() == "AND"


# Names


@pytest.mark.parametrize("name", TWO_INPUT_GATES)
def test_names_of_the_sixteen_gates(name: str) -> None:
    assert name_of(TWO_INPUT_GATES[name]) == name


@pytest.mark.parametrize("known", list(itertools.product((0, 1, NEVER), repeat=4)))
def test_a_name_agrees_with_all_that_is_met(known: tuple[int, ...]) -> None:
    """And no simpler gate does: fewer inputs first."""
    needs = {name: inputs_needed(table) for name, table in TWO_INPUT_GATES.items()}
    fits = [
        name
        for name, table in TWO_INPUT_GATES.items()
        if all(entry in (NEVER, bit) for entry, bit in zip(known, table, strict=True))
    ]
    named = name_of(known)
    assert named in fits
    assert needs[named] == min(needs[name] for name in fits)


def inputs_needed(table: tuple[int, ...]) -> int:
    a, b, c, d = table
    return int((a, b) != (c, d)) + int((a, c) != (b, d))


def test_names_of_larger_gates() -> None:
    for name in ("AND", "OR", "XOR", "NAND", "NOR", "XNOR"):
        assert name_of(gate(name, 3).table) == name
        assert name_of(gate(name, 4).table) == name
    of_two_places = tuple(int(b ^ c) for a, b, c in itertools.product((0, 1), repeat=3))
    assert name_of(of_two_places) == "XOR"
    assert name_of(tuple(c for a, b, c in itertools.product((0, 1), repeat=3))) == "C"
    majority = tuple(int(a + b + c > 1) for a, b, c in itertools.product((0, 1), repeat=3))
    assert name_of(majority) == "OTHER"
