"""``modnets sweep``: the runs of a study's file, all of them or a part."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modnets.amounts import in_bytes, in_time
from modnets.commands.parser import Parser, UsageError, as_written, whole
from modnets.errors import in_a_line, require, shown

if TYPE_CHECKING:
    from modnets.config.points import Tally
    from modnets.config.studies import Study
    from modnets.experiments.store import Store

USAGE = (
    "modnets sweep STUDY.yaml --store FOLDER [--set name=values]... [--dry_run] [--shard i/n] "
    "[--executor WHERE] [--workers N] [--retry_failed]"
)
EXAMPLE = """
A study's file:

  base: {graph: 6-3-2-2, epochs: 1000}    # settings of all runs
  axes:                                   # every combination of these is a run
    model: [dense, shared]
    train_rows: [8, 16, 32]
    seeds: 0:20                           # split_seed and seed together, 0 to 19
  zip:                                    # settings that go together
    - {lr_routing: [0.01, 0.1], lr_selection: [0.01, 0.1]}
  where:                                  # which combinations are runs
    - model != 'dense' or train_rows > 8

`parts:` holds several of these, each with what stands above and its own.  Settings are those of
RunConfig: modnets train --help, mn.explain().  Exit code: 0 done, 1 a run failed, 2 wrong use.
"""


def sweep_parser() -> Parser:
    """The parser of ``modnets sweep``."""
    parser = Parser(
        prog="modnets sweep",
        usage=USAGE,
        description="Train the runs of a study.  Those that the store holds are not done again, so "
        "that the\nsame command goes on after an interruption.",
        epilog=EXAMPLE,
        formatter_class=as_written,
    )
    parser.add_argument("study", nargs="?", metavar="STUDY.yaml", help="the study's file")
    parser.add_argument("--store", metavar="FOLDER", help="where the results go; made if missing")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUES",
        help="replaces a setting of the file: model=dense,shared, seed=0:20, lr=0.01, slots=3-2; "
        "may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--dry_run", action="store_true",
        help="say how many runs are done, to do, and failed before, and estimate time and memory "
        "from a short calibration; nothing is written to the store",
    )  # fmt: skip
    parser.add_argument(
        "--shard", metavar="i/n",
        help="only the i-th of n parts, i from 1; the parts are disjoint and together all, in any "
        "order, at the same time or not, into one store",
    )  # fmt: skip
    parser.add_argument(
        "--executor", metavar="WHERE",
        help="what trains: processes of this machine; dask, workers on it; dask:tcp://host:port, "
        "those of a scheduler; slurm, an array of jobs, submitted here or to be",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole, metavar="N",
        help="processes that train, of slurm jobs; default: one for each core where work is long, "
        "else 1; of slurm one for 64 runs, at most 100",
    )  # fmt: skip
    parser.add_argument(
        "--retry_failed", action="store_true", help="try runs again that failed in this store"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda; default: auto")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run ``modnets sweep`` and return its exit code.

    0, 1 if a run failed or the store could not be written or read, 2 for wrong use.
    """
    try:
        args = sweep_parser().parse(argv)
        if args.study is None or args.store is None:
            missing = "a study's file, as study.yaml" if args.study is None else "--store FOLDER"
            raise UsageError(f"{missing} is missing; modnets sweep --help shows an example")
        from modnets.config.studies import study
        from modnets.experiments.clusters import check_executor
        from modnets.experiments.planning import check_arguments
        from modnets.experiments.shards import read_shard
        from modnets.experiments.store import Store

        shard = None if args.shard is None else read_shard(args.shard)
        check_arguments(workers=args.workers, device=args.device)
        check_executor(args.executor, args.workers)
        require(args.executor != "slurm" or shard is None, "--shard: jobs of slurm are shards; "
                "allowed is one or the other")  # fmt: skip
        results = Store(args.store)
        wanted = study(args.study).with_settings(replaced(args.set))
        if not args.dry_run:
            _say(f"{wanted.source}: {len(wanted):,} runs -> {results.folder}")
    except (ValueError, OSError) as error:
        return _wrong_use(error)

    from modnets.experiments.failures import RunsFailed, WorkersLost
    from modnets.experiments.slurm import NotSubmitted, in_jobs
    from modnets.experiments.store_files import StoreError
    from modnets.experiments.sweep import swept

    how = {"workers": args.workers, "device": args.device}
    start = time.perf_counter()
    try:
        if args.dry_run:
            print(dry_run(wanted, results, shard, retry_failed=args.retry_failed, **how))
            return 0
        if args.executor == "slurm":
            print(in_jobs(wanted, results, retry_failed=args.retry_failed, **how))
            return 0
        how |= {"shard": shard, "retry_failed": args.retry_failed, "executor": args.executor}
        table = swept(wanted, results.folder, last=True, **how)
    except (StoreError, WorkersLost, NotSubmitted) as error:
        _say(str(error))
        return 1
    except RunsFailed as error:
        _say(str(error).replace("whole tracebacks are in .failures", _how_to_see(results.folder)))
        return 1
    except (ValueError, OSError) as error:
        return _wrong_use(error)
    from modnets.commands.train import summary

    part = f" (shard {args.shard})" if shard else ""
    print(summary(table, time.perf_counter() - start, results.folder) + part if len(table) else
          f"no runs in this shard{part}")  # fmt: skip
    return 0


def replaced(words: Sequence[str]) -> dict[str, Any]:
    """Settings from ``--set name=values``.

    Raises
    ------
    ValueError
        If a word has no such form, a name is unknown, or stands twice.
    """
    from modnets.config.studies import SETTABLE
    from modnets.config.study_values import from_words
    from modnets.errors import one_of

    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        require(bool(equals), f"--set {shown(word)}; allowed is name=values, as model=dense,shared")
        one_of("setting in --set", name, SETTABLE)
        require(name not in found, f"--set {name}: it stands twice; allowed is once")
        found[name] = from_words(name, text)
    return found


def dry_run(
    wanted: Study,
    results: Store,
    shard: tuple[int, int] | None,
    *,
    workers: int | None,
    device: str,
    retry_failed: bool,
) -> str:
    """What a sweep would do, in lines; nothing is listed that need not be."""
    from modnets.config.points import tally

    held, failed = results.keys_read(), set(results.failures())
    if shard is not None:
        from modnets.experiments.planning import plan

        found = _tally_of_shard(plan(wanted, results.folder, device=device, shard=shard), failed)
    else:
        found = tally(wanted.parts, held, failed)
    tried = 0 if retry_failed else found.n_failed
    to_do = found.n_runs - found.n_done - tried
    lines = [f"{found.n_runs:,} runs: {found.n_done:,} done, {to_do:,} to do, "
             f"{found.n_failed:,} failed before"]  # fmt: skip
    if found.n_failed and not retry_failed:
        lines.append(
            f"those that failed are left out; --retry_failed, {_how_to_see(results.folder)}"
        )
    if to_do:
        lines.append(estimated(found, to_do, workers, device))
    return "\n".join([*lines, f"nothing was trained; store: {results.folder}"])


def _tally_of_shard(part: Any, failed: set[str]) -> Tally:
    from modnets.config.points import Tally
    from modnets.config.shapes import shape_of

    keys = {run.key for run in part.wanted}
    found = Tally(len(keys), len(part.done), len((keys & failed) - part.done))
    for run in part.wanted:
        sample, count = found.groups.get(shape_of(run), (run, 0))
        found.groups[shape_of(run)] = sample, count + 1
    return found


def estimated(found: Tally, to_do: int, workers: int | None, device: str) -> str:
    """Time and memory in a line."""
    from modnets.experiments.estimates import estimate
    from modnets.hardware import cores

    cost = estimate(found.groups, to_do / found.n_runs, workers=workers, device=device)
    shapes = f"{cost.measured} of {cost.shapes} kinds of network measured"
    return (
        f"about {in_time(cost.seconds)} on {cores()} cores, {in_bytes(cost.memory)} of memory, "
        f"{in_bytes(cost.table)} of them the table ({shapes})"
    )


def _how_to_see(folder: Path) -> str:
    return f"modnets results status {folder} shows why"


def _say(line: str) -> None:
    print(f"modnets sweep: {line}", file=sys.stderr)


def _wrong_use(error: Exception) -> int:
    _say(in_a_line(error))
    return 2
