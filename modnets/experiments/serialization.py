"""Chunks serialized for worker processes, with what is user-defined: models, losses, hooks.

A worker must build what this process would build.  What it would import may be another version of
a file, or missing; so classes and functions of the user's own files are pickled by value.
"""

from __future__ import annotations

import os
import pickle
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from modnets.errors import first_line
from modnets.experiments.planning import Chunk
from modnets.models.identity import REGISTRIES, Part, identity_of, own_parts
from modnets.paths import PACKAGE


class NotSerializable(Exception):
    """A chunk, or what its runs are made of, cannot be sent to another process."""


@dataclass
class SerializedChunk:
    """A chunk and its models, losses and hooks, as sent to a worker.

    Parameters
    ----------
    chunk : Chunk
    parts : dict
        Kind and name -> pickled builder or function, of what is not modnets' own.
    identities : dict
        Kind and name -> identity of those here, as runs are known by it.
    sender : tuple
        Host name and process id of the process that sends it.
    watch : bytes, optional
        Who looks on at each evaluation, pickled.
    """

    chunk: Chunk
    parts: dict[Part, bytes]
    identities: dict[Part, str]
    sender: tuple[str, int]
    watch: bytes | None = None

    def __reduce__(self) -> tuple:
        return _deserialized, (
            cloudpickle.dumps(self.chunk),
            self.parts,
            self.identities,
            self.sender,
            self.watch,
        )

    def watch_here(self) -> Any:
        """Who looks on, unpickled here; None for nobody."""
        return None if self.watch is None else pickle.loads(self.watch)

    def chunk_here(self) -> Chunk:
        """The chunk, its parts registered here; threads of the sender have them as they are.

        Raises
        ------
        NotSerializable
            If one of them cannot be unpickled here.
        """
        if self.sender != _this_process():
            for (kind, name), data in self.parts.items():
                try:
                    REGISTRIES[kind][name] = pickle.loads(data)
                except Exception as error:
                    raise NotSerializable(f"{kind} {name!r}: {first_line(error)}") from None
        return self.chunk


def _deserialized(chunk: bytes, *others: Any) -> SerializedChunk:
    return SerializedChunk(pickle.loads(chunk), *others)


class ChunkSerializer:
    """Serializes the chunks of a sweep; each model, loss or hook is pickled once."""

    def __init__(self, watch: Any = None) -> None:
        self.watch = watch
        self._pickled: dict[Part, bytes | NotSerializable] = {}

    def serialize(self, chunk: Chunk) -> SerializedChunk:
        """A chunk with the models, losses and hooks of its runs, and no others.

        Raises
        ------
        NotSerializable
            If one of them cannot be pickled.
        """
        parts = {}
        for part in sorted({part for run in chunk.runs for part in own_parts(run)}):
            if part not in self._pickled:
                self._pickled[part] = _by_value(*part, REGISTRIES[part[0]][part[1]])
            pickled = self._pickled[part]
            if isinstance(pickled, NotSerializable):
                raise pickled
            parts[part] = pickled
        identities = {(kind, name): identity_of(name, kind) for kind, name in parts}
        return SerializedChunk(chunk, parts, identities, _this_process(), self._pickled_watch())

    def _pickled_watch(self) -> bytes | None:
        """Who looks on, by value; pickled for each chunk, as it may change meanwhile."""
        pickled = None if self.watch is None else _by_value("on_evaluation", "", self.watch)
        if isinstance(pickled, NotSerializable):
            raise pickled
        return pickled


def check_serializable(chunk: Chunk) -> None:
    """Raise NotSerializable if the runs of a chunk cannot be pickled."""
    try:
        cloudpickle.dumps(chunk)
    except Exception as error:
        raise NotSerializable(first_line(error)) from None


def check_travels(chunks: Iterable[Chunk], watch: Any = None) -> list[SerializedChunk]:
    """Make sure that what chunks are made of can be sent: models, losses, hooks, who looks on.

    Returns
    -------
    list of SerializedChunk
        One for each combination of what is user-defined, none for modnets' own.

    Raises
    ------
    ValueError
        One line that names what cannot.
    """
    serializer = ChunkSerializer(watch)
    found: dict[frozenset[Part], SerializedChunk] = {}
    for chunk in chunks:
        parts = frozenset(part for run in chunk.runs for part in own_parts(run))
        if parts in found or not (parts or watch):
            continue
        try:
            check_serializable(chunk)
            found[parts] = serializer.serialize(chunk)
        except NotSerializable as error:
            raise ValueError(
                f"{error}: it cannot travel to workers; allowed is what can be pickled, or "
                "executor=None"
            ) from None
    return [*found.values()]


def _by_value(kind: str, name: str, value: Any) -> bytes | NotSerializable:
    known = cloudpickle.list_registry_pickle_by_value()
    own = [module for module in _user_modules() if module.__name__ not in known]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(value)
    except Exception as error:
        return NotSerializable(f"{kind} {name!r}: {first_line(error)}")
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _user_modules() -> Iterator[ModuleType]:
    """Modules from files of the user's own: of no package that is installed, nor of Python."""
    library = Path(os.__file__).parent
    for name, module in list(sys.modules.items()):
        file: Any = getattr(module, "__file__", None)
        if not isinstance(file, str) or not isinstance(module, ModuleType) or name == "__main__":
            continue
        path = Path(file)
        installed: set[Any] = {"site-packages", "dist-packages"} & {*path.parts}
        installed |= {place for place in (library, PACKAGE) if path.is_relative_to(place)}
        if module.__name__ == name and not installed:
            yield module


def _this_process() -> tuple[str, int]:
    return platform.node(), os.getpid()
