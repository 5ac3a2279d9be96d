"""The statistics against scipy, against loops written out, and against curves made by hand."""

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import modnets.analysis.statistics as stats
from modnets.analysis import intervals
from modnets.analysis.rows_needed import isotonic, sample_complexity


def frame(solved, *, rows=None, kind="dense", graph="6-3-2-2", splits=3, seeds=2):
    """Results where ``solved[point]`` of the runs at each number of rows solve the task."""
    rows = rows or [4, 8, 16, 32, 48][: len(solved)]
    collected = []
    for n, hits in zip(rows, solved, strict=True):
        for run in range(splits * seeds):
            row = {"run": f"{graph}/{kind}/{n}/{run}", "graph": graph, "kind": kind}
            row |= {"train_rows": n, "split_seed": run // seeds, "seed": run % seeds}
            # A run is never solved at its early checkpoint, and has no accuracy there.
            early = row | {"epoch": 10, "solved": False, "test_bit_accuracy": 0.0}
            accuracy = 1.0 if run < hits else 0.5 + run / 100
            collected += [row | {"epoch": 20, "solved": run < hits, "test_bit_accuracy": accuracy}]
            collected += [early]
    return pd.DataFrame(collected)


def shares_and_weights(points):
    """A share and a weight for each of so many points."""
    shares = st.lists(st.floats(0, 1), min_size=points, max_size=points)
    return st.tuples(shares, st.lists(st.floats(0.1, 9), min_size=points, max_size=points))


def needed(results, **settings):
    result = sample_complexity(results, resamples=100, **settings)
    return result.set_index(["graph", "kind"])


@pytest.mark.parametrize(
    ("graph", "floor"), [("6-2-2", 0.5), ("6-3-2-2", 0.75), ("6-3-3-2-2", 0.625)]
)
def test_the_majority_floor_is_that_of_the_constant_answer(graph, floor):
    assert stats.majority_floor(graph) == floor


def test_the_majority_floor_of_the_control_lies_between_its_two_outputs():
    ones = [bin(y).count("1") / 64 for y in (0x4F562F00AECBC2DF, 0x6FE4167AB65F5E9A)]
    assert stats.majority_floor("6-2") == np.mean([max(p, 1 - p) for p in ones])


def test_last_takes_the_last_epoch_of_each_run_whatever_the_order():
    results = frame([2, 5]).sample(frac=1, random_state=1)
    result = stats.last(results)
    assert (result["epoch"] == 20).all()
    assert result["run"].is_unique
    assert set(result["run"]) == set(results["run"])


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=60, deadline=None)
def test_the_wilson_interval_is_that_of_scipy(case):
    hits, n = case
    expected = scipy.stats.binomtest(hits, n).proportion_ci(0.9, method="wilson")
    low, high = intervals.wilson_interval(hits, n, 0.9)
    np.testing.assert_allclose((low, high), expected, atol=1e-12)


def test_the_wilson_interval_refuses_what_is_no_share():
    with pytest.raises(ValueError, match="at least 1 run"):
        intervals.wilson_interval(0, 0)
    with pytest.raises(ValueError, match="allowed is 0 to n"):
        intervals.wilson_interval([3], [2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_the_inter_quartile_mean_is_the_trimmed_mean_of_scipy(values):
    # Each value four times: then a quarter of them is a whole number.
    expected = scipy.stats.trim_mean(np.repeat(values, 4), 0.25)
    assert intervals.interquartile_mean(values) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(any))
@settings(max_examples=60, deadline=None)
def test_a_weight_counts_a_value_so_often(weights):
    values = np.array([0.7, 0.1, 1.0, 0.4, 0.5])
    expected = intervals.interquartile_mean(np.repeat(values, weights))
    result = intervals.interquartile_mean(values, np.array([weights, [1, 1, 1, 1, 1]]))
    np.testing.assert_allclose(result, [expected, intervals.interquartile_mean(values)], atol=1e-12)


def test_a_draw_takes_whole_splits_and_whole_seeds():
    runs = pd.DataFrame({"split_seed": np.repeat([40, 41, 42], 5), "seed": np.tile(range(5), 3)})
    weights = intervals.resampling_weights(runs, resamples=40, seed=7).reshape(40, 3, 5)
    by_split, by_seed = weights.sum(axis=2) / 5, weights.sum(axis=1) / 3
    np.testing.assert_allclose(weights, by_split[:, :, None] * by_seed[:, None, :])
    assert (by_split.sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 30


def test_seeds_that_go_together_are_drawn_as_one():
    runs = pd.DataFrame({"split_seed": [7, 5, 3], "seed": [2, 4, 6]})
    weights = intervals.resampling_weights(runs, resamples=40, seed=7)
    assert (weights.sum(axis=1) == 3).all()  # three runs in every draw
    assert len(np.unique(weights, axis=0)) > 3
    crossed = pd.concat([runs, pd.DataFrame({"split_seed": [7], "seed": [4]})])
    weights = intervals.resampling_weights(crossed, resamples=40, seed=7)
    assert len(set(weights.sum(axis=1))) > 1  # the seeds are, not the runs


def test_summarize_agrees_with_a_groupby():
    results = pd.concat([frame([1, 4, 6]), frame([0, 0, 3], kind="sparse")])
    summary = stats.summarize(results, resamples=200)
    final = results[results["epoch"] == 20].groupby(["graph", "kind", "train_rows"])
    assert list(summary["n"]) == list(final.size())
    assert list(summary["n_solved"]) == list(final["solved"].sum())
    np.testing.assert_allclose(summary["solved"], final["solved"].mean())
    np.testing.assert_allclose(
        summary["test_bit_accuracy_mean"], final["test_bit_accuracy"].mean(), atol=1e-12
    )
    assert (summary["floor"] == 0.75).all()
    for name in ("solved", "test_bit_accuracy"):
        assert (summary[f"{name}_low"] <= summary[name]).all()
        assert (summary[name] <= summary[f"{name}_high"]).all()
        assert (summary[f"{name}_low"] < summary[f"{name}_high"]).any()


def test_another_share_than_that_solved_is_told():
    results = frame([2, 5], splits=6, seeds=1).assign(solved=False)
    results["fits"] = results["epoch"].eq(20) & results["test_bit_accuracy"].eq(1.0)
    summary = stats.summarize(results, ["train_rows"], share="fits", resamples=10)
    assert summary["n_fits"].tolist() == [2, 5]
    assert summary["fits"].tolist() == [2 / 6, 5 / 6]
    low, high = intervals.wilson_interval([2, 5], [6, 6])
    np.testing.assert_array_equal(summary[["fits_low", "fits_high"]], np.transpose([low, high]))
    assert not [name for name in summary if "solved" in name]


def test_the_same_seed_gives_the_same_summary_whatever_the_order_of_the_results():
    results = frame([1, 4, 6])
    shuffled = results.sample(frac=1, random_state=3)
    first = stats.summarize(results, resamples=50)
    pd.testing.assert_frame_equal(first, stats.summarize(shuffled, resamples=50), check_exact=True)
    other = stats.summarize(results, resamples=50, seed=1)
    assert not first["test_bit_accuracy_low"].equals(other["test_bit_accuracy_low"])


def test_equal_values_give_that_value_as_interval():
    results = frame([0, 0])
    results["test_bit_accuracy"] = 0.1 + 0.2
    summary = stats.summarize(results, resamples=50)
    for name in ("", "_low", "_high"):
        assert (summary[f"test_bit_accuracy{name}"] == 0.1 + 0.2).all()


def test_a_single_run_and_an_incomplete_crossing_are_summarized():
    one = stats.summarize(frame([1], splits=1, seeds=1), resamples=50)
    assert one["test_bit_accuracy_low"].item() == one["test_bit_accuracy_high"].item() == 1
    results = frame([1, 4])
    diagonal = results[results["split_seed"] == results["seed"]]
    assert stats.summarize(diagonal, resamples=50).notna().all(axis=None)
    sample_complexity(diagonal, resamples=50)


def test_a_graph_of_ones_own_has_no_floor():
    assert stats.summarize(frame([1], graph="mine"), resamples=5)["floor"].isna().all()


def test_missing_columns_and_empty_results_are_named():
    with pytest.raises(ValueError, match=r"missing columns.*solved"):
        stats.summarize(frame([1]).drop(columns="solved"))
    with pytest.raises(ValueError, match="results is empty"):
        stats.summarize(frame([1]).iloc[:0])


def test_rows_needed_are_interpolated_in_their_logarithm():
    # Shares 0, 1/3, 2/3, 1 at 4, 8, 16, 32 rows: one half lies midway between 8 and 16.
    row = needed(frame([0, 2, 4, 6])).iloc[0]
    assert row["rows"] == pytest.approx(8 * 2**0.5)
    assert row["rows_low"] <= row["rows"] <= row["rows_high"]
    assert row["reached"]
    assert not row["at_most"]


def test_a_dip_is_levelled_before_reading_off():
    # 1/2 and 1/6 pool to 1/3, so that one half comes a quarter of the way from 1/3 to 1.
    row = needed(frame([0, 3, 1, 6])).iloc[0]
    assert row["rows"] == pytest.approx(16 * 2**0.25)


@given(st.integers(1, 7).flatmap(lambda n: st.lists(shares_and_weights(n), min_size=1, max_size=5)))
@settings(max_examples=60, deadline=None)
def test_isotonic_regression_is_that_of_scipy(draws):
    values, weights = np.array(draws).transpose(1, 0, 2)
    expected = [
        scipy.optimize.isotonic_regression(v, weights=w).x
        for v, w in zip(values, weights, strict=True)
    ]
    np.testing.assert_allclose(isotonic(values, weights), expected, atol=1e-9)


def test_a_share_never_reached_is_not_extrapolated():
    row = needed(frame([0, 2, 2, 2])).iloc[0]
    assert np.isinf(row["rows"])
    assert np.isinf(row["rows_high"])
    assert not row["reached"]


def test_a_share_reached_from_the_start_is_a_bound():
    row = needed(frame([6, 6, 6, 6]), share=0.95).iloc[0]
    assert (row["rows"], row["rows_low"], row["rows_high"]) == (4, 4, 4)
    assert row["reached"]
    assert row["at_most"]


@pytest.mark.parametrize(
    ("dense", "shared", "saved", "saved_is"),
    [
        ([0, 0, 0, 6], [0, 0, 6, 6], 2**4.5 - 2**3.5, "exact"),
        ([0, 0, 0, 6], [6, 6, 6, 6], 2**4.5 - 4, "at least"),
        ([0, 0, 0, 0], [0, 0, 6, 6], 32 - 2**3.5, "at least"),
        ([6, 6, 6, 6], [0, 0, 6, 6], 4 - 2**3.5, "at most"),
        ([0, 0, 0, 6], [0, 0, 0, 0], 2**4.5 - 32, "at most"),
        ([6, 6, 6, 6], [6, 6, 6, 6], np.nan, "unknown"),
        ([0, 0, 0, 0], [0, 0, 0, 0], np.nan, "unknown"),
    ],
)
def test_rows_saved_say_whether_they_are_a_bound(dense, shared, saved, saved_is):
    results = pd.concat([frame(dense), frame(shared, kind="shared, known")])
    result = needed(results)
    row = result.loc[("6-3-2-2", "shared, known")]
    assert row["saved"] == pytest.approx(saved, nan_ok=True)
    assert row["saved_is"] == saved_is
    assert np.isfinite(row["saved_low"]) == (saved_is == "exact")
    assert result.loc[("6-3-2-2", "dense"), "saved"] == 0


def test_without_the_reference_nothing_is_known_to_be_saved():
    row = needed(frame([0, 6], kind="sparse")).iloc[0]
    assert row["saved_is"] == "unknown"
    assert np.isnan(row["saved"])


def test_draws_are_shared_so_that_equal_kinds_save_exactly_nothing():
    results = pd.concat([frame([0, 2, 5, 6]), frame([0, 2, 5, 6], kind="sparse")])
    row = needed(results).loc[("6-3-2-2", "sparse")]
    assert row["rows_low"] < row["rows_high"]
    assert (row["saved"], row["saved_low"], row["saved_high"]) == (0, 0, 0)


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"share=95; allowed is in \(0, 1\]"):
        sample_complexity(frame([1]), share=95)


def test_paired_differences_agree_with_pairs_taken_one_by_one():
    results = pd.concat([frame([1, 4]), frame([3, 6], kind="sparse")])
    result = stats.paired_difference(results, resamples=100)
    final = results[results["epoch"] == 20].set_index(["kind", "train_rows", "split_seed", "seed"])
    accuracy = final["test_bit_accuracy"]
    expected = (accuracy["sparse"] - accuracy["dense"]).groupby("train_rows").mean()
    np.testing.assert_allclose(result["difference"], expected, atol=1e-12)
    assert list(result["n"]) == [6, 6]
    assert (result["difference_low"] <= result["difference"]).all()
    assert (result["difference"] <= result["difference_high"]).all()
    pooled = stats.paired_difference(results, by=["kind"], resamples=100)
    assert pooled["n"].item() == 12
    assert pooled["difference"].item() == pytest.approx(expected.mean())
    with pytest.raises(ValueError, match="reference='dens'; allowed: dense, sparse"):
        stats.paired_difference(results, reference="dens")
    twice = pd.concat([results, results.assign(run=results["run"] + " again")])
    with pytest.raises(ValueError, match="several runs"):
        stats.paired_difference(twice)
