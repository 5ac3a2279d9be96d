"""Exponents of power laws, and their plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import modnets as mn


def points(exponent: float, noise: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = np.repeat([4.0, 8.0, 16.0, 32.0], 10)
    y = 3 * x**exponent * 2 ** (noise * rng.normal(size=len(x)))
    return pd.DataFrame({"kind": "dense", "x": x, "y": y})


def test_an_exact_law_is_found() -> None:
    law = mn.analysis.power_laws(points(1.5, 0.0), "x", "y", ["kind"]).iloc[0]
    ends = law["exponent_low"], law["exponent_high"]
    assert (law["exponent"], law["at_1"], *ends) == pytest.approx((1.5, 3, 1.5, 1.5))
    assert law["n"] == 40


def test_intervals_hold_the_exponent() -> None:
    laws = [mn.analysis.power_laws(points(2.0, 0.5, seed), "x", "y").iloc[0] for seed in range(40)]
    inside = [law["exponent_low"] <= 2 <= law["exponent_high"] for law in laws]
    assert np.mean(inside) >= 0.85
    assert min(law["exponent_high"] - law["exponent_low"] for law in laws) > 0.05


def test_one_place_has_no_exponent() -> None:
    law = mn.analysis.power_laws(points(1.0, 0.1)[:10], "x", "y").iloc[0]
    assert np.isnan(law["exponent"])


def test_bad_numbers_are_one_line() -> None:
    with pytest.raises(ValueError, match="points: y holds"):
        mn.analysis.power_laws(points(1.0, 0.0).assign(y=0.0), "x", "y")


def test_the_plot_tells_exponents() -> None:
    table = points(1.5, 0.1)
    laws = mn.analysis.power_laws(table, "x", "y", ["kind"])
    ax = mn.plot.power_laws(table, laws, "x", "y", predicted={"dense": 1.0})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["dense: 1.5"]
    fitted, predicted = (np.diff(np.log2(line.get_ydata()))[0] for line in ax.get_lines())
    assert (fitted, predicted) == pytest.approx((1.5 * 3, 3.0), abs=0.2)
