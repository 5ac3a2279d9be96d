"""Hyperparameter tuning on validation rows, with equally many candidates for each kind of network.

No kind is left at a learning rate at which it does not train, and none gets more candidates than
another.  Settings are selected in a pilot, whose seeds are not those of the study, and never on
test rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pandas as pd

from modnets.analysis.pooling import SETTINGS, refuse_pooling
from modnets.analysis.statistics import last
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.config.settings import SEEDS
from modnets.errors import require

#: Keywords of a group-by that leaves no run out: runs without the setting form a group too.
ALL_RUNS = {"observed": True, "dropna": False}


@checked
def choose(
    results: pd.DataFrame,
    setting: str | Sequence[str] = "lr",
    by: Sequence[str] = ("graph", "kind"),
    *,
    measure: str = "validation_bit_accuracy",
    pooled: Sequence[str] = ("train_rows",),
) -> pd.DataFrame:
    """For each group of runs the candidate that is best on validation rows.

    Parameters
    ----------
    results : DataFrame
        What a sweep over the candidates returns; each run enters at its last epoch.
    setting : str or sequence of str
        The settings that were tried, such as ``"lr"``; several form one candidate together.
    by : sequence of str
        Columns that make the groups; NaN, for a setting that a kind does not have, is a value too.
    measure : str
        Column whose mean over runs decides: the highest, of a ``..._loss`` the lowest; ties go to
        the lower mean ``validation_loss``.  Its name begins with ``validation_`` or ``train_``:
        other measures may include test rows, as the accuracy over the whole table does.
    pooled : sequence of str
        Settings of the pilot that may vary within a group, the same for every candidate.

    Returns
    -------
    DataFrame
        A row per group, sorted by ``by``: the selected settings, ``candidates`` (how many were
        tried), ``runs`` of each, the mean ``measure`` of the selected, and ``worst``, that of the
        worst candidate.

    Raises
    ------
    ValueError
        If the measure may include test rows, a setting varies that is no candidate, or the
        groups had different candidates.
    """
    settings, by = [setting] if isinstance(setting, str) else list(setting), list(by)
    require(
        measure.startswith(("validation_", "train_")) and measure not in SETTINGS,
        f"measure={measure!r}; allowed is one of validation or training rows, whose name begins "
        "with validation_ or train_",
    )
    require_columns(results, ["run", "epoch", *by, *settings, measure, "validation_loss"])
    runs = last(results)
    refuse_pooling(runs, [*by, *settings], pooled)
    tried = runs.groupby([*by, *settings], **ALL_RUNS)
    tried = tried.agg(
        runs=("run", "size"), reached=(measure, "mean"), loss=("validation_loss", "mean")
    ).reset_index()
    budgets = tried.groupby(by, **ALL_RUNS).size()
    require(
        budgets.min() == budgets.max(),
        f"groups with {budgets.min()} to {budgets.max()} candidates of {', '.join(settings)}; "
        "allowed is the same number for every group",
    )
    rising = measure.endswith("loss")  # the lower the better
    worst = tried.groupby(by, **ALL_RUNS)["reached"]
    tried["worst"] = worst.transform("max" if rising else "min")
    tried["candidates"] = budgets.iloc[0]
    best = tried.sort_values(["reached", "loss"], ascending=[rising, True], kind="stable")
    best = best.drop_duplicates(by).sort_values(by, ignore_index=True)
    best = best.rename(columns={"reached": measure})
    return best[[*by, *settings, "candidates", "runs", measure, "worst"]]


@checked
def with_candidates(
    runs: Iterable[RunConfig],
    lrs: Sequence[float],
    weight_decays: Sequence[float],
    *,
    lrs_learned: Sequence[float] = (),
    lrs_routing: Sequence[float] = (),
) -> list[RunConfig]:
    """The runs of a pilot: each one with every candidate of its kind.

    Kinds have equally many candidates if ``lrs`` are as many as ``lrs_learned`` times
    ``lrs_routing``, as :func:`choose` demands.  Pilots that agree share their runs in one store.

    Parameters
    ----------
    runs : iterable of RunConfig
        Of each kind, with the rows and seeds of the pilot.
    lrs, weight_decays : sequence of float
    lrs_learned : sequence of float
        Instead of ``lrs`` where choices are learned by gradients, each with every one of
        ``lrs_routing``.
    lrs_routing : sequence of float
        Rates of the logits of choices; one for routing and selection.

    Returns
    -------
    list of RunConfig
    """
    pilot = []
    for run in runs:
        logits = [n for n in ("lr_routing", "lr_selection") if getattr(run.final, n) is not None]
        rates: list[dict[str, Any]] = [{"lr": lr} for lr in lrs]
        if logits:
            pairs = product(lrs_learned, lrs_routing)
            rates = [{"lr": lr} | dict.fromkeys(logits, rate) for lr, rate in pairs]
        for some, decay in product(rates, weight_decays):
            pilot.append(replace(run, weight_decay=decay, **some))
    return pilot


@checked
def with_choices(
    runs: Iterable[RunConfig],
    choices: pd.DataFrame,
    setting: str | Sequence[str] = "lr",
    by: Sequence[str] = ("graph", "kind"),
) -> list[RunConfig]:
    """Runs with the settings that were selected for their group.

    Parameters
    ----------
    runs : iterable of RunConfig
    choices : DataFrame
        What :func:`choose` returns.
    setting, by
        As in :func:`choose`.

    Returns
    -------
    list of RunConfig
        A setting that a kind does not have (NaN in ``choices``) stays as it is.

    Raises
    ------
    ValueError
        If nothing was selected for the group of a run.
    """
    settings, by = [setting] if isinstance(setting, str) else list(setting), list(by)
    groups = zip(*(choices[name] for name in by), strict=True)
    chosen = dict(zip(map(_group, groups), choices[settings].to_dict("records"), strict=True))
    seeded = set(SEEDS).intersection([*settings, *by])
    # All settings are checked once; copies with other seeds are made from that run.
    checked: dict[int, RunConfig] = {}
    tuned, given = [], list(runs)  # a list, as runs are told apart by their id
    for run in given:
        like = run if seeded else run.like
        if id(like) not in checked:
            row = like.to_row()
            group = _group(row[name] for name in by)
            require(group in chosen, f"no {', '.join(settings)} was chosen for {group}")
            present = {name: value for name, value in chosen[group].items() if not pd.isna(value)}
            checked[id(like)] = replace(like, **present)
        new = checked[id(like)]
        seeds = {} if seeded else {name: getattr(run, name) for name in SEEDS}
        tuned.append(new.with_seeds(**seeds) if run is not like else new)
    return tuned


def _group(values: Iterable[object]) -> tuple:
    """A group's values; a setting that a kind does not have is None, in a table NaN."""
    return tuple(None if pd.isna(value) else value for value in values)
