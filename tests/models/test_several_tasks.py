"""Networks of several tasks against literal ones: each row has the choices of its task."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from literals import Literal, assert_gradients, gradients, tuples

from modnets.config.run_config import RunConfig
from modnets.models.modular import ModularNetwork
from modnets.models.modules import Modules
from modnets.models.registry import build, n_weights
from modnets.models.routing import Routing, Selection
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.task_sets import TaskSet

CHOICES, LEVELS = ("known", "learned"), ("last", "every")
MIXES = [("modular", *mix) for mix in itertools.product(CHOICES, ("known",), CHOICES, LEVELS)]
MIXES += [("shared", *mix) for mix in itertools.product(CHOICES, CHOICES, CHOICES, LEVELS)]

#: Two tasks of two levels, whose slots differ: 3 XORs or 1 XOR and 1 OR; 1 AND, 1 OR.
EVEN = TaskSet(
    (
        FunctionGraph(4, [["XOR 0 1", "XOR 2 3"], ["AND 1 0"]]),
        FunctionGraph(4, [["XOR 3 0", "OR 2 1"], ["OR 1 0"]]),
    )
)
#: The second of one level.
UNEVEN = TaskSet((EVEN.graphs[0], FunctionGraph(4, [["OR 2 1", "XOR 0 3"]], outputs=(0,))))

TASKS = {"last": EVEN, "every": UNEVEN}


def mixed(kind: str, routing: str, selection: str, outputs: str, levels: str, hidden: int = 7):
    config = RunConfig(
        graph=TASKS[levels],
        model=kind,
        routing=routing,
        selection=selection,
        outputs=outputs,
        output_levels=levels,
        module_hidden=(hidden,),
    )
    return build(config, seed=83).double()  # one whose outputs move every parameter, in any mix


def rows_of(tasks: list[int], n_inputs: int = 4, n_tasks: int = 2) -> torch.Tensor:
    """Random inputs, each with its one-hot id."""
    x = torch.randn(len(tasks), n_inputs, dtype=torch.float64)
    return torch.cat([x, torch.eye(n_tasks, dtype=torch.float64)[tasks]], dim=1)


@pytest.mark.parametrize(("kind", "routing", "selection", "outputs", "levels"), MIXES)
def test_every_mix_is_its_literal_network(kind, routing, selection, outputs, levels) -> None:
    net, tasks = mixed(kind, routing, selection, outputs, levels), TASKS[levels]
    x = rows_of([0, 1, 1, 0, 1])
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-12, atol=1e-12)
    structure, parts = net.structure(), {"routing": routing, "outputs": outputs}
    parts |= {"selection": selection} if kind == "shared" else {}
    known = {"routing": tasks.routing, "selection": tasks.selection}
    known |= {"outputs": tasks.places_of_outputs(levels == "every")}
    assert set(structure) == set(parts)
    for part, choice in parts.items():
        assert len(structure[part]) == 2
        assert choice == "learned" or tuples(structure[part]) == known[part]
    logits = {name.split(".")[0] for name, _ in net.named_parameters() if "logits" in name}
    names = {"routing": "routing", "selection": "selection", "outputs": "output_routing"}
    assert logits == {names[part] for part, choice in parts.items() if choice == "learned"}


@pytest.mark.parametrize(("kind", "routing", "selection", "outputs", "levels"), MIXES)
def test_every_mix_has_the_straight_through_gradient(
    kind, routing, selection, outputs, levels
) -> None:
    net = mixed(kind, routing, selection, outputs, levels, hidden=3)
    x, upstream = rows_of([0, 1, 1]), torch.randn(3, 1, dtype=torch.float64)
    net(x, temperature=2.0).backward(upstream)
    wanted = gradients(Literal(net, temperature=2.0), x.tolist(), upstream.tolist())
    assert all(slope.any() for slope in wanted.values())
    assert_gradients(net, wanted)


@pytest.mark.parametrize("n_shared", [None, 3])
@pytest.mark.parametrize("per_sample", [False, True])
def test_gumbel_noise_is_each_tasks_own(n_shared: int | None, per_sample: bool) -> None:
    net = ModularNetwork(
        5, (3, 2), 2, (2, 2, 1), n_shared=n_shared, n_tasks=2, every_level=True
    ).double()
    assert net.noise_size == 2 * (5 * 3 + 3 * 2 + 5 + (0 if n_shared is None else 3 * 3 + 3 * 2))
    shape = (net.noise_size, 3) if per_sample else (net.noise_size,)
    noise = -torch.log(-torch.log(torch.rand(shape, dtype=torch.float64)))
    of_row = noise.T.tolist() if per_sample else [noise.tolist()] * 3
    x = rows_of([1, 0, 1], n_inputs=5)
    wanted = [Literal(net)(row, noise=draws) for row, draws in zip(x.tolist(), of_row, strict=True)]
    logits = net(x, temperature=2.0, noise=noise)
    np.testing.assert_allclose(logits.detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    assert not torch.allclose(logits, net(x))


@pytest.mark.parametrize("n_shared", [None, 2])
def test_sizes_that_are_distinct_primes(n_shared: int | None) -> None:
    net = ModularNetwork(11, (7, 5), 2, (3, 13, 1), n_shared=n_shared, n_tasks=3).double()
    x = rows_of([0, 2, 1, 1, 2], n_inputs=11, n_tasks=3)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)


def test_known_modules_may_differ_from_task_to_task() -> None:
    selection = [[[0, 1, 1], [0, 0]], [[1, 0, 1], [1, 0]]]
    net = ModularNetwork(5, (3, 2), 2, n_shared=2, selection=selection, n_tasks=2).double()
    assert net.structure()["selection"] == selection
    x = rows_of([1, 0, 0, 1], n_inputs=5)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_a_task_moves_no_logits_of_another(kind: str) -> None:
    net = mixed(kind, "learned", "learned", "learned", "last")
    net(rows_of([1] * 9)).sum().backward()
    logits = {name: p.grad for name, p in net.named_parameters() if name.endswith("logits")}
    assert len(logits) == (3 if kind == "modular" else 5)
    for gradient in logits.values():
        assert not gradient[..., 0].any()
        assert gradient[..., 1].any()


def test_rows_of_all_tasks_do_not_mix() -> None:
    for kind, choice in itertools.product(("modular", "shared"), CHOICES):
        net = mixed(kind, choice, choice, choice, "every")
        x = rows_of([0, 1, 1, 0])
        alone = torch.cat([net(row[None]) for row in x])
        torch.testing.assert_close(net(x), alone)


#: AND, OR and XOR of a, b from relu(a + b) and relu(a + b - 1): weights of both, and a threshold.
HEADS = {"AND": (0.0, 1.0), "OR": (1.0, -1.0), "XOR": (1.0, -2.0)}


def fill(modules: Modules, number: int, name: str) -> None:
    """A module that computes a gate of bits."""
    modules.weight[0][number, :2] = 1.0
    modules.bias[0][number, 1] = -1.0
    modules.weight[1][number, 0, :2] = torch.tensor(HEADS[name])


@pytest.mark.parametrize("kind", ["modular", "shared"])
@pytest.mark.parametrize(
    ("tasks", "levels"),
    [
        (TASK_SETS["two tasks"], "last"),
        (TASK_SETS["three tasks"], "every"),
        (UNEVEN, "every"),
        (TaskSet([GRAPHS[name] for name in ("6-3-3-2-2", "6-2-2", "6-3-2-2")]), "every"),
    ],
    ids=str,
)
def test_known_structure_filled_by_hand_computes_every_task(kind, tasks, levels) -> None:
    config = RunConfig(graph=tasks, model=kind, routing="known", output_levels=levels)
    net = build(config, seed=0)
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        if kind == "shared":
            for number, gate in enumerate(tasks.modules):
                fill(net.pools[0], number, gate.name)
        else:
            for pool, selection in zip(net.pools, tasks.selection[0], strict=True):
                for slot, module in enumerate(selection):
                    fill(pool, slot, tasks.modules[module].name)
    logits = net(torch.from_numpy(tasks.rows()).float())
    assert logits.tolist() == tasks.truth_table().tolist()


def test_weights_count_the_logits_of_every_task() -> None:
    tasks, module = TASK_SETS["two tasks"], 2 * 12 + 12
    assert tasks.slots == (5, 2)
    learned = 2 * (6 * 5 + 5 * 2 + 2)
    own = RunConfig(graph=tasks, model="modular")
    assert n_weights(build(own, 0)) == 7 * module + learned
    shared = RunConfig(graph=tasks, model="shared", shared_modules=3)
    assert n_weights(build(shared, 0)) == 3 * module + learned + 2 * 3 * (5 + 2)
    known = RunConfig(graph=tasks, model="shared", routing="known")
    assert n_weights(build(known, 0)) == 3 * module
    dense = RunConfig(graph=tasks, model="dense", hidden=(36, 36, 36))
    assert n_weights(build(dense, 0)) == 8 * 36 + 2 * 36**2 + 36 * 2


def test_known_structure_may_be_that_of_other_tasks() -> None:
    other = TaskSet(EVEN.graphs[::-1])
    config = RunConfig(graph=EVEN, model="shared", routing="known", knowledge=other)
    structure = build(config, 0).structure()
    assert tuples(structure["routing"]) == other.routing != EVEN.routing


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Routing(3, 1, 2, [[(0, 1)]], 2), "1 tasks are known; allowed are 2 of them"),
        (lambda: Selection(2, 1, [[0], [1], [0]], 2), "3 tasks are known; allowed are 2"),
        (lambda: Routing(3, 1, 2, [[(0, 1)], [(0, 3)]], 2), r"slot 0 reads \(0, 3\); allowed"),
        (
            lambda: ModularNetwork(6, (3, 2), 2, routing=[[[(0, 1)] * 3]] * 2, n_tasks=2),
            "routing has 1 levels; allowed are the 2",
        ),
        (
            lambda: ModularNetwork(6, (3, 2), 2, outputs=[(0, 1), (1,)], n_tasks=2),
            r"outputs=\[\(0, 1\), \(1,\)\]; allowed are 2 places of the last level",
        ),
        (
            lambda: ModularNetwork(6, (3, 2), 2, outputs=[0, 5], every_level=True),
            r"slot 0 reads \(0, 5\); allowed are up to 2 places from 0 to 4",
        ),
    ],
)
def test_errors_say_what_is_allowed(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
