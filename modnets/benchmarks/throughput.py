"""How fast thousands of networks train on this machine, and the usual way beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch

from modnets.benchmarks.external import run_peer
from modnets.benchmarks.fma import fma_rate
from modnets.benchmarks.measure import environment, peak_memory, seconds_of, sgemm_rate
from modnets.benchmarks.torch_loop import train_usually
from modnets.checked import checked
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.errors import one_of, require
from modnets.experiments.planning import choose
from modnets.experiments.progress import Progress
from modnets.hardware import cores, cpu_name
from modnets.hardware import lanes as vector_width
from modnets.leftovers import temporary_folder
from modnets.training.costs import arithmetic_of
from modnets.training.engine import Trained, choose_device, train_chunk
from modnets.training.step_cache import forget_steps

#: The six kinds of network, by the names that peers use too.
KINDS: dict[str, dict[str, Any]] = {
    "dense": {"model": "dense"},
    "sparse": {"model": "sparse"},
    "modular": {"model": "modular", "routing": "learned"},
    "modular_known": {"model": "modular", "routing": "known"},
    "shared": {"model": "shared", "routing": "learned"},
    "shared_known": {"model": "shared", "routing": "known"},
}
RUNS = (1, 4, 16, 64, 256, 1024, 4096)
MOST_RUNS = 2**16  # of which all are in memory at once
#: Epochs beside which compiling takes no time.
LONG = 10**6
#: Repeated so often, while all takes no longer than this; the best counts.
REPEATS, REPEAT_WITHIN = 3, 1.0  # s
#: Epochs of the usual ways: without a DataLoader, with one, with one that has workers.
USUAL_EPOCHS = {None: 60, 0: 40, "workers": 3}


@checked
def benchmark(
    models: Sequence[str] = tuple(KINDS),
    runs: Sequence[int] = RUNS,
    *,
    steps: int = 1000,
    rows: int = 51,
    usual: bool = True,
    peers: Sequence[str] = (),
    device: str = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Measure the engine on 6-3-2-2, full batches, Adam; and other ways in the same call.

    Everything that a chunk of runs costs is in its time: drawing weights, splits, evaluation,
    tables.  Compiling is not; it has a column of its own.

    Parameters
    ----------
    models : sequence of str
        Names in KINDS.
    runs : sequence of int
        How many side by side.
    steps : int
        Of each run.
    rows : int
        Training rows, 1 to 63.
    usual : bool
        Measure one network trained with torch's own tools too.
    peers : sequence of str
        Commands that print a JSON object a line with ``model``, ``runs`` and
        ``ms_per_run_per_1000_steps``.
    device : str
    progress : bool

    Returns
    -------
    DataFrame
        A row for each measurement: ``peer`` (who), ``model``, ``kind``, ``runs``, ``rows``,
        ``steps``, ``ms_per_run_per_1000_steps``, ``compile_s``, ``gflops`` (arithmetic rate),
        ``sgemm_gflops`` (the machine's own matrix products, all cores), ``share_of_sgemm``,
        ``fma_gflops`` (multiply-adds in registers, all cores: no program is faster),
        ``share_of_fma``, ``lanes`` (replicas in a vector),
        ``peak_memory_mb`` (of the process), ``mean_bit_accuracy`` (whole table), ``device``,
        ``threads``, ``machine``, ``torch``.

    Raises
    ------
    ValueError
        If an argument is wrong, or a peer fails or prints no such line.
    """
    for model in models:
        one_of("model", model, KINDS)
    require(
        len(models) > 0 and len(runs) > 0,
        "models and runs are empty; allowed is at least one each",
    )
    for number in runs:
        require(
            1 <= number <= MOST_RUNS, f"runs={number}; allowed is at least 1, at most {MOST_RUNS}"
        )
    require(steps >= 1, f"steps={steps}; allowed is at least 1")
    bases = {name: RunConfig(train_rows=rows, epochs=steps, **KINDS[name]) for name in models}
    chosen = choose_device(device)
    by_others = [line for command in peers for line in run_peer(command)]
    here = machine(chosen)
    by_peers = [here | line for line in by_others]
    # First, while the process is small: a large one takes longer to start a DataLoader's workers.
    by_torch = {name: list(measure_usual(base)) for name, base in bases.items() if usual}
    measured: list[dict[str, Any]] = []
    with Progress(len(models) * sum(runs), show=progress) as shown:
        for name, base in bases.items():
            facts = {"model": name, "rows": rows} | here
            compile_s = compile_time(base, chosen)
            for number in runs:
                compile_only = replace(base, epochs=1, eval_every=1)
                measure(compile_only, number, chosen, repeats=1)
                measured.append(facts | measure(base, number, chosen) | {"compile_s": compile_s})
                shown.advance(number)
            measured += [facts | other for other in by_torch.get(name, ())]
    table = pd.DataFrame(measured + by_peers)
    kinds = {name: RunConfig(**settings).kind for name, settings in KINDS.items()}
    table["kind"] = table["model"].map(kinds)
    for peak in ("sgemm", "fma"):
        table[f"share_of_{peak}"] = table["gflops"] / table[f"{peak}_gflops"]
    return table


def machine(device: torch.device) -> dict[str, Any]:
    """The machine by name, and how fast it multiplies matrices."""
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else f"{cores()} cores, {cpu_name()}"
    rate = round(sgemm_rate(device), 1)
    return {
        "device": device.type,
        "machine": name,
        "torch": torch.__version__,
        "sgemm_gflops": rate,
        "fma_gflops": float("nan") if on_gpu else round(fma_rate(), 1),
    }


def measure(
    base: RunConfig,
    number: int,
    device: torch.device,
    repeats: int = REPEATS,
    within: float = REPEAT_WITHIN,
) -> dict[str, Any]:
    """Time, rate and memory of runs side by side, compiled before."""
    configs = grid(base, seed=range(number))
    long = replace(base, epochs=LONG, eval_every=LONG)  # what compiling takes is not measured
    _, lanes = choose([long] * number, None, True, str(device))
    seconds: list[float] = []
    with peak_memory(device) as peak:
        while len(seconds) < repeats and sum(seconds) <= within:
            done: list[Trained] = []
            seconds.append(seconds_of(_training(configs, device, lanes, done), device))
    (trained,) = done
    milliseconds = min(seconds) * 1e6 / number / base.epochs
    last = trained.table[trained.table["epoch"] == base.epochs]
    return {
        "peer": f"modnets {version('modnets')}",
        "runs": number,
        "steps": base.epochs,
        "ms_per_run_per_1000_steps": milliseconds,
        "gflops": arithmetic_of(base) / milliseconds / 1e3,
        "peak_memory_mb": peak[0],
        "mean_bit_accuracy": float(last["bit_accuracy"].mean()),
        "seconds": min(seconds),
        "compiled": trained.compiled,
        "lanes": lanes if trained.compiled else 0,
        "threads": trained.threads,
    }


def _training(
    configs: Sequence[RunConfig], device: torch.device, lanes: int, done: list[Trained]
) -> Callable[[], None]:
    """A call that trains runs side by side, with a thread for each core."""

    def call() -> None:
        trained = train_chunk(
            configs,
            chunk=len(configs),
            compiled=True,
            lanes=lanes,
            device=str(device),
            threads=cores(),
        )
        done.append(trained)

    return call


def compile_time(base: RunConfig, device: torch.device) -> float:
    """Seconds from the network to machine code, with nothing of it on the disk; s."""
    short = [replace(base, epochs=1, eval_every=1)]
    arithmetic_of(base)  # imports what tracing needs, once a process
    with temporary_folder("benchmark") as folder, environment("MODNETS_CACHE", str(folder)):
        forget_steps()
        call = _training(short, device, vector_width(), [])
        first, second = (seconds_of(call, device) for _ in range(2))
    return first - second


def measure_usual(base: RunConfig) -> Iterator[dict[str, Any]]:
    """The usual ways: no DataLoader, one in the process, one with a worker for each core."""
    ways = {
        "torch loop": (None, None),
        "torch DataLoader": (0, 0),
        f"torch DataLoader, {cores()} workers": (cores(), "workers"),
    }
    for name, (workers, epochs) in ways.items():
        run = replace(base, epochs=USUAL_EPOCHS[epochs], eval_every=USUAL_EPOCHS[epochs])
        network, seconds = train_usually(run, workers)
        graph = run.graph
        with torch.no_grad():
            logits = network.eval()(torch.tensor(graph.rows(), dtype=torch.float32))
        milliseconds = seconds * 1e6 / run.epochs
        yield {
            "peer": name,
            "runs": 1,
            "steps": run.epochs,
            "ms_per_run_per_1000_steps": milliseconds,
            "compile_s": 0.0,
            "gflops": arithmetic_of(base) / milliseconds / 1e3,
            "mean_bit_accuracy": float(((logits > 0).numpy() == graph.truth_table()).mean()),
            "threads": torch.get_num_threads(),
            "device": "cpu",
        }


def best(table: pd.DataFrame) -> pd.DataFrame:
    """The fastest row of each peer and model, and how many times faster modnets is.

    Returns
    -------
    DataFrame
        ``model``, ``peer``, ``runs``, ``ms_per_run_per_1000_steps``, ``times``: the time of the
        row over that of modnets' fastest one of that model.
    """
    fastest = table.groupby(["model", "peer"], sort=False)["ms_per_run_per_1000_steps"].idxmin()
    rows = table.loc[fastest, ["model", "peer", "runs", "ms_per_run_per_1000_steps"]]
    own = rows[rows["peer"].str.startswith("modnets")].set_index("model")
    ours = rows["model"].map(own["ms_per_run_per_1000_steps"])
    return rows.assign(times=rows["ms_per_run_per_1000_steps"] / ours).reset_index(drop=True)
