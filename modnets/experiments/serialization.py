"""Chunks serialized for worker processes, with the user-defined models of their runs.

A worker must build what this process would build.  What it would import may be another version of
a file, or missing; so classes and functions of the user's own files are pickled by value.
"""

from __future__ import annotations

import os
import pickle
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from modnets.errors import first_line
from modnets.experiments.planning import Chunk
from modnets.models.identity import identity_of
from modnets.models.registry import BUILT_IN, MODELS
from modnets.paths import PACKAGE


class NotSerializable(Exception):
    """A chunk, or a model of its runs, cannot be sent to another process."""


@dataclass
class SerializedChunk:
    """A chunk and its models, as sent to a worker.

    Parameters
    ----------
    chunk : Chunk
    models : dict
        Name -> pickled builder, of the models that are not modnets' own.
    identities : dict
        Name -> identity of those models here, as runs are known by it.
    sender : tuple
        Host name and process id of the process that sends it.
    """

    chunk: Chunk
    models: dict[str, bytes]
    identities: dict[str, str]
    sender: tuple[str, int]

    def __reduce__(self) -> tuple:
        return _deserialized, (
            cloudpickle.dumps(self.chunk),
            self.models,
            self.identities,
            self.sender,
        )

    def chunk_here(self) -> Chunk:
        """The chunk, its models registered here; threads of the sender have them as they are.

        Raises
        ------
        NotSerializable
            If a model cannot be unpickled here.
        """
        if self.sender != _this_process():
            for name, data in self.models.items():
                try:
                    MODELS[name] = pickle.loads(data)
                except Exception as error:
                    raise NotSerializable(f"model {name!r}: {first_line(error)}") from None
        return self.chunk


def _deserialized(chunk: bytes, *others: Any) -> SerializedChunk:
    return SerializedChunk(pickle.loads(chunk), *others)


class ChunkSerializer:
    """Serializes the chunks of a sweep; each model is pickled once."""

    def __init__(self) -> None:
        self._pickled: dict[str, bytes | NotSerializable] = {}

    def serialize(self, chunk: Chunk) -> SerializedChunk:
        """A chunk with the models of its runs, and no others.

        Raises
        ------
        NotSerializable
            If one of them cannot be pickled.
        """
        models = {}
        for name in sorted({run.model for run in chunk.runs} - {*BUILT_IN}):
            if name not in self._pickled:
                self._pickled[name] = _by_value(name)
            pickled = self._pickled[name]
            if isinstance(pickled, NotSerializable):
                raise pickled
            models[name] = pickled
        identities = {name: identity_of(name) for name in models}
        return SerializedChunk(chunk, models, identities, _this_process())


def check_serializable(chunk: Chunk) -> None:
    """Raise NotSerializable if the runs of a chunk cannot be pickled."""
    try:
        cloudpickle.dumps(chunk)
    except Exception as error:
        raise NotSerializable(first_line(error)) from None


def _by_value(name: str) -> bytes | NotSerializable:
    known = cloudpickle.list_registry_pickle_by_value()
    own = [module for module in _user_modules() if module.__name__ not in known]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(MODELS[name])
    except Exception as error:
        return NotSerializable(f"model {name!r}: {first_line(error)}")
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
