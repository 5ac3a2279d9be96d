"""The identity of user-defined parts of a run: a digest of all code and values that each reaches.

A result belongs to the network that gave it, and to its loss and hooks, where they are a user's
own.  The digest holds the compiled code of a builder, of
the classes and functions that it refers to, wherever they stand in the user's own files or
notebook, and the values of their globals, closures, defaults and class attributes.  The walk stops
at installed packages, which enter by name and version.  What a constructor reads from files is not
seen: hand it over as ``options``.  Another Python version compiles code otherwise, so that digests
differ there.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from modnets.models.hooks import HOOKS
from modnets.models.losses import BUILT_IN_LOSSES, LOSSES
from modnets.models.object_hasher import ObjectHasher
from modnets.models.registry import BUILT_IN, MODELS, Config
from modnets.models.routing_methods.registry import BUILT_IN_METHODS, ROUTING_METHODS

#: Kind of what is registered by name -> by name; and the names that are modnets' own.
REGISTRIES: dict[str, dict[str, Any]] = {
    "model": MODELS,
    "loss": LOSSES,
    "on_evaluation": HOOKS,
    "routing_method": ROUTING_METHODS,
}
OWN_OF_MODNETS = {
    "model": BUILT_IN,
    "loss": BUILT_IN_LOSSES,
    "on_evaluation": (),
    "routing_method": BUILT_IN_METHODS,
}

#: Kind and name.
Part = tuple[str, str]

#: Cached digests, so that a sweep uses one for all of its runs; see :func:`cached_digests`.
_CACHE: ContextVar[dict[Part, str] | None] = ContextVar("cached_digests", default=None)
_warned: set[tuple[str, str, str]] = set()


def own_parts(config: Config) -> list[Part]:
    """What of a run is registered by name and not modnets' own: kinds and names."""
    parts = [("model", config.model), ("loss", config.loss)]
    parts += [("on_evaluation", name) for name in config.on_evaluation or ()]
    if config.routing_method is not None and config.final.routing_method is not None:
        parts.append(("routing_method", config.routing_method))
    earlier = [] if config.pretrained is None else own_parts(config.pretrained)
    own = [(kind, name) for kind, name in parts if name not in OWN_OF_MODNETS[kind]]
    return [*dict.fromkeys([*own, *earlier])]


def identity_of_run(config: Config) -> str:
    """The digests of what of a run is a user's own, as they are now; else the empty string.

    Of a run that starts from the network of another its key too.
    """
    identity = identity_of(config.model)
    for kind, name in own_parts(config):
        if kind != "model":
            identity += f" {kind} {identity_of(name, kind)}"
    if config.pretrained is not None:
        identity += f" pretrained {config.pretrained.key}"
    return identity


def identity_of(name: str, kind: str = "model") -> str:
    """The digest of what is registered by a name, as it is now; of modnets' own the empty string.

    An object whose content is not accessible, as an open file, is reported once.

    Parameters
    ----------
    name : str
    kind : str
        In REGISTRIES.
    """
    if name in OWN_OF_MODNETS[kind]:
        return ""
    cache = _CACHE.get()
    if cache is not None and (kind, name) in cache:
        return cache[kind, name]
    hasher = ObjectHasher()
    digest = hasher.digest(REGISTRIES[kind][name])
    for opaque in hasher.opaque:
        if (kind, name, opaque) not in _warned:
            _warned.add((kind, name, opaque))
            print(
                f"modnets: {kind} {name!r} refers to {opaque}, which its runs' keys cannot hold",
                file=sys.stderr,
            )
    if cache is not None:
        cache[kind, name] = digest
    return digest


@contextlib.contextmanager
def cached_digests(digests: Mapping[Part, str] | None = None) -> Iterator[None]:
    """Compute each digest at most once inside the block; ``digests`` are known ones."""
    outer = _CACHE.get()
    token = _CACHE.set({**(outer or {}), **(digests or {})})
    try:
        yield
    finally:
        _CACHE.reset(token)
