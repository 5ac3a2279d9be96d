"""Rows needed over many graphs: the fit, its intervals, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.special import expit
from scipy.stats import norm

import modnets as mn
from modnets.analysis import solved_curves
from modnets.analysis.solved_curves import Counts, SolvedCurves

ROWS = [6, 8, 12, 16, 24, 32, 48, 64]
#: Of each kind: mean and effect of depth in octaves, steepness, ceiling, spread.
TRUE = {"dense": (4.8, 0.5, 4.0, 1.0, 0.5), "shared, known": (3.5, 0.1, 3.0, 0.95, 0.3)}


def graphs(count: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = [f"g{n:03d}" for n in range(count)]
    return pd.DataFrame({"graph": names, "depth": rng.integers(1, 4, count).astype(float)})


def study(properties: pd.DataFrame, splits: int = 4, seed: int = 0) -> pd.DataFrame:
    """Runs drawn from TRUE, literally."""
    rng, rows = np.random.default_rng(seed), []
    depths = properties["depth"] - properties["depth"].mean()
    for kind, (mean, effect, steepness, ceiling, spread) in TRUE.items():
        for number, depth in enumerate(depths):
            middle = mean + effect * depth + spread * rng.normal()
            for split in range(number * splits, (number + 1) * splits):
                for n in ROWS:
                    chance = ceiling * expit(steepness * (np.log2(n) - middle))
                    name = properties["graph"][number]
                    rows.append((name, kind, n, split, split, rng.random() < chance))
    columns = ["graph", "kind", "train_rows", "split_seed", "seed", "solved"]
    return pd.DataFrame(rows, columns=columns).assign(epoch=1).rename_axis("run").reset_index()


def counts_of(runs: pd.DataFrame, kind: str) -> Counts:
    table = runs[runs["kind"] == kind].groupby(["graph", "train_rows"])["solved"]
    shape = (-1, len(ROWS))
    solved, n = (getattr(table, of)().to_numpy(float).reshape(shape) for of in ("sum", "size"))
    log_rows = np.tile(np.log2(ROWS), (len(n), 1))
    return Counts(log_rows, solved, n, np.ones((len(n), 1)), np.ones(len(n)))


def test_its_likelihood_is_that_of_an_integral() -> None:
    counts = counts_of(study(graphs(3)), "shared, known")
    curves = SolvedCurves(np.array([3.6]), 3.0, 0.5, 0.9)
    logs, *_ = solved_curves._graph_logs(curves._parameters(), counts)
    summed = np.exp(logs + solved_curves.LOG_WEIGHTS).sum(axis=1)
    for graph in range(3):

        def likelihood(z: float, graph: int = graph) -> float:
            p = 0.9 * expit(3.0 * (counts.log_rows[graph] - 3.6 - 0.5 * z))
            hits, n = counts.solved[graph], counts.runs[graph]
            return float(norm.pdf(z) * np.prod(p**hits * (1 - p) ** (n - hits)))

        assert summed[graph] == pytest.approx(quad(likelihood, -6, 6)[0], rel=1e-3)


def test_its_gradient_is_that_of_differences() -> None:
    counts = counts_of(study(graphs(5)), "dense")
    at = SolvedCurves(np.array([4.2]), 3.0, 0.6, 0.9)._parameters()
    center = np.array([3.0])
    numeric = approx_fprime(at, lambda x: solved_curves._loss(x, counts, center)[0], 1e-6)
    assert solved_curves._loss(at, counts, center)[1] == pytest.approx(numeric, rel=1e-3, abs=1e-3)


def test_it_finds_what_runs_were_drawn_from() -> None:
    properties = graphs(80)
    law = mn.analysis.rows_law(study(properties), properties, ["depth"], resamples=8)
    effects = law.effects.set_index(["kind", "property"])["effect"]
    kinds = law.kinds.set_index("kind")
    for kind, (mean, effect, steepness, ceiling, spread) in TRUE.items():
        assert effects[kind, "mean"] == pytest.approx(mean, abs=0.2)
        assert effects[kind, "depth"] == pytest.approx(effect, abs=0.2)
        assert kinds.loc[kind, "steepness"] == pytest.approx(steepness, rel=0.25)
        assert kinds.loc[kind, "ceiling"] == pytest.approx(ceiling, abs=0.05)
        assert kinds.loc[kind, "spread"] == pytest.approx(spread, abs=0.2)
    assert effects["dense / shared, known", "depth"] == pytest.approx(
        effects["dense", "depth"] - effects["shared, known", "depth"]
    )
    found = law.correlations.iloc[0]
    assert found["spearman_low"] > 0.2


def test_graphs_borrow_from_each_other() -> None:
    properties = graphs(40)
    runs = study(properties, splits=2)
    few = runs[(runs["graph"] != "g000") | (runs["train_rows"] == 6)]
    table = mn.analysis.rows_law(few, resamples=2).graphs
    one = table[(table["graph"] == "g000") & (table["kind"] == "dense")].iloc[0]
    others = table.loc[(table["graph"] != "g000") & (table["kind"] == "dense"), "rows_50"]
    assert others.min() < one["rows_50"] < others.max()
    widths = np.log2(table["rows_50_high"] / table["rows_50_low"])
    assert np.log2(one["rows_50_high"] / one["rows_50_low"]) > widths.median()


def test_predictions_hold_new_graphs() -> None:
    properties = graphs(60)
    law = mn.analysis.rows_law(study(properties), properties, ["depth"], resamples=30)
    rng = np.random.default_rng(9)
    new = graphs(200, seed=7)
    predicted = law.predict(new).set_index(["kind", "graph"])
    for kind, (mean, effect, _, ceiling, spread) in TRUE.items():
        if ceiling < 1:
            continue
        depths = new["depth"] - properties["depth"].mean()
        own = 2 ** (mean + effect * depths + spread * rng.normal(size=len(new)))
        ends = predicted.loc[kind]
        inside = (ends["rows_low"].to_numpy() <= own) & (own <= ends["rows_high"].to_numpy())
        assert 0.88 <= inside.mean() <= 1
    assert (predicted.loc["dense", "saved"] == 1).all()


def test_intervals_cover() -> None:
    properties = graphs(16)
    law = mn.analysis.rows_law(study(properties), properties, ["depth"], resamples=2)
    covered = mn.analysis.law_coverage(law, properties, ROWS, 3, studies=6, resamples=20)
    assert covered["coverage"].mean() > 0.8
    assert set(covered["kind"]) == {*TRUE, "dense / shared, known"}
    again = mn.analysis.simulate_law(law, properties, ROWS, 3, seed=1)
    assert again.equals(mn.analysis.simulate_law(law, properties, ROWS, 3, seed=1))
    assert len(again) == 2 * 16 * 3 * len(ROWS)


def test_power_is_that_of_a_normal_test() -> None:
    properties = graphs(40)
    effects = mn.analysis.rows_law(study(properties), properties, ["depth"], resamples=20).effects
    one = effects[(effects["kind"] == "dense") & (effects["property"] == "depth")].iloc[0]
    graphs_needed, deviation = one["graphs_needed"], one["deviation"] * np.sqrt(40)
    shift = one["effect"] / (deviation / np.sqrt(graphs_needed))
    power = norm.sf(norm.isf(0.025) - shift)
    assert 0.8 <= power < 0.9
    assert one["detectable"] == pytest.approx(2.8016 * one["deviation"], rel=1e-3)


def test_shared_split_seeds_are_resampled_too() -> None:
    properties = graphs(10)
    runs = study(properties)
    crossed = runs.assign(split_seed=runs["split_seed"] % 4, seed=runs["seed"] % 4)
    nested, both = (mn.analysis.rows_law(r, resamples=8).kinds for r in (runs, crossed))
    assert nested["rows_50"].equals(both["rows_50"])
    assert not nested["rows_50_low"].equals(both["rows_50_low"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"columns": ["leap"]}, "leap"),
        ({"columns": ["depth"], "properties": None}, "properties is missing"),
        ({"reference": "denes"}, "did you mean 'dense'"),
        ({"resamples": "many"}, "resamples='many'"),
    ],
)
def test_bad_input_is_one_line(change: dict, match: str) -> None:
    properties = graphs(10)
    given = {"properties": properties, "columns": ["depth"]} | change
    with pytest.raises(ValueError, match=match) as error:
        mn.analysis.rows_law(study(properties, 1), **given)
    assert "\n" not in str(error.value)


def test_few_graphs_and_idle_properties_are_refused() -> None:
    properties = graphs(10)
    runs = study(properties, 1)
    with pytest.raises(ValueError, match="results has 5 graphs; allowed are at least 8"):
        mn.analysis.rows_law(runs[runs["graph"] < "g005"])
    with pytest.raises(ValueError, match="depth is 1 for all graphs"):
        mn.analysis.rows_law(runs, properties.assign(depth=1.0), ["depth"])
    twice = properties.assign(levels=2 * properties["depth"])
    with pytest.raises(ValueError, match="one follows from the others"):
        mn.analysis.rows_law(runs, twice, ["depth", "levels"])
    with pytest.raises(ValueError, match="no row for graph"):
        mn.analysis.rows_law(runs, properties.iloc[1:], ["depth"])


def test_wirings_that_a_table_tells() -> None:
    ands = mn.graphs(family="tree", depth=2, gates=["AND", "AND"])
    mixed = mn.graphs(family="tree", depth=2, gates=["XOR", "AND"])
    table = mn.analysis.identifiable(ands + mixed, searches=4)
    assert table["found"].tolist() == [4, 4]
    assert table["identifiable"].tolist() == [False, True]
    with pytest.raises(ValueError, match="up to 12 inputs"):
        mn.analysis.identifiable([mn.FunctionGraph(14, [["XOR 0 13"]])])


def test_kinds_are_settings() -> None:
    for kind in ("dense", "sparse", "modular, known outputs", "shared, learned (best)"):
        assert mn.RunConfig(**mn.analysis.kind_settings(kind)).kind == kind
    with pytest.raises(ValueError, match="did you mean 'dense'"):
        mn.analysis.kind_settings("dens")
    with pytest.raises(ValueError, match="allowed is one as RunConfig"):
        mn.analysis.kind_settings("modular, known selection")


def test_independent_runs_share_no_split() -> None:
    runs = mn.grid(graph=["6-2-2", "6-3-2-2"], model=["dense", "shared"], seeds=range(3))
    own = mn.independent(runs)
    assert [(run.graph, run.model) for run in own] == [(run.graph, run.model) for run in runs]
    seeds = {run.graph: {r.split_seed for r in own if r.graph == run.graph} for run in own}
    assert set.intersection(*seeds.values()) == set()
    assert all(run.seed == run.split_seed for run in own)
    assert mn.independent([]) == []
