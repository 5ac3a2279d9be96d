"""What a piece of knowledge is worth: the training rows that it saves, in each context.

A piece is added to a network that has otherwise the same, and rows needed are compared as in
:mod:`modnets.analysis.sample_complexity`, with the same draws for both.  What a piece is worth
depends on what is known already, so each context has a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from modnets.analysis.kinds import PIECES, ladder, pieces_of
from modnets.analysis.sample_complexity import SAVED, needs, saved
from modnets.checked import checked

#: Added together too: only a shared pool has a selection, and only where routing is known do the
#: outputs follow from it.
PAIRS = (("sharing", "selection"), ("outputs", "routing"))

COLUMNS = ["graph", "piece", "context", "kind", "share", "rows_without", "rows_with", *SAVED]


@checked
def worth(
    results: pd.DataFrame,
    share: float = 0.5,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Training rows that each piece of knowledge saves, in each context.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns, sparse networks as :func:`~modnets.by_density` names them; each run
        enters at its last epoch.
    share : float, in (0, 1]
        Share of runs that have to solve the task.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples : int
        Bootstrap draws.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per graph, piece and context: ``piece`` ("routing"; "sharing and selection", added
        together; for sparse networks "sparsity 75 %"); ``context``, the kind of network without
        it; ``kind``, the one with it; ``share``; ``rows_without`` and ``rows_with`` (infinite:
        more than the most rows tried); ``saved``, rows that it saves, with ``saved_low``,
        ``saved_high`` and ``saved_is``, as in :func:`~modnets.sample_complexity`.
    """
    found = needs(results, share, resamples=resamples, seed=seed)
    rows = []
    for graph in dict.fromkeys(graph for graph, _ in found):
        for piece, context, kind in steps(kind for g, kind in found if g == graph):
            own, other = found[graph, kind], found[graph, context]
            rows.append(
                {"graph": graph, "piece": piece, "context": context, "kind": kind, "share": share}
                | {"rows_without": other.rows, "rows_with": own.rows}
                | saved(own, other, confidence)
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def steps(kinds: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Piece, kind without it and kind with it, for every two kinds that differ by one piece.

    Sorted by piece, from sparsity to routing, then as on the ladder.  What a model of one's own
    is given is not known; it takes no part.
    """
    known = [(kind, pieces_of(kind)) for kind in ladder(kinds) if pieces_of(kind) is not None]
    dense = [kind for kind, _ in known if kind == "dense"]
    for kind, found in known:
        if not found and kind not in dense:
            yield from ((kind.replace("sparse", "sparsity"), context, kind) for context in dense)
    contexts = [pair for pair in known if pair[1] or pair[0] in dense]
    for pieces in (*((piece,) for piece in PIECES), *PAIRS):
        for context, without in contexts:
            for kind, found in contexts:
                if found == without | set(pieces) and not without & set(pieces):
                    yield " and ".join(pieces), context, kind
