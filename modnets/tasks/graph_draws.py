"""One draw of a random function graph, and what it has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modnets.errors import one_of, require
from modnets.tasks.bit_signals import Signals
from modnets.tasks.gates import SYMMETRIC_GATES, TWO_INPUT_GATES, Gate, SubFunction, gate
from modnets.tasks.graphs import FunctionGraph


@dataclass(frozen=True)
class GraphDraw:
    """What random graphs are drawn by; see :func:`modnets.tasks.random_graphs.random_graph`.

    Parameters
    ----------
    widths : tuple of int
    gates, fan_in : dict
        Name of a gate, number of its inputs -> weight.
    reuse : float, optional
    overlap : float
    irrelevant, blocks : int
    balance : (float, float)
    """

    widths: tuple[int, ...]
    gates: Mapping[str, float]
    fan_in: Mapping[int, float]
    reuse: float | None
    overlap: float
    irrelevant: int
    blocks: int
    balance: tuple[float, float]

    def __post_init__(self) -> None:
        names = "-".join(map(str, self.widths))
        require(
            self.widths[-2] == self.widths[-1],
            f"widths={names}: where every sub-function is needed, allowed are as many outputs as "
            "the last level has sub-functions",
        )
        require(
            self.irrelevant < self.widths[0],
            f"irrelevant={self.irrelevant}; allowed is below the {self.widths[0]} inputs",
        )
        narrowest = min(self.widths[0] - self.irrelevant, *self.widths[1:])
        require(
            self.blocks <= narrowest,
            f"blocks={self.blocks}; allowed for widths {names} with {self.irrelevant} irrelevant "
            f"inputs is 1 to {narrowest}",
        )
        low, high = self.balance
        require(0 <= low <= high <= 1, f"balance={self.balance}; allowed is 0 <= low <= high <= 1")
        for name in self.gates:
            one_of("gate", name, [*TWO_INPUT_GATES])
        for kind in ("gates", "fan_in"):
            weights = [*getattr(self, kind).values()]
            require(
                bool(weights) and min(weights) >= 0 and sum(weights) > 0,
                f"{kind}={getattr(self, kind)}; allowed are weights of at least 0, one above 0",
            )
        require(bool(self.choices), f"gates={[*self.gates]} of {[*self.fan_in]} inputs: none is")
        require(
            self.n_gates is None or self.n_gates <= len(self.choices),
            f"reuse={self.reuse} of {sum(self.widths[1:-1])} sub-functions takes {self.n_gates} "
            f"distinct gates; there are {len(self.choices)}",
        )

    @cached_property
    def choices(self) -> dict[Gate, float]:
        """Every gate that may be drawn -> its share."""
        pairs = {
            gate(name, size): weight * share
            for name, weight in self.gates.items()
            for size, share in self.fan_in.items()
            if weight * share > 0 and (size == 2 or name in SYMMETRIC_GATES)
        }
        return {one: share / sum(pairs.values()) for one, share in pairs.items()}

    @property
    def n_gates(self) -> int | None:
        """How many distinct gates there are; None where each is drawn by itself."""
        return None if self.reuse is None else max(1, round(sum(self.widths[1:-1]) / self.reuse))

    def graph(self, rng: np.random.Generator, name: str) -> FunctionGraph | None:
        """A graph; None where a level has fewer sources than every gate reads."""
        n_inputs, *slots, n_outputs = self.widths
        pool, shares = [*self.choices], np.array([*self.choices.values()])
        if self.n_gates is not None:
            some = rng.choice(len(pool), self.n_gates, replace=False, p=shares)
            pool, shares = [pool[place] for place in some], np.full(len(some), 1 / len(some))
        read = np.sort(rng.permutation(n_inputs)[self.irrelevant :])
        below = np.array_split(read, self.blocks)
        levels = []
        for width in slots:
            level: list[SubFunction] = []
            blocks = np.array_split(np.arange(width), self.blocks)
            for sources, here in zip(below, blocks, strict=True):
                fits = np.array([one.n_inputs <= len(sources) for one in pool])
                if not (fits & (shares > 0)).any():
                    return None
                weights = shares * fits / (shares * fits).sum()
                uses = np.zeros(len(sources))
                for _ in here:
                    drawn = pool[rng.choice(len(pool), p=weights)]
                    level.append(SubFunction(drawn, self._sources(rng, sources, uses, drawn)))
            below = blocks
            levels.append(level)
        return FunctionGraph(n_inputs, levels, outputs=tuple(range(n_outputs)), name=name)

    def _sources(
        self, rng: np.random.Generator, sources: np.ndarray, uses: np.ndarray, drawn: Gate
    ) -> tuple[int, ...]:
        """What a sub-function reads: the least read first, or with chance ``overlap`` any."""
        evenly = uses if rng.random() >= self.overlap else np.zeros_like(uses)
        order = np.lexsort((rng.random(len(sources)), evenly))[: drawn.n_inputs]
        uses[order] += 1
        return tuple(int(source) for source in np.sort(sources[order]))

    def wrong(self, graph: FunctionGraph | None) -> str | None:
        """What a graph is not that it has to be; None where it is all."""
        if graph is None:
            return "gates that find enough sources in each block"
        if len(graph.irrelevant_inputs) != self.irrelevant:
            return f"exactly {self.irrelevant} irrelevant inputs"
        if self.n_gates is not None and len(graph.modules) != self.n_gates:
            return f"{self.n_gates} distinct gates"
        signals = Signals(graph)
        outputs, (low, high) = signals.outputs, self.balance
        if any(y in (0, signals.every) for y in outputs):
            return "outputs that are not constant"
        if len({min(y, y ^ signals.every) for y in outputs}) < len(outputs):
            return "outputs that differ, and are no complements"
        if not all(low <= y.bit_count() / signals.n_rows <= high for y in outputs):
            return f"shares of ones within balance={self.balance}"
        if len(signals.relevant_inputs) != graph.n_inputs - self.irrelevant:
            return f"exactly {self.irrelevant} irrelevant inputs"
        if not all(map(all, signals.needed)):
            return "sub-functions that are all needed"
        return None


def weights_of(values: Mapping | Sequence | int) -> dict:
    """Weights by value; values without weights have equal ones."""
    if isinstance(values, Mapping):
        return {key: float(weight) for key, weight in values.items()}
    every = values if isinstance(values, Sequence) else [values]
    return {value: float(every.count(value)) for value in every}
