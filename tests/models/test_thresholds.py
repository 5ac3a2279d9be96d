"""Joint thresholds: against brute force, and on trained networks."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from modnets.analysis.structure import gates
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models.gate_fits import (
    _fit,
    fit_gates,
    fit_gates_of_runs,
    inputs_met,
    reproduced,
)
from modnets.models.modular import ModularNetwork
from modnets.models.registry import build
from modnets.models.signals import read_signals
from modnets.models.slot_values import slot_layers, slot_values
from modnets.models.structures import parameters_of, structures
from modnets.models.thresholds import joint_thresholds
from modnets.tasks.gate_names import NEVER
from modnets.tasks.gates import all_rows
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS
from modnets.training.engine import train_chunk

#: Kinds of modular networks, and how many of their solved runs may pass more than a bit.
TRAINED = {
    "shared, 6-2-2": ({"graph": "6-2-2", "model": "shared", "routing": "known"}, 0),
    "shared, 6-3-2-2": ({"graph": "6-3-2-2", "model": "shared", "routing": "known"}, 0),
    "own, 6-3-2-2": ({"graph": "6-3-2-2", "routing": "known"}, 0),
    "own, 6-3-3-2-2": ({"graph": "6-3-3-2-2", "routing": "known", "epochs": 900}, 1),
    "shared, learned, arity 3": ({"graph": "6-2-2", "model": "shared", "arity": 3}, 0),
}


def circuit(network: ModularNetwork, gates: list, x: np.ndarray) -> np.ndarray:
    """Outputs of fitted gates for each row, literally."""
    structure, rows = network.structure(), []
    for bits in x.tolist():
        below = bits
        for reads, slots in zip(structure["routing"], gates, strict=True):
            indices = [int("".join(str(below[r]) for r in sources), 2) for sources in reads]
            below = [
                slot.table[index] if slot.table[index] != NEVER else 0
                for slot, index in zip(slots, indices, strict=True)
            ]
        rows.append([below[index] for index in structure["outputs"]])
    return np.array(rows)


def answers(network: ModularNetwork, x: np.ndarray) -> np.ndarray:
    """The network's own table, up to the sign of its first row, as signals in normal form."""
    with torch.no_grad():
        table = network(torch.from_numpy(x.astype(np.float32))).numpy() > 0
    return table ^ table[:1]


@pytest.mark.parametrize("kind", TRAINED)
def test_gates_of_solved_runs_give_the_networks_table(kind: str) -> None:
    settings, n_allowed = TRAINED[kind]
    common = {"model": "modular", "train_rows": 60, "epochs": 400, "lr": 0.03, "eval_every": 2000}
    runs = grid(RunConfig(**common | settings), seed=range(16))
    trained = train_chunk(runs, chunk=16, keep_networks=True)
    ends = trained.table.groupby("run", sort=False).tail(1)
    x, n_solved, not_faithful = inputs_met(runs[0].graph), 0, 0
    for network, (_, end) in zip(trained.networks, ends.iterrows(), strict=True):
        structure, fits = json.loads(end["structure"]), fit_gates(network, runs[0].graph)
        faithful = all(fits[-1][slot].faithful for slot in structure["outputs"])
        assert structure["faithful"] == faithful == bool(end["faithful"])
        assert structure["gates"] == [[slot.name for slot in level] for level in fits]
        same = (circuit(network, fits, x) == answers(network, x)).all()
        assert same or not faithful
        if end["solved"]:
            n_solved += 1
            not_faithful += not same
        if end["solved"] and settings.get("routing") == "known":
            named = [name for level in structure["gates"] for name in level]
            assert "FALSE" not in named
            assert same == (min(itertools.chain(*structure["clarity"])) > 0)
    assert n_solved >= 3
    assert not_faithful <= n_allowed
    slots = gates(trained.table)
    assert slots["faithful"].tolist() == [
        bool(faithful) for faithful in ends["faithful"] for _ in range(len(slots) // len(runs))
    ]


def test_thresholds_are_found_where_brute_force_finds_any() -> None:
    """Random tiny networks; every split of a slot's values in two is tried."""
    torch.manual_seed(0)
    n_found = n_none = 0
    for number in range(200):
        network = ModularNetwork(3, (2, 2), 2, (2, 3, 1))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if name.startswith("pools"):
                    parameter.normal_(std=2.0)
            if number % 2:  # outputs near the middle of their range
                last = dict(network.named_parameters())["pools.1.bias.1"]
                last -= logits_of(network).mean() + 0.0123
        parameters = parameters_of(network)
        wiring, x = structures(network, parameters), all_rows(3)
        values = slot_values(network, slot_layers(network, parameters, wiring), wiring, x)
        possible = by_brute_force(network, values, x)
        levels = fit_gates_of_runs(network, parameters, wiring, x)
        assert bool(reproduced(levels, wiring, 0)[0]) == possible
        n_found, n_none = n_found + possible, n_none + (not possible)
        if possible:
            fits = fit_gates(network, FunctionGraph(3, [["AND 0 1", "OR 1 2"], ["AND 0 1"] * 2]))
            assert (circuit(network, fits, x) == answers(network, x)).all()
    assert n_found > 150
    assert n_none >= 5


def logits_of(network: ModularNetwork) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(all_rows(3).astype(np.float32))).numpy()


def by_brute_force(network: ModularNetwork, values: list[np.ndarray], x: np.ndarray) -> bool:
    """Whether some two-colouring of the values of level 1 makes every output a function of it."""
    structure = network.structure()
    inner = {s for out in structure["outputs"] for s in structure["routing"][1][out]}
    colourings = {}
    for slot in sorted(inner):
        outputs = values[0][0, slot]
        spread = max(np.ptp(outputs), 1e-30)
        ordered = np.sort(np.unique(outputs))
        kind = np.concatenate([[0], np.cumsum(np.diff(ordered) > 1e-5 * spread)])
        which = kind[np.searchsorted(ordered, outputs)]
        colourings[slot] = [
            [int(colour[w]) for w in which]
            for colour in itertools.product((0, 1), repeat=int(kind[-1]) + 1)
        ]
    wanted = answers(network, x)
    for choice in itertools.product(*colourings.values()):
        bits = dict(zip(colourings, choice, strict=True))
        fits = True
        for output, slot in enumerate(structure["outputs"]):
            seen: dict[tuple[int, ...], bool] = {}
            for row in range(len(x)):
                key = tuple(bits[s][row] for s in structure["routing"][1][slot])
                fits &= seen.setdefault(key, wanted[row, output]) == wanted[row, output]
        if fits:
            return True
    return False


def test_one_threshold_is_taken_where_one_does_and_the_widest_gap_of_those() -> None:
    """An inner slot that gives 0, 1, 1.5, 5 as an AND or an OR: the output decides which."""
    inner = np.array([0.0, 1.0, 1.5, 5.0])
    cases = [
        (inner, (-1, -1, -1, 1), [3.25]),
        (inner, (-1, 1, 1, 1), [0.5]),
        (inner, (-1, -1, 1, 1), [1.25]),
        (inner, (-1, 1, 1, -1), [0.5, 3.25]),
        (np.ones(4), (-1, 1, 1, -1), None),
        (inner * np.nan, (-1, 1, 1, -1), None),
    ]
    below, above = (
        [np.array(part, float) for part in parts]
        for parts in zip(*[c[:2] for c in cases], strict=True)
    )
    values = [np.stack(below)[:, None], np.stack(above)[:, None]]
    n_runs = len(cases)
    sources = [np.tile([[0, 1]], (n_runs, 1, 1)), np.zeros((n_runs, 1, 1), int)]
    used = [np.ones((n_runs, 1), dtype=bool)] * 2
    found = joint_thresholds(values, sources, used, [~used[0], used[0]])
    for cuts, (_, _, wanted) in zip(found, cases, strict=True):
        if wanted is None:
            assert cuts is None
        else:
            assert cuts[0][0, : len(wanted)].tolist() == wanted
            assert np.isnan(cuts[0][0, len(wanted) :]).all()
            assert cuts[1][0, 0] == 0


def test_a_bit_of_several_levels_is_read_with_its_clarity() -> None:
    """-1, 0, 0.2, 1: an XNOR with thresholds -0.5 and 0.6, so an XOR in normal form."""
    sources = np.array([[[[0, 0, 1, 1], [0, 1, 0, 1]]]], dtype=bool)
    values = np.array([[[-1.0, 0.0, 0.2, 1.0]]])
    cuts = np.array([[[-0.5, 0.6, np.nan]]])
    fits = read_signals(values, sources, cuts=cuts)
    assert fits.names.item() == "XOR"
    assert fits.clarity.item() == pytest.approx(0.8 / 2.0)
    assert fits.faithful.item()
    by_itself = read_signals(values, sources, cuts=np.full((1, 1, 3), np.nan))
    assert by_itself.names.item() == read_signals(values, sources).names.item() == "A"


def test_an_output_that_is_always_off_is_a_constant_and_how_clear() -> None:
    graph = FunctionGraph(2, [["AND 0 1"]])
    network = ModularNetwork(2, (1,), 1, (2, 4, 1), routing=[[(0, 1)]], outputs=[0])
    with torch.no_grad():
        for part in network.pools[0].parameters():
            part.zero_()
        (first, _), (last, bias) = network.pools[0].layers()
        first[0, 0], last[0, 0, 0], bias[0] = torch.tensor([1.0, 1.0]), 1.0, -4.0
    slot = fit_gates(network, graph)[0][0]  # -4, -3, -3, -2
    assert (slot.name, slot.faithful) == ("FALSE", True)
    assert slot.clarity == pytest.approx(2 / 4)


def test_a_slot_that_varies_is_never_named_constant() -> None:
    """It does not follow from its sources: it has no name, and is not faithful."""
    sources = np.zeros((1, 1, 2, 4), dtype=bool)
    fits = read_signals(np.array([[[0.0, 0.0, 0.0, 1.0]]]), sources)
    assert fits.names.item() == "OTHER"
    assert fits.clarity.item() == 0
    assert not fits.faithful.item()


@pytest.mark.parametrize("arity", [2, 3])
def test_what_is_faithful_stays_and_more_is_than_before(arity: int) -> None:
    run = RunConfig(graph="6-3-2-2", model="modular", arity=arity)
    x, n_mended, n_left = inputs_met(GRAPHS["6-3-2-2"]), 0, 0
    for seed in range(40):
        network = build(run.final, seed)
        with torch.no_grad():
            for part in network.pools.parameters():
                part *= 5.0
            logits = network(torch.from_numpy(x.astype(np.float32)))
            dict(network.named_parameters())["pools.1.bias.1"].sub_(
                logits.median() + 0.0123 * logits.std()
            )
        parameters = parameters_of(network)
        structure = structures(network, parameters)
        layers = slot_layers(network, parameters, structure)
        alone = _fit(slot_values(network, layers, structure, x), structure, x, 0)
        before = bool(reproduced(alone, structure, 0)[0])
        levels = fit_gates_of_runs(network, parameters, structure, x)
        after = bool(reproduced(levels, structure, 0)[0])
        same = circuit(network, fit_gates(network, "6-3-2-2"), x) == answers(network, x)
        assert after or not before
        assert after == same.all() or not after
        n_mended, n_left = n_mended + (after and not before), n_left + (not after)
    assert n_mended
    assert n_left  # slots that pass more than a bit are not hidden
