"""Learning curves against an independent groupby; theory beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modnets.analysis import epoch_curves
from modnets.analysis.epoch_curves import allowed_by_data, training_curves
from modnets.analysis.version_space.modular import modular_version_space
from modnets.config.run_config import RunConfig


@pytest.fixture
def results(rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (f"{kind}{run}", kind, epoch, rng.random(), bool(rng.random() < 0.4))
        for kind, n_runs in (("dense", 5), ("shared, known", 7))
        for run in range(n_runs)
        for epoch in (0, 10, 20)
    ]
    names = ["run", "kind", "epoch", "test_bit_accuracy", "solved"]
    return pd.DataFrame(rows, columns=names)


def check(curves: pd.DataFrame, results: pd.DataFrame) -> None:
    groups = results.groupby(["kind", "epoch"])
    result = curves.set_index(["kind", "epoch"]).sort_index()
    for name, quantile in (("low", 0.25), ("median", 0.5), ("high", 0.75)):
        wanted = groups["test_bit_accuracy"].quantile(quantile)
        pd.testing.assert_series_equal(result[name], wanted, check_names=False)
    wanted = groups["solved"].mean()
    pd.testing.assert_series_equal(result["solved"], wanted, check_names=False)
    assert (result["n"] == groups.size()).all()


def test_curves_are_quartiles_of_runs(results: pd.DataFrame) -> None:
    check(training_curves(results), results)
    check(training_curves(results.sample(frac=1, random_state=0)), results)
    check(training_curves(results.iloc[:-1]), results.iloc[:-1])  # a run that is behind
    results.loc[4, "test_bit_accuracy"] = np.nan
    check(training_curves(results), results)


def test_a_missing_column_is_named(results: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="solved"):
        training_curves(results.drop(columns="solved"))


def test_what_the_data_allow_known_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(graph: object, **keywords: object) -> object:
        asked.append((str(graph), *keywords.values()))
        return modular_version_space(graph, **keywords)

    monkeypatch.setattr(epoch_curves, "modular_version_space", counted)
    epoch_curves._allowed.cache_clear()
    kinds = (("shared", "known"), ("modular", "learned"), ("dense", "learned"))
    runs = [
        RunConfig(model=model, routing=routing, train_rows=8, seed=seed)
        for model, routing in kinds
        for seed in range(3)
    ]
    curve = modular_version_space("6-3-2-2", shared=True).learning_curve([8], draws=200, seed=0)
    result = allowed_by_data(runs)
    assert result == {"shared, known": pytest.approx(curve["bit_accuracy"].item())}
    assert 0.9 < result["shared, known"] < 1
    assert allowed_by_data(runs) == result
    assert asked == [("6-3-2-2", True, "known")]  # once


def test_what_takes_too_long_to_count_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    epoch_curves._allowed.cache_clear()
    run = RunConfig(model="modular", routing="known", train_rows=8)
    assert set(allowed_by_data([run])) == {"modular, known"}
    epoch_curves._allowed.cache_clear()
    monkeypatch.setattr(epoch_curves, "MAX_NETWORKS", 16**5 - 1)
    assert allowed_by_data([run]) == {}
    epoch_curves._allowed.cache_clear()
