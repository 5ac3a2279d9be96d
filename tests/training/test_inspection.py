"""What is recorded of each run's inside, against each network looked at alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models.gate_fits import fit_gates
from modnets.models.recovery import compare
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.training.engine import train_chunk
from modnets.training.inspection import INSPECTED

SHORT = {"train_rows": 23, "epochs": 40, "eval_every": 20, "lr": 0.03}


@pytest.mark.parametrize("name", ["6-2-2", "6-3-2-2", "6-3-3-2-2"])
@pytest.mark.parametrize("kind", ["modular, learned", "shared, learned", "shared, known"])
def test_columns_are_those_of_each_network_alone(name: str, kind: str) -> None:
    model, choice = kind.split(", ")
    runs = grid(RunConfig(graph=name, model=model, routing=choice, **SHORT), seed=range(5))
    trained = train_chunk(runs, chunk=8, keep_networks=True)
    ends = trained.table.groupby("run", sort=False).tail(1)
    for row, network in zip(ends.itertuples(), trained.networks, strict=True):
        alone, gates = compare(network, GRAPHS[name]), fit_gates(network, GRAPHS[name])
        assert (row.recovered, row.routing_recovered) == (alone.recovered, alone.routing_recovered)
        assert row.edge_f1 == pytest.approx(alone.edge_f1)
        structure = json.loads(row.structure)
        assert structure["gates"] == [[slot.name for slot in level] for level in gates]
        assert structure["nodes"] == alone.nodes
        assert np.concatenate(structure["clarity"]) == pytest.approx(
            [slot.clarity for level in gates for slot in level], abs=1e-4
        )
        first, used = structure["routing"][0], np.array(structure["used"][0], bool)
        bad = set(GRAPHS[name].irrelevant_inputs)
        reads = [bool(bad & set(places)) for places, use in zip(first, used, strict=True) if use]
        assert row.irrelevant_reads == pytest.approx(np.mean(reads))
        every = np.concatenate(structure["used"])
        assert row.unused_slots == pytest.approx(1 - every.mean())
        if model == "shared":
            taken = {
                m
                for m, use in zip(np.concatenate(structure["selection"]), every, strict=True)
                if use
            }
            assert row.unused_modules == pytest.approx(1 - len(taken) / network.pools[0].count)


def test_only_the_last_evaluation_is_recorded_unless_every_is_asked_for() -> None:
    run = RunConfig(model="shared", **SHORT)
    ends = train_chunk([run], chunk=2).table
    assert ends["structure"].notna().tolist() == [False, False, True]
    assert ends["recovered"].notna().tolist() == [False, False, True]
    every = train_chunk([RunConfig(model="shared", record="every", **SHORT)], chunk=2).table
    assert every["structure"].notna().all()
    assert every["predicted"].notna().all()
    assert every["structure"].iloc[-1] == ends["structure"].iloc[-1]
    same = [name for name in every if name.endswith(("loss", "accuracy"))]
    assert every[same].equals(ends[same])  # looking changes nothing


def test_monolithic_networks_have_probes_and_nothing_else() -> None:
    table = train_chunk([RunConfig(model="dense", record="every", **SHORT)], chunk=2).table
    found = [np.array(json.loads(text)["readable"]) for text in table["structure"]]
    assert [one.shape for one in found] == [(3, 5)] * 3
    best = [one[:, :3].max(axis=0).mean() for one in found]
    assert table["readable"].tolist() == pytest.approx(best, abs=1e-4)
    assert table[[name for name in INSPECTED if name != "readable"]].isna().all(axis=None)


def test_tasks_of_a_set_have_parts_of_their_own() -> None:
    tasks = TASK_SETS["three tasks"]
    base = RunConfig(graph=tasks, model="shared", output_levels="every", **SHORT)
    trained = train_chunk(grid(base, seed=range(3)), chunk=4, keep_networks=True)
    ends = trained.table.groupby("run", sort=False).tail(1)
    for row, network in zip(ends.itertuples(), trained.networks, strict=True):
        alone = [compare(network, tasks, task) for task in range(3)]
        structure = json.loads(row.structure)
        assert structure["nodes"] == [one.nodes for one in alone]
        assert row.edge_f1 == pytest.approx(np.mean([one.edge_f1 for one in alone]))
        assert row.recovered == min(one.recovered for one in alone)
        used = [np.concatenate(task) for task in structure["used"]]
        assert row.unused_slots == pytest.approx(1 - np.max(used, axis=0).mean())


def test_a_task_without_structure_has_gates_and_no_recovery() -> None:
    table = train_chunk([RunConfig(graph="6-2", model="dense", **SHORT)], chunk=2).table
    assert table["structure"].isna().all()
    run = RunConfig(graph="6-2", knowledge="6-3-2-2", model="shared", routing="known", **SHORT)
    end = train_chunk([run], chunk=2).table.iloc[-1]
    assert np.isnan(end["recovered"])
    assert np.isnan(end["edge_f1"])
    assert end["unused_slots"] == 0
    assert "gates" in json.loads(end["structure"])
    assert "nodes" not in json.loads(end["structure"])


def test_slots_of_different_fan_ins() -> None:
    graph = FunctionGraph(5, [["XOR 0 1 2", "AND 3 4", "OR 2 4"], ["AND 0 1", "OR 1 2"]])
    run = RunConfig(graph=graph, model="modular", routing="known", **SHORT | {"train_rows": 29})
    end = train_chunk([run], chunk=2).table.iloc[-1]
    assert end["routing_recovered"] == 1
    assert end["edge_f1"] == 1


def test_collapsed_slots_literally() -> None:
    runs = grid(RunConfig(graph="6-3-3-2-2", model="modular", **SHORT), seed=range(7))
    trained = train_chunk(runs, chunk=8, keep_networks=True)
    ends = trained.table.groupby("run", sort=False).tail(1)
    assert ends["collapsed"].nunique() > 1
    for row, network in zip(ends.itertuples(), trained.networks, strict=True):
        from modnets.models.gate_fits import fit_gates_of_runs
        from modnets.models.structures import parameters_of, structures

        found = structures(network, parameters_of(network))
        levels = fit_gates_of_runs(
            network, parameters_of(network), found, GRAPHS["6-3-3-2-2"].rows()
        )
        used, count = json.loads(row.structure)["used"], 0
        for level, uses in zip(levels, used, strict=True):
            seen = set()
            for signal, use in zip(level.signals[0], uses, strict=True):
                if use:
                    count += not signal.any() or signal.tobytes() in seen
                    seen.add(signal.tobytes())
        assert row.collapsed == pytest.approx(count / np.concatenate(used).sum())
