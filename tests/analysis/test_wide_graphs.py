"""What needs a whole table says so in one line for graphs that have none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modnets.analysis.generalization_gaps import version_spaces
from modnets.analysis.statistics import majority_floor
from modnets.analysis.structure import gates, probes
from modnets.analysis.version_space.dense import dense_version_space
from modnets.analysis.version_space.modular import modular_version_space
from modnets.config.run_config import RunConfig
from modnets.experiments.sweep import sweep
from modnets.models.gate_fits import fit_gates
from modnets.models.recovery import compare
from modnets.models.registry import build
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.task_sets import TaskSet


def _run(graph: FunctionGraph, model: str = "modular") -> RunConfig:
    return RunConfig(graph=graph, model=model, train_rows=8, epochs=1, evaluation_rows=50)


#: What is asked for, and a word of the line that says why there is none.
NEED_TABLE: dict[str, tuple[Callable[[FunctionGraph], object], str]] = {
    "truth_table": (FunctionGraph.truth_table, "up to 20 inputs"),
    "rows": (FunctionGraph.rows, "up to 20 inputs"),
    "targets": (FunctionGraph.targets, "up to 20 inputs"),
    "a set of tasks": (lambda graph: TaskSet((graph, graph)), "up to 20 inputs"),
    "a share of the rows": (lambda graph: RunConfig(graph=graph, train_fraction=0.5), "inputs"),
    "majority_floor": (majority_floor, "up to 20 inputs"),
    "dense_version_space": (dense_version_space, "up to 20"),
    "modular_version_space": (modular_version_space, "inputs; allowed are 12 to enumerate"),
    "version_spaces": (lambda graph: version_spaces([_run(graph)]), "12 to enumerate"),
    "fit_gates": (lambda graph: fit_gates(build(_run(graph).final, 0), graph), "up to 20 inputs"),
    "compare": (lambda graph: compare(build(_run(graph).final, 0), graph), "up to 20 inputs"),
}


@pytest.mark.parametrize("n_inputs", [40, 100])
@pytest.mark.parametrize("name", NEED_TABLE)
def test_one_line_without_a_table(name: str, n_inputs: int) -> None:
    needs_table, words = NEED_TABLE[name]
    with pytest.raises(ValueError, match=words) as caught:
        needs_table(random_graph((n_inputs, 20, 10, 2)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("recorded", "model"), [(gates, "modular"), (probes, "dense")])
def test_what_was_never_recorded_says_so(
    recorded: Callable[..., object], model: str, tmp_path: Path
) -> None:
    run = _run(random_graph((40, 5, 2)), model)
    sweep([run], store=tmp_path, compiled=False, progress=False)
    with pytest.raises(ValueError, match="runs of 40 inputs have no ") as caught:
        recorded(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(recorded(tmp_path, runs=[])) == 0
