"""Frames of what was learned inside, chance levels against a literal draw, change over time."""

from __future__ import annotations

import json
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modnets.analysis import chance
from modnets.analysis.chance import chance_level
from modnets.analysis.dynamics import rewiring, turning_points
from modnets.analysis.structure import gates, probes
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.store import Store
from modnets.experiments.sweep import sweep
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import TASK_SETS

SHORT = {"train_rows": 23, "epochs": 30, "eval_every": 10}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RunConfig], pd.DataFrame]:
    folder = tmp_path_factory.mktemp("store")
    base = RunConfig(record="every", **SHORT)
    runs = grid(base, model=["dense", "modular", "shared"], routing=["learned"], seed=range(3))
    return folder, runs, sweep(runs, store=folder, progress=False)


def test_a_row_for_each_slot(study) -> None:
    folder, runs, _ = study
    frame = gates(folder)
    modular = [run for run in runs if run.is_modular]
    assert set(frame["run"]) == {run.key for run in modular}
    assert (frame.groupby("run").size() == 5).all()
    assert (frame["epoch"] == 30).all()
    details = Store(folder).details().set_index("run")
    for row in frame.itertuples():
        result = json.loads(details.loc[row.run, "structure"])
        level, slot = row.level - 1, row.slot
        assert row.gate == result["gates"][level][slot]
        assert row.reads == " ".join(map(str, result["routing"][level][slot]))
        assert row.used == result["used"][level][slot]
        if "selection" in result:
            assert row.module == result["selection"][level][slot]
        else:
            assert row.module == [0, 3][level] + slot
        node = result["nodes"][level][slot]
        names = [["XOR 0 1", "XOR 2 3", "XOR 4 5"], ["AND 0 1", "AND 1 2"]]
        assert row.sub_function == names[level][node]


def test_every_evaluation_and_some_runs(study) -> None:
    folder, runs, _ = study
    one = next(run.key for run in runs if run.model == "shared")
    frame = gates(folder, [one], every=True)
    assert set(frame["run"]) == {one}
    assert frame.groupby("epoch").size().to_dict() == dict.fromkeys((0, 10, 20, 30), 5)


def test_layers_of_monolithic_networks(study) -> None:
    folder, runs, results = study
    frame = probes(folder)
    assert set(frame["run"]) == {run.key for run in runs if run.model == "dense"}
    inner = frame[frame["level"] == 1].groupby(["run", "sub_function"])["accuracy"].max()
    ends = results[results["epoch"] == 30].set_index("run")["readable"]
    for key, mean in inner.groupby("run").mean().items():
        assert ends[key] == pytest.approx(mean, abs=1e-4)


def test_a_set_has_rows_for_each_task(tmp_path: Path) -> None:
    run = RunConfig(graph=TASK_SETS["two tasks"], model="shared", routing="known", **SHORT)
    sweep([run], store=tmp_path, progress=False)
    frame = gates(tmp_path)
    assert set(frame["task"]) == {0, 1}
    second = frame[(frame["task"] == 1) & frame["used"]]
    assert set(second["sub_function"]) == {
        "OR 0 2",
        "XOR 4 5",
        "XOR 0 1",
        "OR 3 4",
        "AND 0 1",
        "AND 2 3",
    }


def test_a_table_without_what_was_learned_is_refused(study) -> None:
    *_, results = study
    with pytest.raises(ValueError, match=r"^store is a table without config, structure; allowed"):
        gates(results)


# Chance


def test_chance_is_that_of_all_routings_counted() -> None:
    """Three inputs, a level of two slots, one output: every routing is listed."""
    graph = FunctionGraph(3, [["XOR 0 1", "AND 1 2"]], outputs=(0,))
    hits, f1 = [], []
    pairs = list(permutations(range(3), 2))
    for first, second, output in product(pairs, pairs, range(2)):
        read = set((first, second)[output])
        hits.append(read == {0, 1})
        # the slot that is read, and its edge to the output, against XOR; the true graph has 5 edges
        best = max(len(read & {0, 1}) + 1, len(read & {1, 2}))
        f1.append(2 * best / (3 + 5))
    result = chance_level(graph)
    assert result["routing_recovered"] == pytest.approx(np.mean(hits), abs=1e-12)
    assert result["edge_f1"] == pytest.approx(np.mean(f1), abs=1e-12)
    assert result["unused_slots"] == 0.5
    assert result["exact"] == 1


def test_chance_of_reading_inputs_that_play_no_part() -> None:
    result = chance_level("6-2-2")
    assert result["irrelevant_reads"] == pytest.approx(1 - (4 * 3) / (6 * 5), abs=1e-12)
    assert result["routing_recovered"] == pytest.approx(2 * (1 / 15) ** 2 / 2, abs=1e-12)


def test_chance_is_worked_out_over_all_routings() -> None:
    """6-3-2-2: 3! orders of the pairs of inputs, 2 for the level above and its outputs."""
    result = chance_level("6-3-2-2")
    assert result["routing_recovered"] == pytest.approx(12 / (15**3 * 3**2 * 2), rel=1e-12)
    assert result["routing_recovered_low"] == result["routing_recovered_high"]
    deep = chance_level("6-3-3-2-2")["routing_recovered"]
    assert deep == pytest.approx(72 / (15**3 * 3**3 * 3**2 * 2), rel=1e-12)


def test_an_order_that_matters_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A AND NOT B of the inputs themselves: one of 6 ordered pairs of 3."""
    graph = FunctionGraph(3, [["NIMPLY 0 1"]])
    assert chance_level(graph)["routing_recovered"] == pytest.approx(1 / 6, abs=1e-12)


@pytest.mark.parametrize("outputs", ["learned", "known"])
def test_a_sample_says_so_and_holds_what_is_exact(
    outputs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = chance_level("6-2-2", outputs=outputs)
    monkeypatch.setattr(chance, "MOST_ROUTINGS", 10)
    sampled = chance_level("6-2-2", outputs=outputs, draws=20_000)
    assert (exact["exact"], sampled["exact"], sampled["draws"]) == (1, 0, 20_000)
    for name in ("routing_recovered", "edge_f1", "irrelevant_reads"):
        assert sampled[f"{name}_low"] <= exact[name] <= sampled[f"{name}_high"]


def test_what_is_known_is_not_drawn() -> None:
    result = chance_level("6-3-2-2", routing="known", outputs="known", draws=3)
    assert result["routing_recovered"] == result["edge_f1"] == 1
    outputs_only = chance_level("6-3-2-2", routing="known")
    assert outputs_only["routing_recovered"] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graph": "6-2"}, "graph=6-2; allowed is a function graph with known structure"),
        ({"graph": "6-3-2-2", "draws": 0}, "draws=0; allowed is at least 1"),
        ({"graph": "6-3-2-2", "arity": 4}, "arity=4; level 2 has 3 sources"),
        ({"graph": "6-2-2", "slots": (3,), "routing": "known"}, "slots="),
    ],
)
def test_what_chance_refuses(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        chance_level(**changes)


# Over time


def test_flips_are_counted_place_by_place(study) -> None:
    folder, *_ = study
    changes = rewiring(folder)
    assert (changes.groupby("run").size() == 4).all()
    details = Store(folder).details(every=True)
    for key, part in details.groupby("run"):
        rows = [json.loads(text) for text in part.sort_values("epoch")["structure"]]
        known = changes[changes["run"] == key].sort_values("epoch")
        assert known["flips"].isna().tolist() == [True, False, False, False]
        if "routing" not in rows[0]:
            assert (known["flips"].iloc[1:] == 0).all()
            continue
        for number in range(1, 4):
            before, now = rows[number - 1], rows[number]
            parts = [name for name in ("routing", "selection", "outputs") if name in now]
            flat = [
                np.concatenate([np.ravel(level) for name in parts for level in one[name]])
                for one in (before, now)
            ]
            assert known["flips"].iloc[number] == (flat[0] != flat[1]).sum()
            gate = [np.concatenate(one["gates"]) for one in (before, now)]
            assert known["regated"].iloc[number] == (gate[0] != gate[1]).sum()


def test_turning_points_of_a_known_course() -> None:
    results = pd.DataFrame(
        {
            "run": ["a"] * 4 + ["b"] * 4,
            "epoch": [0, 10, 20, 30] * 2,
            "bit_accuracy": [0.5, 0.55, 0.9, 1.0, 0.5, 0.7, 0.7, 0.75],
            "solved": [False, False, False, True, False, False, False, False],
        }
    )
    changes = pd.DataFrame(
        {
            "run": ["a"] * 4 + ["b"] * 4,
            "epoch": [0, 10, 20, 30] * 2,
            "flips": pd.array([None, 3, 0, 0, None, 1, 0, 2], dtype="Int64"),
        }
    )
    result = turning_points(results, changes).set_index("run")
    assert result.loc["a"].to_dict() == {
        "freezes": 10,
        "flips": 3,
        "jumps": 20,
        "jump": pytest.approx(0.35),
        "frozen_first": True,
        "solved": True,
    }
    assert result.loc["b", ["freezes", "jumps", "frozen_first"]].tolist() == [30, 10, False]
