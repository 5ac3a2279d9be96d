"""What was discovered: a graph, with a confidence for each edge, or that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import pandas as pd

from modnets.config.run_config import RunConfig
from modnets.discovery.candidates import Candidate, distinct, posterior
from modnets.discovery.nodes import all_nodes, edges_of, graph_of, in_words, wiring_of
from modnets.discovery.proposals import Vote
from modnets.errors import require, shown
from modnets.tasks.graphs import FunctionGraph

#: Confidence below which an edge that is not in the graph is not told.
LEAST = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class Discovery:
    """A function graph found from the training rows of a run, or that none was found.

    Parameters
    ----------
    run : RunConfig
        Its training rows alone were used.
    method : str
    graph : FunctionGraph or None
        What was found: a task of its own, ``knowledge`` of a run, something to draw.
    candidate : FunctionGraph or None
        The best graph also where it is not better than chance; None where nothing was proposed.
    evidence : float
        Bits that the best graph saves in naming the outputs of the training rows.
    needed : float
        Bits that it takes; of random outputs a graph saves as many with a chance of ``2**-needed``.
    confidence : float
        That the graph's wiring is right: the mean of the votes.
    edges : DataFrame
        A row for each edge that any vote has: ``source`` and ``reader``, each as what it reads;
        ``level`` of the reader, ``confidence`` (mean over votes), and ``in_graph``.
    votes : DataFrame
        A row for each vote: ``wiring`` of its best graph, its ``evidence``, ``agrees`` with the
        graph, ``units`` and ``edges`` left of a network, its training ``accuracy`` and ``flops``.
    flops : float
        Floating-point operations of training and pruning.
    networks : tuple
        What is left of each network, of the method ``"dense"``.
    voted : tuple
        What each vote proposes.
    """

    run: RunConfig
    method: str
    graph: FunctionGraph | None
    candidate: FunctionGraph | None
    evidence: float
    needed: float
    confidence: float
    edges: pd.DataFrame
    votes: pd.DataFrame
    flops: float
    networks: tuple
    voted: tuple[Vote, ...]

    @property
    def found(self) -> bool:
        """Whether the graph says more about the training rows than chance would."""
        return self.graph is not None

    @property
    def why_not(self) -> str:
        """What is missing where nothing was found; else empty."""
        if self.found:
            return ""
        if self.candidate is None:
            return "no vote proposes a graph"
        return f"the best graph saves {self.evidence:.1f} bits of the {self.needed:.1f} needed"

    def seen_by(self, modules: str) -> Discovery:
        """What the same networks say by one kind of modules alone.

        Parameters
        ----------
        modules : {"responses", "units"}
            As in :func:`modnets.discover`.

        Raises
        ------
        ValueError
            If no networks were looked at in this way.
        """
        seen = sorted({name for vote in self.voted for name in vote.by})
        require(
            modules in seen,
            f"modules={shown(modules)}; allowed for this discovery: {', '.join(seen) or 'none'}",
        )
        votes = [vote.only(modules) for vote in self.voted]
        return decide(self.run, self.method, votes, 2**-self.needed)

    def __repr__(self) -> str:
        rows = self.run.final.train_rows
        if self.graph is None:
            return f"<Discovery: no graph from {rows} rows: {self.why_not}>"
        widths = self.graph.width_name
        return (
            f"<Discovery: {widths} from {rows} rows, confidence {self.confidence:.2f}, "
            f"{self.evidence:.1f} bits of evidence>"
        )


def decide(run: RunConfig, method: str, votes: Sequence[Vote], false_positives: float) -> Discovery:
    """The graph with the most evidence among those of all votes, and how many votes it has."""
    every = distinct(one for vote in votes for one in vote.candidates)
    best = every[0] if every else None
    needed = log2(1 / false_positives)
    candidate, confidence = None, 0.0
    if best is not None:
        name = f"{run.graph} from {run.final.train_rows} rows"
        candidate = graph_of(best.outputs, run.graph.n_inputs, name)
        confidence = sum(_share(vote, best) for vote in votes) / len(votes)
    found = best is not None and best.evidence >= needed
    return Discovery(
        run,
        method,
        candidate if found else None,
        candidate,
        best.evidence if best is not None else float("-inf"),
        needed,
        confidence,
        _edges(votes, best if found else None),
        pd.DataFrame([_told(vote, best) for vote in votes]),
        sum(vote.flops for vote in votes),
        tuple(vote.network for vote in votes if vote.network is not None),
        tuple(votes),
    )


def _share(vote: Vote, best: Candidate) -> float:
    shares = posterior(vote.candidates)
    pairs = zip(vote.candidates, shares, strict=True)
    return sum(share for one, share in pairs if one.wiring == best.wiring)


def _edges(votes: Sequence[Vote], best: Candidate | None) -> pd.DataFrame:
    told: dict[tuple, float] = {}
    levels: dict[tuple, int] = {}
    for vote in votes:
        for one, share in zip(vote.candidates, posterior(vote.candidates), strict=True):
            depths = {wiring_of(node): node.depth for node in all_nodes(one.outputs)}
            top = 1 + max(depths.values())
            for edge in edges_of(one.outputs):
                told[edge] = told.get(edge, 0.0) + share / len(votes)
                levels.setdefault(edge, depths.get(edge[1], top))
    own = edges_of(best.outputs) if best is not None else set()
    rows = [
        (in_words(edge[0]), in_words(edge[1]), levels[edge], min(1.0, share), edge in own)
        for edge, share in told.items()
        if share >= LEAST or edge in own
    ]
    table = pd.DataFrame(rows, columns=["source", "reader", "level", "confidence", "in_graph"])
    by = ["in_graph", "confidence", "level", "reader", "source"]
    return table.sort_values(by, ascending=[False, False, True, True, True], ignore_index=True)


def _told(vote: Vote, best: Candidate | None) -> dict:
    own, network = next(iter(vote.candidates), None), vote.network
    return {
        "wiring": " ".join(map(in_words, own.wiring)) if own is not None else "",
        "evidence": own.evidence if own is not None else float("-inf"),
        "agrees": own is not None and best is not None and own.wiring == best.wiring,
        "units": network.n_units if network is not None else None,
        "edges": network.n_edges if network is not None else None,
        "accuracy": network.accuracy if network is not None else None,
        "flops": vote.flops,
    }
