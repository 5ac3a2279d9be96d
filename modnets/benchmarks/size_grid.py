"""How fast networks of many sizes train on this machine, and other programs beside."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from modnets.benchmarks.external import run_peer
from modnets.benchmarks.throughput import machine, measure
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments.progress import Progress
from modnets.hardware import lanes as vector_width
from modnets.tasks.graphs import FunctionGraph
from modnets.training.cost_model import step_times
from modnets.training.engine import choose_device

#: Work of one measurement, in microseconds of one core as the cost model estimates them.
WORK = 1.5e6
FEWEST_STEPS, MOST_STEPS = 100, 1000
#: A measurement is repeated while it takes no longer than this; s.
REPEAT_WITHIN = 4.0


@dataclass(frozen=True)
class Size:
    """A network, its task and how many train side by side.

    Parameters
    ----------
    inputs, rows : int
        Of the task, and rows of a full batch.
    hidden : tuple of int
        Hidden widths of a dense network; empty for shared modules with learned connections.
    runs : int
    """

    inputs: int
    rows: int
    hidden: tuple[int, ...]
    runs: int

    @property
    def model(self) -> str:
        """Its kind, by the name that peers use too."""
        return "dense" if self.hidden else "shared"

    @property
    def run(self) -> RunConfig:
        """A run of this size."""
        settings: dict[str, Any] = {"hidden": self.hidden} if self.hidden else {}
        settings |= {} if self.hidden else {"routing": "learned"}
        graph = neighbours(self.inputs)
        return RunConfig(graph=graph, train_rows=self.rows, model=self.model, **settings)


#: Inputs 6 to 12, rows 16 to 4,000, widths 12 to 512, depth 1 to 8, 1 to 256 runs.
SIZES = (
    *(Size(6, 51, (width,) * 3, 64) for width in (12, 36, 64, 96, 128, 256)),
    *(Size(6, 51, (36,) * 3, runs) for runs in (1, 4, 256)),
    *(Size(6, 51, (36,) * depth, 64) for depth in (1, 8)),
    *(Size(6, 16, (36,) * 3, 64), Size(6, 51, (512, 512), 8)),
    *(Size(10, 128, (64,) * 3, 64), Size(10, 512, (36,) * 3, 64)),
    *(Size(12, 256, (128,) * 3, 32), Size(12, 1024, (64,) * 3, 16), Size(12, 1024, (256,) * 3, 2)),
    *(Size(12, 4000, (64,) * 3, 1), Size(12, 4000, (256,) * 3, 1), Size(6, 51, (12,), 1)),
    *(Size(6, 51, (), runs) for runs in (1, 64)),
    *(Size(10, 128, (), 64), Size(12, 256, (), 64), Size(12, 1024, (), 16)),
)


def neighbours(inputs: int) -> FunctionGraph:
    """XOR of neighbouring pairs of inputs, then AND of neighbours: with 6 inputs 6-3-2-2."""
    half = inputs // 2
    pairs = [f"XOR {2 * pair} {2 * pair + 1}" for pair in range(half)]
    return FunctionGraph(inputs, [pairs, [f"AND {slot} {slot + 1}" for slot in range(half - 1)]])


@checked
def benchmark_grid(
    sizes: Sequence[Size] = SIZES,
    *,
    peers: Sequence[str] = (),
    device: str = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Measure the engine on tasks and networks of many sizes, full batches, Adam.

    Parameters
    ----------
    sizes : sequence of Size
    peers : sequence of str
        Commands that take ``--model --inputs --rows --hidden --runs --steps`` and print a JSON
        object a line with ``model``, ``runs`` and ``ms_per_run_per_1000_steps``; run for each size.
    device : str
    progress : bool

    Returns
    -------
    DataFrame
        A row per size and way: ``peer``, ``model``, ``inputs``, ``rows``, ``hidden`` (as
        "36-36-36"), ``runs``, ``steps``, ``ms_per_run_per_1000_steps`` (evaluation, tables and all
        but compiling included), ``gflops``, ``fma_gflops`` (the peak of all cores), ``lanes``
        (replicas in a vector; 0 for tensor operations), ``times`` (the time of the row over that
        of modnets), ``machine``.

    Raises
    ------
    ValueError
        If an argument is wrong, or a peer fails.
    """
    require(len(sizes) > 0, "sizes=(); allowed is at least one")
    chosen = choose_device(device)
    here = machine(chosen)
    rows: list[dict[str, Any]] = []
    with Progress(len(sizes), show=progress) as shown:
        for size in sizes:
            steps = steps_of(size)
            run = size.run
            facts = {
                "model": size.model,
                "inputs": size.inputs,
                "rows": size.rows,
                "hidden": "-".join(map(str, size.hidden)),
                "steps": steps,
            }
            settings = {"epochs": steps, "eval_every": steps}
            base = RunConfig.from_dict({**run.to_dict(), **settings})
            warm = measure(base, size.runs, chosen, repeats=1)  # compiles
            own = measure(base, size.runs, chosen, within=REPEAT_WITHIN)
            own |= {"compile_s": max(0.0, warm["seconds"] - own["seconds"])}
            rows.append(here | facts | own | {"times": 1.0})
            for command in peers:
                for line in run_peer(f"{command} {flags_of(size, steps)}"):
                    ratio = line["ms_per_run_per_1000_steps"] / own["ms_per_run_per_1000_steps"]
                    rows.append(here | facts | line | {"times": ratio})
            shown.advance(1)
    return pd.DataFrame(rows)


def steps_of(size: Size) -> int:
    """So many steps that a measurement takes about a second."""
    times = step_times(size.run)
    each = min(times.lanes / vector_width(), times.within) * size.runs
    return max(FEWEST_STEPS, min(MOST_STEPS, int(WORK / each)))


def flags_of(size: Size, steps: int) -> str:
    """A size as the flags of a peer."""
    words = ["--model", size.model, "--inputs", size.inputs, "--rows", size.rows]
    words += ["--runs", size.runs, "--steps", steps]
    words += ["--hidden", *size.hidden] if size.hidden else []
    return shlex.join(map(str, words))
