"""Networks built by hand: modules that compute gates exactly, wired as a graph says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from modnets.models.modular import ModularNetwork
from modnets.models.modules import Modules
from modnets.tasks.gates import all_rows
from modnets.tasks.graphs import FunctionGraph

Table = tuple[int, ...]


@dataclass(frozen=True)
class Wiring:
    """A labelled network of gates: what slots read, their modules, the modules' tables, outputs."""

    n_inputs: int
    routing: tuple[tuple[tuple[int, ...], ...], ...]
    selection: tuple[tuple[int, ...], ...]
    tables: tuple[Table, ...]
    outputs: tuple[int, ...]

    @classmethod
    def of(cls, graph: FunctionGraph) -> Wiring:
        """The graph itself, with a pool of its gates."""
        tables = tuple(gate.table for gate in graph.modules)
        return cls(graph.n_inputs, graph.routing, graph.selection, tables, graph.outputs)

    def own(self) -> Wiring:
        """The same with a module for each slot."""
        tables = tuple(self.tables[module] for level in self.selection for module in level)
        counter = iter(range(len(tables)))
        selection = tuple(tuple(next(counter) for _ in level) for level in self.selection)
        return replace(self, tables=tables, selection=selection)

    def values(self) -> list[np.ndarray]:
        """What each slot computes, literally, row by row: [level] of shape (row, slot)."""
        levels, below = [], all_rows(self.n_inputs)
        for reads, modules in zip(self.routing, self.selection, strict=True):
            now = []
            for row in below.tolist():
                bits = []
                for sources, module in zip(reads, modules, strict=True):
                    place = int("".join(str(row[source]) for source in sources), 2)
                    bits.append(self.tables[module][place])
                now.append(bits)
            below = np.array(now)
            levels.append(below)
        return levels

    def function(self) -> np.ndarray:
        """The outputs of every row, shape (row, output)."""
        return self.values()[-1][:, list(self.outputs)]

    def network(self, shared: bool = True, hidden: int = 12, scale: float = 1.0) -> ModularNetwork:
        """A network with learned choices that reads, selects and computes exactly this.

        ``scale`` multiplies the logits of the last level, which are then -scale / 2 and scale / 2
        where no other level reads them, else modules give 0 and 1.
        """
        wiring = self if shared else self.own()
        slots = tuple(len(level) for level in wiring.routing)
        arity = len(wiring.routing[0][0])
        network = ModularNetwork(
            wiring.n_inputs,
            slots,
            len(wiring.outputs),
            (arity, hidden, 1),
            n_shared=len(wiring.tables) if shared else None,
        )
        with torch.no_grad():
            for choice, reads in zip(network.routing, wiring.routing, strict=True):
                set_places(choice.logits, reads)
            set_places(network.output_routing.logits, [wiring.outputs])
            if shared:
                for choice, modules in zip(network.selection, wiring.selection, strict=True):
                    set_places(choice.logits, [(module,) for module in modules])
            tables = iter(wiring.tables)
            for pool in network.pools:
                for module in range(pool.count):
                    set_gate(pool, module, next(tables), scale)
        return network


def set_places(logits: torch.Tensor, reads: Sequence[Sequence[int]]) -> None:
    """Logits whose largest are what is read, in order."""
    logits.fill_(-1.0)
    for slot, sources in enumerate(reads):
        for rank, source in enumerate(sources):
            logits[source, slot] = 3.0 - rank * 0.1


def set_gate(pool: Modules, module: int, table: Table, scale: float = 1.0) -> None:
    """Weights with which a module of two inputs gives a gate's table on inputs 0 and 1.

    f(a, b) = f00 + (f10 - f00) a + (f01 - f00) b + (f11 - f10 - f01 + f00) relu(a + b - 1)
    """
    f00, f01, f10, f11 = (float(bit) * scale for bit in table)
    (first, first_bias), (last, last_bias) = pool.layers()
    for part in (first, first_bias, last, last_bias):
        part[module] = 0.0
    first[module, :3] = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    first_bias[module, 2] = -1.0
    last[module, 0, :3] = torch.tensor([f10 - f00, f01 - f00, f11 - f10 - f01 + f00])
    last_bias[module, 0] = f00
