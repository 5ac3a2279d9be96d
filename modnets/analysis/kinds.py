"""Kinds of networks by what they know of a task's structure, piece by piece.

The pieces form a ladder: small modules in the shape of the task's levels, one pool of them for all
slots, and then which choices are known.  A kind's name, as in ``RunConfig.kind``, says which of
them it has.  Sparse networks have none of them; each density is a kind of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.config.pretraining import FROZEN, without_reuse
from modnets.config.run_config import RunConfig
from modnets.errors import one_of, require
from modnets.models.registry import MODELS

#: Pieces of knowledge, in the order in which a ladder of kinds adds them.
PIECES = ("modules", "sharing", "selection", "outputs", "routing")

#: Kinds without any, in order; sparse ones are followed by their share of weights masked.
MONOLITHIC = ("dense", "sparse")

_ALL_KNOWN = {"modular": ("outputs", "routing"), "shared": ("selection", "outputs", "routing")}


def pieces_of(kind: str) -> frozenset[str] | None:
    """The pieces of knowledge that a kind of network has.

    Parameters
    ----------
    kind : str
        As in ``RunConfig.kind``.

    Returns
    -------
    frozenset of str, or None
        From :data:`PIECES`; None for a user-defined model, whose pieces are not known.

    Examples
    --------
    >>> sorted(pieces_of("shared, known routing and outputs"))
    ['modules', 'outputs', 'routing', 'sharing']
    """
    model, _, knowledge = without_reuse(kind).partition(" (")[0].partition(", ")
    if model.split(" ")[0] in MONOLITHIC:
        return frozenset()
    if model not in _ALL_KNOWN:
        return None
    own = {"modules"} if model == "modular" else {"modules", "sharing"}
    if knowledge == "known":
        return frozenset(own | set(_ALL_KNOWN[model]))
    if not knowledge.startswith("known "):
        return frozenset(own)
    return frozenset(own | set(knowledge.removeprefix("known ").split(" and ")))


@checked
def kind_settings(kind: str) -> dict:
    """The settings that make networks of a kind; of what is known and of the routing method.

    Parameters
    ----------
    kind : str
        As in ``RunConfig.kind``.

    Returns
    -------
    dict
        Setting -> value, for ``mn.RunConfig`` or ``mn.grid``.

    Raises
    ------
    ValueError
        If no settings make networks of that kind.

    Examples
    --------
    >>> kind_settings("shared, learned (best)")
    {'model': 'shared', 'routing': 'learned', 'routing_method': 'best'}
    """
    plain = kind.removesuffix(FROZEN)
    named, _, method = plain.removesuffix(")").partition(" (")
    model, _, known = named.partition(", ")
    one_of("kind", model, MODELS)
    settings: dict[str, Any] = {"model": model}
    if known in ("known", "learned"):
        settings["routing"] = known
    elif known:
        parts = known.removeprefix("known ").split(" and ")
        settings |= {
            name: "known" if name in parts else "learned" for name in _ALL_KNOWN.get(model, ())
        }
    if method:
        settings["routing_method"] = method
    if plain != kind:
        settings["lr"] = 0.0
    made = RunConfig(**settings).kind
    require(made == kind, f"kind={kind!r}; allowed is one as RunConfig.kind says it, as {made!r}")
    return settings


def ladder(kinds: Iterable[str]) -> list[str]:
    """Kinds in the order of the ladder: dense, sparse, own modules, a shared pool; knowledge grows.

    Parameters
    ----------
    kinds : iterable of str

    Returns
    -------
    list of str
        Each once; user-defined models come last. Those of one rung are sorted by name.
    """
    return sorted(set(kinds), key=lambda kind: (_rung(kind), kind))


@checked
def by_density(results: pd.DataFrame) -> pd.DataFrame:
    """The results with each density of sparse networks as a kind of its own.

    Parameters
    ----------
    results : DataFrame
        With columns ``kind`` and ``pruning_ratio`` (percent).

    Returns
    -------
    DataFrame
        A copy in which ``"sparse"`` reads ``"sparse 75 %"``, by the share of weights masked.
    """
    require_columns(results, ["kind", "pruning_ratio"])
    sparse = results["kind"] == "sparse"
    names = [f"sparse {ratio:g} %" for ratio in results.loc[sparse, "pruning_ratio"]]
    kinds = results["kind"].copy()
    kinds[sparse] = names
    return results.assign(kind=kinds)


def _rung(kind: str) -> tuple:
    """Sorting key of a kind on the ladder."""
    pieces = pieces_of(kind)
    if pieces is None:
        return 2, kind
    if not pieces:
        model, _, percent = kind.partition(" ")
        return 0, MONOLITHIC.index(model), float(percent.rstrip(" %") or 0)
    # Powers of two: routing weighs more than all the others together.
    weight = sum(2**index for index, piece in enumerate(PIECES) if piece in pieces)
    return 1, "sharing" in pieces, weight, kind.partition(" (")[2]  # published first
