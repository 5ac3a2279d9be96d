"""Properties of a user-defined network, found by running it on a few rows.

Many replicas can train as one batch where a network is a function of its rows, parameters and
buffers.  A network that keeps a state in forward, or mixes rows in training, trains without
batching; see ``training.backends.plain_loop``.  What would make a result depend on more than its
run is refused.
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
from modnets.models.losses import logits_and_penalty
from modnets.models.network_checks import check_is_network, check_same_shapes
from modnets.models.network_digests import (
    attribute_digests,
    combined_digest,
    input_dtype,
    non_float32,
    shapes_of,
    tensor_digests,
)
from modnets.models.object_hasher import ObjectHasher
from modnets.models.random_states import Drawn, at_rest, random_state
from modnets.models.registry import MODELS, Config

#: Layers that draw random numbers in forward.
RANDOM = (nn.modules.dropout._DropoutNd, nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)
PADDING_ROWS = 3  # with which a batch is padded
DELAY = 0.02  # s, after which logits have to be the same
SEEDS = (1, 2, 3)  # whose networks are compared with that of seed 0

Build = Callable[[Config, int], nn.Module]


@dataclass(frozen=True)
class Findings:
    """Properties of a user-defined network.

    Parameters
    ----------
    untrained : frozenset of str
        Parameters that require no gradient, or get none: an optimizer leaves them alone.
    shapes : dict
        Of parameters and buffers, by name.
    attributes : str
        Digest of its other attributes.
    by_itself : str, optional
        Why replicas cannot be batched, so that each network trains by itself.
    """

    untrained: frozenset[str]
    shapes: dict[str, tuple[int, ...]]
    attributes: str
    by_itself: str | None


def examine(config: Config, build: Build, others: list[Config], x: Tensor) -> Findings:
    """Run a network on some rows, and check what it does; see the module's docstring.

    Parameters
    ----------
    config : RunConfig
        With all defaults resolved.
    build : callable
        Gives a new network, its weights drawn from a seed.
    others : list of RunConfig
        Of runs in the same batch: with other seeds, rates and so on.
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
    at_rest(trial.check_evaluation)
    logits, penalty, changed = at_rest(trial.check_training)
    network = build(config, 0)
    attributes = attribute_digests(network)
    return Findings(
        untrained=trial.untrained(),
        shapes=shapes_of(network),
        attributes=combined_digest(attributes),
        by_itself=changed
        or trial.mixed_rows(logits, penalty)
        or trial.varying_attribute(attributes, others)
        or non_float32(network),
    )


class _Trial:
    """One network, built anew for each check."""

    def __init__(self, config: Config, build: Build, x: Tensor) -> None:
        self.config, self.build = config, build
        self.name = f"model {config.model!r}"
        self.x = x.to(input_dtype(self.new()))

    def new(self) -> nn.Module:
        """The network of seed 0."""
        network = self.build(self.config, 0)
        check_is_network(network, self.config)
        return network

    def check_construction(self) -> None:
        """A builder gives a new network each time, and the same one for the same seed."""
        one, other = self.new(), self.new()
        storage = {tensor.data_ptr() for tensor in one.parameters() if tensor.numel()}
        shared = [n for n, p in other.named_parameters() if p.numel() and p.data_ptr() in storage]
        require(
            one is not other and not shared,
            f"{self.name}: two networks share {', '.join(shared[:3]) or 'all'}; allowed is a "
            "builder that makes a new network each time",
        )
        digests = [{**tensor_digests(net), **attribute_digests(net)} for net in (one, other)]
        differ = [key for key in digests[0] if digests[0][key] != digests[1].get(key)]
        require(
            not differ,
            f"{self.name}: {', '.join(differ[:3])} is another one for the same seed; allowed is "
            "what follows from the config, with random numbers of torch, numpy or random",
        )
        if hasattr(one, "structure"):
            structure: Any = one.structure
            try:
                json.dumps(structure())
            except Exception as error:
                raise ValueError(
                    f"{self.name}: structure() gives no JSON ({first_line(error)}); allowed are "
                    "lists, dicts, numbers and words"
                ) from error

    def forward(self, network: nn.Module, x: Tensor) -> Tensor:
        """Logits, shape (row, output), checked for type, shape and finite values."""
        return self.forward_with_penalty(network, x)[0]

    def forward_with_penalty(self, network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, shape (row, output), and the penalty, shape (), 0 where there is none."""
        n_rows, graph = len(x), self.config.graph
        try:
            logits, penalty = logits_and_penalty(network(x))
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
        shape = tuple(logits.shape)
        require(
            shape == (n_rows, graph.n_outputs),
            f"{self.name}: forward gives shape {shape} for {n_rows} rows; {wanted}",
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
        return logits, self._checked_penalty(penalty)

    def _checked_penalty(self, penalty: Any) -> Tensor:
        """What is added to the mean loss in training."""
        if penalty is None:
            return torch.zeros(())
        found = f"a {type(penalty).__name__}"
        if isinstance(penalty, Tensor):
            found = f"shape {tuple(penalty.shape)}, {penalty.dtype}"
        require(
            isinstance(penalty, Tensor) and not penalty.dim() and penalty.is_floating_point(),
            f"{self.name}: forward gives logits and {found}; allowed beside logits is a penalty, "
            "a tensor of shape () of real numbers",
        )
        require(
            bool(penalty.isfinite()),
            f"{self.name}: forward gives a penalty of {penalty.item()}; allowed is a finite number",
        )
        return penalty

    def _outside(self) -> tuple[str, str]:
        """Digests of the random states, and of all that is not the network itself."""
        model = MODELS[self.config.model]
        return ObjectHasher().digest(random_state()), ObjectHasher().digest(model)

    def check_outside(self, before: tuple[str, str], network: nn.Module) -> None:
        """Raise if random numbers were drawn, or something outside of the network has changed."""
        after = self._outside()
        layers = [n for n, m in network.named_modules() if isinstance(m, RANDOM)]
        where = f" ({', '.join(layers)})" if layers else ""
        if before[0] != after[0]:
            raise Drawn(
                f"{self.name} draws random numbers in forward{where}; allowed are those that it "
                "is handed: set noise_size = how many, take forward(x, noise=None), and train with "
                "gumbel=True, which hands it Gumbel(0, 1) noise in training"
            )
        require(
            before[1] == after[1],
            f"{self.name}: forward changes a global, a class attribute or a closure; allowed are "
            "changes of the network's own attributes and buffers, so that runs stay apart",
        )

    def check_evaluation(self) -> None:
        """In evaluation the logits of a row depend on that row alone."""
        network, before = self.new().eval(), self._outside()
        with torch.no_grad():
            logits = self.forward(network, self.x)
            time.sleep(DELAY)
            again = self.forward(self.new().eval(), self.x)
            one_by_one = [self.forward(self.new().eval(), row[None]) for row in self.x]
        self.check_outside(before, network)
        self._check_same(logits, again)
        require(
            _close(logits, torch.cat(one_by_one)),
            f"{self.name}: a row's logits depend on the other rows in evaluation; allowed is each "
            "row by itself, as LayerNorm or GroupNorm do",
        )

    def _check_same(self, logits: Tensor, again: Tensor) -> None:
        require(
            torch.equal(logits, again),
            f"{self.name}: the same rows give other logits at another time; allowed are logits "
            "that follow from rows, parameters and the network's own state",
        )

    def check_training(self) -> tuple[Tensor, Tensor, str | None]:
        """Logits and penalty in training, and what forward changes of the network's own."""
        network, outside = self.new().train(), self._outside()
        before = tensor_digests(network) | attribute_digests(network)
        with torch.no_grad():
            logits, penalty = self.forward_with_penalty(network, self.x)
            again, penalty_again = self.forward_with_penalty(self.new().train(), self.x)
        self.check_outside(outside, network)
        self._check_same(logits, again)
        self._check_same(penalty, penalty_again)
        after = tensor_digests(network) | attribute_digests(network)
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        changes = f"forward changes {', '.join(changed[:3])}" if changed else None
        return logits, penalty, changes

    def mixed_rows(self, logits: Tensor, penalty: Tensor) -> str | None:
        """Whether rows that pad a batch would change logits or penalty of others in training."""
        padding = torch.zeros_like(self.x[:1]).expand(PADDING_ROWS, -1)
        try:
            with torch.no_grad():
                padded = self.forward_with_penalty(self.new().train(), torch.cat([self.x, padding]))
        except Exception:
            return "its rows meet each other in training"
        if not _close(logits, padded[0][: len(self.x)]):
            return "its rows meet each other in training"
        alike = torch.allclose(penalty, padded[1], rtol=1e-5, atol=0.0)
        return None if alike else "its penalty depends on the rows"

    def varying_attribute(self, attributes: dict[str, str], others: list[Config]) -> str | None:
        """An attribute whose value differs between runs, in words."""
        shapes = shapes_of(self.new())
        pairs = [(self.config, seed) for seed in SEEDS] + [(other, 0) for other in others]
        for config, seed in pairs:
            try:
                network = self.build(config, seed)
            except Exception:  # it is reported where that run is trained
                continue
            check_same_shapes(network, shapes, self.config)
            other = attribute_digests(network)
            differ = [n for n in {**attributes, **other} if other.get(n) != attributes.get(n)]
            if differ:
                return f"{differ[0]} differs between runs (a buffer may)"
        return None

    def untrained(self) -> frozenset[str]:
        """Parameters that require no gradient, or get none."""
        network = self.new().train()
        with torch.enable_grad():
            logits, penalty = self.forward_with_penalty(network, self.x)
            total = logits.sum() + penalty
            if total.requires_grad:
                total.backward()
        parameters = dict(network.named_parameters())
        without = frozenset(name for name, tensor in parameters.items() if tensor.grad is None)
        require(
            len(without) < len(parameters),
            f"{self.name}: no parameter gets a gradient; allowed is at least one that does",
        )
        return without


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-4)
