"""Routing and selection of many networks as arrays against those of each network."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from modnets.config.run_config import RunConfig
from modnets.models.registry import build
from modnets.models.structures import Structures, structures
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import TASK_SETS
from modnets.tasks.task_sets import TaskSet

UNEVEN = TaskSet(
    (
        FunctionGraph(4, [["XOR 0 1", "XOR 2 3"], ["AND 1 0"]]),
        FunctionGraph(4, [["OR 2 1", "XOR 0 3"]], outputs=(0,)),
    )
)
MIXED_GATES = FunctionGraph(5, [["XOR 0 1 2", "AND 3 4", "OR 2 4"], ["AND 0 1", "OR 1 2"]])

SHAPES = {
    "learned": RunConfig(model="shared", slots=(5, 3), shared_modules=3),
    "known": RunConfig(model="shared", routing="known"),
    "own": RunConfig(model="modular", outputs="known"),
    "selection known": RunConfig(model="shared", selection="known"),
    "several fan-ins": RunConfig(graph=MIXED_GATES, model="modular", routing="known"),
    "three tasks": RunConfig(graph=TASK_SETS["three tasks"], model="shared"),
    "tasks known": RunConfig(graph=TASK_SETS["two tasks"], model="modular", routing="known"),
    "every level": RunConfig(graph=UNEVEN, model="shared", output_levels="every"),
    "one task, every level": RunConfig(model="modular", output_levels="every"),
    "images": RunConfig(graph=DigitPairs(), model="shared", shared_image_modules=2, train_rows=40),
    "own image modules": RunConfig(graph=DigitPairs(), model="modular", train_rows=40),
}


def stacked(config: RunConfig, count: int = 3) -> tuple[list, dict[str, torch.Tensor]]:
    """Some networks of a config, and their parameters with a run axis."""
    networks = [build(config.final, seed) for seed in range(count)]
    named = [dict(network.named_parameters()) for network in networks]
    stack = {name: torch.stack([one[name].detach() for one in named]) for name in named[0]}
    return networks, stack


@pytest.mark.parametrize("name", SHAPES)
def test_many_are_read_as_each_alone(name: str) -> None:
    networks, parameters = stacked(SHAPES[name])
    structure = structures(networks[0], parameters)
    wanted = [json.loads(json.dumps(network.structure())) for network in networks]
    assert structure.plain() == wanted
    assert structure.of(slice(1, 3)).plain() == wanted[1:]


@pytest.mark.parametrize("name", [name for name in SHAPES if "image" not in name])
def test_what_is_written_down_is_read_again(name: str) -> None:
    networks, parameters = stacked(SHAPES[name])
    structure, final = structures(networks[0], parameters), SHAPES[name].final
    every = final.output_levels == "every"
    plain = json.loads(json.dumps(structure.plain()))
    again = Structures.from_plain(plain, n_tasks=final.graph.n_tasks, every_level=every)
    assert again.plain() == structure.plain()
    assert again.readable == structure.readable
    assert again.slots == structure.slots


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_used_is_what_moves_an_output(name: str) -> None:
    """A node is used if it has a path to an output: paths walked literally."""
    networks, parameters = stacked(SHAPES[name])
    structure = structures(networks[0], parameters)
    for run, task in itertools.product(range(3), range(structure.n_tasks)):
        n_inputs = networks[0].n_inputs
        wanted = [set() for _ in (0, *structure.slots)]
        todo = [structure.readable[index] for index in structure.outputs[run, task]]
        while todo:
            level, slot = todo.pop()
            wanted[level + 1].add(slot)
            for source in structure.routing[level][run, task, slot]:
                if source >= 0 and level == 0:
                    wanted[0].add(int(source))
                elif source >= 0:
                    todo.append((level - 1, int(source)))
        used = [set(np.nonzero(row[run])[0].tolist()) for row in structure.used(task, n_inputs)]
        assert used == wanted
        for level, edges in enumerate(structure.edges(task, n_inputs)):
            pairs = {
                (slot, int(source))
                for slot in wanted[level + 1]
                for source in structure.routing[level][run, task, slot]
                if source >= 0
            }
            assert {tuple(pair) for pair in np.argwhere(edges[run]).tolist()} == pairs


def test_equal_logits_are_read_in_order_as_the_network_does() -> None:
    networks, parameters = stacked(SHAPES["learned"], 1)
    with torch.no_grad():
        for name, parameter in networks[0].named_parameters():
            if name.endswith("logits"):
                parameter.zero_()
                parameters[name].zero_()
    structure = structures(networks[0], parameters)
    assert structure.plain() == [json.loads(json.dumps(networks[0].structure()))]
