"""A study as jobs of a Slurm array: a shard each, into one store that all of them see.

The jobs do not talk to each other nor to anybody: any may be killed, wait, or run twice.  Options
of the cluster, as partition, account and time, are given in sbatch's own variables
(``SBATCH_PARTITION``), or to sbatch by hand.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from modnets.config.run_config import RunConfig
from modnets.config.studies import Study
from modnets.errors import in_a_line, require, shown
from modnets.experiments import store_files
from modnets.experiments.planning import CHUNK
from modnets.experiments.store import Store
from modnets.models.identity import own_parts

#: Jobs unless it is said how many: no more than these, and no more than chunks.
MOST_JOBS = 100
#: The second line of each script, by which ours are known.
MARK = "# modnets: the shards of a study"

SCRIPT = """#!/bin/bash
{mark}
#SBATCH --job-name={name}
#SBATCH --array=1-{jobs}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --output="{logs}/%A_%a.log"
#SBATCH --open-mode=append
#SBATCH --requeue
# Options for sbatch, or its variables, as SBATCH_TIMELIMIT, go before these; what is stored is
# not done again, so that a job that was killed goes on when it is submitted again.
set -euo pipefail
exec {python} -m modnets sweep {study} \\
    --store {store} \\
    --shard "${{SLURM_ARRAY_TASK_ID}}/{jobs}" \\
    --workers "${{SLURM_CPUS_PER_TASK:-1}}"{more}
"""


class NotSubmitted(RuntimeError):
    """Slurm did not take the jobs."""


def in_jobs(
    runs: Iterable[RunConfig],
    results: Store,
    workers: int | None,
    *,
    device: str = "auto",
    retry_failed: bool = True,
) -> str:
    """Write the script for the runs of a study that are not done, and submit it where sbatch is.

    Parameters
    ----------
    runs : Study
    results : Store
        In a folder that all nodes see.
    workers : int, optional
        Number of jobs.
    device : str
        Of each job.
    retry_failed : bool
        Whether runs are tried again that failed before.

    Returns
    -------
    str
        A line: what was done, and what is to do.

    Raises
    ------
    ValueError
        If a job could not make the runs, or a script of another kind is in the way.
    NotSubmitted
        If Slurm refuses the script, which stays.
    """
    require(
        isinstance(runs, Study),
        f"executor='slurm': runs={shown(runs)}; allowed is a study, which jobs can read, as "
        "mn.study('study.yaml')",
    )
    assert isinstance(runs, Study)
    own = sorted({part for run in runs for part in own_parts(run)})
    require(
        not own,
        "executor='slurm': "
        + ", ".join(f"{kind} {name!r}" for kind, name in own)
        + " is registered in this process only, which jobs do not see; allowed are modnets' own",
    )
    results.check_writable()
    held = results.keys_read()
    n_left = sum(run.key not in held for run in runs)
    if not n_left:
        return f"all {len(runs):,} runs are stored; there is nothing to submit"
    jobs = workers or max(1, min(MOST_JOBS, -(-len(runs) // CHUNK)))
    more = f" \\\n    --device {device}" if device != "auto" else ""
    more += " \\\n    --retry_failed" if retry_failed else ""
    results.keep_study(runs.text)
    script = write_script(results.folder, runs.standalone, jobs, more)
    return f"{n_left:,} runs to do in {jobs} jobs: {_submitted(script)}"


def check_jobs(results: Store | None, **given: object) -> None:
    """Raise ValueError unless jobs can do what is asked for: arguments that they know, a store."""
    require(results is not None, "executor='slurm': store=None; allowed is a folder all nodes see")
    for name, value in given.items():
        require(value is None, f"executor='slurm': {name}={shown(value)}; allowed is None")


def write_script(folder: Path, study: str, jobs: int, more: str = "") -> Path:
    """Write the script of an array of shards, and the folder of its logs, beside a store.

    Parameters
    ----------
    folder : Path
        Of the store; the script is ``FOLDER.sbatch``, the logs are in ``FOLDER-slurm``.
    study : str
        The study's file, which is put among the logs.
    jobs : int
    more : str
        Further words of the command.

    Raises
    ------
    ValueError
        If there is another file by its name, or the folder cannot be written.
    """
    script, logs = (folder.with_name(folder.name + end) for end in (".sbatch", "-slurm"))
    if script.exists() and MARK not in script.read_text(errors="replace"):
        raise ValueError(f"{script} is in the way, and not by modnets; allowed is another store")
    store_files.may_write(logs)
    text = store_files.write_bytes(logs, study.encode(), "study.yaml")
    store_files.write_bytes(
        folder.parent,
        SCRIPT.format(
            mark=MARK,
            name="".join(c if c.isalnum() or c in "-_." else "_" for c in f"modnets-{folder.name}"),
            jobs=jobs,
            logs=str(logs).replace("%", "%%"),
            python=shlex.quote(sys.executable),
            study=shlex.quote(str(text)),
            store=shlex.quote(str(folder)),
            more=more,
        ).encode(),
        script.name,
    )
    return script


def _submitted(script: Path) -> str:
    command = f"sbatch {shlex.quote(str(script))}"
    if shutil.which("sbatch") is None:
        return f"there is no sbatch on this machine; on one of the cluster: {command}"
    done = subprocess.run(["sbatch", "--parsable", str(script)], capture_output=True, text=True)
    if done.returncode:
        said = in_a_line(Exception(done.stderr or done.stdout))
        raise NotSubmitted(f"sbatch refused {script} ({said}); once that is mended: {command}")
    return f"submitted as {done.stdout.strip().partition(';')[0]} ({script})"
