"""``modnets train``: networks of one kind, with the paper's flags."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modnets.commands.flags import FIELDS, FLAGS, MODEL_NAMES, by_setting, in_flags, train_parser
from modnets.commands.parser import UsageError
from modnets.errors import one_of, require
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.tables import find_graph
from modnets.training.config import RunConfig
from modnets.training.grids import grid

if TYPE_CHECKING:
    import pandas as pd

EXPERIMENTS = ("generalization",)


def main(argv: Sequence[str]) -> int:
    """Run ``modnets train`` and return its exit code: 0, 1 if a run failed, 2 for wrong use."""
    try:
        args = train_parser().parse(argv)
        runs, remarks = plan(args)
    except (ValueError, OSError) as error:
        return _wrong_use(error)
    for remark in remarks:
        print(f"modnets train: {remark}", file=sys.stderr)
    folder = Path(args.result_path or "./results/") / (args.experiment or EXPERIMENTS[0])

    # Here, so that --help and wrong use need not wait for what only training needs.
    from modnets.training.planning import plan as sweep_plan
    from modnets.training.sweep import RunsFailed, sweep

    start = time.perf_counter()
    try:
        if args.dry_run:
            print(f"{sweep_plan(runs, folder)} -> {folder}")
            return 0
        device = args.device or "auto"
        table = sweep(runs, store=folder, workers=args.workers, device=device)
    except (ValueError, OSError) as error:
        return _wrong_use(error)
    except RunsFailed as error:
        print(f"modnets train: {error}", file=sys.stderr)
        return 1
    print(summary(table, time.perf_counter() - start, folder))
    return 0


def plan(args: argparse.Namespace) -> tuple[list[RunConfig], list[str]]:
    """The runs that a command line asks for, and remarks on it for the user.

    Raises
    ------
    ValueError
        One line with the flag, the value given and what is allowed.
    """
    experiment = EXPERIMENTS[0] if args.experiment is None else args.experiment
    one_of("--experiment", experiment, EXPERIMENTS)
    require(args.num_tasks in (None, 1), f"--num_tasks={args.num_tasks}; allowed is 1")
    widths = [6, 3, 2, 2] if args.modularity is None else args.modularity
    graph, source = find_graph(widths, args.dataset_path)
    runs = grid(**settings(args, graph, tuple(widths[1:-1])))
    remarks = [f"{source}; {len(runs)} run{'s' * (len(runs) > 1)}"]
    unused = _unused(args, runs[0])
    if unused:
        verb = "plays" if len(unused) == 1 else "play"
        remarks.append(f"{', '.join(unused)} {verb} no part here ({runs[0].kind})")
    return runs, remarks


def settings(
    args: argparse.Namespace, graph: FunctionGraph, slots: tuple[int, ...]
) -> dict[str, Any]:
    """The settings of RunConfig, lists of them for a grid, from the flags given.

    Parameters
    ----------
    args : Namespace
    graph : FunctionGraph
    slots : tuple of int
        Slots in each level where neither flags nor the graph give them.
    """
    given = {f.name: getattr(args, f.name) for flags in FLAGS.values() for f in flags if f.setting}
    values = {
        setting: given[flag.name]
        for setting, flag in by_setting().items()
        if given[flag.name] is not None
    }
    model = args.model or "mlp"
    one_of("--model", model, MODEL_NAMES)
    values["model"] = MODEL_NAMES[model]
    if model == "mlp" and args.pruning_ratio not in (None, 0.0):
        values["model"] = "sparse"
    values["graph"] = graph
    values["slots"] = tuple(args.num_modules or graph.slots or slots) or None
    values["input_noise"] = args.dataset_noise or 0.0
    values["lr_routing"] = args.lr_module_input
    values["lr_selection"] = args.lr_module_location
    values |= _known(args)
    values |= _architecture(args, graph)
    if args.gamma is not None:
        values.setdefault("schedule", "exponential")
    require(
        not args.per_sample_routing or bool(args.use_gumbel),
        "--per_sample_routing: without --use_gumbel there is no noise to draw for each row; "
        "allowed is both, or neither",
    )
    for name in ("seed", "split_seed"):
        if name in values:
            values[name] = [seed for part in values[name] for seed in part]
    return values


def _known(args: argparse.Namespace) -> dict[str, str]:
    """What is known and what is learned, each said outright, so that none follows another."""
    known = {
        "routing": args.known_module_input,
        "selection": args.known_module_locations,
        "outputs": args.known_func_outputs or args.known_module_input,
    }
    return {name: "known" if value else "learned" for name, value in known.items()}


def _architecture(args: argparse.Namespace, graph: FunctionGraph) -> dict[str, Any]:
    """Hidden widths and arity, from lists of all the widths."""
    values: dict[str, Any] = {}
    if args.arch is not None:
        ends = (graph.n_inputs, graph.n_outputs)
        require(
            len(args.arch) > 1 and (args.arch[0], args.arch[-1]) == ends,
            f"--arch={' '.join(map(str, args.arch))}: graph {graph} has {ends[0]} inputs and "
            f"{ends[1]} outputs; allowed is {ends[0]} first, hidden widths, {ends[1]} last",
        )
        values["hidden"] = tuple(args.arch[1:-1])
    if args.module_arch is not None:
        given = f"--module_arch={' '.join(map(str, args.module_arch))}"
        require(
            len(args.module_arch) > 1 and args.module_arch[-1] == 1,
            f"{given}; allowed is inputs, hidden widths, and 1 output, as 2 12 1",
        )
        arity = args.module_arch[0]
        require(
            args.topk in (None, arity),
            f"--topk={args.topk}: {given} has modules of {arity} inputs; allowed is {arity}",
        )
        values["module_hidden"], values["arity"] = tuple(args.module_arch[1:-1]), arity
    return values


def _unused(args: argparse.Namespace, run: RunConfig) -> list[str]:
    """Flags that were given, and play no part in a run of this kind; their values are checked."""
    unused = []
    for setting, flag in by_setting().items():
        value, used = getattr(args, flag.name), getattr(run.final, setting)
        if value is None or not (used is None or used is False):
            continue
        if setting in ("pruning_ratio", "temperature", "lr_routing", "lr_selection", "gamma"):
            model = "sparse" if setting == "pruning_ratio" else "shared"
            schedule = "exponential" if setting == "gamma" else FIELDS["schedule"].default
            RunConfig(**{"model": model, "schedule": schedule, setting: value})
        if setting != "train_fraction" and (setting, value) != ("pruning_ratio", 0.0):
            unused.append(f"--{flag.name}")
    return unused


def summary(table: pd.DataFrame, seconds: float, folder: Path) -> str:
    """One line for each kind of network, graph and number of training rows."""
    from modnets.analysis.statistics import last

    runs = last(table)
    lines = []
    for (graph, kind, rows), part in runs.groupby(["graph", "kind", "train_rows"]):
        lines.append(
            f"{kind} on {graph}, {rows} rows, {len(part)} run{'s' * (len(part) > 1)}: "
            f"solved {int(part['solved'].sum())}/{len(part)}, "
            f"test bit accuracy {part['test_bit_accuracy'].mean():.2f} (mean)"
        )
    end = f"{seconds:.1f} s -> {folder}"
    if len(lines) == 1:
        return f"{lines[0]}, {end}"
    return "\n".join([*lines, f"{len(runs)} runs, {end}"])


def _wrong_use(error: Exception) -> int:
    """Say in one line what is wrong."""
    message = str(error) if isinstance(error, UsageError) else in_flags(str(error))
    print(f"modnets train: {' '.join(message.split())}", file=sys.stderr)
    return 2
