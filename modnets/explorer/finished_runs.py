"""The runs of a finished sweep as a source of runs for the explorer."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from modnets.analysis.tables import require_columns
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments.store import DETAILS, Store, finished
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.training.restoring import from_structure

#: Settings of learned choices with a schedule of their own; the settings of it -> what None is.
SCHEDULED = ("lr_routing", "lr_selection", "temperature")
PARTS = {"schedule": "as all rates", "end": 0.0, "hold": 0.0}
OF_SCHEDULES = tuple(f"{name}_{part}" for name in SCHEDULED for part in PARTS)
#: Setting -> the one without which it plays no part, and what None is.
ABSENT: dict[str, tuple[str, Any]] = {
    f"{name}_{part}": (name, absent) for name in SCHEDULED for part, absent in PARTS.items()
} | {"signal_size": ("slots", 1), "signals": ("slots", "real")}
#: Columns in which the runs of one group may differ.
WITHIN = (
    *("run", "kind", "model", "routing", "selection", "outputs", "hidden", "pruning_ratio"),
    *("shared_modules", "module_hidden", "arity", "slots", "output_levels", "lr", "options"),
    *("signal_size", "signals"),
    *("lr_routing", "lr_selection", "temperature", "gumbel", "per_sample_routing"),
    *("image_hidden", "channels", "image_slots", "shared_image_modules"),
    *("image_routing", "image_selection"),
    *OF_SCHEDULES,
    *("seed", "split_seed", "epoch", "weight_decay", "knowledge", "record"),
    "on_evaluation",
)

#: Those of them that split a group where they vary among runs of one kind.
SPLITTING = (
    *("hidden", "pruning_ratio", "shared_modules", "module_hidden", "arity", "slots"),
    *("output_levels", "signal_size", "signals"),
    *("lr", "options", "lr_routing", "lr_selection", "temperature", "gumbel"),
    *("per_sample_routing", "image_hidden", "channels", "weight_decay", "knowledge"),
    *OF_SCHEDULES,
)


class FinishedRuns:
    """The runs of a store, or of a table, one group of them at a time: a ``RunSource``.

    Parameters
    ----------
    results : str, Path, Store or DataFrame
        A folder of results; or a table of a sweep, which holds no networks, or one with the
        columns ``structure``, ``predicted`` and ``config`` of a trained run.

    Raises
    ------
    ValueError
        If it holds no runs.
    """

    has_weights, running = False, False
    missing_configs = "this table keeps no configs: give the folder of its store to see runs"

    def __init__(self, results: str | Path | Store | pd.DataFrame) -> None:
        self.theory: dict[str, float] = {}
        if isinstance(results, pd.DataFrame):
            self.store: Store | None = None
            columns = ["run", "kind", "graph", "train_rows", "batch_size", "epoch", "solved"]
            require_columns(results, columns)
            self.frame = results.reset_index(drop=True)
        else:
            if not isinstance(results, Store):
                results = finished(results, "results")
            self.store, self.frame = results, results.table()
        require(len(self.frame) > 0, "results hold no runs; allowed is a sweep that has begun")
        self.groups = self._grouped()
        self.choose(next(iter(self.groups)))

    def _grouped(self) -> dict[str, pd.Index]:
        """Label -> rows: runs are compared with those of the same task, rows, epochs, ...

        Settings that vary among runs of one kind split groups too, and are never pooled; a run for
        which such a setting has no value belongs to all groups that it fits.
        """
        skip = {*WITHIN, *DETAILS}
        if (self.frame["batch_size"] == self.frame["train_rows"]).all():
            skip.add("batch_size")
        settings = list(self.frame.columns[: self.frame.columns.get_loc("epoch")])
        settings = [name for name in settings if name not in ("run", "kind")]
        one = self.frame.drop_duplicates("run")[["run", "kind", *settings]]
        if "gumbel" in settings and "temperature" in settings:  # noise of choices that are learned
            one = one.assign(gumbel=one["gumbel"].where(one["temperature"].notna()))
        one = _with_defaults(one)
        varied = [n for n in settings if n not in skip and len(one[n].unique()) > 1]
        by = ["graph", *(name for name in varied if name != "graph")]
        several = [
            n for n in settings if n in SPLITTING and one.groupby("kind")[n].nunique().max() > 1
        ]
        groups = {}
        for values, runs_of_group in one.groupby(by, sort=True, dropna=False):
            names = [str(values[0])]
            names += [f"{n.replace('_', ' ')} {v}" for n, v in zip(by[1:], values[1:], strict=True)]
            for more, runs in _split(runs_of_group, several):
                label = ", ".join([*names, *more])
                groups[label] = self.frame.index[self.frame["run"].isin(runs)]
        return groups

    def choose(self, label: str) -> None:
        """Select the group whose runs are shown."""
        self.label, rows = label, self.frame.loc[self.groups[label]]
        if self.store is not None:  # read for this group only
            details = self.store.details(rows["run"].unique(), every=True)
            rows = rows.merge(details, on=["run", "epoch"], how="left")
        self.rows = rows.assign(**{name: None for name in DETAILS if name not in rows})
        last = self.rows.sort_values("epoch").groupby("run").tail(1).set_index("run")
        self._config_texts: dict[str, str | None] = last["config"].to_dict()
        self._configs: dict[str, RunConfig | None] | None = None

    def group_of(self, runs: Container[str]) -> str | None:
        """The group that holds most of some runs; None if it has none of them."""
        held = {key for key in self.frame["run"].unique() if key in runs}
        keys = self.frame["run"]
        counts = {name: keys.loc[rows].isin(held).sum() for name, rows in self.groups.items()}
        return max(counts, key=lambda name: counts[name]) if held else None

    @property
    def runs(self) -> list[str]:
        """Keys of the runs of the group, by seed."""
        return list(self.rows.sort_values("seed", kind="stable")["run"].unique())

    @property
    def configs(self) -> Mapping[str, RunConfig | None]:
        """Key of each run of the group -> its config; None where it is not stored."""
        if self._configs is None:
            texts = {run: self._config_texts[run] for run in self.runs}
            self._configs = {
                run: RunConfig.from_dict(json.loads(text)) if isinstance(text, str) else None
                for run, text in texts.items()
            }
        return self._configs

    @property
    def seeds(self) -> Mapping[str, int]:
        """Key of each run of the group -> its seed."""
        first = self.rows.drop_duplicates("run")
        return dict(zip(first["run"], first["seed"], strict=True))

    @property
    def graph(self) -> Task:
        """The task of the group."""
        config = next(filter(None, self.configs.values()), None)
        return get_graph(config.graph if config else self.rows["graph"].iloc[0])

    @property
    def epochs(self) -> int:
        """The last epoch of the group."""
        return int(self.rows["epoch"].max())

    def measures(self, *names: str) -> pd.DataFrame:
        """As ``RunSource.measures``, with ``seed``."""
        return self.rows[["run", "kind", "epoch", "seed", *names]]

    def record(self, run: str, epoch: int) -> dict[str, Any]:
        """As ``RunSource.record``; if only the end is recorded, that for every epoch."""
        recorded = self.rows[(self.rows["run"] == run) & self.rows["predicted"].notna()]
        if recorded.empty:
            return {}
        before = recorded[recorded["epoch"] <= epoch]
        row = (before if len(before) else recorded).iloc[-1 if len(before) else 0]
        structure = row["structure"] if isinstance(row["structure"], str) else None
        return {"epoch": int(row["epoch"]), "structure": structure, "predicted": row["predicted"]}

    def network(self, run: str, epoch: int) -> nn.Module | None:
        """A network with the recorded choices; None for kinds that are drawn by their weights."""
        record, config = self.record(run, epoch), self.configs[run]
        if config is None or not record.get("structure") or not config.is_modular:
            return None
        if get_graph(config.graph).images is not None:
            return None
        return from_structure(config, json.loads(record["structure"]))


def latest(store: Store) -> set[str]:
    """Keys of the runs in the newest file of a store."""
    newest = max(store.files(), key=lambda path: path.stat().st_mtime_ns, default=None)
    return set() if newest is None else set(pd.read_parquet(newest, columns=["run"])["run"])


def _with_defaults(one: pd.DataFrame) -> pd.DataFrame:
    """Settings whose default is None with a value where they play a part, and in no others."""
    filled = {}
    for column, (of, absent) in ABSENT.items():
        if of in one and column in one:
            given = one[column].astype(object)
            filled[column] = given.where(given.notna(), absent).where(one[of].notna(), None)
    if "signal_size" in filled:
        sizes = [None if pd.isna(size) else int(size) for size in filled["signal_size"]]
        filled["signal_size"] = pd.Series(sizes, index=one.index, dtype=object)
    return one.assign(**filled)


def _split(runs: pd.DataFrame, names: list[str]) -> Iterator[tuple[list[str], pd.Series]]:
    """Split runs by settings that vary within a kind; yields labels and keys of runs.

    A run without a value for a setting belongs to every group that it fits otherwise.
    """
    varied = [name for name in names if runs.groupby("kind")[name].nunique().max() > 1]
    if not varied:
        yield [], runs["run"]
        return
    combinations = list(runs[varied].drop_duplicates().itertuples(index=False, name=None))
    for values in combinations:
        if any(values is not other and _within(values, other) for other in combinations):
            continue
        fits = pd.Series(True, index=runs.index)
        for name, value in zip(varied, values, strict=True):
            fits &= runs[name].isna() | (runs[name] == value)
        pairs = zip(varied, values, strict=True)
        yield [f"{n.replace('_', ' ')} {v}" for n, v in pairs if not pd.isna(v)], runs["run"][fits]


def _within(values: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether values agree with others wherever they are not missing."""
    return all(pd.isna(a) or a == b for a, b in zip(values, others, strict=True))
