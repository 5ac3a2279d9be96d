"""``modnets train``: networks of one kind, with the paper's flags."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modnets.commands.flags import FIELDS, by_setting, in_flags, train_parser
from modnets.commands.parser import UsageError
from modnets.commands.settings import settings
from modnets.commands.tasks import experiment, find_task
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.errors import in_a_line, require, shown
from modnets.paths import expanded

if TYPE_CHECKING:
    import pandas as pd

MAX_WORKERS = 1024
CLOSED = "is closed to you"
#: Columns that a summary tells, where they are measured -> what it calls them.
TESTS = {
    "test_bit_accuracy": "test bit accuracy",
    "test_seen_bit_accuracy": "test bit accuracy on pairs seen",
    "test_unseen_bit_accuracy": "on pairs unseen",
}


def main(argv: Sequence[str]) -> int:
    """Run ``modnets train`` and return its exit code.

    0, 1 if a run failed or results could not be stored or read, 2 for wrong use.
    """
    try:
        args = train_parser().parse(argv)
        runs, remarks = plan(args)
        folder = result_folder(args)
    except (ValueError, OSError) as error:
        return _wrong_use(error)
    for remark in remarks:
        print(f"modnets train: {remark}", file=sys.stderr)

    # Here, so that --help and wrong use need not wait for what only training needs.
    from modnets.experiments.planning import plan as sweep_plan
    from modnets.experiments.store_files import StoreError
    from modnets.experiments.sweep import RunsFailed, WorkersLost, sweep

    start = time.perf_counter()
    device = args.device or "auto"
    try:
        if args.dry_run:
            todo = sweep_plan(runs, folder, device=device)
            require(not todo.chunks or is_open(folder), unwritten(folder, folder, CLOSED))
            message = f"{todo} -> {folder}"
        else:
            table = sweep(runs, store=folder, workers=args.workers, device=device)
    except (StoreError, RunsFailed, WorkersLost) as error:
        print(f"modnets train: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        return _wrong_use(error)
    print(message if args.dry_run else summary(table, time.perf_counter() - start, folder))
    return 0


def plan(args: argparse.Namespace) -> tuple[list[RunConfig], list[str]]:
    """The runs that a command line asks for, and remarks on it for the user.

    Raises
    ------
    ValueError
        One line with the flag, the value given and what is allowed.
    """
    task, source = find_task(args)
    runs = grid(**settings(args, task))
    remarks = [f"{source}; {len(runs)} run{'s' * (len(runs) > 1)}"]
    unused = _unused(args, runs[0])
    if unused:
        verb = "plays" if len(unused) == 1 else "play"
        remarks.append(f"{', '.join(unused)} {verb} no part here ({runs[0].kind})")
    return runs, remarks


def _unused(args: argparse.Namespace, run: RunConfig) -> list[str]:
    """Flags that were given, and play no part in a run of this kind; their values are checked."""
    unused = []
    for setting, flag in by_setting().items():
        value, used = getattr(args, flag.name), getattr(run.final, setting)
        unused_word = setting == "temperature_schedule" and used != value
        if value is None or not (used is None or used is False or unused_word):
            continue
        if setting in ("pruning_ratio", "temperature", "lr_routing", "lr_selection", "gamma"):
            model = "sparse" if setting == "pruning_ratio" else "shared"
            schedule = "exponential" if setting == "gamma" else FIELDS["schedule"].default
            RunConfig(**{"model": model, "schedule": schedule, setting: value})
        if setting != "train_fraction" and (setting, value) != ("pruning_ratio", 0.0):
            unused.append(f"--{flag.name}")
    return unused


def is_open(folder: Path) -> bool:
    """Whether a folder that is there can be written; true of one that is not there yet."""
    return not folder.exists() or os.access(folder, os.W_OK | os.X_OK)


def unwritten(folder: Path, there: Path, reason: str) -> str:
    """What is said of a folder of results that cannot be written."""
    return (
        f"store={shown(str(folder))} cannot be written: {there.absolute()} {reason}; "
        "allowed is a folder that can be written"
    )


def result_folder(args: argparse.Namespace) -> Path:
    """The folder of the results, there or to be made; looking does not make it.

    One that is there may be closed: where all runs are done, nothing is written.

    Raises
    ------
    ValueError
        If it cannot be made, or there is not to be a process that trains.
    """
    require(
        args.workers is None or 1 <= args.workers <= MAX_WORKERS,
        f"--workers={args.workers}; allowed is 1 to {MAX_WORKERS}",
    )
    folder = expanded(args.result_path or "./results/", "store") / experiment(args)
    there = folder.absolute()
    while not there.exists() and not there.is_symlink():  # the first above that is there
        there = there.parent
    require(there.is_dir(), unwritten(folder, there, "is no folder"))
    require(there == folder.absolute() or is_open(there), unwritten(folder, there, CLOSED))
    return folder


def summary(table: pd.DataFrame, seconds: float, folder: Path) -> str:
    """One line for each kind of network, graph and number of training rows."""
    from modnets.analysis.statistics import last

    runs = last(table)
    lines = []
    for (graph, kind, rows), part in runs.groupby(["graph", "kind", "train_rows"]):
        means = part.reindex(columns=TESTS).mean().dropna()
        accuracies = [f"{TESTS[column]} {mean:.2f}" for column, mean in means.items()]
        lines.append(
            f"{kind} on {graph}, {rows} rows, {len(part)} run{'s' * (len(part) > 1)}: "
            f"solved {int(part['solved'].sum())}/{len(part)}, {', '.join(accuracies)} (mean)"
        )
    end = f"{seconds:.1f} s -> {folder}"
    if len(lines) == 1:
        return f"{lines[0]}, {end}"
    return "\n".join([*lines, f"{len(runs)} runs, {end}"])


def _wrong_use(error: Exception) -> int:
    """Say in one line what is wrong."""
    message = in_a_line(error)
    message = message if isinstance(error, UsageError) else in_flags(message)
    print(f"modnets train: {message}", file=sys.stderr)
    return 2
