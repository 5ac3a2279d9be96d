"""Processes that a server forks behave like those that start by themselves."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import connection, reduction
from pathlib import Path

import nbformat
import psutil
import pytest

import modnets.fork_server
from modnets.fork_server import VARIABLE, Request, fork_server, forked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
NOTEBOOK = (sys.executable, "-m", "modnets", "notebook")


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """The environment of a process that finds a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modnets.fork_server, "MODULE", "modnets.imports")  # the rest takes seconds
        with fork_server() as address:
            assert address is not None
            yield dict(os.environ) | {VARIABLE: address}


def a_notebook(folder: Path, code: str) -> Path:
    cells = [
        nbformat.v4.new_code_cell("seed = 0  # of the run", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(code),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"modnets": {"figure": False}})
    nbformat.write(notebook, folder / "small.ipynb")
    return folder


def ran(*words: str, environment: dict[str, str], folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [*NOTEBOOK, *words], env=environment, cwd=folder, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [["list", "--folder", "."], ["run", "nowhere"], ["nothing"]])
def test_a_forked_command_prints_and_returns_what_it_would_by_itself(
    server: dict[str, str], tmp_path: Path, words: list[str]
) -> None:
    a_notebook(tmp_path, "seed")
    alone = {k: v for k, v in server.items() if k != VARIABLE}
    assert ran(*words, environment=server, folder=tmp_path) == ran(
        *words, environment=alone, folder=tmp_path
    )


def test_a_forked_kernel_is_as_nice_as_its_command(server: dict[str, str], tmp_path: Path) -> None:
    group = Path("/proc/self/autogroup")
    code = "import os, pathlib\nprint(os.nice(0))\n"
    code += f"print(pathlib.Path({str(group)!r}).read_text())" if group.exists() else ""
    a_notebook(tmp_path, code)
    words = ["run", "small", "--folder", ".", "--output", str(tmp_path / "done")]
    subprocess.run(["nice", "-n", "7", *NOTEBOOK, *words], env=server, cwd=tmp_path, check=True)
    executed = nbformat.read(tmp_path / "done" / "small.ipynb", as_version=4)
    text = "".join(output["text"] for output in executed.cells[-1]["outputs"])
    assert text.startswith(f"{os.nice(0) + 7}\n")
    assert not group.exists() or text.rstrip().endswith(f"nice {os.nice(0) + 7}")


def test_a_forked_kernel_has_the_environment_of_its_command(
    server: dict[str, str], tmp_path: Path
) -> None:
    shown = "os.environ['MARK'], os.getcwd(), psutil.Process(os.getppid()).cmdline(), "
    shown += "multiprocessing.get_start_method()"
    a_notebook(tmp_path, f"import json, multiprocessing, os, psutil\nprint(json.dumps([{shown}]))")
    words = ["run", "small", "--folder", ".", "--output", str(tmp_path / "done")]
    code, out, error = ran(*words, environment=server | {"MARK": "x"}, folder=tmp_path)
    assert code == 0, error
    assert "NOTE" not in out + error  # what a kernel prints that nobody started
    executed = nbformat.read(tmp_path / "done" / "small.ipynb", as_version=4)
    mark, folder, parent, start_method = json.loads(executed.cells[-1].outputs[0].text)
    assert (mark, folder) == ("x", str(tmp_path))
    assert "multiprocessing.forkserver" in " ".join(parent)
    assert start_method == multiprocessing.get_start_method()


def waiting(server: dict[str, str], folder: Path) -> tuple[subprocess.Popen[bytes], psutil.Process]:
    """A command whose notebook waits, and its kernel."""
    mark = folder / "kernel"
    code = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
    a_notebook(folder, f"{code}time.sleep(600)")
    words = ["run", "small", "--folder", ".", "--output", str(folder / "done")]
    command = subprocess.Popen([*NOTEBOOK, *words], env=server, cwd=folder)
    while not (mark.exists() and mark.read_text()):
        assert command.poll() is None
        time.sleep(0.05)
    return command, psutil.Process(int(mark.read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_was_forked_ends_with_the_command_that_asked_for_it(
    server: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    command, kernel = waiting(server, tmp_path)
    command.send_signal(number)
    code = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
    assert command.wait(60) == code
    _, alive = psutil.wait_procs([kernel], timeout=60)
    assert not alive


def test_what_was_forked_ends_where_who_asked_for_it_has_gone_before_it_began(
    server: dict[str, str], tmp_path: Path
) -> None:
    a_notebook(tmp_path, "import time\ntime.sleep(600)")
    words = ["notebook", "run", "small", "--folder", ".", "--output", "done"]
    with connection.Client(server[VARIABLE], "AF_UNIX") as asker:
        asker.send(Request("command", words, str(tmp_path), server, 0))
        for stream in (1, 2):
            reduction.send_handle(asker, stream, None)
    time.sleep(2)
    (parent,) = (
        one for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline())
    )
    assert not parent.children()


def test_a_process_goes_on_by_itself_where_the_package_changed_since_the_server_started(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, server[VARIABLE])
    monkeypatch.setattr(modnets.fork_server, "_changed", lambda: time.time() + 60)
    assert forked("command", ["notebook", "list"]) is None


@pytest.mark.parametrize("address", ["", "/nowhere/socket"])
def test_a_process_goes_on_by_itself_without_a_server(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    assert forked("command", ["notebook", "list"]) is None


@pytest.mark.parametrize(("code", "returned"), [("0", 0), ("3", 3)])
def test_a_command_with_a_server_ends_with_the_code_of_the_command(
    code: str, returned: int
) -> None:
    asked = f"import os, sys; sys.exit({code} if os.environ[{VARIABLE!r}] else 9)"
    command = [sys.executable, "-m", "modnets.fork_server", sys.executable, "-c", asked]
    assert subprocess.run(command).returncode == returned
