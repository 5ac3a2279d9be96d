"""What each kind of network is given of a task's structure, piece by piece.

The pieces form a ladder: small modules in the shape of the task's levels, one pool of them for all
slots, and then which choices are known.  A kind's name, as ``RunConfig.kind`` spells it, says which
of them it has.  Sparse networks are given no knowledge; each density is a kind of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from modnets.analysis.tables import require_columns
from modnets.checked import checked

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
        As ``RunConfig.kind`` spells it.

    Returns
    -------
    frozenset of str, or None
        From :data:`PIECES`; None for a model of one's own, of which this is not known.

    Examples
    --------
    >>> sorted(pieces_of("shared, known routing and outputs"))
    ['modules', 'outputs', 'routing', 'sharing']
    """
    model, _, words = kind.partition(", ")
    if model.split(" ")[0] in MONOLITHIC:
        return frozenset()
    if model not in _ALL_KNOWN:
        return None
    own = {"modules"} if model == "modular" else {"modules", "sharing"}
    if words == "known":
        return frozenset(own | set(_ALL_KNOWN[model]))
    known = words.removeprefix("known ").split(" and ") if words.startswith("known ") else []
    return frozenset(own | set(known))


def ladder(kinds: Iterable[str]) -> list[str]:
    """Those kinds as rungs: dense, sparse, own modules, a shared pool; more knowledge later.

    Parameters
    ----------
    kinds : iterable of str

    Returns
    -------
    list of str
        Each once; models of one's own come last, sorted.
    """
    return sorted(set(kinds), key=_rung)


@checked
def by_density(results: pd.DataFrame) -> pd.DataFrame:
    """The results with sparse networks of each density as a kind of their own.

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
    """Where a kind stands on the ladder."""
    found = pieces_of(kind)
    if found is None:
        return 2, kind
    if not found:
        model, _, percent = kind.partition(" ")
        return 0, MONOLITHIC.index(model), float(percent.rstrip(" %") or 0)
    # Choices weigh by their place: routing more than all the others together.
    weight = sum(2**place for place, piece in enumerate(PIECES) if piece in found)
    return 1, "sharing" in found, weight
