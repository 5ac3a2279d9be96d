"""Each network by itself, as one would write it: forward, backward, a step of ``torch.optim``.

For user-defined networks that cannot be batched: they change buffers or attributes in
forward (BatchNorm, spectral norm, counters), rows meet each other in training, torch cannot
vectorise an operation, or there is one network only.  A network sees the rows of its batch and no
others, and nothing that an evaluation does to it stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.models.losses import logits_and_penalty
from modnets.models.network_digests import input_dtype
from modnets.training.batches import Block, batch_at
from modnets.training.optimizers import of_torch
from modnets.training.row_blocks import Rows
from modnets.training.step import Batch, Scores, TrainingStep


def _mse(logits: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(torch.sigmoid(logits), y)


#: Mean losses as torch has them, so that a step is that of a plain loop to the last bit.
OF_TORCH: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce": F.binary_cross_entropy_with_logits,
    "mse": _mse,
}


class PlainLoopBackend:
    """The steps of networks, one network after the other.

    Parameters
    ----------
    training_step : TrainingStep
    networks : sequence of nn.Module
        With their initial weights; trained in place.
    finals : sequence of RunConfig
        Of each network, worked out.
    device : torch.device
    optimizers : sequence of Optimizer or None, optional
        Of each network, where training goes on; by default new ones.
    """

    compiled = False
    threads = 1

    def __init__(
        self,
        training_step: TrainingStep,
        networks: Sequence[nn.Module],
        finals: Sequence[RunConfig],
        device: torch.device,
        optimizers: Sequence[torch.optim.Optimizer | None] | None = None,
    ) -> None:
        self.training_step, self.finals = training_step, finals
        self.loss = OF_TORCH.get(finals[0].loss)
        self.networks = [network.to(device) for network in networks]
        self.type = input_dtype(self.networks[0])
        given = optimizers or [None] * len(networks)
        self.optimizers = [
            one or self._optimizer(network, final)
            for one, network, final in zip(given, networks, finals, strict=True)
        ]

    def _optimizer(self, network: nn.Module, final: RunConfig) -> torch.optim.Optimizer:
        groups = [
            {
                "params": [part],
                "lr": getattr(final, self.training_step.rate_of(name)) or final.lr,
                "factor": self.training_step.group_of(name),
            }
            for name, part in network.named_parameters()
        ]
        return of_torch(self.training_step.optimizer, groups, final.weight_decay)

    @property
    def flat(self) -> Tensor:
        """Parameters that are trained, shape (replica, parameter)."""
        return torch.stack([self.training_step.parameters_of(network) for network in self.networks])

    @property
    def rows(self) -> Tensor:
        """Trained parameters and then buffers, shape (replica, value)."""
        rows = []
        for network, flat in zip(self.networks, self.flat.double(), strict=True):
            others = self.training_step.buffers_of(network).values()
            rows.append(torch.cat([flat, *[part.double().reshape(-1) for part in others]]))
        return torch.stack(rows)

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        scale = block.step_scale
        factors = scale.factor if scale.factor.dim() == 3 else scale.factor[..., None]
        for replica, network in enumerate(self.networks):
            network.train()
            optimizer, final = self.optimizers[replica], self.finals[replica]
            rates = [group["lr"] for group in optimizer.param_groups]
            batch = None
            for step in range(block.steps):
                if batch is None or any(part is not None and len(part) > 1 for part in block.batch):
                    batch = self._batch(block, step, replica)
                factor = factors[step if len(factors) > 1 else 0, replica].tolist()
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor[group["factor"]]
                temperature = final.temperature or 0.0
                if scale.temperature is not None:
                    temperature *= float(scale.temperature[step, replica])
                self._step(network, optimizer, batch, temperature)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate

    def _batch(self, block: Block, step: int, replica: int) -> Batch[Tensor]:
        """The rows of a step of one replica, without padding."""
        x, y, weight, noise = batch_at(block.batch, step)
        real = weight[replica] > 0
        if noise is not None:
            noise = noise[replica][:, real] if noise.dim() == 3 else noise[replica]
        x, y, weight = x[replica][real], y[replica][real], weight[replica][real]
        return Batch(x.to(self.type), y, weight, noise)

    def _step(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        batch: Batch[Tensor],
        temperature: float,
    ) -> None:
        x, y, weight, noise = batch
        keywords: dict[str, Any] = {"temperature": temperature}
        keywords |= {} if noise is None else {"noise": noise}
        keywords = {n: value for n, value in keywords.items() if n in self.training_step.keywords}
        optimizer.zero_grad()
        with torch.enable_grad():
            logits, penalty = logits_and_penalty(network(x, **keywords))
            if self.loss is None or self.training_step.dont_cares:
                loss = self.training_step.mean_loss(logits, y.to(self.type), weight)
            else:
                loss = self.loss(logits, y.to(self.type))
            loss = loss if penalty is None else loss + penalty
        if loss.requires_grad:
            loss.backward()
            optimizer.step()

    def evaluate(self, rows: Rows) -> Scores:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        scores = []
        every_x = rows.inputs().to(self.type)
        for replica, network in enumerate(self.networks):
            x = every_x if rows.uniform else every_x[replica]
            y = rows.y if rows.same_targets else rows.y[replica]
            with restored(network), torch.no_grad():
                logits = logits_and_penalty(network.eval()(x))[0].float()
            scores.append(self.training_step.scores(logits, y, rows.parts[replica]))
        return Scores(*(torch.stack(part) for part in zip(*scores, strict=True)))


@contextlib.contextmanager
def restored(network: nn.Module) -> Iterator[None]:
    """Undo what is done inside to a network's attributes and buffers."""
    modules = list(network.modules())
    saved = [{name: _copied(value) for name, value in vars(m).items()} for m in modules]
    plain = [v for one in saved for v in one.values() if isinstance(v, Tensor) and v.is_leaf]
    values = [(t, t.detach().clone()) for t in (*network.parameters(), *network.buffers(), *plain)]
    try:
        yield
    finally:
        for module, attributes in zip(modules, saved, strict=True):
            vars(module).clear()
            vars(module).update(attributes)
        for tensor, value in values:
            if not torch.equal(tensor, value):
                tensor.detach().copy_(value)


def _copied(value: Any) -> Any:
    """A shallow copy of a container; any other value as it is."""
    return value.copy() if isinstance(value, dict | list | set) else value
