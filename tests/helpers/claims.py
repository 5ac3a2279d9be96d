"""What the README and docs state in numbers: words, and the rows of committed CSVs that fill them.

A claim is a template for ``str.format`` and, for each name in it, a CSV of ``figures/`` with the
values that tell its row.  Numbers that are names, or settings, stand in NAMES.
"""
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import pandas as pd

from modnets.paths import FIGURES

#: A CSV, values that tell its rows, and whether numbers are summed over these; or "ratio", a column,
#: and two of such.
Source = tuple[str, Any, Any]


def one(csv: str, **wanted: Any) -> Source:
    """The row of a CSV with these values."""
    return csv, wanted, False


def total(csv: str, **wanted: Any) -> Source:
    """Sums over the rows of a CSV with these values, of which several may stand in a tuple."""
    return csv, wanted, True


def ratio(column: str, above: Source, below: Source) -> Source:
    """How many times as large a column is in one row as in another, to two digits, as ``times``."""
    return "ratio", column, (above, below)


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


def circuits(*graphs: str) -> Source:
    published = ("modular, learned", "shared, learned")
    return total("routing_recovery", part="circuits", graph=graphs, kind=published)


def gain(graph: str, kind: str, train_rows: int, part: str = "time") -> Source:
    of = {"graph": graph, "kind": kind, "train_rows": train_rows, "unit": "flops", "part": part}
    return one("training_efficiency", **of)


#: The engine, under the version that the figure was made with.
MODNETS = next(peer for peer in pd.read_csv(FIGURES / "benchmark.csv").peer if "modnets" in peer)
JAX = next(peer for peer in pd.read_csv(FIGURES / "benchmark_grid.csv").peer if "jax" in peer)
#: The published task in the grid of sizes.
PUBLISHED = {"inputs": 6, "rows": 51, "runs": 64}
TWO_WORKERS = "torch DataLoader, 2 workers"


def speed(kind: str, peer: str = MODNETS, runs: int = 256) -> Source:
    return one("benchmark", kind=kind, peer=peer, runs=runs)


def sized(hidden: str, peer: str = MODNETS, **size: Any) -> Source:
    """A row of the grid of sizes; without hidden layers the network is modular."""
    model = {"model": "dense", "hidden": hidden} if hidden else {"model": "shared"}
    return one("benchmark_grid", peer=peer, **model, **size)


def speed_of(kind: str) -> tuple[str, dict[str, Source]]:
    """A row of the table of speeds."""
    ms = "[ms_per_run_per_1000_steps]"
    words = f"| {kind} | {{a{ms}:.1f}} ms | {{a[gflops]:.0f}} GFLOP/s | {{b{ms}:,.0f}} ms | "
    words += f"{{c{ms}:,.0f}} ms | {{d[seconds]:.1f}} s | {{e[times]:,.0f}} |"
    peers = {"b": "torch loop", "c": "torch DataLoader", "d": TWO_WORKERS}
    found = {"a": speed(kind)} | {name: speed(kind, peer, 1) for name, peer in peers.items()}
    return words, found | {"e": ratio("ms_per_run_per_1000_steps", found["d"], found["a"])}


KINDS = [
    "dense",
    "sparse",
    "modular, learned",
    "modular, known",
    "shared, learned",
    "shared, known",
]


def typical(kind: str) -> Source:
    return one("sample_complexity_full", part="kinds", kind=kind)


def wrongly(what: str, wrong: int, kind: str) -> Source:
    return one("wrong_knowledge", what=what, wrong=wrong, kind=kind, train_rows=48)


def passing(interface: str) -> Source:
    of = {"part": "curves", "task": "random graphs", "kind": "modular, known", "train_rows": 48}
    return one("interfaces_full", **of, interface=interface)


def exchanged(interface: str) -> Source:
    of = {"part": "exchanged", "kind": "modular, known", "same_gate": True}
    return one("interfaces_full", **of, interface=interface)


#: The kind that searches its structure on the training rows.
FOUND = "shared, learned (best)"


def saved(kind: str, column: str) -> Source:
    of = {"part": "effects", "kind": f"dense / {kind}", "property": column}
    return one("sample_complexity_full", **of)


def discovered(way: str, train_rows: int, part: str = "success") -> Source:
    return one("discovery", part=part, way=way, train_rows=train_rows)


def rows_with(structure: str) -> Source:
    return one("discovery", part="needed", kind=structure)


def timed(name: str) -> Source:
    return one("timings", name=name)


def pool(way: str, seen: int, rows: int = 24) -> Source:
    return one("transfer", part="solved", way=way, seen=seen, train_rows=rows)


def pool_rows(way: str, seen: int) -> Source:
    return one("transfer", part="rows", way=way, seen=seen)


def new_goal(kind: str, history: str) -> Source:
    return one("changing_goals", part="new goal", kind=kind, history=history)


def lost(kind: str) -> Source:
    return one("changing_goals", part="lost", kind=kind)


#: Numbers that are names or settings, and measure nothing: patterns.
NAMES = [
    r"\]\([^)]*\)",  # targets of links
    r"\b\d(-\d+)+\b",  # graphs, and widths of modules
    r"TMLR 2025",
    r"Transactions on Machine Learning Research, 2025",
    r"<https:[^>]*>",
    r"(?<= )\d\. (?=\*\*)",  # steps that are counted
    r"Python 3\.11",
    r"torch 2\.13\.0",
    r"JAX 0\.10",
    r"AVX-512",
    r"AVX2",
    r"L2 cache",
    r"Exit code 0: done; 1: a run or a notebook failed; 2: wrong use, told in one line; 130 and 143:",
    r"0 and 1, True and False or -1 and 1",
    r"shares in \[0, 1\]",
    r"of level 1\b",
    r"depths? 1 and 2",
    r"depths? [123]",
    r"DataLoader, 2 workers",
    r"2 cores",
    r"95 % intervals",
    r"out of 8 candidates",
    r"1,000 (epochs|full-batch Adam steps)",
    r"51 training rows",
    r"a run of 256 side by side",
    r"the same number of 16 replicas, one in each lane \(8 without",
    r"16 replicas stay",
    r"its best of 16, 64 and 256 runs",
    r"a run of 50 pairs of digits x 100 images x 200 epochs",
    r"batch 128, evaluated 21 times",
    r"when 16 train together",
    r"In a sweep of 10,000 a run costs no more than in one of 256",
    r"seed 40",
    r"from 32 rows",
    r"any number of inputs up to 1,000:",
    r"at most 32 values",
    r"\(432 rows each, in the third 5 % with",
    r"\(958 endgames\)",
    r"\(1,000 rows; the others",
    r"A table has up to 20 inputs; a graph of levels up to 1,000,",
    r"Above 20 inputs give",
    r"tables of up to 4,096 rows whole, of larger ones, and above 62 inputs, a stratified sample of 4,096",
    r"of 21 to 62 inputs all rows drawn",
]

CLAIMS: dict[str, tuple[str, dict[str, Source]]] = {
    "the law": (
        "Over {a[graphs]:,.0f} function graphs drawn at random, of depth 1 to 3, half of the runs of a "
        "dense network solve the whole truth table with {a[rows_50]:.0f} training rows (95 % interval "
        "{a[rows_50_low]:.0f} to {a[rows_50_high]:.0f}, on a typical graph), those of a modular network "
        "that searches its structure on the same rows with {b[rows_50]:.0f} ({b[rows_50_low]:.0f} to "
        "{b[rows_50_high]:.0f})",
        {"a": typical("dense"), "b": typical(FOUND)},
    ),
    "what it depends on": (
        "times {a[times]:.2f} for each level, {a[times_low]:.2f} to {a[times_high]:.2f}), and grows with "
        "each input that plays no part (times {b[times]:.2f}, {b[times_low]:.2f} to {b[times_high]:.2f}) "
        "and with the leap of the task (times {c[times]:.2f}, {c[times_low]:.2f} to {c[times_high]:.2f})",
        {"a": saved(FOUND, "depth"), "b": saved(FOUND, "irrelevant"), "c": saved(FOUND, "leap")},
    ),
    "known connections and depth": (
        "times {a[times]:.2f} for each level ({a[times_low]:.2f} to {a[times_high]:.2f})",
        {"a": saved("shared, known", "depth")},
    ),
    "reused modules": (
        "solves {a[solved]:.0%} of {a[n]:.0f} new ones with {a[train_rows]:.0f} rows "
        "({a[solved_low]:.0%} to {a[solved_high]:.0%}), one that has seen a single graph "
        "{b[solved]:.0%} ({b[solved_low]:.0%} to {b[solved_high]:.0%}), random modules none (at most "
        "{c[solved_high]:.0%}). Half are solved with {d[rows]:.1f} rows ({d[rows_low]:.1f} to "
        "{d[rows_high]:.1f}); searched anew, structure and gates, with {e[rows]:.1f} "
        "({e[rows_low]:.1f} to {e[rows_high]:.1f})",
        {
            "a": pool("frozen", 4),
            "b": pool("frozen", 1),
            "c": pool("random", 0),
            "d": pool_rows("frozen", 4),
            "e": pool_rows("searched, anew", -1),
        },
    ),
    "a new goal": (
        "with known connections {a[epochs]:.0f} epochs ({a[epochs_low]:.0f} to {a[epochs_high]:.0f}) "
        "after goals that had sub-functions in common with it, {b[epochs]:.0f} without a history "
        "({b[epochs_low]:.0f} to {b[epochs_high]:.0f}); dense networks {c[epochs]:.0f} "
        "({c[epochs_low]:.0f} to {c[epochs_high]:.0f}) and {d[epochs]:.0f} ({d[epochs_low]:.0f} to "
        "{d[epochs_high]:.0f})",
        {
            "a": new_goal("shared, known", "sub-functions in common"),
            "b": new_goal("shared, known", "no history"),
            "c": new_goal("dense", "sub-functions in common"),
            "d": new_goal("dense", "no history"),
        },
    ),
    "forgetting": (
        "dense networks lose {a[forgotten]:.0%} of the bits ({a[forgotten_low]:.0%} to "
        "{a[forgotten_high]:.0%}), own modules {b[forgotten]:.0%} ({b[forgotten_low]:.0%} to "
        "{b[forgotten_high]:.0%}), shared ones {c[forgotten]:.0%} ({c[forgotten_low]:.0%} to "
        "{c[forgotten_high]:.0%})",
        {"a": lost("dense"), "b": lost("modular, known"), "c": lost("shared, known")},
    ),
    "one wrong connection": (
        "one of ten connections is known wrongly {a[n_solved]:.0f} of {a[n]:.0f} runs solve the table "
        "with {a[train_rows]:.0f} rows (at most {a[solved_high]:.0%}), of dense ones {b[solved]:.0%} "
        "({b[solved_low]:.0%} to {b[solved_high]:.0%})",
        {"a": wrongly("edges", 1, "shared, known"), "b": wrongly("nothing", 0, "dense")},
    ),
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
    "found before the first step": (
        "half of the runs solve the table with **{a[rows]:.0f}** rows if modules are shared "
        "({a[rows_low]:.0f} to {a[rows_high]:.0f}) and with **{b[rows]:.0f}** if each slot has its own "
        "({b[rows_low]:.0f} to {b[rows_high]:.0f}), none of the structure known",
        {"a": needed("shared, learned (best)"), "b": needed("modular, learned (best)")},
    ),
    "more inputs": (
        "with six slots a level that read {a[arity]:.0f} inputs each, {a[solved]:.0%} "
        "({a[solved_low]:.0%} to {a[solved_high]:.0%}, {a[n]:.0f} runs) and {b[solved]:.0%} "
        "({b[solved_low]:.0%} to {b[solved_high]:.0%}) do with {a[train_rows]:.0f} rows",
        {"a": inputs("shared, learned", 4), "b": inputs("modular, learned", 4)},
    ),
    "digits": (
        "{a[n_solved]:.0f} of {a[n]:.0f} runs, none of another kind; {a[test_unseen_bit_accuracy]:.0%} of "
        "the bits ({a[test_unseen_bit_accuracy_low]:.0%} to {a[test_unseen_bit_accuracy_high]:.0%}), where "
        "own ones with known connections get {b[test_unseen_bit_accuracy]:.0%} "
        "({b[test_unseen_bit_accuracy_low]:.0%} to {b[test_unseen_bit_accuracy_high]:.0%}), and who always "
        "says no {a[floor]:.0%}",
        {"a": unseen_digits("shared, known"), "b": unseen_digits("modular, known")},
    ),
    "interfaces": (
        "own modules that pass a value solve {a[solved]:.0%} of {a[n]:.0f} random graphs "
        "({a[solved_low]:.0%} to {a[solved_high]:.0%}) with {a[train_rows]:.0f} rows, those that pass "
        "a bit {b[solved]:.0%} ({b[solved_low]:.0%} to {b[solved_high]:.0%}). Where a module takes the "
        "place of one of the same gate in another network, that is still right on all its rows in "
        "{c[kept]:.0%} of {c[n]:,.0f} exchanges ({c[kept_low]:.0%} to {c[kept_high]:.0%}), with 4 "
        "values in {d[kept]:.0%} ({d[kept_low]:.0%} to {d[kept_high]:.0%}), with bits in {e[kept]:.0%}",
        {
            "a": passing("scalar"),
            "b": passing("bit"),
            "c": exchanged("scalar"),
            "d": exchanged("4 values"),
            "e": exchanged("bit"),
        },
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
    "worth": (
        "where it is the last one missing it saves {a[saved]:.0f} rows at depth 2 "
        "(from {a[saved_low]:.0f} on), the selection {b[saved]:.0f} "
        "({b[saved_low]:.0f} to {b[saved_high]:.0f})",
        {
            "a": worth("6-3-2-2", "routing", "shared, known selection and outputs"),
            "b": worth("6-3-2-2", "selection", "shared, known routing and outputs"),
        },
    ),
    "arithmetic": (
        "with 56 of 64 rows the best of several sizes of dense networks needs about as much as known "
        "structure, {a[gain]:.1f}, {b[gain]:.1f} and {c[gain]:.1f} times that of shared modules at "
        "depths 1, 2 and 3; with fewer rows it needs ever more, at depth 2 with 32 rows {d[gain]:.0f} "
        "times (from {d[gain_low]:.0f} on, {d[n]:.0f} runs)",
        {
            "a": gain("6-2-2", "shared, known", 56),
            "b": gain("6-3-2-2", "shared, known", 56),
            "c": gain("6-3-3-2-2", "shared, known", 56),
            "d": gain("6-3-2-2", "shared, known", 32),
        },
    ),
    "several tasks": (
        "three tasks need {a[rows]:.0f} rows of each ({a[rows_low]:.0f} to {a[rows_high]:.0f}) with "
        "one network of shared modules, {b[rows]:.0f} with a network for each ({b[rows_low]:.0f} to "
        "{b[rows_high]:.0f}), where a dense one needs more, not less, {c[rows]:.0f} instead of "
        "{d[rows]:.0f}",
        {
            "a": tasks("shared, known", "different"),
            "b": tasks("shared, known", "apart"),
            "c": tasks("dense", "different"),
            "d": tasks("dense", "apart"),
        },
    ),
    "circuits": (
        "Of {a[solved]:.0f} runs with connections learned by the published method that solve a table at depths 1 and 2 "
        "{a[other_wiring]:.0f} have another circuit than its graph, of {b[solved]:.0f} at depth 3 "
        "{b[other_wiring]:.0f}",
        {"a": circuits("6-2-2", "6-3-2-2"), "b": circuits("6-3-3-2-2")},
    ),
    "one split": (
        "on it {a[n_solved]:.0f} of {a[n]:.0f} dense runs solve 6-3-2-2 from 32 rows, on {b[n]:.0f} "
        "drawn splits {b[solved]:.0%} of the runs do",
        {"a": one("generalization", splits="seed 40"), "b": solved_at("dense", 32)},
    ),
    "discovered wiring": (
        "with {a[train_rows]:.0f} rows {b[solved]:.0%} of {b[n]:.0f} dense networks solve their table "
        "({b[solved_low]:.0%} to {b[solved_high]:.0%}); pruned and taken apart they give the true wiring of "
        "{a[solved]:.0%} of the graphs ({a[solved_low]:.0%} to {a[solved_high]:.0%})",
        {"a": discovered("dense", 32), "b": discovered("solved", 32)},
    ),
    "discovered from rows": (
        "with {a[train_rows]:.0f} rows networks give {a[solved]:.0%} ({a[solved_low]:.0%} to "
        "{a[solved_high]:.0%}, {a[n]:.0f} graphs), the rows alone {b[solved]:.0%} ({b[solved_low]:.0%} to "
        "{b[solved_high]:.0%})",
        {"a": discovered("dense", 40, "wide"), "b": discovered("data", 40, "wide")},
    ),
    "discovered and used": (
        "half of the runs need {a[rows_50]:.0f} rows ({a[rows_50_low]:.0f} to {a[rows_50_high]:.0f}), dense "
        "networks {b[rows_50]:.0f} ({b[rows_50_low]:.0f} to {b[rows_50_high]:.0f})",
        {"a": rows_with("discovered"), "b": rows_with("dense")},
    ),
    "data sets": (
        "own modules with learned connections name {a[test_bit_accuracy]:.0%} of the unseen endgames "
        "of tic-tac-toe ({a[test_bit_accuracy_low]:.0%} to {a[test_bit_accuracy_high]:.0%}, "
        "{a[n]:.0f} splits), the dense network {b[test_bit_accuracy]:.0%}, logistic regression "
        "{c[test_bit_accuracy]:.0%}",
        {
            letter: one("data_sets", graph="tic-tac-toe", kind=kind)
            for letter, kind in zip(
                "abc", ("modular, learned", "dense", "logistic regression"), strict=True
            )
        },
    ),
    "speed": (
        "A run of 1,000 epochs costs {a[ms_per_run_per_1000_steps]:.0f} to "
        "{b[ms_per_run_per_1000_steps]:.0f} ms",
        {"a": speed("shared, known"), "b": speed("sparse")},
    ),
    "sgemm": ("{a[sgemm_gflops]:.0f} GFLOP/s sgemm", {"a": speed("dense")}),
    "jax": (
        "dense {a[value]:.1f} ms where modnets takes {b[ms_per_run_per_1000_steps]:.1f}, shared with "
        "learned routing {c[value]:.1f} ms where it takes {d[ms_per_run_per_1000_steps]:.1f}",
        {
            "a": timed("dense for jit(vmap(scan)) of JAX"),
            "b": speed("dense"),
            "c": timed("shared, learned for jit(vmap(scan)) of JAX"),
            "d": speed("shared, learned"),
        },
    ),
    "without AVX-512": (
        "{a[runs]:.0f} dense runs side by side take {a[ms_per_run_per_1000_steps]:.1f} ms each for "
        "1,000 steps where JAX takes {b[ms_per_run_per_1000_steps]:.1f}, as many of shared modules with "
        "learned routing {c[ms_per_run_per_1000_steps]:.1f} where it takes "
        "{d[ms_per_run_per_1000_steps]:.1f}",
        {
            "a": sized("36-36-36", **PUBLISHED),
            "b": sized("36-36-36", JAX, **PUBLISHED),
            "c": sized("", **PUBLISHED),
            "d": sized("", JAX, **PUBLISHED),
        },
    ),
    "one large network": (
        "One network of 256-256-256 with {a[rows]:,.0f} rows takes {a[ms_per_run_per_1000_steps]:,.0f} ms "
        "for 1,000 steps, in JAX {b[ms_per_run_per_1000_steps]:,.0f}",
        {
            "a": sized("256-256-256", inputs=12, rows=4000, runs=1),
            "b": sized("256-256-256", JAX, inputs=12, rows=4000, runs=1),
        },
    ),
    "compiling": (
        "Compiling takes {a[value]:.0f} to {b[value]:.0f} s",
        {"a": timed("compiling at least"), "b": timed("compiling at most")},
    ),
    "images": (
        "takes {a[value]:.1f} s of one core when 16 train together, with convolutions {b[value]:.1f} s",
        {
            "a": timed("pairs of images with perceptrons"),
            "b": timed("pairs of images with convolutions"),
        },
    ),
    "one run": (
        "one run of 1,000 epochs: {a[value]:.1f} to {b[value]:.1f} s, the first of a process "
        "{c[value]:.1f} to {d[value]:.1f} s",
        {
            "a": timed("one run at least"),
            "b": timed("one run at most"),
            "c": timed("first run of a process at least"),
            "d": timed("first run of a process at most"),
        },
    ),
    "many runs": (
        "dense {a[value]:.1f} and {b[value]:.1f} ms, stored), with {c[value]:.1f} GB at the peak",
        {"a": timed("dense of 10000"), "b": timed("dense of 256"), "c": timed("peak of 10000")},
    ),
    "looking": (
        "Looking takes {a[value]:.0f} % of the time of training ({a[runs]:,.0f} runs of all kinds on the "
        "published graphs, 1,000 epochs): {b[value]:.0f} % where training takes longest (monolithic "
        "networks of 6-3-3-2-2), {c[value]:.0f} % where it takes least (own modules there, with known "
        "connections)",
        {
            "a": timed("looking inside"),
            "b": timed("looking inside at least"),
            "c": timed("looking inside at most"),
        },
    ),
} | {f"speed of {kind}": speed_of(kind) for kind in KINDS}

#: Notebooks that train, by name -> words for their time in the table of notebooks.
TIMES = {
    "architectures": "{a[value]:.0f} s",
    "explorer": "{a[value]:.0f} s, {a[runs]:,.0f} runs",
    "benchmark": "{a[value]:.0f} s",
    "changing_goals": "{a[value]:.0f} s",  # its sweeps print no progress that runs are counted by
}
RUNS = "generalization knowledge_ladder training_efficiency specialization routing_recovery "
RUNS += "learning_dynamics routing_training module_width module_inputs multi_task digit_pairs "
RUNS += "routing_methods own_task trained_networks theory_overlay data_sets "
RUNS += "sample_complexity scaling_laws phase_diagram wrong_knowledge large_inputs "
RUNS += "discovery interfaces transfer"
TIMES |= dict.fromkeys(RUNS.split(), "{a[value]:.0f} s, {a[runs]:,.0f} runs")
TIMES["theory_overlay"] = "{a[value]:.0f} s beside the runs of generalization"
CLAIMS |= {
    f"time of {name}": (f"[{name}](figures/{name}.png) | {words} |", {"a": timed(name)})
    for name, words in TIMES.items()
}
