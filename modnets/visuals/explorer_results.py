"""A finished sweep as the explorer looks at it: the same questions as to a training that runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from modnets.analysis.intervals import need
from modnets.errors import require
from modnets.paths import expanded
from modnets.training.config import RunConfig
from modnets.training.rebuilt import from_structure
from modnets.training.store import DETAILS, Store

#: What runs of one comparison may differ in.
WITHIN = ("run", "kind", "model", "routing", "selection", "outputs", "hidden", "pruning_ratio")
WITHIN += ("shared_modules", "module_hidden", "arity", "slots", "output_levels", "lr", "options")
WITHIN += ("lr_routing", "lr_selection", "temperature", "gumbel", "per_sample_routing")
WITHIN += ("image_hidden", "channels", "image_slots", "shared_image_modules")
WITHIN += ("image_routing", "image_selection")
WITHIN += ("seed", "split_seed", "epoch", "weight_decay", "knowledge", "record")


class Finished:
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
            need(results, ["run", "kind", "graph", "train_rows", "batch_size", "epoch", "solved"])
            self.frame = results.reset_index(drop=True)
        else:
            if not isinstance(results, Store):
                is_folder = expanded(results, "results").is_dir()
                require(is_folder, f"results={str(results)!r} is no folder; allowed is a store")
                results = Store(results)
            details = results.details(every=True)
            self.frame = results.table().merge(details, on=["run", "epoch"], how="left")
        require(len(self.frame) > 0, "results hold no runs; allowed is a sweep that has begun")
        for name in DETAILS:
            if name not in self.frame:
                self.frame[name] = None
        last = self.frame.sort_values("epoch").groupby("run").tail(1).set_index("run")
        self._configs: Mapping[str, str | None] = last["config"].to_dict()
        self.groups = self._grouped()
        self.choose(next(iter(self.groups)))

    def _grouped(self) -> dict[str, pd.Index]:
        """Label -> rows: runs are compared with those of the same task, rows, epochs, ..."""
        skip = {*WITHIN, *DETAILS}
        if (self.frame["batch_size"] == self.frame["train_rows"]).all():
            skip.add("batch_size")
        settings = list(self.frame.columns[: self.frame.columns.get_loc("epoch")])
        settings = [name for name in settings if name not in skip]
        varied = [n for n in settings if len(self.frame[n].unique()) > 1 and n != "graph"]
        by = ["graph", *varied]
        found = {}
        for values, part in self.frame.groupby(by, sort=True, dropna=False):
            words = [str(values[0])]
            words += [f"{n.replace('_', ' ')} {v}" for n, v in zip(varied, values[1:], strict=True)]
            found[", ".join(words)] = part.index
        return found

    def choose(self, label: str) -> None:
        """Look at the runs of one group."""
        self.label, self.part = label, self.frame.loc[self.groups[label]]

    @property
    def runs(self) -> list[str]:
        """Keys of the runs looked at."""
        return list(self.part["run"].unique())

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
