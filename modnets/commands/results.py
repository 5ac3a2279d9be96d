"""``modnets results``: what a store holds, one file out of it, two of them side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modnets.commands.parser import Parser, UsageError, as_written, check_action, whole
from modnets.errors import in_a_line, require

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from modnets.experiments.store import Store

ACTIONS = ("status", "show", "export", "compare", "compact", "verify")
USAGE = (
    "modnets results status|show|compact|verify FOLDER | export FOLDER -o FILE.csv|.parquet | "
    "compare FOLDER FOLDER"
)
EPILOG = """
status   runs, kinds of network, failures with reasons, studies, versions, size
show     a row for each group of runs that differ in seeds alone; --runs: a row for each run
export   one file out of all, with FILE.columns.csv beside: type, unit and meaning of each column;
         mn.load(FILE) reads it back with the same types
compare  two stores: runs that only one has, what differs in runs of both, groups side by side
compact  merge all result files into one
verify   compare every file with the digest in its name; exit code 1 if one has changed

A FOLDER is a store of modnets sweep, modnets train or mn.sweep.  Only compact writes to it.
Exit code: 0 done, 1 results are damaged or cannot be read, 2 wrong use.
"""
#: Rows that are shown without --limit.
SHOWN = 40


def results_parser() -> Parser:
    """The parser of ``modnets results``."""
    parser = Parser(
        prog="modnets results",
        usage=USAGE,
        description="What is in a store of results.",
        epilog=EPILOG,
        formatter_class=as_written,
    )
    parser.add_argument("action", nargs="?", metavar="|".join(ACTIONS), help="what to do")
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="a store; of compare, two")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="export: the file to write, in .csv or .parquet"
    )
    parser.add_argument(
        "--last", action="store_true", help="export: only the last evaluation of each run"
    )
    parser.add_argument(
        "--no_empty", action="store_true", help="export, show: leave out columns that hold nothing"
    )
    parser.add_argument("--runs", action="store_true", help="show: a row for each run")
    parser.add_argument("--columns", metavar="A,B", help="show, export: these columns alone")
    parser.add_argument(
        "--limit", type=whole, metavar="N", help=f"show, compare: rows; default: {SHOWN}"
    )
    return parser


def main(argv: Sequence[str]) -> int:
    """Run ``modnets results`` and return its exit code."""
    try:
        args = results_parser().parse(argv)
        check_action(args.action, ACTIONS)
        wanted = 2 if args.action == "compare" else 1
        if len(args.folders) != wanted:
            many = "two stores" if wanted == 2 else "one store"
            raise UsageError(
                f"{args.action} takes {many}; given: {' '.join(args.folders) or 'none'}"
            )
        if args.limit is not None and args.limit < 1:
            raise UsageError(f"--limit={args.limit}; allowed is at least 1")
        from modnets.experiments.store import finished

        stores = [finished(folder) for folder in args.folders]
    except (ValueError, OSError) as error:
        return _wrong_use(error)
    from modnets.experiments.store_files import StoreError

    does: dict[str, Callable[..., int]] = {
        "status": status,
        "show": show,
        "export": export,
        "compare": compare,
        "compact": compact,
        "verify": verify,
    }
    try:
        return does[args.action](args, *stores)
    except BrokenPipeError:
        raise
    except StoreError as error:
        print(f"modnets results: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        return _wrong_use(error)


def status(args: argparse.Namespace, store: Store) -> int:
    """Print what a store holds."""
    from modnets.commands.store_status import status_of

    print(status_of(store))
    return 0


def show(args: argparse.Namespace, store: Store) -> int:
    """Print groups of runs, or runs."""
    from modnets.analysis.statistics import last
    from modnets.analysis.stores import overview

    table = store.table()
    require(len(table) > 0, f"no runs in {store.folder}")
    rows = last(table) if args.runs else overview(table)
    print(_text(_columns(rows, args, brief=True), args.limit or SHOWN))
    return 0


def export(args: argparse.Namespace, store: Store) -> int:
    """Write one file."""
    from modnets.analysis.statistics import last
    from modnets.experiments.exports import export as write

    if args.output is None:
        raise UsageError("export needs -o FILE.csv or -o FILE.parquet")
    table = store.table()
    table = _columns(last(table) if args.last else table, args)
    for path in write(table, args.output):
        print(path)
    print(f"{len(table):,} rows, {len(table.columns)} columns, of {table['run'].nunique():,} runs"
          if "run" in table else f"{len(table):,} rows")  # fmt: skip
    return 0


def compare(args: argparse.Namespace, left: Store, right: Store) -> int:
    """Print two stores side by side."""
    from modnets.analysis.stores import compare_results

    tables = left.table(), right.table()
    for table, store in zip(tables, (left, right), strict=True):
        require(len(table) > 0, f"no runs in {store.folder}")
    runs = [set(table["run"]) for table in tables]
    both = len(runs[0] & runs[1])
    print(f"left:  {len(runs[0]):,} runs, {len(runs[0] - runs[1]):,} only here, {left.folder}")
    print(f"right: {len(runs[1]):,} runs, {len(runs[1] - runs[0]):,} only here, {right.folder}")
    groups, differences = compare_results(*tables)
    if both and differences.empty:
        print(f"both:  {both:,} runs, equal bit for bit")
    elif both:
        print(f"both:  {both:,} runs; they differ in")
        print(_text(differences, args.limit or SHOWN))
    print()
    print(_text(groups, args.limit or SHOWN))
    return 0


def compact(args: argparse.Namespace, store: Store) -> int:
    """Merge the files of a store into one."""
    before = len(store.files())
    store.check_writable()
    store.compact(whole=True)
    print(f"{before} files before, {len(store.files())} now: {store.folder}")
    return 0


def verify(args: argparse.Namespace, store: Store) -> int:
    """Print whether a store is as it was written."""
    from modnets.amounts import in_bytes
    from modnets.experiments.verification import verify as verified

    found = verified(store)
    for problem in found.problems:
        print(f"modnets results: {problem}", file=sys.stderr)
    unsigned = f", {len(found.unsigned)} of an earlier version without digest"
    print(
        f"{found.runs:,} runs in {found.files} files, {in_bytes(found.bytes)}"
        f"{unsigned * bool(found.unsigned)}: "
        + (f"{len(found.problems)} problems" if found.problems else "all as they were written")
    )
    return 1 if found.problems else 0


def _columns(table: pd.DataFrame, args: argparse.Namespace, *, brief: bool = False) -> pd.DataFrame:
    """The columns asked for."""
    if args.columns:
        from modnets.errors import one_of

        names = [name.strip() for name in args.columns.split(",")]
        for name in names:
            one_of("column", name, table.columns)
        return table[names]
    return table.dropna(axis="columns", how="all") if args.no_empty or brief else table


def _text(table: pd.DataFrame, limit: int) -> str:
    """A table in plain text."""
    text = table.head(limit).to_string(index=False, float_format=lambda number: f"{number:.4g}")
    left = len(table) - limit
    return text if left <= 0 else f"{text}\n... and {left:,} more rows; --limit N shows them"


def _wrong_use(error: Exception) -> int:
    print(f"modnets results: {in_a_line(error)}", file=sys.stderr)
    return 2
