"""Settings that vary within a group of runs are told apart or refused, in every table."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import modnets as mn
from modnets.analysis.pooling import varying_settings
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig

BY = ["graph", "kind", "train_rows"]


def table(runs: list[RunConfig]) -> pd.DataFrame:
    """Results without training: every second run solves."""
    frame = pd.DataFrame([run.to_row() for run in runs])
    number = pd.Series(range(len(frame)))
    accuracies = {f"{part}_bit_accuracy": 0.5 + number / 1e3 for part in ("test", "validation")}
    frame = frame.assign(**accuracies, epoch=1000, solved=number % 2 == 0, validation_loss=0.1)
    return frame.assign(bit_accuracy=0.7, row_accuracy=0.5)


WIDTHS = {"model": "dense", "hidden": [(6,), (24,)], "seeds": range(4)}
KINDS = {"model": ["dense", "shared"], "routing": "known", "train_rows": [8, 16]}


def test_nothing_varies_where_settings_follow_from_the_kind() -> None:
    results = table(grid(**KINDS, graph=["6-2-2", "6-3-2-2"], seeds=range(3)))
    assert varying_settings(results, BY) == []
    chosen = results.assign(lr=results["kind"].map({"dense": 0.01, "shared, known": 0.03}))
    assert varying_settings(chosen, BY) == []
    assert mn.summarize(chosen, resamples=10)["n"].eq(3).all()


def test_what_follows_from_another_setting_is_not_told_twice() -> None:
    results = table(grid(**KINDS, seeds=range(3)))
    assert varying_settings(results, ["graph", "kind"]) == ["train_rows"]  # not the batch size
    assert varying_settings(results, ["graph", "kind"], ["train_rows"]) == []
    assert varying_settings(results, ["train_rows"]) == ["kind"]  # not the model, nor its sizes
    assert varying_settings(results.assign(options="{}"), BY) == []
    looks = results.assign(eval_every=range(len(results)), record=["end", "every"] * 6)
    assert varying_settings(looks, BY) == []


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"hidden": [(6,), (24,)]}, "hidden"),
        ({"lr": [0.01, 0.03]}, "lr"),
        ({"weight_decay": [0.0, 0.001]}, "weight_decay"),
        ({"epochs": [10, 20]}, "epochs"),
        ({"input_noise": [0.0, 0.1]}, "input_noise"),
        ({"optimizer": ["adam", "sgd"]}, "optimizer"),
        ({"batch_size": [4, None]}, "batch_size"),
    ],
)
def test_a_setting_that_varies_is_grouped_or_refused(changes: dict, setting: str) -> None:
    results = table(grid(train_rows=[8, 16], **changes, seeds=range(4)))
    summary = mn.summarize(results, resamples=10)
    assert summary.columns[:4].tolist() == [*BY, setting]
    assert len(summary) == 4
    assert summary["n"].eq(4).all()
    times = mn.analysis.time_to_solve(results, [*BY, setting])
    refusals = {
        "sample_complexity": lambda: mn.analysis.sample_complexity(results),
        "knowledge_savings": lambda: mn.analysis.knowledge_savings(results),
        "paired_difference": lambda: mn.analysis.paired_difference(results),
        "time_to_solve": lambda: mn.analysis.time_to_solve(results),
        "kaplan_meier": lambda: mn.analysis.kaplan_meier(times),
        "solve_times": lambda: mn.analysis.solve_times(times),
        "plot_generalization": lambda: mn.plot.generalization(results),
        "training_curves": lambda: mn.analysis.training_curves(results[results["train_rows"] == 8]),
        "course": lambda: mn.analysis.course(results, BY, ["bit_accuracy"]),
        "choose": lambda: mn.analysis.choose(results, "gamma"),
    }
    for name, call in refusals.items():
        with pytest.raises(ValueError, match=rf"(results|times): {setting} varies within") as error:
            call()
        assert "\n" not in str(error.value), name
    with pytest.raises(ValueError, match=f"same kind and train_rows, as {setting} varies; give"):
        mn.plot.solved(summary)
    plt.close("all")
    one = results[results[setting] == results[setting].iloc[0]]
    assert len(mn.analysis.sample_complexity(one)) == 1


def test_a_model_of_ones_own_is_told_apart_by_its_options() -> None:
    results = table(grid(seeds=range(6)))
    results["options"] = ['{"width": 6}', '{"width": 24}'] * 3
    summary = mn.summarize(results, resamples=10)
    assert summary["options"].tolist() == ['{"width": 24}', '{"width": 6}']
    assert summary["n"].tolist() == [3, 3]
    with pytest.raises(ValueError, match="options varies within a group of graph, kind, train_ro"):
        mn.analysis.sample_complexity(results)


def test_what_is_pooled_on_purpose_is_said() -> None:
    results = table(grid(**KINDS, seeds=range(3)))
    summary = mn.summarize(results, ["kind"], pooled=["train_rows"], resamples=10)
    assert summary["n"].tolist() == [6, 6]
    assert summary["clusters"].tolist() == [3, 3]  # the same seeds with both numbers of rows
    apart = mn.summarize(results, ["kind"], resamples=10)
    assert apart[["kind", "train_rows"]].drop_duplicates().shape[0] == 4
    chosen = mn.analysis.choose(table(grid(lr=[0.01, 0.03], train_rows=[8, 16], seeds=range(3))))
    assert chosen["lr"].tolist() == [0.03]
    with pytest.raises(ValueError, match="train_rows varies"):
        mn.analysis.choose(
            table(grid(lr=[0.01, 0.03], train_rows=[8, 16], seeds=range(3))), pooled=[]
        )


def test_several_tasks_are_arranged_by_settings_that_do_not_vary() -> None:
    together = table(grid(graph="two tasks", lr=[0.01, 0.03], train_rows=8, seeds=range(2)))
    apart = table(grid(graph=["6-2-2"], train_rows=8, seeds=range(2)))
    with pytest.raises(ValueError, match="lr varies within"):
        mn.analysis.arrange(together, apart, [mn.tasks.TASK_SETS["two tasks"]])


def test_seeds_are_split_and_initial_weights_together() -> None:
    runs = grid(train_rows=[8, 16], seeds=range(5))
    assert [(run.split_seed, run.seed) for run in runs] == [(s, s) for s in range(5)] * 2
    with pytest.raises(ValueError, match="seeds and seed; allowed is one or the other"):
        grid(seeds=range(3), seed=1)
