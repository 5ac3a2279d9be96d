"""What a network of a person's own may do, found by trying it on a few rows.

Many replicas can train side by side where a network is a function of its rows, parameters and
buffers.  What keeps a state in forward, or mixes rows in training, trains each by itself; see
``training.plain_loop``.  What would make a result depend on more than its run is refused.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from modnets.errors import first_line, require
from modnets.models.network_state import (
    attributes_of,
    check_alike,
    check_is_network,
    digest_of,
    other_types,
    shapes_of,
    type_of,
    values_of,
)
from modnets.models.random_states import random_state
from modnets.models.reach import Reach
from modnets.models.registry import MODELS

Config = Any  # a RunConfig, whose room stands on a floor above

RANDOM = (nn.modules.dropout._DropoutNd, nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)
EXTRA_ROWS = 3  # that fill a batch up
TICK = 0.02  # s; so much later logits are still the same
SEEDS = (1, 2, 3)  # whose networks are compared with that of seed 0


@dataclass(frozen=True)
class Findings:
    """What a network is like.

    Parameters
    ----------
    untrained : frozenset of str
        Parameters that ask for no gradient, or that none reaches: an optimizer leaves them alone.
    shapes : dict
        Of parameters and buffers, by name.
    attributes : str
        Digest of what it holds beside them.
    by_itself : str, optional
        Why each network has to train by itself.
    """

    untrained: frozenset[str]
    shapes: dict[str, tuple[int, ...]]
    attributes: str
    by_itself: str | None


def examine(
    config: Config, build: Callable[[Config, int], nn.Module], others: list[Config], x: Tensor
) -> Findings:
    """Try a network on some rows; see the module's docstring.

    Parameters
    ----------
    config : RunConfig
        Worked out.
    build : callable
        Gives a new network, its weights drawn from a seed.
    others : list of RunConfig
        That train beside it: with other seeds, rates and so on.
    x : Tensor, shape (row, input)

    Returns
    -------
    Findings

    Raises
    ------
    ValueError
        One line, if it cannot be trained so that a result belongs to its run.
    """
    trial = _Trial(config, build, x)
    trial.check_construction()
    trial.check_evaluation()
    logits, changed = trial.check_training()
    network = build(config, 0)
    attributes = attributes_of(network)
    return Findings(
        untrained=trial.untrained(),
        shapes=shapes_of(network),
        attributes=digest_of(attributes),
        by_itself=changed
        or trial.mixing(logits)
        or trial.varying(attributes, others)
        or other_types(network),
    )


class _Trial:
    """One network, built anew for each thing that is tried."""

    def __init__(
        self, config: Config, build: Callable[[Config, int], nn.Module], x: Tensor
    ) -> None:
        self.config, self.build = config, build
        self.name = f"model {config.model!r}"
        self.x = x.to(type_of(self.new()))

    def new(self) -> nn.Module:
        """The network of seed 0."""
        network = self.build(self.config, 0)
        check_is_network(network, self.config)
        return network

    def check_construction(self) -> None:
        """A builder gives a new network each time, and the same one for the same seed."""
        one, other = self.new(), self.new()
        places = {part.data_ptr() for part in one.parameters() if part.numel()}
        shared = [n for n, p in other.named_parameters() if p.numel() and p.data_ptr() in places]
        require(
            one is not other and not shared,
            f"{self.name}: two networks share {', '.join(shared[:3]) or 'all'}; allowed is a "
            "builder that makes a new network each time",
        )
        found = [{**values_of(n), **attributes_of(n)} for n in (one, other)]
        differ = [key for key in found[0] if found[0][key] != found[1].get(key)]
        require(
            not differ,
            f"{self.name}: {', '.join(differ[:3])} is another one for the same seed; allowed is "
            "what follows from the config, with random numbers of torch, numpy or random",
        )
        if hasattr(one, "structure"):
            try:
                json.dumps(one.structure())
            except Exception as error:
                raise ValueError(
                    f"{self.name}: structure() gives no JSON ({first_line(error)}); allowed are "
                    "lists, dicts, numbers and words"
                ) from error

    def forward(self, network: nn.Module, x: Tensor) -> Tensor:
        """Logits, checked; what forward does to the world outside of the network is refused."""
        n_rows, graph = len(x), self.config.graph
        try:
            logits = network(x)
        except Exception as error:
            raise ValueError(
                f"{self.name}: forward fails on rows of shape {tuple(x.shape)} "
                f"({first_line(error)[:200]}); allowed is a network that maps (row, "
                f"{graph.n_inputs}) to logits (row, {graph.n_outputs})"
            ) from error
        wanted = f"allowed is ({n_rows}, {graph.n_outputs}), logits of graph {graph}"
        require(
            isinstance(logits, Tensor),
            f"{self.name}: forward gives a {type(logits).__name__} for {n_rows} rows; {wanted}",
        )
        found = tuple(logits.shape)
        require(
            found == (n_rows, graph.n_outputs),
            f"{self.name}: forward gives shape {found} for {n_rows} rows; {wanted}",
        )
        require(
            logits.is_floating_point(),
            f"{self.name}: forward gives {logits.dtype}; allowed are real numbers",
        )
        odd = "NaN" if bool(logits.isnan().any()) else "infinity"
        require(
            bool(logits.isfinite().all()),
            f"{self.name}: forward gives {odd} before any training; allowed are finite logits",
        )
        return logits

    def _outside(self) -> tuple[str, str]:
        """Sources of random numbers, and all that is not the network itself, as digests."""
        return Reach().digest(random_state()), Reach().digest(MODELS[self.config.model])

    def check_outside(self, before: tuple[Any, str], network: nn.Module) -> None:
        """Raise if random numbers were drawn, or something outside of the network has changed."""
        after = self._outside()
        layers = [n for n, m in network.named_modules() if isinstance(m, RANDOM)]
        where = f" ({', '.join(layers)})" if layers else ""
        require(
            before[0] == after[0],
            f"{self.name} draws random numbers in forward{where}; allowed are those that it "
            "is handed: set noise_size = how many, take forward(x, noise=None), and train with "
            "gumbel=True, which hands it Gumbel(0, 1) noise in training",
        )
        require(
            before[1] == after[1],
            f"{self.name}: forward changes a global, a class attribute or a closure; allowed are "
            "changes of the network's own attributes and buffers, so that runs stay apart",
        )

    def check_evaluation(self) -> None:
        """In evaluation a row's logits are its own."""
        network, before = self.new().eval(), self._outside()
        with torch.no_grad():
            logits = self.forward(network, self.x)
            time.sleep(TICK)
            again = self.forward(self.new().eval(), self.x)
            alone = [self.forward(self.new().eval(), row[None]) for row in self.x]
        self.check_outside(before, network)
        self._check_same(logits, again)
        require(
            _alike(logits, torch.cat(alone)),
            f"{self.name}: a row's logits depend on the other rows in evaluation; allowed is each "
            "row by itself, as LayerNorm or GroupNorm do",
        )

    def _check_same(self, logits: Tensor, again: Tensor) -> None:
        require(
            torch.equal(logits, again),
            f"{self.name}: the same rows give other logits at another time; allowed are logits "
            "that follow from rows, parameters and the network's own state",
        )

    def check_training(self) -> tuple[Tensor, str | None]:
        """Logits in training, and what forward changes of the network's own."""
        network, before = self.new().train(), self._outside()
        buffers, attributes = values_of(network), attributes_of(network)
        with torch.no_grad():
            logits = self.forward(network, self.x)
            again = self.forward(self.new().train(), self.x)
        self.check_outside(before, network)
        self._check_same(logits, again)
        now = values_of(network) | attributes_of(network)
        old = buffers | attributes
        changed = [name for name in {**old, **now} if old.get(name) != now.get(name)]
        return logits, f"forward changes {', '.join(changed[:3])}" if changed else None

    def mixing(self, logits: Tensor) -> str | None:
        """Whether rows that fill a batch up would change the others in training."""
        padded = torch.cat([self.x, torch.zeros_like(self.x[:1]).expand(EXTRA_ROWS, -1)])
        try:
            with torch.no_grad():
                found = self.new().train()(padded)[: len(self.x)]
            mixes = not _alike(logits, found)
        except Exception:
            mixes = True
        return "its rows meet each other in training" if mixes else None

    def varying(self, attributes: dict[str, str], others: list[Config]) -> str | None:
        """A plain attribute that is another one in another run."""
        shapes = shapes_of(self.new())
        pairs = [(self.config, seed) for seed in SEEDS] + [(other, 0) for other in others]
        for config, seed in pairs:
            try:
                network = self.build(config, seed)
            except Exception:  # it is told where that run is trained
                continue
            check_alike(network, shapes, self.config)
            found = attributes_of(network)
            differ = [n for n in {**attributes, **found} if found.get(n) != attributes.get(n)]
            if differ:
                return f"{differ[0]} differs between runs (a buffer may)"
        return None

    def untrained(self) -> frozenset[str]:
        """Parameters that ask for no gradient, or that none reaches."""
        network = self.new().train()
        with torch.enable_grad():
            logits = self.forward(network, self.x)
            if logits.requires_grad:
                logits.sum().backward()
        named = dict(network.named_parameters())
        without = frozenset(name for name, part in named.items() if part.grad is None)
        require(
            len(without) < len(named),
            f"{self.name}: no parameter gets a gradient; allowed is at least one that does",
        )
        return without


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-4)
