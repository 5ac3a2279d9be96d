"""What the README states in numbers: words, and the rows of committed CSVs that fill them.

A claim is a template for ``str.format`` and, for each name in it, a CSV of ``figures/`` with the
values that tell its row.  Numbers that are names, or settings, stand in NAMES.
"""

from __future__ import annotations

from typing import Any

Source = tuple[str, dict[str, Any]]


def one(csv: str, **wanted: Any) -> Source:
    """The row of a CSV with these values."""
    return csv, wanted


def needed(kind: str) -> Source:
    return one("generalization", graph="6-3-2-2", kind=kind, splits="drawn")


def solved_at(kind: str, train_rows: int) -> Source:
    of = {"graph": "6-3-2-2", "kind": kind, "train_rows": train_rows, "splits": "drawn"}
    return one("generalization", **of)


def inputs(kind: str, arity: int) -> Source:
    return one("module_inputs", graph="6-3-2-2", kind=kind, arity=arity, train_rows=48)


def exact(kind: str, train_rows: int) -> Source:
    return one("theory_overlay", graph="6-3-2-2", kind=kind, train_rows=train_rows)


def unseen_digits(kind: str) -> Source:
    of = {"image_network": "mlp", "kind": kind, "train_rows": 51, "samples": 100}
    return one("digit_pairs", **of)


def worth(graph: str, piece: str, context: str) -> Source:
    of = {"graph": graph, "piece": piece, "context": context, "kind": "shared, known"}
    return one("knowledge_ladder", **of)


def tasks(kind: str, arrangement: str) -> Source:
    return one("multi_task", graph="three tasks", kind=kind, arrangement=arrangement)


def gate(kind: str, sub_function: str) -> Source:
    of = {"kind": kind, "train_rows": 8, "sub_function": sub_function, "family": "XOR"}
    return one("specialization", **of)


def over_time(rate: str) -> Source:
    wanted = {"part": "shares", "kind": "shared, learned", "rate of logits": rate}
    return one("learning_dynamics", **wanted)


def wired(graph: str) -> Source:
    of = {"graph": graph, "kind": "shared, learned", "setting": "chosen rates"}
    return one("routing_recovery", **of, train_rows=56)


def gain(graph: str, kind: str, train_rows: int, part: str = "time") -> Source:
    of = {"graph": graph, "kind": kind, "train_rows": train_rows, "unit": "flops", "part": part}
    return one("training_efficiency", **of)


def speed(model: str, peer: str, runs: int) -> Source:
    return one("benchmark", kind=model, peer=peer, runs=runs)


def timed(name: str) -> Source:
    return one("timings", name=name)


#: Numbers that are names or settings, and measure nothing: patterns.
NAMES = [
    r"\]\([^)]*\)",  # targets of links
    r"\b\d(-\d+)+\b",  # graphs, and widths of modules
    r"TMLR 2025",
    r"Python 3\.11",
    r"torch 2\.13\.0",
    r"JAX 0\.10",
    r"AVX-512",
    r"L2 cache",
    r"Exit code 0: done; 1: a run or a notebook failed; 2: wrong use",
    r"shares in \[0, 1\]",
    r"of level 1\b",
    r"depths? 1 and 2",
    r"depths? [123]",
    r"digits, 0 to 7",
    r"DataLoader, 2 workers",
    r"2 cores",
    r"out of 8 candidates",
    r"1,000 (epochs|full-batch Adam steps)",
    r"51 training rows",
    r"a run of 1,024 side by side",
    r"the same number of 16 replicas, one in each lane \(8 without",
    r"16 replicas stay",
    r"its best of 16, 64 and 256 runs",
    r"a run of 50 pairs of digits x 100 images x 200 epochs",
    r"batch 128, evaluated 21 times",
    r"when 16 train together",
    r"In a sweep of 10,000 a run costs no more than in one of 256",
    r"seed 40",
    r"from 32 rows",
]

CLAIMS: dict[str, tuple[str, dict[str, Source]]] = {
    "rows needed": (
        "half of the runs solve the whole table with **{a[rows]:.0f}** training rows if modules are "
        "shared and all connections known ({a[confidence]:.0%} interval {a[rows_low]:.0f} to "
        "{a[rows_high]:.0f}), **{b[rows]:.0f}** if each slot has its own module ({b[rows_low]:.0f} "
        "to {b[rows_high]:.0f}), **{c[rows]:.0f}** for a dense network ({c[rows_low]:.0f} to "
        "{c[rows_high]:.0f}), of {a[n]:.0f} runs a point, each on a split of its own",
        {"a": needed("shared, known"), "b": needed("modular, known"), "c": needed("dense")},
    ),
    "learned": (
        "with {a[train_rows]:.0f} rows {a[solved]:.0%} of shared ones ({a[solved_low]:.0%} to "
        "{a[solved_high]:.0%}) and {b[solved]:.0%} of own ones ({b[solved_low]:.0%} to "
        "{b[solved_high]:.0%})",
        {"a": solved_at("shared, learned", 56), "b": solved_at("modular, learned", 56)},
    ),
    "more inputs": (
        "with six slots a level that read {a[arity]:.0f} inputs each, {a[solved]:.0%} "
        "({a[solved_low]:.0%} to {a[solved_high]:.0%}, {a[n]:.0f} runs) and {b[solved]:.0%} "
        "({b[solved_low]:.0%} to {b[solved_high]:.0%}) do with {a[train_rows]:.0f} rows",
        {"a": inputs("shared, learned", 4), "b": inputs("modular, learned", 4)},
    ),
    "digits": (
        "{a[test_unseen_bit_accuracy]:.0%} of the bits ({a[test_unseen_bit_accuracy_low]:.0%} to "
        "{a[test_unseen_bit_accuracy_high]:.0%}, {a[n]:.0f} runs), where own ones with known "
        "connections get {b[test_unseen_bit_accuracy]:.0%}, as does who always says no "
        "({a[floor]:.0%})",
        {"a": unseen_digits("shared, known"), "b": unseen_digits("modular, known")},
    ),
    "specialization": (
        "with {a[train_rows]:.0f} rows the shared module is XOR in {a[share]:.0%} of {a[n]:.0f} runs "
        "({a[share_low]:.0%} to {a[share_high]:.0%}), own ones in {b[share]:.0%} to {c[share]:.0%} "
        "(at most {c[share_high]:.0%})",
        {
            "a": gate("shared, known", "XOR 0 1"),
            "b": gate("modular, known", "XOR 0 1"),
            "c": gate("modular, known", "XOR 2 3"),
        },
    ),
    "dynamics": (
        "{a[ever_solved]:.0%} ({a[ever_solved_low]:.0%} to {a[ever_solved_high]:.0%}) of {a[n]:.0f} "
        "shared networks solve at some time and {a[solved]:.0%} ({a[solved_low]:.0%} to "
        "{a[solved_high]:.0%}) at the end at the published rate of the logits, at a tenth of it "
        "{b[ever_solved]:.0%} and {b[solved]:.0%}",
        {"a": over_time("0.1"), "b": over_time("0.01")},
    ),
    "theory": (
        "{a[train_rows]:.0f} rows of 6-3-2-2 leave a single function to networks whose modules are "
        "gates on {b[exact_single]:.0%} of {a[exact_draws]:,.0f} splits with known connections and on "
        "{a[exact_single]:.0%} with learned ones, which still miss {a[optimisation_gap]:.0%} "
        "({a[optimisation_gap_low]:.0%} to {a[optimisation_gap_high]:.0%}) of the unseen bits",
        {"a": exact("modular, learned", 32), "b": exact("modular, known", 32)},
    ),
    "one split": (
        "every dense run but one ({a[n_solved]:.0f} of {a[n]:.0f} initial weights) solves 6-3-2-2 "
        "from 32 rows; of {b[n]:.0f} drawn splits {b[solved]:.0%} do",
        {"a": one("generalization", splits="seed 40"), "b": solved_at("dense", 32)},
    ),
}
