"""``modnets benchmark``: how fast networks train here, beside the usual way and other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modnets.commands.parser import Parser, whole
from modnets.errors import in_a_line, require

if TYPE_CHECKING:
    import pandas as pd

USAGE = (
    "modnets benchmark [--model NAME...] [--runs N...] [--steps N] [--rows N] [--json] "
    '[--peer "COMMAND"]... [--grid]'
)


def benchmark_parser() -> Parser:
    """The parser of ``modnets benchmark``."""
    parser = Parser(
        prog="modnets benchmark",
        usage=USAGE,
        description="Time for 1,000 full-batch Adam steps of one run on 6-3-2-2, for each kind of "
        "network and number of runs side by side; arithmetic rate, compile time, memory; the "
        "usual way (one nn.Module, torch.optim.Adam, with a DataLoader and without) beside it.  "
        "Exit code: 0 done, 2 wrong use.",
    )
    parser.add_argument(
        "--model", nargs="+", metavar="NAME",
        help="dense, sparse, modular, modular_known, shared, shared_known; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--runs", nargs="+", type=whole, metavar="N",
        help="how many side by side; default: 1 4 16 64 256 1024 4096",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=whole, default=1000, metavar="N", help="of each run; default: 1000"
    )
    parser.add_argument(
        "--rows", type=whole, default=51, metavar="N",
        help="training rows of the 64 of the truth table; default: 51",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda; default: auto")
    parser.add_argument(
        "--grid", action="store_true",
        help="tasks and networks of many sizes in place of 6-3-2-2; a peer is given --model "
        "--inputs --rows --hidden --runs --steps of each",
    )  # fmt: skip
    parser.add_argument(
        "--no_usual", action="store_true", help="leave the usual way out, which takes seconds"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="COMMAND",
        help="another program, which prints a JSON object a line with model, runs and "
        "ms_per_run_per_1000_steps; may be repeated",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str]) -> int:
    """Run ``modnets benchmark`` and return its exit code."""
    try:
        args = benchmark_parser().parse(argv)
        from modnets.benchmarks.size_grid import benchmark_grid
        from modnets.benchmarks.throughput import KINDS, RUNS, benchmark

        if args.grid:
            given = [name for name in ("model", "runs") if getattr(args, name)]
            require(not given, f"--grid has its own {', '.join(given)}; allowed is one of the two")
            grid = benchmark_grid(peers=args.peer, device=args.device)
            print(as_json(grid) if args.json else grid_as_text(grid))
            return 0
        table = benchmark(
            tuple(args.model or KINDS),
            tuple(args.runs or RUNS),
            steps=args.steps,
            rows=args.rows,
            usual=not args.no_usual,
            peers=args.peer,
            device=args.device,
        )
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        print(f"modnets benchmark: {in_a_line(error)}", file=sys.stderr)
        return 2
    print(as_json(table) if args.json else as_text(table))
    return 0


def as_json(table: pd.DataFrame) -> str:
    """One JSON object a line, without what was not measured."""
    lines = []
    for row in table.to_dict("records"):
        known = {name: value for name, value in row.items() if value == value and value is not None}
        digits = {n: float(f"{v:.4g}") for n, v in known.items() if isinstance(v, float)}
        whole_numbers = ("runs", "rows", "inputs", "steps", "threads", "lanes")
        counts = {n: int(known[n]) for n in whole_numbers if n in known}
        lines.append(json.dumps(known | digits | counts))
    return "\n".join(lines)


def as_text(table: pd.DataFrame) -> str:
    """A table for people: every measurement, and how many times faster than each other way."""
    from modnets.benchmarks.throughput import best

    first = table.iloc[0]
    lines = [
        f"{first['machine']}; torch {first['torch']}; sgemm {first['sgemm_gflops']:.0f} GFLOP/s",
        f"{'network':<15}{'by':<30}{'runs':>6}{'ms/run/1000 steps':>19}"
        f"{'compile s':>11}{'GFLOP/s':>9}{'peak MB':>9}",
    ]
    for row in table.to_dict("records"):
        cells = [
            _cell(row.get("compile_s"), 11, ".1f"),
            _cell(row.get("gflops"), 9, ".3g"),
            _cell(row.get("peak_memory_mb"), 9, ".0f"),
        ]
        time = _cell(row["ms_per_run_per_1000_steps"], 19, ",.4g")
        name = f"{row['model']:<15}{row['peer']:<30}{row['runs']:>6.0f}"
        lines.append(name + time + "".join(cells))
    others = best(table)
    others = others[~others["peer"].str.startswith("modnets") & others["times"].notna()]
    lines += ["", "the best of modnets is faster than the best of"] if len(others) else []
    for row in others.to_dict("records"):
        lines.append(f"{row['model']:<15}{row['peer']:<30}{row['times']:>12,.4g} times")
    return "\n".join(lines)


def grid_as_text(table: pd.DataFrame) -> str:
    """A table for people: every size, and how many times the time of modnets others take."""
    first = table.iloc[0]
    lines = [
        f"{first['machine']}; torch {first['torch']}; multiply-add {first['fma_gflops']:.0f} "
        "GFLOP/s",
        f"{'inputs':>6}{'rows':>6}  {'network':<18}{'runs':>5}  {'by':<22}"
        f"{'ms/run/1000 steps':>18}{'GFLOP/s':>9}{'lanes':>6}{'times':>7}",
    ]
    for row in table.to_dict("records"):
        network = row["hidden"] or row["model"]
        cells = [
            _cell(row["ms_per_run_per_1000_steps"], 18, ",.4g"),
            _cell(row.get("gflops"), 9, ".3g"),
            _cell(row.get("lanes"), 6, ".0f"),
            _cell(row["times"], 7, ".2f"),
        ]
        size = f"{row['inputs']:>6}{row['rows']:>6}  {network:<18}{row['runs']:>5}"
        lines.append(f"{size}  {row['peer']:<22}" + "".join(cells))
    return "\n".join(lines)


def _cell(value: float | None, width: int, shape: str) -> str:
    return " " * width if value is None or value != value else f"{value:>{width}{shape}}"
