"""``modnets figure``: what a figure was made from, and whether it is up to date."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from modnets.commands.parser import Parser, UsageError, as_written, check_action
from modnets.errors import in_a_line

ACTIONS = ("info",)
EPILOG = """
A FILE is the SVG, PNG or CSV of a figure.  Up to date is one if the notebook or script that made
it, all code of the package that this reaches, and the results of its runs are what they were; a
commit alone changes nothing.  What cannot be compared here, as a store on another machine, is said.

Exit code: 0 nothing has changed, 1 a figure is not up to date, 2 wrong use or no provenance.
"""


def figure_parser() -> Parser:
    """The parser of ``modnets figure``."""
    parser = Parser(
        prog="modnets figure",
        usage="modnets figure info FILE...",
        description="What a figure was made from: version, commit, notebook with its parameters, "
        "runs;\nand whether it is up to date.",
        epilog=EPILOG,
        formatter_class=as_written,
    )
    parser.add_argument("action", nargs="?", metavar="info", help="what to do")
    parser.add_argument("files", nargs="*", metavar="FILE", help="figures: .svg, .png or .csv")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run ``modnets figure`` and return its exit code."""
    try:
        args = figure_parser().parse(argv)
        check_action(args.action, ACTIONS)
        if not args.files:
            raise UsageError("info takes figures; given: none")
    except ValueError as error:
        return _said(error, 2)
    return max(info(file) for file in args.files)


def info(file: str) -> int:
    """Print what one figure was made from; the exit code."""
    from modnets.experiments.store_files import StoreError
    from modnets.visuals.figure_info import figure_info

    try:
        found = figure_info(file)
    except StoreError as error:
        return _said(error, 1)
    except ValueError as error:
        return _said(error, 2)
    print(found)
    return 0 if found.up_to_date is not False else 1


def _said(error: Exception, code: int) -> int:
    print(f"modnets figure: {in_a_line(error)}", file=sys.stderr)
    return code
