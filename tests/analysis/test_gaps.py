"""Gaps between trained and exact: against an independent count, on the splits that runs have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modnets.analysis.generalization_gaps import (
    exact_answers,
    exact_counts,
    exact_curves,
    gaps,
    version_spaces,
)
from modnets.analysis.version_space import enumeration
from modnets.analysis.version_space.dense import dense_version_space
from modnets.analysis.version_space.modular import modular_version_space
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig

SPLITS = 3


@pytest.fixture(scope="module")
def runs() -> list[RunConfig]:
    return grid(
        graph=["6-2-2", "6-2"],
        model=["dense", "sparse", "shared"],
        routing=["known", "learned"],
        train_rows=[6, 32],
        split_seed=range(SPLITS),
        seed=range(2),
        knowledge="6-2-2",
    )


@pytest.fixture(scope="module")
def answers(runs: list[RunConfig]) -> pd.DataFrame:
    return exact_answers(version_spaces(runs))


@pytest.fixture(scope="module")
def results(runs: list[RunConfig]) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    table = pd.DataFrame([run.to_row() for run in runs])
    table["test_bit_accuracy"] = rng.uniform(0.4, 1, len(table))
    table["bit_accuracy"] = rng.uniform(0.4, 1, len(table))  # over the whole table, as results have
    return table.assign(epoch=1, solved=rng.random(len(table)) < 0.5)


def test_kinds_that_can_be_counted_have_a_row_for_each_split(answers: pd.DataFrame) -> None:
    result = set(zip(answers["graph"], answers["kind"], strict=True))
    # The control has the structure of another task: no network of it is sure to be the table.
    assert result == {
        *(("6-2-2", kind) for kind in ("dense", "shared, known", "shared, learned")),
        ("6-2", "dense"),
    }
    assert (answers.groupby(["graph", "kind", "train_rows"]).size() == SPLITS).all()
    assert not answers.duplicated(["graph", "kind", "train_rows", "split_seed"]).any()


@pytest.mark.parametrize("kind", ["dense", "shared, learned"])
def test_an_answer_is_that_of_the_split(
    kind: str, runs: list[RunConfig], answers: pd.DataFrame
) -> None:
    space = (
        dense_version_space("6-2-2")
        if kind == "dense"
        else modular_version_space("6-2-2", routing="learned")
    )
    of = answers[(answers["graph"] == "6-2-2") & (answers["kind"] == kind)]
    for run in runs:
        if (str(run.graph), run.kind) == ("6-2-2", kind):
            row = of[(of["train_rows"] == run.train_rows) & (of["split_seed"] == run.split_seed)]
            wanted = space.learning_curve([run.split]).iloc[0]
            assert row["left"].item() == wanted["left_mean"]
            assert row["bit_accuracy"].item() == wanted["bit_accuracy"]
            assert row["single"].item() == wanted["single"]


def test_curves_draw_their_splits_anew(runs: list[RunConfig]) -> None:
    spaces = version_spaces(runs)
    index = ["graph", "kind", "train_rows"]
    curves = exact_curves(spaces, draws=60).set_index(index).sort_index()
    assert len(curves) == 8
    assert (curves["draws"] == 60).all()
    space = modular_version_space("6-2-2", routing="learned")
    wanted = space.learning_curve([6, 32], draws=60).set_index("rows")
    result = curves.loc[("6-2-2", "shared, learned")]
    for name in ("bit_accuracy", "single", "solved"):
        np.testing.assert_array_equal(result[name], wanted[name])
        assert (result[f"{name}_low"] <= result[name]).all()
        assert (result[name] <= result[f"{name}_high"]).all()
    more = exact_curves(spaces, [6], draws=240, seed=1).set_index(index).sort_index()
    widths = [
        table.loc[("6-2-2", "shared, learned", 6), ["single_low", "single_high"]].diff().iloc[1]
        for table in (more, curves)
    ]
    assert 0 < widths[0] < widths[1]
    with pytest.raises(ValueError, match="no kind of network that can be counted"):
        exact_curves(version_spaces(grid(model="sparse")))


def test_both_gaps_together_are_what_is_missing(
    results: pd.DataFrame, answers: pd.DataFrame
) -> None:
    table = gaps(results, answers, resamples=200).set_index(["graph", "kind", "train_rows"])
    by = results.groupby(["graph", "kind", "train_rows"])
    assert list(table.index) == list(by.groups)
    np.testing.assert_allclose(table["test_bit_accuracy"], by["test_bit_accuracy"].mean())
    np.testing.assert_allclose(table["solved"], by["solved"].mean())
    counted = table.dropna(subset="information_gap")
    both = counted["information_gap"] + counted["optimisation_gap"]
    np.testing.assert_allclose(both, 1 - counted["test_bit_accuracy"])
    exact = answers.groupby(["graph", "kind", "train_rows"])["bit_accuracy"].mean()
    np.testing.assert_allclose(counted["information_gap"], 1 - exact.loc[counted.index])
    assert (counted["optimisation_gap_low"] <= counted["optimisation_gap"]).all()
    assert (counted["optimisation_gap_high"] >= counted["optimisation_gap"]).all()
    assert (counted["optimisation_gap_high"] > counted["optimisation_gap_low"]).all()
    left_out = table[table["information_gap"].isna()].reset_index()["kind"]
    assert set(left_out) == {"sparse", "shared, known", "shared, learned"}  # the last two on 6-2


def test_the_interval_of_a_gap_pairs_run_and_split(
    results: pd.DataFrame, answers: pd.DataFrame
) -> None:
    # Runs that are just as good as the exact pick on their split: no gap, however splits differ.
    own = ["graph", "kind", "train_rows", "split_seed"]
    pairs = results.drop(columns="bit_accuracy").merge(answers[[*own, "bit_accuracy"]], on=own)
    pairs["test_bit_accuracy"] = pairs["bit_accuracy"]
    table = gaps(pairs.drop(columns="bit_accuracy"), answers, resamples=50)
    assert (table["optimisation_gap_low"] == 0).all()
    assert (table["optimisation_gap_high"] == 0).all()
    few = table[(table["kind"] == "shared, learned") & (table["train_rows"] == 6)]
    assert (few["information_gap_high"] > few["information_gap_low"]).all()


def test_what_cannot_be_counted_is_refused(results: pd.DataFrame, answers: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no kind of network that can be counted"):
        exact_answers(version_spaces(grid(model="sparse")))
    with pytest.raises(ValueError, match="answers holds several rows for a kind and split"):
        gaps(results, pd.concat([answers, answers]))
    with pytest.raises(ValueError, match="missing columns"):
        gaps(results, answers.drop(columns="single"))


def test_counts_are_those_of_the_spaces_and_none_where_they_are_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(enumeration, "MOST_STATES", 1000)
    kinds = {"model": ["dense", "shared"], "routing": ["known", "learned"]}
    counts = exact_counts(version_spaces(grid(graph="6-3-2-2", train_rows=8, **kinds)))
    assert counts.set_index("kind").drop(columns="graph").T.to_dict("list") == {
        "dense": [2**128, 2**128, 1],
        "shared, known": [256, 100, 2],
        "shared, learned": [256 * 2**5 * 30**3 * 6**2 * 2, None, None],
    }
