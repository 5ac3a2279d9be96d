"""Rates chosen on validation rows, with one budget for all."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from modnets.analysis.tuning import choose, with_candidates, with_choices
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig


def pilot(reached: dict[tuple[str, float], list[float]], loss: float = 0.5) -> pd.DataFrame:
    """Results with the validation accuracies of each kind and learning rate."""
    rows = [
        {"run": f"{kind} {lr} {number}", "graph": "6-3-2-2", "kind": kind, "lr": lr, "epoch": epoch}
        | {"validation_bit_accuracy": value if epoch else 1.0, "validation_loss": loss * lr}
        for (kind, lr), values in reached.items()
        for number, value in enumerate(values)
        for epoch in (0, 10)
    ]
    return pd.DataFrame(rows)


REACHED = {
    ("dense", 0.01): [0.9, 0.7],
    ("dense", 0.1): [0.6, 0.6],
    ("shared, known", 0.01): [0.5, 0.5, 0.5],
    ("shared, known", 0.1): [0.9, 0.8, 1.0],
}


def test_the_best_mean_at_the_last_epoch_is_chosen() -> None:
    result = choose(pilot(REACHED))
    assert result["kind"].tolist() == ["dense", "shared, known"]
    assert result["lr"].tolist() == [0.01, 0.1]
    assert result["candidates"].tolist() == [2, 2]
    assert result["runs"].tolist() == [2, 3]
    assert result["validation_bit_accuracy"].tolist() == pytest.approx([0.8, 0.9])
    assert result["worst"].tolist() == pytest.approx([0.6, 0.5])


def test_of_equal_ones_the_lower_loss_counts() -> None:
    equal = {("dense", lr): [0.7, 0.9] for lr in (0.1, 0.01, 0.03)}
    assert choose(pilot(equal))["lr"].tolist() == [0.01]
    assert choose(pilot(equal, loss=-0.5))["lr"].tolist() == [0.1]


def test_several_settings_are_one_candidate() -> None:
    results = pilot(REACHED).assign(weight_decay=lambda t: t["lr"] * 2)
    result = choose(results, ["lr", "weight_decay"], ["kind"])
    assert result[["lr", "weight_decay"]].to_numpy().tolist() == [[0.01, 0.02], [0.1, 0.2]]


def test_test_rows_and_unequal_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="measure='test_bit_accuracy'; allowed is one of valid"):
        choose(pilot(REACHED), measure="test_bit_accuracy")
    unequal = {key: values for key, values in REACHED.items() if key != ("dense", 0.1)}
    with pytest.raises(ValueError, match="groups with 1 to 2 candidates of lr"):
        choose(pilot(unequal))


WHOLE_TABLE = ["bit_accuracy", "row_accuracy", "solved", "recovered", "edge_f1", "readable"]


@pytest.mark.parametrize(
    "measure",
    [*WHOLE_TABLE, "test_loss", "test_unseen_bit_accuracy", "clarity", "mine", "train_rows"],
)
def test_measures_that_may_have_seen_test_rows_are_refused(measure: str) -> None:
    results = pilot(REACHED)
    results[measure] = 0.5
    with pytest.raises(ValueError, match=f"measure='{measure}'; allowed is one of validation or"):
        choose(results, measure=measure)


def test_of_a_loss_the_lowest_is_chosen() -> None:
    results = pilot(REACHED).assign(train_loss=lambda table: table["lr"], train_mine=2.0)
    assert choose(results, measure="train_loss")["lr"].tolist() == [0.01, 0.01]
    assert choose(results, measure="train_loss")["worst"].tolist() == pytest.approx([0.1, 0.1])
    assert choose(results, measure="train_mine")["lr"].tolist() == [0.01, 0.01]  # by the loss


def test_runs_take_what_was_chosen_for_their_kind() -> None:
    runs = grid(RunConfig(lr=0.5), model=["dense", "shared"], routing="known", seed=range(2))
    result = with_choices(runs, choose(pilot(REACHED)))
    assert [run.lr for run in result] == [0.01, 0.01, 0.1, 0.1]
    assert [run.seed for run in result] == [run.seed for run in runs]
    by_kind = choose(pilot(REACHED), by=["kind"])
    assert with_choices(runs, by_kind, by=["kind"]) == result
    with pytest.raises(ValueError, match="no lr was chosen for"):
        with_choices(grid(model="sparse"), choose(pilot(REACHED)))


def test_a_kind_without_the_setting_forms_a_group_too() -> None:
    # Densities differ in what does best; dense networks have none, which a table holds as NaN.
    best = {None: 0.01, 25.0: 0.1, 75.0: 0.01}
    parts = [
        pilot({("sparse" if ratio else "dense", lr): [0.9 if lr == best[ratio] else 0.5]})
        .assign(pruning_ratio=ratio)
        .assign(run=f"{ratio} {lr}")
        for ratio in best
        for lr in (0.01, 0.1)
    ]
    by = ["kind", "pruning_ratio"]
    choices = choose(pd.concat(parts).astype({"pruning_ratio": float}), by=by)
    assert choices["lr"].tolist() == [0.01, 0.1, 0.01]
    runs = grid(RunConfig(lr=0.5), model=["dense", "sparse"], pruning_ratio=[25, 75])
    assert [run.lr for run in with_choices(runs, choices, by=by)] == [0.01, 0.1, 0.01]


def test_every_kind_tries_as_many_candidates() -> None:
    apart = {"train_rows": [8, 16], "seeds": range(1000, 1002)}
    known = grid(model=["dense", "shared"], routing="known", **apart)
    learned = grid(model=["modular", "shared"], **apart)
    rates = {"lrs_learned": [0.01, 0.03], "lrs_routing": [0.1, 0.2]}
    found = with_candidates(known + learned, [0.001, 0.01, 0.1, 1.0], [0.0, 0.001], **rates)
    assert len({run.key for run in found}) == len(found) == 8 * len(known + learned)
    one_by_one = grid(
        model=["dense", "shared"], routing="known", lr=[0.001, 0.01, 0.1, 1.0],
        weight_decay=[0.0, 0.001], **apart,
    )  # fmt: skip
    for rate in rates["lrs_routing"]:
        one_by_one += grid(
            model=["modular", "shared"], lr=rates["lrs_learned"], weight_decay=[0.0, 0.001],
            lr_routing=rate, lr_selection=rate, **apart,
        )  # fmt: skip
    assert {run.key for run in found} == {run.key for run in one_by_one}


def test_what_a_kind_does_not_have_stays_as_it_is() -> None:
    rates = ["lr", "lr_routing"]
    runs = grid(model=["dense", "shared"], lr=[0.01, 0.03], lr_routing=[0.1, 0.01], seeds=range(2))
    results = pd.DataFrame([run.to_row() for run in runs])
    results = results.assign(epoch=9, validation_bit_accuracy=results["lr"], validation_loss=0.1)
    dense = results[results["kind"] == "dense"].assign(lr_routing=float("nan"))
    learned = results[(results["kind"] != "dense") & (results["lr_routing"] == 0.01)]
    result = choose(pd.concat([dense, learned]), rates)
    chosen = with_choices(runs, result, rates)
    assert {run.lr for run in chosen} == {0.03}
    assert {run.final.lr_routing for run in chosen} == {None, 0.01}


def test_runs_that_differ_in_seeds_alone_are_those_of_one_change_after_another() -> None:
    runs = grid(model=["dense", "modular"], train_rows=[8, 16], seeds=range(3))
    runs += [replace(run, seed=7) for run in runs[:2]] + [runs[1].with_seeds(split_seed=9)]
    by = ["kind", "train_rows"]
    rows = [(kind, n, n / 1000) for kind in ("dense", "modular, learned") for n in (8, 16)]
    choices = pd.DataFrame(rows, columns=[*by, "lr"])
    expected = [replace(run, lr=run.train_rows / 1000) for run in runs]
    for given in (runs, (replace(run) for run in runs)):  # a generator keeps none of them
        found = with_choices(given, choices, by=by)
        assert found == expected
        assert [run.key for run in found] == [run.key for run in expected]
    of_seed = pd.DataFrame({"seed": [0, 1, 2, 7], "lr": [0.1, 0.2, 0.3, 0.7]})
    rates = [run.lr for run in with_choices(runs, of_seed, by=["seed"])]
    assert rates == [{0: 0.1, 1: 0.2, 2: 0.3, 7: 0.7}[run.seed] for run in runs]
