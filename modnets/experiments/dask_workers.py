"""Workers of dask.distributed as an executor that never waits for what cannot come.

A scheduler that is gone, or one that has no workers any more, ends what was given to it with
:class:`ClusterLost`; by itself, dask waits for ever.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, InvalidStateError
from pathlib import Path
from typing import Any

from modnets.errors import first_line, require
from modnets.experiments.interruption import shielded
from modnets.experiments.serialization import SerializedChunk
from modnets.hardware import cores
from modnets.provenance import machine

#: What has to be the same there as here, so that results are.
SAME = ("modnets", "torch", "python")
SAID_AFTER = 5.0  # s

LOOK_EVERY = 0.5  # s
#: So long a cluster may be without workers that had some: s.
WITHOUT_WORKERS = 60.0
#: So long a scheduler may take to answer, and be silent when it has work: s.
ANSWER_WITHIN, SILENT = 10.0, 120.0
#: How dask is set where its workers are ours.  They are processes of this machine, whose end is
#: noticed at once, so that nobody has to say every few seconds that it is alive.
OWN_SETTINGS = {"distributed.scheduler.worker-ttl": None}
#: Nobody is served a page, and no port is taken that another one may want.
NO_DASHBOARD: dict[str, Any] = {
    "dashboard_address": "127.0.0.1:0",
    "scheduler_kwargs": {"dashboard": False},
}


class ClusterLost(RuntimeError):
    """The scheduler is gone, or has no workers any more."""


class DaskExecutor(Executor):
    """What trains chunks on the workers of a client.

    Parameters
    ----------
    client : distributed.Client
    inner : Executor, optional
        The client's own, as ``client.get_executor`` gives it.
    """

    def __init__(self, client: Any, inner: Executor | None = None) -> None:
        self.client = client
        self.inner = client.get_executor(pure=False) if inner is None else inner
        self.address = client.scheduler.address if client.scheduler else "?"
        self.lost = ""
        self._given: weakref.WeakSet[Future] = weakref.WeakSet()
        self._ends = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="modnets-dask").start()

    def submit(self, function: Callable, /, *given: Any, **named: Any) -> Future:
        """Give a call to a worker.

        Raises
        ------
        ClusterLost
            If there is none that could do it.
        """
        self._look()
        if self.lost:
            raise ClusterLost(self.lost)
        future: Future = Future()
        self._given.add(future)
        there = self.inner.submit(function, *given, **named)
        there.add_done_callback(lambda done: _hand_on(done, future))
        future.add_done_callback(lambda done: there.cancel() if done.cancelled() else None)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Look no more after what was given; the client stays as it is."""
        self._ends.set()

    def _look(self) -> None:
        """Note whether the scheduler is gone."""
        if not self.lost and self.client.status != "running":
            self.lost = f"the scheduler at {self.address} is gone"

    def _watch(self) -> None:
        began = heard = seen = time.monotonic()
        there = said = False
        while not self._ends.wait(LOOK_EVERY) and not self.lost:
            self._look()
            n_workers, now = self._workers(), time.monotonic()
            there = there or bool(n_workers)
            heard = heard if n_workers is None else now
            seen = seen if there and n_workers == 0 else now
            if not there and not said and now - began > SAID_AFTER:
                said = True
                print(f"modnets: no worker at {self.address} yet; waiting for one", file=sys.stderr)
            for since, most, what in (
                (seen, WITHOUT_WORKERS, "there was no worker"),
                (heard, SILENT, "nobody answered"),
            ):
                if now - since > most and not self.lost:
                    self.lost = f"for {most:.0f} s {what} at {self.address}"
        for future in list(self._given) if self.lost else ():
            with contextlib.suppress(InvalidStateError):
                future.set_exception(ClusterLost(self.lost))

    def _workers(self) -> int | None:
        """How many workers there are; None where nobody says."""
        try:
            ask = self.client.scheduler.ncores
            return len(self.client.sync(ask, callback_timeout=ANSWER_WITHIN))
        except Exception:  # of connections that end, of clients that do
            return None


def _hand_on(done: Future, future: Future) -> None:
    """What came of a call of dask's, as what came of ours; unless that has ended before."""
    with contextlib.suppress(InvalidStateError):
        if done.cancelled():
            future.set_exception(ClusterLost("dask cancelled it"))
        elif (error := done.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(done.result())


@contextlib.contextmanager
def dask_workers(given: Any, workers: int | None) -> Iterator[DaskExecutor]:
    """Workers of dask: by a word, or those of a client, or of its executor.

    Parameters
    ----------
    given : str, distributed.Client or its executor
        ``"dask"``, ``"dask:tcp://host:port"`` or ``"dask:scheduler.json"``.
    workers : int, optional
        Of ``"dask"``: how many.

    Raises
    ------
    ValueError
        If there are none, or they have other versions.
    """
    with contextlib.ExitStack() as stack:
        if given == "dask":
            executor = DaskExecutor(stack.enter_context(own_cluster(workers)))
        else:
            inner = None
            if isinstance(given, str):
                client = stack.enter_context(client_at(given.partition(":")[2]))
            elif callable(getattr(given, "get_executor", None)):
                client = given
            else:
                # Twice the same call is two calls: one that is tried again has not failed yet.
                client = given._client
                inner = client.get_executor(**{**given._kwargs, "pure": False})
            check_versions(client)
            executor = DaskExecutor(client, inner)
        yield stack.enter_context(executor)


@contextlib.contextmanager
def own_cluster(workers: int | None) -> Iterator[Any]:
    """A client of workers on this machine, processes of one thread; ended with the block.

    Raises
    ------
    ValueError
        If none can be started.
    """
    import dask
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        try:
            with dask.config.set(OWN_SETTINGS), shielded():
                cluster = LocalCluster(
                    n_workers=workers or cores(),
                    threads_per_worker=1,
                    memory_limit=0,  # nobody is ended for the memory it takes
                    silence_logs=logging.CRITICAL,
                    **NO_DASHBOARD,
                )
                stack.callback(cluster.close)
                client = stack.enter_context(Client(cluster))
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"executor='dask': no workers can be started ({first_line(error)}); allowed is a "
                "machine with room for them, in a script below `if __name__ == '__main__':`"
            ) from None
        yield client


def client_at(place: str) -> Any:
    """A client of a scheduler that runs somewhere.

    Parameters
    ----------
    place : str
        Its address, ``tcp://host:port``, or the file that it wrote.

    Raises
    ------
    ValueError
        If there is none.
    """
    from distributed import Client

    require(
        "://" in place or Path(place).is_file(),
        f"executor={'dask:' + place!r}: there is no such file; allowed is the address of a "
        "scheduler, as dask:tcp://host:8786, or its file",
    )
    where = {"address": place} if "://" in place else {"scheduler_file": place}
    try:
        return Client(**where, timeout=ANSWER_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"executor={'dask:' + place!r}: no scheduler answers there ({first_line(error)}); "
            "allowed is the address of one, as dask:tcp://host:8786, or its file"
        ) from None


def check_versions(client: Any) -> None:
    """Raise ValueError unless all workers of a client have what results depend on."""
    here = machine()
    try:
        there = client.run(machine)
    except Exception as error:  # whatever a worker says that has no modnets
        raise ValueError(
            f"executor: modnets cannot be used by its workers ({first_line(error)}); allowed are "
            "workers with the same version as here"
        ) from None
    for worker, found in there.items():
        other = [f"{name} {found[name]}" for name in SAME if found[name] != here[name]]
        require(
            not other,
            f"executor: worker {worker} has {', '.join(other)}; allowed is "
            + ", ".join(f"{name} {here[name]}" for name in SAME),
        )


def check_builds(client: Any, message: SerializedChunk) -> None:
    """Raise ValueError unless each worker of a client can unpack what a chunk is made of."""
    try:
        client.run(_unpack, message)
    except Exception as error:
        raise ValueError(
            f"executor: a worker cannot unpack what runs are made of ({first_line(error)}); "
            "allowed is what its Python can import"
        ) from None


def _unpack(message: SerializedChunk) -> None:
    message.chunk_here()
    message.watch_here()
