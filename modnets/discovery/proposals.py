"""What networks, rows and routing runs propose: candidates of each vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.discovery.candidates import Candidate, candidates, distinct
from modnets.discovery.connectivity import Grouping
from modnets.discovery.decomposition import Response, Search
from modnets.discovery.evidence import Rows
from modnets.discovery.nodes import Node, Outputs, inputs
from modnets.discovery.pruning import PrunedNetwork, pruned
from modnets.discovery.unit_modules import unit_modules
from modnets.experiments.failures import RunsFailed
from modnets.experiments.planning import planned
from modnets.hardware import cores
from modnets.models.gate_fits import fit_gates
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import Monolithic
from modnets.models.structures import parameters_of, structures
from modnets.tasks.gates import all_rows, index_of
from modnets.training.costs import epoch_flops
from modnets.training.initialization import training_rows
from modnets.training.random_streams import start_seed

#: Share of the rows that a resample leaves out.
LEFT_OUT = 0.2


@dataclass(frozen=True, eq=False)
class Vote:
    """What one network, one resample of the rows or one routing run says.

    Parameters
    ----------
    candidates : list of Candidate
        The best first.
    flops : float
        Floating-point operations of its training and pruning.
    network : PrunedNetwork, optional
    groupings : list of Grouping
        Of its sources by its units, level by level.
    by : dict
        Of a network, the candidates by ``"responses"`` and by ``"units"``.
    """

    candidates: list[Candidate]
    flops: float = 0.0
    network: PrunedNetwork | None = None
    groupings: list[Grouping] = field(default_factory=list)
    by: dict[str, list[Candidate]] = field(default_factory=dict)

    def only(self, modules: str) -> Vote:
        """The vote with candidates of one kind."""
        return replace(self, candidates=self.by[modules])


@dataclass(frozen=True)
class HowToLook:
    """The arguments of :func:`modnets.discover` that proposals depend on."""

    votes: int
    modules: str
    most_inputs: int


def rows_of(run: RunConfig) -> Rows:
    """The training rows of a run."""
    given = training_rows(run.final)
    return Rows(given.x, given.y)


def response_to(logits: np.ndarray) -> Response:
    """The response of a network, from its logits for all combinations of inputs."""
    size = np.maximum(np.abs(logits).mean(axis=0), 1e-12)
    return Response(np.tanh(logits / size), np.ones(len(logits)))


def response_of_rows(rows: Rows, counts: np.ndarray) -> Response:
    """What rows say of all combinations of inputs: means of those seen.

    Parameters
    ----------
    rows : Rows
    counts : ndarray, shape (row,)
        How often each row counts.
    """
    size, index = 2 ** rows.x.shape[1], index_of(rows.x)
    seen = np.bincount(index, counts, size)
    signs = (2.0 * (rows.y == 1) - 1) * rows.counted * counts[:, None]
    sums = np.stack([np.bincount(index, sign, size) for sign in signs.T], axis=1)
    return Response(sums / np.maximum(seen, 1e-12)[:, None], seen)


def seeds_of(run: RunConfig, votes: int) -> list[RunConfig]:
    """The run with as many seeds as there are votes, on one split."""
    return [run.with_seeds(seed=start_seed(run.seed, number)) for number in range(votes)]


def trained(runs: Sequence[RunConfig]) -> dict[str, nn.Module]:
    """Networks of runs by their keys.

    Raises
    ------
    RunsFailed
        If some cannot be trained.
    """
    plan = planned(tuple({run.key: run for run in runs}.values()), frozenset(), chunk=None,
                   compiled=None, device="cpu")  # fmt: skip
    networks: dict[str, nn.Module] = {}
    for chunk in plan.chunks:
        result = chunk.train(keep_networks=True, threads=cores())
        if result.failures:
            told = {one.key: one for one in chunk.runs}
            raise RunsFailed({key: (told[key], text) for key, text in result.failures.items()})
        networks |= zip([one.key for one in chunk.runs], result.networks, strict=True)
    return networks


def from_networks(runs: Sequence[RunConfig], how: HowToLook) -> list[list[Vote]]:
    """Votes of dense or sparse networks, pruned."""
    plain = [run if run.model in ("dense", "sparse") else _dense(run) for run in runs]
    seeds = [seeds_of(run, how.votes) for run in plain]
    networks = trained([one for some in seeds for one in some])
    shapes: dict[Any, list[RunConfig]] = {}
    for some in seeds:
        for one in some:
            shapes.setdefault(
                (one.graph.n_inputs, one.graph.n_outputs, one.final.hidden), []
            ).append(one)
    left: dict[str, PrunedNetwork] = {}
    flops: dict[str, float] = {}
    for group in shapes.values():
        given = [training_rows(one.final) for one in group]
        smaller = pruned(
            [cast("Monolithic", networks[one.key]) for one in group],
            [(rows.x, rows.y) for rows in given],
        )
        left |= zip([one.key for one in group], smaller, strict=True)
        flops |= zip([one.key for one in group], _flops(group), strict=True)
    return [
        [_vote_of(left[one.key], rows_of(run), how, one.seed, flops[one.key]) for one in some]
        for run, some in zip(runs, seeds, strict=True)
    ]


def _flops(runs: Sequence[RunConfig]) -> list[float]:
    """Floating-point operations of training runs of one architecture."""
    return [float(one.epochs * flops) for one, flops in zip(runs, epoch_flops(runs), strict=True)]


def _dense(run: RunConfig) -> RunConfig:
    return replace(run, model="dense", restarts=None, full_restarts=False)


def _vote_of(network: PrunedNetwork, rows: Rows, how: HowToLook, seed: int, flops: float) -> Vote:
    *hidden, logits = network.layers(all_rows(rows.x.shape[1]))
    search = Search(response_to(logits), most_inputs=how.most_inputs)
    by, groupings = {}, []
    if how.modules != "responses":
        units = unit_modules(search, hidden, seed)
        by["units"], groupings = candidates(units.ways, rows, how.most_inputs), units.groupings
    if how.modules != "units":
        by["responses"] = candidates(search.ways(), rows, how.most_inputs)
    found = distinct(one for some in by.values() for one in some)
    return Vote(found, flops + network.flops, network, groupings, by)


def from_rows(runs: Sequence[RunConfig], how: HowToLook) -> list[list[Vote]]:
    """Votes of the rows themselves, and of resamples of them."""
    return [_of_rows(run, how) for run in runs]


def _of_rows(run: RunConfig, how: HowToLook) -> list[Vote]:
    rows, rng = rows_of(run), np.random.default_rng(run.seed)
    n_rows, votes = len(rows.x), []
    for number in range(how.votes):
        counts = np.ones(n_rows)
        if number:
            counts[rng.permutation(n_rows)[: round(LEFT_OUT * n_rows)]] = 0.0
        search = Search(response_of_rows(rows, counts), most_inputs=how.most_inputs)
        votes.append(Vote(candidates(search.ways(), rows, how.most_inputs)))
    return votes


def from_routing(runs: Sequence[RunConfig], how: HowToLook) -> list[list[Vote]]:
    """Votes of modular networks whose connections are learned."""
    plain = [run if run.is_modular else _modular(run) for run in runs]
    seeds = [seeds_of(run, how.votes) for run in plain]
    networks = trained([one for some in seeds for one in some])
    return [
        [_of_routing(networks[one.key], one, rows_of(run), how) for one in some]
        for run, some in zip(runs, seeds, strict=True)
    ]


def _modular(run: RunConfig) -> RunConfig:
    return replace(run, model="modular", routing="learned", routing_method="best")


def _of_routing(network: nn.Module, run: RunConfig, rows: Rows, how: HowToLook) -> Vote:
    assert isinstance(network, ModularNetwork)
    (wiring,) = structures(network, parameters_of(network)).plain()
    below = inputs(rows.x.shape[1])
    readable: list[Node] = []
    for reads, gates in zip(wiring["routing"], fit_gates(network, run.graph), strict=True):
        below = [
            Node(
                tuple(below[source] for source in read), tuple(int(bit == 1) for bit in gate.table)
            )
            for read, gate in zip(reads, gates, strict=True)
        ]
        readable = [*readable, *below] if network.every_level else below
    outputs = tuple(readable[place] for place in wiring["outputs"])
    (flops,) = _flops([run])
    return Vote(candidates([(0.0, _upright(outputs, rows))], rows, how.most_inputs), flops)


def _upright(outputs: Outputs, rows: Rows) -> Outputs:
    """Outputs as they are or complemented, as more rows ask for: gates are read up to that."""
    half = [count / 2 for count in rows.n_rows]
    return tuple(
        replace(node, table=tuple(1 - bit for bit in node.table)) if errors > most else node
        for node, errors, most in zip(outputs, rows.errors(outputs), half, strict=True)
    )
