"""What the README states in numbers: words, and the rows of committed CSVs that fill them.

A claim is a template for ``str.format`` and, for each name in it, a CSV of ``figures/`` with the
values that tell its row.  What is stated nowhere else needs no entry in NAMES.
"""

from __future__ import annotations

from typing import Any

Source = tuple[str, dict[str, Any]]


def one(csv: str, **wanted: Any) -> Source:
    """The row of a CSV with these values."""
    return csv, wanted


def needed(graph: str, kind: str) -> Source:
    return one("generalization", graph=graph, kind=kind, splits="drawn")


def timed(name: str) -> Source:
    return one("timings", name=name)


def solved_at(kind: str, train_rows: int) -> Source:
    return one("generalization", graph="6-3-2-2", kind=kind, train_rows=train_rows, splits="drawn")


def inputs(kind: str, arity: int) -> Source:
    return one("module_inputs", graph="6-3-2-2", kind=kind, arity=arity, train_rows=48)


def exact(kind: str, train_rows: int) -> Source:
    return one("theory_overlay", graph="6-3-2-2", kind=kind, train_rows=train_rows)


def seen_digits(kind: str) -> Source:
    of = {"image_network": "mlp", "kind": kind, "train_rows": 51, "samples": 100}
    return one("digit_pairs", **of)


#: Names and settings with digits in them, which measure nothing: patterns.
NAMES = [
    r"\]\([^)]*\)",  # targets of links
    r"\b\d(-\d+)+\b",  # graphs, and widths of modules
    r"TMLR 2025",
]

CLAIMS: list[tuple[str, dict[str, Source]]] = [
    (
        "half of the runs solve the whole table with **{a[rows]:.0f}** training rows if modules are "
        "shared and all connections known ({a[confidence]:.0%} interval {a[rows_low]:.0f} to "
        "{a[rows_high]:.0f}), **{b[rows]:.0f}** if each slot has its own module ({b[rows_low]:.0f} "
        "to {b[rows_high]:.0f}), **{c[rows]:.0f}** for a dense network ({c[rows_low]:.0f} to "
        "{c[rows_high]:.0f}), of {a[n]:.0f} runs a point, each on a split of its own",
        {
            "a": needed("6-3-2-2", "shared, known"),
            "b": needed("6-3-2-2", "modular, known"),
            "c": needed("6-3-2-2", "dense"),
        },
    ),
]
