"""The runs that others start from: each trained once in a process, and what it ends as kept.

How such a run trains follows from itself alone, as a large sweep would train it: compiled with a
replica in each lane where that takes long and is possible.  So what starts from it is the same
whatever trains beside it, and however that itself trains.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from modnets.compiler.build_cache import can_compile
from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of, total_steps
from modnets.hardware import lanes as vector_width
from modnets.training.cost_model import COMPILE_FROM
from modnets.training.initialization import EndState, EndStates
from modnets.training.restarts import Starts

#: Replicas side by side: of compiled steps, and of tensor operations, which are filled up.
CHUNK, EAGER_CHUNK = 64, 16
#: Bytes of networks that are kept.
KEPT = 2**27


@dataclass(frozen=True)
class How:
    """How a chunk trains; see :func:`modnets.training.engine.train_chunk`."""

    chunk: int
    compiled: bool
    lanes: int | None
    device: str


def how_to_train(run: RunConfig, device: str) -> How:
    """How a run trains that others start from."""
    compiled = total_steps(run) >= COMPILE_FROM and (device != "cpu" or can_compile())
    if compiled:
        return How(CHUNK, compiled, vector_width(), device)
    return How(EAGER_CHUNK, compiled, None, device)


class KeptNetworks:
    """What runs ended as, the last ones used, up to some bytes."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes, self.held = n_bytes, 0
        self._states: OrderedDict[tuple[str, How], EndState] = OrderedDict()

    def get(self, key: str, how: How) -> EndState | None:
        """What a run trained in some way ended as, if that is kept."""
        if (key, how) not in self._states:
            return None
        self._states.move_to_end((key, how))
        return self._states[key, how]

    def keep(self, key: str, how: How, state: EndState) -> None:
        """Keep one, and let go of those used longest ago."""
        self._drop(self._states.pop((key, how), {}))
        self._states[key, how] = state
        self.held += _bytes_of(state)
        while self.held > self.n_bytes:
            self._drop(self._states.popitem(last=False)[1])

    def clear(self) -> None:
        """Let go of all."""
        self._states.clear()
        self.held = 0

    def _drop(self, state: EndState) -> None:
        self.held -= _bytes_of(state)


KEPT_NETWORKS = KeptNetworks(KEPT)
#: Trains runs of one shape: what each ended as, and tracebacks of those that failed, by their keys.
Train = Callable[[Sequence[RunConfig], How], tuple[EndStates, Mapping[str, str]]]


def _bytes_of(state: EndState) -> int:
    return sum(part.numel() * part.element_size() for part in state.values())


def end_states(starts: Starts) -> dict[str, EndState]:
    """What the runs of a chunk end as, by their keys."""
    replicas, step = starts.replicas, starts.replicas.training_step
    if step.findings is not None:
        networks = [
            dict(network.named_parameters()) | dict(network.named_buffers())
            for network in replicas.networks()
        ]
        states = [_copies(parts) for parts in networks]
    else:
        states = [_copies(step.unflatten(row)) for row in replicas.rows]
    return {run.key: state for run, state in zip(starts.runs, states, strict=True)}


def keep_ends_of(starts: Starts, how: How) -> None:
    """Keep what the runs of a chunk end as, if it trained as those do that others start from."""
    if how_to_train(starts.runs[0], how.device) == how:
        for key, state in end_states(starts).items():
            KEPT_NETWORKS.keep(key, how, state)


def _copies(parts: Mapping[str, Tensor]) -> EndState:
    return {name: part.detach().cpu().clone() for name, part in parts.items()}


def trained_before(
    configs: Sequence[RunConfig], device: str, train: Train
) -> tuple[dict[str, EndState], dict[str, str]]:
    """What runs start from, by the keys of those trained before; and failures by their own keys.

    Parameters
    ----------
    configs : sequence of RunConfig
    device : str
    train : callable
    """
    levels = [_before(configs)]
    while missing := _not_kept(levels[-1], device):
        levels.append(_before(missing))
    found: dict[str, EndState] = {}
    failed: dict[str, str] = {}
    for runs in reversed(levels):  # the first stages first: each next one finds them kept
        for part, how in _parts(_not_kept(runs, device), device):
            states, failures = train(part, how)
            failed |= failures
            found |= states
            for key, state in states.items():
                KEPT_NETWORKS.keep(key, how, state)
    states = {}
    for run in levels[0]:
        kept = found.get(run.key) or KEPT_NETWORKS.get(run.key, how_to_train(run, device))
        if kept is not None:
            states[run.key] = kept
    failures = {
        run.key: _reason(run.pretrained, failed[run.pretrained.key])
        for run in configs
        if run.pretrained is not None and run.pretrained.key in failed
    }
    return states, failures


def _before(runs: Iterable[RunConfig]) -> list[RunConfig]:
    """The runs that others start from, each once."""
    earlier = [run.pretrained for run in runs if run.pretrained is not None]
    return list({run.key: run for run in earlier}.values())


def _not_kept(runs: Iterable[RunConfig], device: str) -> list[RunConfig]:
    return [run for run in runs if KEPT_NETWORKS.get(run.key, how_to_train(run, device)) is None]


def _parts(runs: Sequence[RunConfig], device: str) -> list[tuple[list[RunConfig], How]]:
    """Chunks of runs of one shape, and how each trains."""
    by_shape: dict[str, list[RunConfig]] = {}
    for run in runs:
        by_shape.setdefault(shape_of(run), []).append(run)
    parts = []
    for group in by_shape.values():
        how = how_to_train(group[0], device)
        most = max(1, how.chunk // (group[0].final.restarts or 1))
        parts += [(group[i : i + most], how) for i in range(0, len(group), most)]
    return parts


def _reason(run: RunConfig, trace: str) -> str:
    """The traceback of a run that was to start from one that failed."""
    last = trace.strip().splitlines()[-1].removeprefix("ValueError: ")
    where = "  in the training of what others start from"
    return f"{trace}\n{where}\nValueError: pretrained: {run} ({run.key}) failed: {last}"
