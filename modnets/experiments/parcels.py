"""What a worker needs to train a chunk: its runs, and the models of the user's own among them.

A worker must build what this process would build.  What it would import may be another version of
a file, or not there at all; so classes and functions of the user's own files travel by value.
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


class CannotTravel(Exception):
    """A chunk, or a model of its runs, cannot be sent to another process."""


@dataclass
class Parcel:
    """A chunk for a worker.

    Parameters
    ----------
    chunk : Chunk
    models : dict
        Name -> pickled builder, of the models that are not modnets' own.
    identities : dict
        Name -> identity of those models here, as runs are known by it.
    sender : tuple
        The process that sends it.
    """

    chunk: Chunk
    models: dict[str, bytes]
    identities: dict[str, str]
    sender: tuple[str, int]

    def __reduce__(self) -> tuple:
        return _unpacked, (cloudpickle.dumps(self.chunk), self.models, self.identities, self.sender)

    def open(self) -> Chunk:
        """The chunk, its models registered here; threads of the sender have them as they are.

        Raises
        ------
        CannotTravel
            If a model cannot be unpacked here.
        """
        if self.sender != _this_process():
            for name, data in self.models.items():
                try:
                    MODELS[name] = pickle.loads(data)
                except Exception as error:
                    raise CannotTravel(f"model {name!r}: {first_line(error)}") from None
        return self.chunk


def _unpacked(chunk: bytes, *others: Any) -> Parcel:
    return Parcel(pickle.loads(chunk), *others)


class Sender:
    """Packs the chunks of a sweep; a model is pickled once."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes | CannotTravel] = {}

    def pack(self, chunk: Chunk) -> Parcel:
        """A chunk with the models of its runs, and no others.

        Raises
        ------
        CannotTravel
            If one of them cannot be pickled.
        """
        models = {}
        for name in sorted({run.model for run in chunk.runs} - {*BUILT_IN}):
            if name not in self._packed:
                self._packed[name] = _by_value(name)
            packed = self._packed[name]
            if isinstance(packed, CannotTravel):
                raise packed
            models[name] = packed
        identities = {name: identity_of(name) for name in models}
        return Parcel(chunk, models, identities, _this_process())


def check_travels(chunk: Chunk) -> None:
    """Raise CannotTravel if the runs of a chunk cannot be pickled."""
    try:
        cloudpickle.dumps(chunk)
    except Exception as error:
        raise CannotTravel(first_line(error)) from None


def _by_value(name: str) -> bytes | CannotTravel:
    known = cloudpickle.list_registry_pickle_by_value()
    own = [module for module in _own_modules() if module.__name__ not in known]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(MODELS[name])
    except Exception as error:
        return CannotTravel(f"model {name!r}: {first_line(error)}")
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _own_modules() -> Iterator[ModuleType]:
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
