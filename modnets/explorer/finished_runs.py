"""A finished sweep as the explorer looks at it: the same questions as to a training that runs."""

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
from modnets.training.restoring import from_structure

#: What runs of one comparison may differ in.
WITHIN = ("run", "kind", "model", "routing", "selection", "outputs", "hidden", "pruning_ratio")
WITHIN += ("shared_modules", "module_hidden", "arity", "slots", "output_levels", "lr", "options")
WITHIN += ("lr_routing", "lr_selection", "temperature", "gumbel", "per_sample_routing")
WITHIN += ("image_hidden", "channels", "image_slots", "shared_image_modules")
WITHIN += ("image_routing", "image_selection")
WITHIN += ("seed", "split_seed", "epoch", "weight_decay", "knowledge", "record")

#: Of those, what does not belong to a kind: where it varies from run to run of one kind, groups.
SET = ("hidden", "pruning_ratio", "shared_modules", "module_hidden", "arity", "slots")
SET += ("output_levels", "lr", "options", "lr_routing", "lr_selection", "temperature", "gumbel")
SET += ("per_sample_routing", "image_hidden", "channels", "weight_decay", "knowledge")


class FinishedRuns:
    """The runs of a store, or of a table.

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

    def __init__(self, results: str | Path | Store | pd.DataFrame) -> None:
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

        What varies from run to run of one kind is told apart too, and never pooled; a run in which
        such a setting plays no part is compared with all.
        """
        skip = {*WITHIN, *DETAILS}
        if (self.frame["batch_size"] == self.frame["train_rows"]).all():
            skip.add("batch_size")
        settings = list(self.frame.columns[: self.frame.columns.get_loc("epoch")])
        settings = [name for name in settings if name not in ("run", "kind")]
        one = self.frame.drop_duplicates("run")[["run", "kind", *settings]]
        if "gumbel" in settings and "temperature" in settings:  # noise of choices that are learned
            one = one.assign(gumbel=one["gumbel"].where(one["temperature"].notna()))
        varied = [n for n in settings if n not in skip and len(one[n].unique()) > 1]
        by = ["graph", *(name for name in varied if name != "graph")]
        several = [n for n in settings if n in SET and one.groupby("kind")[n].nunique().max() > 1]
        found = {}
        for values, part in one.groupby(by, sort=True, dropna=False):
            words = [str(values[0])]
            words += [f"{n.replace('_', ' ')} {v}" for n, v in zip(by[1:], values[1:], strict=True)]
            for more, runs in _apart(part, several):
                label = ", ".join([*words, *more])
                found[label] = self.frame.index[self.frame["run"].isin(runs)]
        return found

    def choose(self, label: str) -> None:
        """Look at the runs of one group."""
        self.label, part = label, self.frame.loc[self.groups[label]]
        if self.store is not None:  # of other groups nobody needs them
            details = self.store.details(part["run"].unique(), every=True)
            part = part.merge(details, on=["run", "epoch"], how="left")
        self.part = part.assign(**{name: None for name in DETAILS if name not in part})
        last = self.part.sort_values("epoch").groupby("run").tail(1).set_index("run")
        self._configs: Mapping[str, str | None] = last["config"].to_dict()

    def group_of(self, runs: Container[str]) -> str | None:
        """The group that holds most of some runs; None if none of them is here."""
        held = {key for key in self.frame["run"].unique() if key in runs}
        keys = self.frame["run"]
        shares = {name: keys.loc[rows].isin(held).sum() for name, rows in self.groups.items()}
        return max(shares, key=lambda name: shares[name]) if held else None

    @property
    def runs(self) -> list[str]:
        """Keys of the runs looked at, by seed."""
        return list(self.part.sort_values("seed", kind="stable")["run"].unique())

    def config(self, run: str) -> RunConfig | None:
        """The config of a run, where it is kept."""
        text = self._configs[run]
        return RunConfig.from_dict(json.loads(text)) if isinstance(text, str) else None

    def measures(self, *names: str) -> pd.DataFrame:
        """As ``Live.measures``, with ``seed``."""
        return self.part[["run", "kind", "epoch", "seed", *names]]

    def record(self, run: str, epoch: int) -> dict[str, Any]:
        """As ``Live.record``; where only the end was recorded, that is told at every epoch."""
        part = self.part[(self.part["run"] == run) & self.part["predicted"].notna()]
        if part.empty:
            return {}
        before = part[part["epoch"] <= epoch]
        row = (before if len(before) else part).iloc[-1 if len(before) else 0]
        structure = row["structure"] if isinstance(row["structure"], str) else None
        return {"epoch": int(row["epoch"]), "structure": structure, "predicted": row["predicted"]}

    def network(self, run: str, epoch: int) -> nn.Module | None:
        """A network that makes the choices recorded; None for kinds whose weights would matter."""
        record, config = self.record(run, epoch), self.config(run)
        if config is None or not record.get("structure") or not config.is_modular:
            return None
        if config.graph.images is not None:
            return None
        return from_structure(config, json.loads(record["structure"]))


def latest(store: Store) -> set[str]:
    """Keys of the runs that were stored last."""
    newest = max(store.files(), key=lambda path: path.stat().st_mtime_ns, default=None)
    return set() if newest is None else set(pd.read_parquet(newest, columns=["run"])["run"])


def _apart(part: pd.DataFrame, names: list[str]) -> Iterator[tuple[list[str], pd.Series]]:
    """Runs told apart by settings that vary in a kind; hands back words and keys of runs.

    A run without a value, for the setting plays no part in it, belongs to all that are like it.
    """
    varied = [name for name in names if part.groupby("kind")[name].nunique().max() > 1]
    if not varied:
        yield [], part["run"]
        return
    found = list(part[varied].drop_duplicates().itertuples(index=False, name=None))
    for values in found:
        if any(values is not other and _within(values, other) for other in found):
            continue
        fits = pd.Series(True, index=part.index)
        for name, value in zip(varied, values, strict=True):
            fits &= part[name].isna() | (part[name] == value)
        told = zip(varied, values, strict=True)
        yield [f"{n.replace('_', ' ')} {v}" for n, v in told if not pd.isna(v)], part["run"][fits]


def _within(values: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether values are the same where there are any, and something is left open."""
    return all(pd.isna(a) or a == b for a, b in zip(values, others, strict=True))
