"""The best, the median and the worst run of a study, trained again and drawn; one is replayed.

A run is its config: trained again as it was, it is the same bit for bit, which is compared with
what the store has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pandas as pd

from modnets.analysis.statistics import last
from modnets.config.python_copy import reproduction
from modnets.config.run_config import RunConfig
from modnets.errors import in_a_line
from modnets.experiments.live import Live
from modnets.reports.facts import config_in
from modnets.visuals.overview import SHOWN, measure_of
from modnets.visuals.run_views import diagram, truth_table

#: Seconds that a chunk took from which on its runs are not trained again.
LONG = 120.0
#: Moments of a replay, and bytes of all their pictures.
MOMENTS, MOST_BYTES = 13, 1_600_000
#: Accuracies of a moment, where they are there.
MEASURES = ("train_bit_accuracy", "test_bit_accuracy", "test_unseen_bit_accuracy", "bit_accuracy")


class Moment(NamedTuple):
    """A run at one epoch.

    Parameters
    ----------
    epoch : int
    network, table : str
        HTML of its diagram and of its truth table.
    accuracies : dict
        Measure -> value in [0, 1].
    """

    epoch: int
    network: str
    table: str
    accuracies: dict[str, float]


@dataclass
class Shown:
    """A run of the report.

    Parameters
    ----------
    rank : str
        "best", "median" or "worst".
    row : Series
        Its last evaluation.
    problem : str
        Why it is not drawn; empty if it is.
    code : str
        Python that trains it again.
    same : bool or None
        Whether it came out as it is stored; None if it was not trained again.
    moments : list of Moment
    """

    rank: str
    row: pd.Series
    problem: str = ""
    code: str = ""
    same: bool | None = None
    moments: list[Moment] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        end = "it solves its task" if self.row["solved"] else "it does not solve its task"
        measure = measure_of(self.row.to_frame().T)
        return f"{end}, {SHOWN[measure]} {100 * self.row[measure]:.4g} %"


def chosen(results: pd.DataFrame) -> list[Shown]:
    """The best, the median and the worst run, by their end; fewer where there are fewer runs."""
    runs = last(results)
    measure = measure_of(runs)
    order = runs.sort_values(
        ["solved", measure, "bit_accuracy", "run"], ascending=[False, False, False, True]
    ).reset_index(drop=True)
    places = {"best": 0, "median": (len(order) - 1) // 2, "worst": len(order) - 1}
    ranks: dict[int, list[str]] = {}
    for rank, place in places.items():
        ranks.setdefault(place, []).append(rank)
    only = len(order) == 1
    return [
        Shown("only" if only else " and ".join(words), order.loc[place])
        for place, words in sorted(ranks.items())
    ]


def trained_again(
    shown: Sequence[Shown], configs: Mapping[str, str], origins: Mapping[str, Mapping[str, Any]]
) -> None:
    """Train the chosen runs again, and draw them; the first with the moments of its training.

    Parameters
    ----------
    shown : sequence of Shown
        Filled in.
    configs : mapping
        Key -> config as the store has it, in JSON.
    origins : mapping
        Key -> how its chunk was made.
    """
    replayed = False
    for number, one in enumerate(shown):
        key, made = one.row["run"], origins.get(one.row["run"], {})
        config = config_in(configs.get(key, "{}"))
        if isinstance(config, str):
            one.problem = f"It cannot be drawn here: {config}."
            continue
        how = (int(made.get("chunk") or 1), bool(made.get("compiled")))
        one.code = reproduction(config, how)
        if config.key != key:
            one.problem = "It cannot be drawn here: the code of its network has changed since."
        elif float(made.get("duration_s") or 0) > LONG:
            one.problem = f"It is not trained again for a drawing: that took more than {LONG:g} s."
        else:
            try:
                _fill(one, config, how, f"r{number}", every=not replayed)
                replayed = True
            except Exception as error:  # whatever a network of one's own raises
                one.problem = f"It cannot be trained here: {in_a_line(error, 200)}."


def _fill(one: Shown, config: RunConfig, how: tuple[int, bool], ids: str, every: bool) -> None:
    """Train a run again and draw its end, or moments of its training."""
    step = math.ceil(config.epochs / (MOMENTS - 1)) if every else config.epochs
    run = replace(config, eval_every=step, record="every")
    live = Live([run], chunk=how[0], compiled=how[1])
    live.train()
    measures = live.measures(*_known(one.row)).set_index("epoch")
    epochs = [int(epoch) for epoch in measures.index]
    epochs = epochs if every else epochs[-1:]
    for place, epoch in enumerate(epochs):
        record = live.record(run.key, epoch)
        network = live.network(run.key, epoch)
        values = {name: float(measures.loc[epoch, name]) for name in _known(one.row)}
        drawn = diagram(network, config.graph, has_weights=True, ids=f"{ids}-{place}")
        table = truth_table(config, record.get("predicted"))
        one.moments.append(Moment(epoch, drawn, table, values))
    end = one.moments[-1].accuracies
    one.same = all(end[name] == one.row[name] for name in end if one.row[name] == one.row[name])
    while (
        len(one.moments) > 3
        and sum(len(m.network) + len(m.table) for m in one.moments) > MOST_BYTES
    ):
        one.moments = one.moments[-1::-2][::-1]  # every second one, and the last


def _known(row: pd.Series) -> list[str]:
    return [name for name in MEASURES if name in row and row[name] == row[name]]
