"""``modnets report``: a finished study as one file of HTML."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from modnets.commands.parser import Parser, UsageError, as_written
from modnets.errors import in_a_line

EPILOG = """
The page has the question; what varied and what did not; figures, with their numbers to download;
runs a point, kind of interval, floor and ceiling; failures; the best, the median and the worst
network, drawn, and a replay of one of them; versions, commit, machine and time; how to do it again,
hashes of settings and results, and the citation.  It needs no network and nothing beside it, has
less than 5 MB, and is the same, byte for byte, for the same results.

STORE is a folder of modnets sweep, modnets train or mn.sweep; NOTEBOOK a file in .ipynb, or the
name of one of the repository, whose runs and figures are there.  The store is only read.
Exit code: 0 done, 1 results cannot be read, 2 wrong use.
"""


def report_parser() -> Parser:
    """The parser of ``modnets report``."""
    parser = Parser(
        prog="modnets report",
        usage="modnets report STORE|NOTEBOOK -o FILE.html [--question TEXT] [--store FOLDER] "
        "[--no_retrain]",
        description="Write a finished study as one file of HTML.",
        epilog=EPILOG,
        formatter_class=as_written,
    )
    parser.add_argument("source", nargs="?", metavar="STORE|NOTEBOOK", help="what it is of")
    parser.add_argument("-o", "--output", metavar="FILE", help="the file to write, in .html")
    parser.add_argument(
        "--question", metavar="TEXT", help="default: the heading of the notebook, or the first "
        "line of what the study's file is about",
    )  # fmt: skip
    parser.add_argument(
        "--store", metavar="FOLDER", help="the store of a NOTEBOOK; default: that of its figure, "
        "or results/NAME",
    )  # fmt: skip
    parser.add_argument(
        "--no_retrain", action="store_true",
        help="draw no networks: they are trained again for it, which may take a minute",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str]) -> int:
    """Run ``modnets report`` and return its exit code."""
    try:
        args = report_parser().parse(argv)
        if args.source is None or args.output is None:
            missing = "-o FILE.html" if args.source else "what it is of, STORE or NOTEBOOK,"
            raise UsageError(f"{missing} is missing; modnets report --help says more")
        from modnets.amounts import in_bytes
        from modnets.experiments.store_files import StoreError
        from modnets.reports.report import report
    except ValueError as error:
        return _said(error, 2)
    try:
        how = {"store": args.store, "question": args.question, "retrain": not args.no_retrain}
        path = report(args.source, args.output, **how)
    except StoreError as error:
        return _said(error, 1)
    except (ValueError, OSError) as error:
        return _said(error, 2)
    print(f"{path}: {in_bytes(path.stat().st_size)}")
    return 0


def _said(error: Exception, code: int) -> int:
    print(f"modnets report: {in_a_line(error)}", file=sys.stderr)
    return code
