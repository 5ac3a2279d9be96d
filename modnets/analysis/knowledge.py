"""The training rows that a piece of knowledge saves, in each context.

A network with the piece and one that has all but that are compared by the rows that they need, as
in :func:`~modnets.analysis.sample_complexity`, on the same bootstrap resamples.  What a piece saves
depends on what is known already, so each context has a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from modnets.analysis.intervals import Bootstrap
from modnets.analysis.kinds import PIECES, ladder, pieces_of
from modnets.analysis.rows_needed import SAVED, rows_needed, rows_saved
from modnets.checked import checked

#: Pieces that are also added together: only a shared pool has a selection, and only known routing
#: determines which slots are the outputs.
PAIRS = (("sharing", "selection"), ("outputs", "routing"))

COLUMNS = ["graph", "piece", "context", "kind", "share", "rows_without", "rows_with", *SAVED]


@checked
def knowledge_savings(
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
        What a sweep returns, sparse networks as :func:`~modnets.analysis.by_density` names them;
        each run enters at its last epoch.
    share : float, in (0, 1]
        Share of runs that have to solve the task.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per graph, piece and context: ``piece`` ("routing"; "sharing and selection", added
        together; for sparse networks "sparsity 75 %"); ``context``, the kind of network without
        it; ``kind``, the one with it; ``share``; ``rows_without`` and ``rows_with`` (infinite:
        more than the most rows tried); ``saved``, rows that it saves, with ``saved_low``,
        ``saved_high`` and ``saved_is``, as in :func:`~modnets.analysis.sample_complexity`.
    """
    bootstrap = Bootstrap(confidence, resamples, seed)
    needed = rows_needed(results, share, bootstrap)
    rows = []
    for graph in dict.fromkeys(graph for graph, _ in needed):
        for piece, context, kind in steps(kind for g, kind in needed if g == graph):
            own, other = needed[graph, kind], needed[graph, context]
            rows.append(
                {"graph": graph, "piece": piece, "context": context, "kind": kind, "share": share}
                | {"rows_without": other.rows, "rows_with": own.rows}
                | rows_saved(own, other, bootstrap)
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def steps(kinds: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Piece, kind without it and kind with it, for every two kinds that differ by one piece.

    Sorted by piece, from sparsity to routing, then as on the ladder.  User-defined models are left
    out, as their pieces are not known, and so are other routing methods than the published one.
    """
    published = [kind for kind in ladder(kinds) if "(" not in kind]
    known = {kind: pieces for kind in published if (pieces := pieces_of(kind)) is not None}
    dense = [kind for kind in known if kind == "dense"]
    for kind, pieces in known.items():
        if not pieces and kind not in dense:
            yield from ((kind.replace("sparse", "sparsity"), context, kind) for context in dense)
    contexts = {kind: pieces for kind, pieces in known.items() if pieces or kind in dense}
    for added in (*((piece,) for piece in PIECES), *PAIRS):
        for context, before in contexts.items():
            for kind, pieces in contexts.items():
                if pieces == before | set(added) and not before & set(added):
                    yield " and ".join(added), context, kind
