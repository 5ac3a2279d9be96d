"""Runs of different function graphs in one chunk: each as if it trained alone."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from lanes import needs_compiler

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of
from modnets.experiments.planning import plan
from modnets.hardware import lanes
from modnets.models.structures import parameters_of, structures
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.random_graphs import random_graph
from modnets.training.engine import train_chunk
from modnets.training.initialization import NetworkInitializer

KINDS = {
    "dense": {"model": "dense", "hidden": (7, 5)},
    "sparse": {"model": "sparse", "hidden": (11, 7)},
    "modular known": {"model": "modular", "routing": "known"},
    "shared known": {"model": "shared", "routing": "known", "shared_modules": 3},
    "shared, known selection": {"model": "shared", "selection": "known", "shared_modules": 3},
    "shared, known outputs": {"model": "shared", "outputs": "known", "shared_modules": 3},
    "searched, known outputs": {
        **{"model": "shared", "outputs": "known", "shared_modules": 3},
        "routing_method": "best",
    },
}
GRAPHS = [random_graph((5, 3, 2, 2), seed=seed) for seed in range(7)]


def _runs(**settings) -> list[RunConfig]:
    base = RunConfig(graph=GRAPHS[0], epochs=6, eval_every=3, **settings)
    return grid(base, graph=GRAPHS, train_rows=[9, 17], seeds=[3])


def _assert_as_alone(runs: list[RunConfig], **keywords) -> None:
    mixed = train_chunk(runs, chunk=16, **keywords)
    assert not mixed.failures
    of_run = dict(list(mixed.table.groupby("run", sort=False)))
    for run in runs[::3]:
        alone = train_chunk([run], chunk=16, **keywords).table
        among = of_run[run.key].reset_index(drop=True)
        pd.testing.assert_frame_equal(among, alone, check_exact=True)
    assert mixed.table.groupby("graph")["train_loss"].last().nunique() == len(GRAPHS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_the_same_beside_runs_of_other_graphs(kind: str) -> None:
    _assert_as_alone(_runs(**KINDS[kind]))


@needs_compiler
@pytest.mark.parametrize("kind", ["dense", "shared known"])
def test_compiled_it_is_the_same_too(kind: str) -> None:
    _assert_as_alone(_runs(**KINDS[kind]), compiled=True, lanes=lanes())


def test_it_is_the_same_where_rows_are_sampled() -> None:
    _assert_as_alone(_runs(model="modular", routing="known", evaluation_rows=20))


def test_what_is_known_and_learned_is_that_of_the_graph() -> None:
    runs = _runs(model="shared", routing="known", shared_modules=3)
    table = train_chunk(runs, chunk=16).table
    last = table[table["epoch"] == 6]
    for graph, structure, predicted in zip(
        [run.graph for run in runs], last["structure"], last["routing_recovered"], strict=True
    ):
        found = json.loads(structure)
        assert found["routing"] == [list(map(list, level)) for level in graph.routing]
        assert found["selection"] == [list(level) for level in graph.selection]
        assert predicted == 1


def test_known_choices_are_read_from_the_buffers_of_each_run() -> None:
    mixed = FunctionGraph(4, [["XOR 0 1", "AND 1 2 3"], ["OR 0 1"]])
    other = FunctionGraph(4, [["AND 2 3 0", "XOR 3 1"], ["OR 1 0"]])
    initializer = NetworkInitializer()
    parts = []
    for graph in (mixed, other):
        run = RunConfig(graph=graph, model="shared", routing="known", shared_modules=3)
        network = initializer.draw(run)
        parts.append(initializer.start().buffers)
    buffers = {name: np.stack([part[name].numpy() for part in parts]) for name in parts[0]}
    found = structures(
        network,  # type: ignore[arg-type]
        {name: value.expand(2, *value.shape[1:]) for name, value in parameters_of(network).items()},
        {name: torch.from_numpy(value) for name, value in buffers.items()},
    ).plain()
    for one, graph in zip(found, (mixed, other), strict=True):
        assert one["routing"] == [list(level) for level in map(list, map(_lists, graph.routing))]
        assert one["selection"] == [list(level) for level in graph.selection]


def _lists(level: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    return [list(sources) for sources in level]


def test_graphs_of_one_shape_share_chunks_and_others_do_not() -> None:
    runs = _runs(model="dense")
    assert len({shape_of(run) for run in runs}) == 1
    assert len(plan(runs).chunks) == 1
    wider = RunConfig(graph=random_graph((5, 3, 3, 2)), epochs=6, eval_every=3)
    free = np.where(np.arange(32)[:, None] == 3, np.nan, GRAPHS[0].truth_table())
    cared = RunConfig(graph=FunctionGraph.from_table(free), epochs=6, eval_every=3)
    table = RunConfig(graph=FunctionGraph.from_table(GRAPHS[0].truth_table()), epochs=6)
    shapes = [shape_of(run) for run in (runs[0], wider, cared, table)]
    assert len(set(shapes)) == 4


def test_runs_of_one_graph_stay_together_in_a_chunk() -> None:
    runs = _runs(model="dense")
    (chunk,) = plan(runs[::2] + runs[1::2]).chunks
    order = [(-(-run.final.train_rows // 16), GRAPHS.index(run.graph)) for run in chunk.runs]
    assert order == sorted(order)


def test_keys_are_what_they_were() -> None:
    run = RunConfig(graph=GRAPHS[1], model="shared", routing="known", train_rows=9)
    assert run.key == "54b0ddfcefeca327"
