"""Processes that start with PyTorch in memory: forked from one that has imported everything.

A kernel imports for four seconds before its notebook begins, and a command that runs a notebook for
two.  Where many notebooks run one after the other, that is done once::

    python -m modnets.fork_server COMMAND ...

runs a command; ``modnets notebook`` and the kernels in it are forked then, with the environment,
the folder and the output of the process that asks for them.  That process stays, passes signals on
and ends as the forked one does; if it is killed, so is the other.  Without a server, and where
files of the package changed since it started, a process goes on by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing import (
    connection,
    context,
    get_all_start_methods,
    get_context,
    reduction,
    set_start_method,
)
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from modnets.leftovers import temporary_folder

#: Holds the address of the server.
VARIABLE = "MODNETS_FORK_SERVER"
#: What can be forked -> module and function, which is given the words after the command.
ENTRIES = {
    "command": ("modnets.__main__", "main"),
    "kernel": ("modnets.fork_server.kernel", "launch"),
}
#: Imported by the server.
MODULE = f"{__name__}.imports"


class Request(NamedTuple):
    """What a process asks for.

    Parameters
    ----------
    entry : str
        In ENTRIES.
    words : list of str
    folder : str
        The current one.
    environment : dict
    niceness : int
    """

    entry: str
    words: list[str]
    folder: str
    environment: dict[str, str]
    niceness: int


def forked(entry: str, words: Sequence[str]) -> int | None:
    """Let the server run something in place of this process.

    Parameters
    ----------
    entry : str
        In ENTRIES.
    words : sequence of str

    Returns
    -------
    int or None
        The exit code, 128 + n after signal n; None where no server takes it.
    """
    address = os.environ.get(VARIABLE)
    if not address:
        return None
    request = Request(entry, list(words), os.getcwd(), dict(os.environ), os.nice(0))
    process: int | None = None
    try:
        with connection.Client(address, "AF_UNIX") as server:
            server.send(request)
            for stream in (1, 2):
                reduction.send_handle(server, stream, None)
            process = pid = server.recv()
            if process is None:
                return None
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: _pass_on(pid, number))
            code: int = server.recv()
    except (OSError, EOFError):
        return None if process is None else 1  # what has begun is not begun again
    return code if code >= 0 else 128 - code


def _pass_on(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


@contextlib.contextmanager
def fork_server() -> Iterator[str | None]:
    """A server, as long as the block lasts: its address; None where there can be none."""
    if "forkserver" not in get_all_start_methods():  # on Windows
        yield None
        return
    processes = get_context("forkserver")
    processes.set_forkserver_preload([MODULE])
    with temporary_folder("fork") as folder:
        address = str(folder / "socket")
        try:
            listener = connection.Listener(address, "AF_UNIX")
        except OSError:  # the path is too long for a socket
            yield None
            return
        running = set[BaseProcess]()
        with listener:
            work = listener, processes, running
            threading.Thread(target=_accept, args=work, daemon=True).start()
            yield address
        for process in list(running):
            process.kill()


def _accept(
    listener: connection.Listener,
    processes: context.ForkServerContext,
    running: set[BaseProcess],
) -> None:
    """Take one request after the other; each has a thread that waits for its process."""
    started = time.time()
    with contextlib.suppress(OSError):  # closed
        while True:
            work = listener.accept(), processes, running, started
            threading.Thread(target=_serve, args=work, daemon=True).start()


def _serve(
    asker: connection.Connection,
    processes: context.ForkServerContext,
    running: set[BaseProcess],
    started: float,
) -> None:
    """Fork what is asked for, and wait for it or for the end of who asked."""
    with asker, contextlib.suppress(EOFError, OSError):
        request: Request = asker.recv()
        streams = [reduction.recv_handle(asker) for _ in range(2)]
        process = processes.Process(
            target=_run, args=(request, [reduction.DupFd(stream) for stream in streams])
        )
        if _changed() <= started:
            process.start()
            running.add(process)
        for stream in streams:
            os.close(stream)
        if process.pid is None:
            asker.send(None)
            return
        try:
            asker.send(process.pid)
            connection.wait([process.sentinel, asker])
        finally:
            if process.is_alive():  # who asked has gone
                process.kill()
            process.join()
            running.discard(process)
        asker.send(process.exitcode)


def _changed() -> float:
    """When a file of the package was changed last; seconds since the epoch."""
    return max(path.stat().st_mtime for path in Path(__file__).parent.parent.rglob("*.py"))


def _run(request: Request, streams: Sequence[Any]) -> None:
    """In the forked process: what was asked for, as if it had been started by who asked."""
    set_start_method(None, force=True)  # its own processes start as they do elsewhere
    os.setsid()  # signals come from who asked alone
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams, start=1):
        handle = stream.detach()
        os.dup2(handle, number)
        os.close(handle)
    # Buffers made anew: those of the server may be of files.
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    os.nice(request.niceness)
    with contextlib.suppress(
        OSError
    ):  # Linux may weigh whole sessions, each by a number of its own
        Path("/proc/self/autogroup").write_text(str(request.niceness))
    sys.argv = [request.entry, *request.words]
    module, function = ENTRIES[request.entry]
    sys.exit(getattr(importlib.import_module(module), function)(request.words))
