"""Several tasks: runs of a network for each, taken together, against a literal count."""

from __future__ import annotations

import pandas as pd
import pytest

from modnets.analysis.multi_task import MEASURES, arrange
from modnets.analysis.statistics import majority_floor
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.sweep import sweep
from modnets.tasks.named_graphs import TASK_SETS
from modnets.tasks.splits import SEED_STEP

TWO = TASK_SETS["two tasks"]


def single(task: int, split: int, accuracy: float, solved: bool, **others: object) -> list[dict]:
    """A run of one task of the set, as rows of a table; its first epoch says nothing."""
    row = {"graph": TWO.graphs[task].name, "kind": "dense", "train_rows": 8, "seed": 3}
    row |= {"split_seed": SEED_STEP * task + split, "run": f"{task} {split}", **others}
    return [
        row | {"epoch": 0, "solved": not solved} | dict.fromkeys(MEASURES, 0.1),
        row | {"epoch": 9, "solved": solved} | dict.fromkeys(MEASURES, accuracy),
    ]


SINGLES = [
    *single(0, 0, 1.0, True),
    *single(1, 0, 0.5, False),
    *single(0, 1, 1.0, True),
    *single(1, 1, 1.0, True),
]
TOGETHER = pd.DataFrame(
    [
        row | {"graph": "two tasks", "run": f"{held_out} {levels}"}
        | {"held_out": held_out, "output_levels": levels, "kind": "shared, learned"}
        for held_out in ("same", "different")
        for levels in ("last", "every")
        for row in single(0, 5, 0.7, False)
    ]
)  # fmt: skip


def test_a_network_for_each_solves_the_set_if_each_solves_its_task() -> None:
    table = arrange(TOGETHER, pd.DataFrame(SINGLES), [TWO])
    apart = table[table["arrangement"] == "apart"].set_index("split_seed")
    assert apart["solved"].to_dict() == {0: False, 1: True}
    assert apart["test_bit_accuracy"].to_dict() == {0: 0.75, 1: 1.0}
    assert set(apart["graph"]) == {"two tasks"}
    assert set(apart["epoch"]) == {9}


def test_runs_of_one_network_keep_their_numbers_and_tell_how_they_hold_out() -> None:
    table = arrange(TOGETHER, pd.DataFrame(SINGLES), [TWO])
    one = table[table["arrangement"] != "apart"]
    assert sorted(zip(one["arrangement"], one["kind"], strict=True)) == [
        (held_out, f"shared, learned{levels}")
        for held_out in ("different", "same")
        for levels in ("", ", every level")
    ]
    assert set(one["test_bit_accuracy"]) == {0.7}


def test_a_task_that_is_missing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"1 groups of runs lack a task of two tasks; allowed"):
        arrange(TOGETHER, pd.DataFrame(SINGLES[:-2]), [TWO])


def test_tasks_apart_are_split_as_those_of_a_set() -> None:
    base = RunConfig(train_rows=8, epochs=1)
    of_set = next(iter(grid(base, graph=TWO, split_seed=3))).split["train"].reshape(2, 8)
    for number, task in enumerate(TWO.graphs):
        (run,) = grid(base, graph=task, split_seed=SEED_STEP * number + 3)
        assert run.split["train"].tolist() == (of_set[number] - 64 * number).tolist()


def test_with_real_runs() -> None:
    base = RunConfig(train_rows=8, epochs=2)
    together = sweep(grid(base, graph=TWO, split_seed=range(2)), progress=False)
    alone = [
        run
        for number, task in enumerate(TWO.graphs)
        for run in grid(base, graph=task, split_seed=[SEED_STEP * number + s for s in range(2)])
    ]
    result = arrange(together, sweep(alone, progress=False), [TWO])
    assert result.groupby("arrangement").size().to_dict() == {"apart": 2, "different": 2}


def test_the_floor_of_a_set_is_chosen_for_each_task() -> None:
    tables = [graph.truth_table() for graph in TWO.graphs]
    best = [max(table[:, y].mean(), 1 - table[:, y].mean()) for table in tables for y in (0, 1)]
    assert majority_floor("two tasks") == pytest.approx(sum(best) / 4)
    assert majority_floor(TWO) == majority_floor("two tasks")
