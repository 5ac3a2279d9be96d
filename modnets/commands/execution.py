"""Run one notebook with papermill, and find what papermill passes as success but is none.

An exception inside ``with Output():`` or ``interact`` is shown in a widget and stops nothing;
``sys.exit(0)`` ends a notebook early; a thread dies unseen; a figure of last week still lies there.
All of these are found in the executed copy and among the figure's files.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from papermill import PapermillExecutionError, execute_notebook

from modnets.fork_server import VARIABLE
from modnets.leftovers import temporary_folder
from modnets.notebook_files import KERNEL, Notebook

WIDGETS = "application/vnd.jupyter.widget-state+json"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: What a kernel does first, without a name in the notebook.
COLLECT_RARELY = "__import__('modnets.imports').imports.collect_rarely()"


def run_notebook(
    notebook: Notebook, copy: Path, values: dict[str, Any], timeout: int | None = None
) -> list[str]:
    """Execute a notebook and say what went wrong.

    Its standard error is passed through as it comes, so that progress is seen.

    Parameters
    ----------
    notebook : Notebook
    copy : Path
        The executed notebook; its folder is made.
    values : dict
        Parameters that differ from their defaults.
    timeout : int, optional
        Longest time for a cell; unit: seconds.

    Returns
    -------
    list of str
        What went wrong, each in a line or with its traceback; empty if all is well.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    start = time.time()
    try:
        with own_kernel():
            execute_notebook(
                str(notebook.path),
                str(copy),
                values,
                kernel_name=KERNEL["name"],
                language=KERNEL["language"],
                progress_bar=False,
                stderr_file=sys.stderr,
                execution_timeout=timeout,
                cwd=str(notebook.path.parent),  # as in JupyterLab
            )
    except PapermillExecutionError as error:
        return [COLOURS.sub("", str(error)).strip()]
    except Exception as error:  # a dead kernel, a timeout: whatever it is, the next one still runs
        return [f"{type(error).__name__}: {str(error).strip()}"]
    return problems(nbformat.read(copy, as_version=4)) + stale(notebook.figure_files(values), start)


def problems(executed: nbformat.NotebookNode) -> list[str]:
    """Errors that an executed notebook holds, though it seemed to run through."""
    found = []
    code = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(code, start=1):
        for output in cell.outputs:
            text = output.get("text", "") if output.get("name") == "stderr" else ""
            if output.output_type == "error":
                found.append(f"code cell {number}: {_in_words(output)}")
            elif "Exception in thread" in text:
                found.append(f"code cell {number}: {text[text.index('Exception in thread') :]}")
    never = [str(number) for number, cell in enumerate(code, 1) if cell.execution_count is None]
    if never:
        found.append(f"code cells that never ran: {', '.join(never)}")
    widgets = executed.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    for widget in widgets.values():
        outputs = widget.get("state", {}).get("outputs", ())
        if widget.get("model_name") == "OutputModel":
            errors = [output for output in outputs if output.get("output_type") == "error"]
            found += [f"inside an Output widget: {_in_words(output)}" for output in errors]
    return found


def stale(files: list[Path], start: float) -> list[str]:
    """What is wrong with the files of a figure: missing, or not written since the start.

    Parameters
    ----------
    files : list of Path
    start : float
        Time in seconds since the epoch.
    """
    found = [f"figure {path} is missing" for path in files if not path.exists()]
    # Some file systems keep times to the second only.
    old = [path for path in files if path.exists() and path.stat().st_mtime < start - 1]
    return found + [f"figure {path} was not written by this run" for path in old]


@contextmanager
def own_kernel() -> Iterator[None]:
    """Let the kernel name ``python3`` mean this very Python, whatever specs the user has.

    Its log is kept to errors: it warns at each start that it talks to us without encryption.  It
    collects garbage rarely, as other processes of ours do.
    """
    with temporary_folder("kernel") as folder:
        spec = folder / "kernels" / KERNEL["name"] / "kernel.json"
        spec.parent.mkdir(parents=True)
        options = {"log_level": "ERROR", "exec_lines": COLLECT_RARELY}
        words = [f"--IPKernelApp.{name}={value}" for name, value in options.items()]
        content = get_kernel_dict(extra_arguments=words)
        if VARIABLE in os.environ:
            launcher = content["argv"].index("ipykernel_launcher")
            content["argv"][launcher] = "modnets.fork_server.kernel"
        spec.write_text(json.dumps(content))
        before, temporary = os.environ.get("JUPYTER_PATH"), tempfile.tempdir
        os.environ["JUPYTER_PATH"] = os.pathsep.join([str(folder), *([before] if before else [])])
        tempfile.tempdir = str(folder)  # where the file is written that tells how to reach a kernel
        try:
            yield
        finally:
            tempfile.tempdir = temporary
            os.environ.pop("JUPYTER_PATH")
            if before is not None:
                os.environ["JUPYTER_PATH"] = before


def _in_words(output: nbformat.NotebookNode) -> str:
    trace = "\n".join(output.get("traceback", ()))
    return "\n".join(
        [f"{output.ename}: {output.evalue}", *([COLOURS.sub("", trace)] if trace else [])]
    )
