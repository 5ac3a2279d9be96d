"""Clusters: what a word stands for, dask's workers with kills, the script for Slurm."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
import torch
from distributed import Client, LocalCluster

import modnets as mn
from modnets.__main__ import main
from modnets.compiler.build_cache import load_library
from modnets.config.studies import study
from modnets.config.yaml_text import from_yaml
from modnets.experiments import dask_workers, executors
from modnets.experiments.failures import RunsFailed, WorkersLost
from modnets.experiments.planning import plan
from modnets.experiments.slurm import NotSubmitted, write_script
from modnets.experiments.sweep import sweep
from modnets.models.registry import MODELS
from modnets.paths import ROOT

BASE = mn.RunConfig(graph="6-2-2", train_rows=16, epochs=6)
RUNS = mn.grid(BASE, model=["dense", "modular"], seed=range(6))
HOW = {"chunk": 2, "compiled": False, "progress": False}
#: A part of a second for each chunk: time to be killed in.
LONG = mn.grid(mn.RunConfig(graph="6-3-2-2", train_rows=16, epochs=200), seed=range(16))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)


# Words


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": "dusk"}, r"unknown executor 'dusk', did you mean 'dask'\?; allowed: process"),
        ({"executor": "dask:"}, "unknown executor 'dask:', did you mean"),
        ({"executor": "dask:nowhere.json"}, "executor='dask:nowhere.json': there is no such file"),
        ({"executor": "dask:tcp://127.0.0.1:1"}, "no scheduler answers there .*; allowed is the"),
        ({"executor": "dask:tcp://h:1", "workers": 2}, "workers=2: executor='dask:tcp://h:1' has"),
        ({"executor": 3}, "executor=3; allowed is an executor as those of .*, or a word: process"),
        ({"executor": "slurm"}, "executor='slurm': store=None; allowed is a folder all nodes see"),
    ],
)
def test_what_is_no_executor_is_one_line(
    given: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_workers, "ANSWER_WITHIN", 0.5)
    with pytest.raises(ValueError, match=message) as raised:
        sweep(RUNS, **given)
    assert "\n" not in str(raised.value)


def test_without_the_extra_a_line_says_how_to_get_it(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else found(name)
    )
    (store.parent / "s.yaml").write_text("axes: {seed: 0:2}")
    words = ["sweep", str(store.parent / "s.yaml"), "--store", str(store), "--executor", "dask"]
    assert main(words) == 2
    said = capsys.readouterr().err
    line = "executor='dask' needs dask.distributed; allowed: pip install 'modnets[cluster]'"
    assert said == f"modnets sweep: {line}\n"
    assert not store.exists()


def test_processes_are_asked_for_by_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def pool(workers: int) -> ThreadPoolExecutor:
        asked.append(workers)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(executors, "_local_pool", pool)
    monkeypatch.setattr("modnets.experiments.clusters.cores", lambda: 3)
    same(sweep(RUNS, executor="processes", **HOW), sweep(RUNS, **HOW))
    sweep(RUNS, executor="processes", workers=2, **HOW)
    assert asked == [3, 2]


# Workers of dask


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of two workers, one of which has several threads."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=2, memory_limit=0, **dask_workers.NO_DASHBOARD
        ) as cluster,
        Client(cluster, set_as_default=False) as made,
    ):
        yield made


@pytest.mark.parametrize("compiled", [False, True])
def test_results_are_those_of_one_machine(client: Client, compiled: bool) -> None:
    how = HOW | {"compiled": compiled}
    here = sweep(RUNS, **how)
    same(sweep(RUNS, executor=client, **how), here)
    same(sweep(RUNS, executor=client.get_executor(), **how), here)
    same(sweep(RUNS, executor=f"dask:{client.scheduler.address}", **how), here)


def test_workers_of_our_own_come_and_go(store: Path) -> None:
    before = threading.active_count()
    same(sweep(RUNS, store, executor="dask", workers=2, **HOW), sweep(RUNS, **HOW))
    by = mn.Store(store).provenance()
    assert {one["threads"] for one in by} == {1}
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before + 2  # loops of dask's that are kept


NETWORK = """
@mn.register("of a cell")
class OfACell(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.inner, self.outer = torch.nn.Linear(6, 5), torch.nn.Linear(5, 2)
    def forward(self, x):
        return self.outer(bend(self.inner(x)))
def bend(x):
    return x.sin()
"""


def test_a_network_of_a_notebook_cell_travels(
    client: Client, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modnets.models.registry.MODELS", MODELS)
    namespace: dict[str, Any] = {"mn": mn, "torch": torch, "__name__": "__main__"}
    try:
        exec(NETWORK, namespace)
        runs = mn.grid(BASE, model="of a cell", seed=range(4))
        same(sweep(runs, executor=client, **HOW), sweep(runs, **HOW))
        with open(os.devnull, "w") as log:  # which cannot be pickled
            namespace["bend"] = lambda x, log=log: x.cos()
            with pytest.raises(ValueError, match=r"model 'of a cell': .*cannot travel.*allowed is"):
                sweep(runs, store, executor=client, **HOW)
        assert not list(store.glob("runs-*"))
    finally:
        MODELS.pop("of a cell", None)


class Absent:
    """Can be packed, and not unpacked elsewhere."""

    def __init__(self, where: int) -> None:
        self.where = where

    def __reduce__(self) -> tuple:
        return _only_in, (self.where,)

    def __call__(self, evaluated: object) -> None:
        return None


def _only_in(where: int) -> Absent:
    if os.getpid() != where:
        raise ModuleNotFoundError("No module named 'my_lab'")
    return Absent(where)


def test_what_workers_cannot_unpack_is_refused_early(client: Client, store: Path) -> None:
    assert client.run(_unpacks_here) == dict.fromkeys(client.nthreads(), True)
    with pytest.raises(ValueError, match=r"cannot unpack .*'my_lab'.*what its Python can import"):
        sweep(RUNS, store, executor=client, on_evaluation=Absent(os.getpid()), **HOW)
    assert not list(store.glob("runs-*"))


def _unpacks_here() -> bool:
    return True


def test_workers_of_other_versions_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = dask_workers.machine()
    monkeypatch.setattr(dask_workers, "machine", _Here(mine | {"torch": "1.0"}))
    with pytest.raises(
        ValueError, match=rf"worker tcp.* has torch {re.escape(mine['torch'])}.*torch 1\.0"
    ):
        sweep(RUNS, executor=client, **HOW)


class _Here:
    """The machine: another one here than there."""

    def __init__(self, here: dict[str, Any]) -> None:
        self.here, self.pid = here, os.getpid()

    def __call__(self) -> dict[str, Any]:
        from modnets.provenance import machine

        return self.here if os.getpid() == self.pid else machine()


def in_the_meantime(store: Path, do: Any, files: int = 1) -> threading.Thread:
    """Do something in a thread once a store has files."""

    def wait() -> None:
        deadline = time.monotonic() + 120
        while len(list(store.glob("runs-*"))) < files and time.monotonic() < deadline:
            time.sleep(0.02)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.fixture(scope="module")
def at_home() -> pd.DataFrame:
    """What one machine makes of the long runs."""
    return sweep(LONG, **HOW)


def test_a_killed_worker_costs_nothing(client: Client, store: Path, at_home: pd.DataFrame) -> None:
    pids = list(client.run(os.getpid).values())
    killing = in_the_meantime(store, lambda: os.kill(pids[0], signal.SIGKILL))
    same(sweep(LONG, store, executor=client, **HOW), at_home)
    killing.join()
    deadline = time.monotonic() + 60
    while len(client.nthreads()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pids[0] not in client.run(os.getpid).values()


class Processes:
    """A scheduler and two workers, each a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.scheduler = self.start(
            "scheduler", "--port", "0", "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"
        )
        self.wait(self.file.exists)
        self.nannies = [self.start("worker", "--nthreads", "1", "--nworkers", "1") for _ in "ab"]

    def start(self, kind: str, *words: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *words,
             "--scheduler-file", str(self.file)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip

    def wait(self, ready: Any) -> None:
        deadline = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def wait_for_workers(self) -> None:
        with Client(scheduler_file=str(self.file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)

    def end(self) -> None:
        for process in (*self.nannies, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """A scheduler and two workers of the command line."""
    (tmp_path / "dask").mkdir()
    made = Processes(tmp_path / "dask")
    try:
        made.wait_for_workers()
        yield made
    finally:
        made.end()


def test_a_killed_nanny_and_a_killed_scheduler(
    processes: Processes, store: Path, at_home: pd.DataFrame
) -> None:
    def kill() -> None:
        processes.nannies[0].kill()  # its worker ends with it; the other one goes on
        in_the_meantime(store, processes.scheduler.kill, files=3)

    killing = in_the_meantime(store, kill)
    with pytest.raises(
        WorkersLost, match=r"the scheduler at tcp://.* is gone\).* are left"
    ) as lost:
        sweep(LONG, store, executor=f"dask:{processes.file}", **HOW)
    killing.join()
    assert "\n" not in str(lost.value)
    assert 0 < len(lost.value.left) < len(LONG)
    assert plan(LONG, store).n_to_do == len(lost.value.left)
    same(sweep(LONG, store, **HOW), at_home)


def test_workers_that_never_come_back(
    processes: Processes, store: Path, at_home: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_workers, "WITHOUT_WORKERS", 2.0)

    def kill() -> None:
        for nanny in processes.nannies:
            nanny.kill()

    killing = in_the_meantime(store, kill)
    with pytest.raises(WorkersLost, match=r"for 2 s there was no worker at tcp://") as lost:
        sweep(LONG, store, executor=f"dask:{processes.file}", **HOW)
    killing.join()
    assert 0 < len(lost.value.left) < len(LONG)
    same(sweep(LONG, store, **HOW), at_home)


# Long chunks


TTL = 1.5  # s


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A worker that counts as lost once it says nothing for a second or two, not five minutes."""
    monkeypatch.setattr("distributed.scheduler.heartbeat_interval", lambda n_workers: 0.1)
    settings = {
        "distributed.scheduler.worker-ttl": f"{TTL}s",
        "distributed.scheduler.allowed-failures": 0,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=1, threads_per_worker=1, memory_limit=0, silence_logs=50,
            **dask_workers.NO_DASHBOARD,
        ) as cluster,
        Client(cluster, set_as_default=False) as made,
    ):  # fmt: skip
        yield made


def test_a_long_compiled_chunk_is_not_taken_for_a_lost_worker(
    impatient: Client, store: Path
) -> None:
    long = replace(LONG[0], epochs=16_000, eval_every=16_000)
    runs = [replace(long, seed=seed) for seed in range(64)]
    how: dict[str, Any] = {"executor": impatient, "chunk": 64, "compiled": True, "progress": False}
    scheduler = impatient.cluster.scheduler
    scheduler.worker_ttl = 300.0  # until torch is there, whose import holds the interpreter
    sweep([replace(run, epochs=8, eval_every=8) for run in runs], **how)
    scheduler.worker_ttl = TTL
    before = impatient.run(os.getpid)
    sweep(runs, store, **how)
    (by,) = mn.Store(store).provenance()
    assert by["compiled"]
    assert by["duration_s"] > 1.5 * TTL
    assert impatient.run(os.getpid) == before


def test_machine_code_leaves_the_interpreter_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path))
    code = '#include <unistd.h>\nextern "C" int nap() { return usleep(1000000); }\n'
    library = load_library("nap", lambda: code)
    ends: list[float] = []
    thread = threading.Thread(target=lambda: (library.nap(), ends.append(time.monotonic())))
    thread.start()
    time.sleep(0.2)
    while_it_naps = time.monotonic()
    thread.join()
    assert while_it_naps < ends[0]
    assert type(library) is ctypes.CDLL


# Slurm

STUDY = """
base: {graph: 6-2-2, epochs: 6}
axes: {model: [dense, modular], train_rows: [8, 16], seeds: 0:3}
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """The file of a study."""
    (tmp_path / "my study.yaml").write_text(STUDY)
    return tmp_path / "my study.yaml"


def test_the_script_of_an_array(tmp_path: Path) -> None:
    script = write_script(tmp_path / "a b" / "res%ults", "axes: {seed: 0:2}", 100)
    lines = script.read_text().splitlines()
    assert script == tmp_path / "a b" / "res%ults.sbatch"
    assert lines[0] == "#!/bin/bash"
    words = dict(line[8:].partition("=")[::2] for line in lines if line.startswith("#SBATCH "))
    logs = tmp_path / "a b" / "res%ults-slurm"
    assert words == {
        "--job-name": "modnets-res_ults",
        "--array": "1-100",
        "--ntasks": "1",
        "--cpus-per-task": "1",
        "--output": f'"{logs}/%A_%a.log"'.replace("res%", "res%%"),
        "--open-mode": "append",
        "--requeue": "",
    }
    (start,) = (n for n, line in enumerate(lines) if line.startswith("exec "))
    assert not any(line.startswith("#SBATCH") for line in lines[start:])
    command = shlex.split(" ".join(lines[start:]).replace("\\", " "))
    assert command == [
        *("exec", sys.executable, "-m", "modnets", "sweep", str(logs / "study.yaml")),
        *("--store", str(tmp_path / "a b" / "res%ults")),
        *("--shard", "${SLURM_ARRAY_TASK_ID}/100", "--workers", "${SLURM_CPUS_PER_TASK:-1}"),
    ]
    assert (logs / "study.yaml").read_text() == "axes: {seed: 0:2}"
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0


def test_jobs_of_an_array_make_the_study(
    study_file: Path, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "/bin:/usr/bin")
    words = ["sweep", str(study_file), "--store", str(store), "--set", "train_rows=8,24"]
    assert main([*words, "--executor", "slurm", "--workers", "2"]) == 0
    said = capsys.readouterr().out
    script = store.with_name("results.sbatch")
    assert said == (
        "12 runs to do in 2 jobs: there is no sbatch on this machine; on one of the cluster: "
        f"sbatch {script}\n"
    )
    for number in ("2", "1", "1"):
        job = os.environ | {"SLURM_ARRAY_TASK_ID": number, "SLURM_CPUS_PER_TASK": "1"}
        job |= {"PYTHONPATH": str(ROOT)}
        subprocess.run(["bash", str(script)], env=job, check=True, cwd="/", capture_output=True)
    wanted = study(study_file, train_rows=[8, 24])
    same(mn.Store(store).table([run.key for run in wanted]), sweep(wanted, progress=False))
    assert mn.Store(store).studies()
    assert main([*words, "--executor", "slurm"]) == 0
    assert capsys.readouterr().out == "all 12 runs are stored; there is nothing to submit\n"


def test_sbatch_is_asked_where_it_is(
    study_file: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(f'#!/bin/bash\necho "$@" > {tmp_path}/asked\necho "4711;cluster"\n')
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    table = sweep(study(study_file), store, executor="slurm")
    assert table.empty
    script = store.with_name("results.sbatch")
    assert f"12 runs to do in 1 jobs: submitted as 4711 ({script})" in capsys.readouterr().err
    assert (tmp_path / "asked").read_text() == f"--parsable {script}\n"
    assert "--retry_failed" in script.read_text()
    sbatch.write_text("#!/bin/bash\necho 'error: invalid account' >&2\nexit 1\n")
    with pytest.raises(NotSubmitted, match=r"invalid account\); once that is mended: sbatch"):
        sweep(study(study_file), store, executor="slurm")
    words = ["sweep", str(study_file), "--store", str(store), "--executor", "slurm"]
    assert main(words) == 1
    assert "invalid account" in capsys.readouterr().err
    script.write_text("echo mine\n")
    assert main(words) == 2
    assert "is in the way, and not by modnets" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"executor='slurm': runs=\[.*; allowed is a study, which jobs can read"),
        ({"runs": "own"}, "model 'of a job' is registered in this process only, which jobs do"),
        ({"runs": "study", "chunk": 3}, "executor='slurm': chunk=3; allowed is None"),
        ({"runs": "study", "shard": "1/2"}, r"executor='slurm': shard=\(1, 2\); allowed is None"),
    ],
)
def test_what_jobs_cannot_do_is_refused(
    given: dict[str, Any], message: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "of a job", lambda config: None)
    runs = {
        "study": study({"axes": {"seed": "0:2"}}),
        "own": study({"base": {"model": "of a job"}}),
    }
    more = {name: value for name, value in given.items() if name != "runs"}
    with pytest.raises(ValueError, match=message):
        sweep(runs.get(given.get("runs", ""), RUNS), store, executor="slurm", **more)
    assert not store.exists()


def test_a_file_of_graphs_is_found_by_jobs(tmp_path: Path) -> None:
    mn.tasks.write_graphs(mn.graphs(2, widths=(4, 2, 2)), tmp_path / "g.json")
    (tmp_path / "s.yaml").write_text("axes: {graph: [6-2-2, {file: g.json}]}  # mine")
    made = study(tmp_path / "s.yaml")
    elsewhere = from_yaml(made.standalone)["axes"]["graph"]
    assert elsewhere == ["6-2-2", {"file": str(tmp_path / "g.json")}]
    assert study({"axes": {"graph": elsewhere}}).runs == made.runs
    assert made.text.endswith("# mine")


@pytest.mark.parametrize("n_strangers", [0, 3, 100])
def test_what_other_threads_draw_is_not_blamed_on_a_network(
    n_strangers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    class Plain(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if len(drawn) < n_strangers:  # as if a thread of dask's had come in between
                drawn.append(random.random())
            return super().forward(x)

    monkeypatch.setitem(MODELS, "plain", lambda config: Plain(6, 2))
    base = replace(BASE, model="plain")
    if n_strangers < 100:
        assert len(sweep([base], **HOW)) > 0
        assert len(drawn) == n_strangers
    else:
        with pytest.raises(RunsFailed, match="draws random numbers in forward"):
            sweep([base], **HOW)
