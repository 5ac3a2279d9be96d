"""Figures of reused modules and of goals that change."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import modnets as mn

WAYS = [("dense, anew", -1), ("searched, anew", -1), ("random", 0), ("frozen", 1), ("frozen", 4)]
WAYS += [("tuned", 4), ("of wrong structure", 4), ("routed by gradients", 4)]


def test_a_pool_has_a_line_a_dot_and_a_place_by_what_it_has_seen() -> None:
    shares = {"solved": 0.5, "solved_low": 0.4, "solved_high": 0.7}
    curves = pd.DataFrame(
        [
            {"way": way, "seen": seen, "train_rows": rows} | shares
            for (way, seen), rows in itertools.product(WAYS, (8, 24))
        ]
    )
    needed = curves.drop_duplicates(["way", "seen"]).assign(
        rows=[np.inf, 12.0, np.inf, 20.0, 10.0, 11.0, np.inf, np.inf],
        rows_low=[np.inf, 10.0, np.inf, 12.0, 8.0, 9.0, np.inf, np.inf],
        rows_high=[np.inf, 15.0, np.inf, np.inf, 12.0, 14.0, np.inf, np.inf],
    )
    with mn.style():
        axes = mn.plot.transfer(curves, needed)
    lines = [line for line in axes[0].get_lines() if not line.get_label().startswith("_")]
    assert [line.get_label() for line in lines] == [
        *("dense, anew", "searched, anew", "pool of 1", "pool of 4", "random pool"),
    ]
    labels = [text.get_text() for text in axes[1].get_yticklabels()]
    assert labels == [
        *("dense, anew", "searched, anew", "pool of 1", "pool of 4", "pool of 4, tuned"),
        *("pool of 4, routed by gradients", "pool of wrong structure", "random pool"),
    ]
    dots = [line for line in axes[1].get_lines() if len(line.get_xdata()) == 1]
    assert [line.get_marker() for line in dots] == [">", "D", "o", "o", "v", ">", ">", ">"]
    assert [text.get_text() for text in axes[2].get_xticklabels()] == ["0", "1", "4"]
    with pytest.raises(ValueError, match="at=16; allowed is one of 8, 24"):
        mn.plot.transfer(curves, needed, at=16)
    plt.close("all")


def test_goals_that_change_have_four_panels() -> None:
    kinds, goals = ["dense", "shared, known"], ["in common", "apart"]
    mean = {"accuracy": 0.8, "low": 0.7, "high": 0.9}
    courses = pd.DataFrame(
        [
            {"kind": kind, "stage": stage, "epoch": 10 * stage + epoch} | mean
            for kind, stage, epoch in itertools.product(kinds, (1, 2), (0, 10))
        ]
    )
    adapted = {"adapted": 0.9, "adapted_low": 0.8, "adapted_high": 1.0}
    adapted |= {"epochs": 20.0, "epochs_low": 10.0, "epochs_high": np.inf}
    switches = pd.DataFrame(
        [
            {"goals": goal, "kind": kind, "stage": stage} | adapted
            for goal, kind, stage in itertools.product(goals, kinds, (1, 2))
        ]
    )
    new = switches[switches["stage"] == 2].rename(columns={"goals": "history"})
    new.loc[new["kind"] == "dense", "epochs"] = np.inf
    kept = pd.DataFrame(
        [{"kind": kind, "after": lag} | mean for kind, lag in itertools.product(kinds, (0, 1))]
    )
    with mn.style():
        axes = mn.plot.changing_goals(courses, switches, new, kept, goals)
        mn.plot.draw_legend(axes)
        axes[0, 0].figure.draw_without_rendering()
    assert axes.shape == (2, 2)
    for ax in axes.flat:  # an empty line outside of the axes would break the layout
        assert ax.get_position().width > 0.3
    assert [text.get_text() for text in axes[1, 0].get_yticklabels()] == goals
    late = [line for line in axes[1, 0].get_lines() if line.get_marker() == ">"]
    assert len(late) == 2
    with pytest.raises(ValueError, match="4 goals; allowed are 1 to 3"):
        mn.plot.changing_goals(courses, switches, new, kept, goals * 2)
    with pytest.raises(ValueError, match="0 goals"):
        mn.plot.changing_goals(courses, switches, new, kept, [])
    plt.close("all")
