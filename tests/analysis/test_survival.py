"""Times until runs solve: against Kaplan and Meier's product written out run by run."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from modnets.analysis.efficiency import _time_reached, relative_costs, solve_times
from modnets.analysis.survival import kaplan_meier, time_to_solve

EPOCHS = [0, 10, 20, 30]


def results(courses, *, kind="dense", rows=16, seeds=2):
    """Runs that are right (1) or wrong (0) at each evaluated epoch."""
    collected = []
    for number, course in enumerate(courses):
        run = {"run": f"{kind}/{rows}/{number}", "graph": "6-3-2-2", "kind": kind}
        run |= {"train_rows": rows, "split_seed": number // seeds, "seed": number % seeds}
        collected += [
            run | {"epoch": epoch, "solved": right == "1"}
            for epoch, right in zip(EPOCHS, course, strict=True)
        ]
    return pd.DataFrame(collected)


def frame(outcomes, *, kind="dense", rows=16, seeds=2):
    """Times of runs, from pairs (time, whether it solved then)."""
    collected = [
        {"run": f"{kind}/{rows}/{n}", "graph": "6-3-2-2", "kind": kind, "train_rows": rows}
        | {"split_seed": n // seeds, "seed": n % seeds}
        | {"epoch": time, "solved": solved, "ever": solved}
        for n, (time, solved) in enumerate(outcomes)
    ]
    return pd.DataFrame(collected)


def literal(outcomes, at):
    """The share solved by a time, a run after the other; who is given up goes last."""
    left, at_risk = 1.0, len(outcomes)
    for time, solved in sorted(outcomes, key=lambda pair: (pair[0], not pair[1])):
        if time > at:
            break
        if solved:
            left *= 1 - 1 / at_risk
        at_risk -= 1
    return 1 - left


some_outcomes = st.lists(
    st.tuples(st.sampled_from([10, 20, 30, 50, 80]), st.booleans()), min_size=1, max_size=13
)


# Times


def test_a_time_is_the_first_epoch_from_which_it_stays_solved():
    courses = ["0011", "0111", "0001", "0000", "0110", "0101", "1111"]
    times = time_to_solve(results(courses).sample(frac=1, random_state=2)).set_index("run")
    result = times.loc[[f"dense/16/{n}" for n in range(len(courses))]]
    assert result["epoch"].tolist() == [20, 10, 30, 30, 30, 30, 0]
    assert result["solved"].tolist() == [True, True, True, False, False, True, True]
    assert result["ever"].tolist() == [True, True, True, False, True, True, True]


def test_arithmetic_is_that_of_each_runs_own_epochs():
    table = pd.concat([results(["0011", "0000"]), results(["0111"], kind="shared, known")])
    costs = pd.DataFrame({"run": table["run"].unique(), "epoch_flops": [7, 11, 13]})
    times = time_to_solve(table, costs=costs).set_index("run")
    assert times["flops"].to_dict() == {
        "dense/16/0": 7 * 20,
        "dense/16/1": 11 * 30,
        "shared, known/16/0": 13 * 10,
    }
    with pytest.raises(ValueError, match="costs lacks 2 of 3 runs"):
        time_to_solve(table, costs=costs.iloc[:1])


# Curves


@given(some_outcomes)
@settings(max_examples=80)
def test_a_curve_is_the_product_written_out(outcomes):
    curve = kaplan_meier(frame(outcomes))
    assert curve["time"].tolist() == sorted({0, *(time for time, _ in outcomes)})
    for row in curve.itertuples():
        assert row.solved == pytest.approx(literal(outcomes, row.time), abs=1e-12)
        assert row.at_risk == sum(time >= row.time for time, _ in outcomes)
        assert 0 <= row.solved_low <= row.solved <= row.solved_high <= 1
    assert (curve["n"] == len(outcomes)).all()
    assert (curve["solved"].diff().dropna() >= 0).all()


def test_the_interval_is_greenwoods_on_the_log_log_scale():
    outcomes = [(10, True), (10, True), (20, False), (20, True), (30, False), (30, False)]
    row = kaplan_meier(frame(outcomes, seeds=1), confidence=0.9).set_index("time").loc[20]
    left = 4 / 6 * 3 / 4  # of 6 runs at risk 2 solve, then of 4 one
    assert row["solved"] == pytest.approx(1 - left)
    deviation = np.sqrt(2 / (6 * 4) + 1 / (4 * 3)) / abs(np.log(left))
    z = scipy.stats.norm.ppf(0.95)
    low, high = (1 - left ** np.exp(sign * z * deviation) for sign in (-1, 1))
    assert (row["solved_low"], row["solved_high"]) == pytest.approx((low, high))


def test_where_none_or_all_have_solved_the_interval_is_wilsons():
    none = kaplan_meier(frame([(30, False)] * 9, seeds=1))
    assert none["time"].tolist() == [0, 30]
    expected = scipy.stats.binomtest(0, 9).proportion_ci(method="wilson")
    assert (none[["solved", "solved_low"]] == 0).all(axis=None)
    np.testing.assert_allclose(none["solved_high"], expected.high)
    outcomes = [(5, False), (10, True), (20, True), (20, True)]
    every = kaplan_meier(frame(outcomes, seeds=1)).iloc[-1]
    expected = scipy.stats.binomtest(3, 3).proportion_ci(method="wilson")  # one had been given up
    assert (every["solved"], every["solved_high"]) == (1, 1)
    assert every["solved_low"] == pytest.approx(expected.low)


def test_each_group_and_unit_has_a_curve_of_its_own():
    times = pd.concat([frame([(10, True), (30, False)]), frame([(20, True)], kind="sparse")])
    times["flops"] = times["epoch"] * np.where(times["kind"] == "dense", 7, 11)
    curves = kaplan_meier(times).set_index(["kind", "unit"])
    assert curves.loc[("dense", "epoch"), "time"].tolist() == [0, 10, 30]
    assert curves.loc[("dense", "flops"), "time"].tolist() == [0, 70, 210]
    assert curves.loc[("sparse", "flops"), "time"].tolist() == [0, 220]
    assert curves.loc[("dense", "flops"), "solved"].tolist() == [0, 0.5, 0.5]
    assert set(kaplan_meier(times, units=["epoch"])["unit"]) == {"epoch"}
    with pytest.raises(ValueError, match=r"missing columns.*seconds"):
        kaplan_meier(times, units=["seconds"])
    with pytest.raises(ValueError, match="times is empty"):
        kaplan_meier(times.iloc[:0])


# Times of a share, and what is spent


@given(some_outcomes, st.sampled_from([0.25, 0.5, 1.0]))
@settings(max_examples=80)
def test_the_time_of_a_share_is_where_the_curve_gets_there(outcomes, share):
    (row,) = solve_times(frame(outcomes), share=share, resamples=20).itertuples()
    times = sorted(time for time, _ in outcomes)
    there = [time for time in times if literal(outcomes, time) >= share - 1e-9]
    assert row.time == (there[0] if there else np.inf)
    solved = sum(hit for _, hit in outcomes)
    assert (row.n, row.n_solved) == (len(outcomes), solved)
    assert row.spent == (sum(times) / solved if solved else np.inf)


def test_an_interval_holds_what_repeated_runs_would_give():
    outcomes = [(10 * (n + 1), n < 20) for n in range(36)]
    (row,) = solve_times(frame(outcomes, seeds=6)).itertuples()
    assert row.time == 180
    assert row.time_low < row.time < row.time_high
    assert np.isinf(row.time_high)  # in some draws fewer than half solve
    assert row.spent_low < row.spent < row.spent_high < np.inf


@given(some_outcomes, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_weight_counts_a_run_so_often(outcomes, random):
    weights = np.array([[random.randrange(4) for _ in outcomes] for _ in range(5)])
    result = _time_reached(frame(outcomes), "epoch", weights, share=0.4)
    for time, of_draw in zip(result, weights, strict=True):
        repeated = [run for run, n in zip(outcomes, of_draw, strict=True) for _ in range(n)]
        there = [t for t, _ in sorted(repeated) if literal(repeated, t) >= 0.4 - 1e-9]
        expected = (there[0] if there else np.inf) if repeated else np.nan
        np.testing.assert_equal(time, expected)


def test_a_gain_is_the_references_time_over_this_one():
    parts = {
        "dense": [(40, True), (60, True)],
        "sparse": [(20, True), (30, True)],
        "shared, known": [(50, False), (50, False)],
    }
    times = pd.concat(frame(outcomes, kind=kind) for kind, outcomes in parts.items())
    alone = pd.concat(
        [
            frame([(50, False)], kind="dense", rows=8),
            frame([(50, True)], kind="sparse", rows=8),
            frame([(50, False)], kind="shared, known", rows=8),
        ]
    )
    result = solve_times(pd.concat([times, alone]), resamples=50)
    gain = result.set_index(["train_rows", "kind"])["gain"]
    assert gain[16].to_dict() == {"dense": 1, "shared, known": 0, "sparse": 2}
    assert gain[8, "sparse"] == np.inf
    assert np.isnan(gain[8, "dense"])
    assert np.isnan(gain[8, "shared, known"])
    without = solve_times(times[times["kind"] != "dense"], resamples=5)
    assert without[["gain", "gain_low", "gain_high"]].isna().all(axis=None)


def test_the_same_seed_gives_the_same_intervals_whatever_the_order():
    times = frame([(10 * n, n % 3 > 0) for n in range(1, 13)], seeds=3)
    first = solve_times(times, resamples=50)
    shuffled = times.sample(frac=1, random_state=4)
    pd.testing.assert_frame_equal(first, solve_times(shuffled, resamples=50), check_exact=True)
    other = solve_times(times, resamples=50, seed=1)
    assert not first["spent_low"].equals(other["spent_low"])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"share=50; allowed is in \(0, 1\]"):
        solve_times(frame([(10, True)]), share=50)
    with pytest.raises(ValueError, match="'kind' among them"):
        solve_times(frame([(10, True)]), by=["graph"])


# Costs


def priced(kind, weights, rows=16, graph="6-3-2-2"):
    names = ["weights", "forward_flops", "wired_flops", "epoch_flops"]
    values = dict(zip(names, [weights, 3 * weights, 2 * weights, weights * rows], strict=True))
    return {
        "run": f"{graph} {kind} {rows}",
        "graph": graph,
        "kind": kind,
        "train_rows": rows,
    } | values


def test_costs_are_told_as_shares_of_the_references():
    rows = [priced("shared, known", 5), priced("dense", 20), priced("dense", 20)]
    rows += [priced("shared, known", 5, rows=8), priced("dense", 50, rows=8)]
    table = relative_costs(pd.DataFrame(rows)).set_index(["train_rows", "kind"])
    assert len(table) == 4
    shares = [name for name in table if name.endswith("_share")]
    assert len(shares) == 4
    assert (table.loc[16].loc["shared, known", shares] == 0.25).all()
    assert (table.loc[8].loc["shared, known", shares] == 0.1).all()
    assert (table.loc[(slice(None), "dense"), shares] == 1).all(axis=None)
    by_kind = relative_costs(pd.DataFrame(rows[:2]), by=["kind"]).set_index("kind")
    assert by_kind.loc["shared, known", "wired_flops_share"] == 0.25


def test_costs_that_differ_within_a_group_are_refused():
    rows = pd.DataFrame([priced("dense", 20), priced("dense", 21)])
    with pytest.raises(
        ValueError, match=r"runs differ in cost: .*'kind': 'dense', 'train_rows': 16"
    ):
        relative_costs(rows)
    with pytest.raises(ValueError, match="unknown reference 'dens', did you mean 'dense'"):
        relative_costs(rows, reference="dens")
