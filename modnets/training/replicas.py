"""A chunk of runs while it trains: their parameters, rows and noise, and what runs their steps."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from modnets.errors import first_line
from modnets.models.identity import identity_of
from modnets.models.own_networks import examine
from modnets.models.registry import BUILT_IN, build
from modnets.training.alone import Alone
from modnets.training.backends import Eager, Fixed, Lanes
from modnets.training.batches import (
    Batches,
    images_on,
    inputs_of,
    is_full_batch,
    padded_rows,
    total_steps,
)
from modnets.training.captured import Captured
from modnets.training.compilation import can_compile, lanes
from modnets.training.compiler.operations import Unsupported
from modnets.training.config import RunConfig
from modnets.training.drafts import Start, start_of
from modnets.training.evaluation import Evaluation, Rows
from modnets.training.insight import INSIGHTS, Insight
from modnets.training.optimizers import corrections, schedule
from modnets.training.plain_loop import PlainLoop
from modnets.training.program import Program
from modnets.training.rebuilt import rebuilt
from modnets.training.run_keys import PER_RUN, common_of
from modnets.training.trial import another, disagreement

#: Of what a chunk has in common, what does not enter the step of modnets' own networks.
NOT_IN_PROGRAM = ("epochs", "eval_every", "schedule", "train_rows", "batch_size", "padded_rows")
NOT_IN_PROGRAM += ("knowledge", "held_out", "samples", "test_samples", "record")


def shape_of(config: RunConfig) -> str:
    """What the runs of a chunk have in common, as text: equal for runs that train together."""
    kept = common_of(config).kept  # worked out once for all runs that have it
    if "shape" not in kept:
        kept["shape"] = _shape_of(config)
    return kept["shape"]


def _shape_of(config: RunConfig) -> str:
    values = config.final.to_dict()
    for name in PER_RUN:
        values.pop(name)
    if is_full_batch(config):
        values |= {"train_rows": None, "batch_size": None, "padded_rows": padded_rows(config)}
    return json.dumps(values, sort_keys=True)


def program_of(final: RunConfig, device: torch.device) -> Program:
    """The program of a shape; kept, so that only the first chunk of a shape prepares it."""
    shape = json.loads(shape_of(final))
    if final.model in BUILT_IN:
        shape = {k: v for k, v in shape.items() if k not in NOT_IN_PROGRAM}
        task = final.graph
        shape["graph"] = [task.n_inputs, task.n_sources, task.n_tasks, task.n_outputs]
        shape["graph"] += ["don't-cares"] * task.has_dont_cares
    known_as = json.dumps(shape)
    key = (known_as, identity_of(final.model), str(device))
    if key not in _programs:
        if len(_programs) >= MAX_PROGRAMS:
            _programs.pop(next(iter(_programs)))
        network, findings = build(final, seed=0), None
        if final.model not in BUILT_IN:
            known_as, findings = None, examine(final, build, [another(final)], some_rows(final))
        given = (network, final.optimizer, final.loss, device, known_as, findings)
        _programs[key] = Program(*given, dont_cares=final.graph.has_dont_cares)
    return _programs[key]


def some_rows(final: RunConfig, number: int = 5) -> Tensor:
    """A few rows of a run, as a network is handed them, shape (row, input)."""
    parts = final.split.values()
    rows = torch.from_numpy(final.graph.rows(np.concatenate(list(parts))[:number]))
    images = images_on(final.graph, torch.device("cpu"))
    return inputs_of(rows if images is not None else rows.float(), images)


def forget_programs() -> None:
    """Prepare every program anew from here on."""
    _programs.clear()


_programs: dict[tuple[str, str, str], Program] = {}
MAX_PROGRAMS = 64


class Replicas:
    """A chunk of runs: parameters, rows, and what runs their steps.

    Parameters
    ----------
    runs : list of RunConfig, of one shape
    starts : list of Start
        One for each run.
    chunk : int
    compiled : bool
    device : torch.device
    threads : int
    """

    def __init__(
        self,
        runs: Sequence[RunConfig],
        starts: Sequence[Start],
        chunk: int,
        compiled: bool,
        device: torch.device,
        threads: int,
    ) -> None:
        self.runs, self.device = runs, device
        self.first = runs[0].final
        #: Of each evaluation: epoch, sums of the measures, what is solved.
        self.found: list[tuple[int, list[Tensor], Tensor]] = []
        #: Of each evaluation at which it is recorded: columns of what the runs have learned.
        self.details: dict[int, dict[str, Sequence[Any]]] = {}
        self.odd = False  # whether it was said that logits are no numbers
        self.backend: Eager | Lanes | PlainLoop
        self.program = program_of(self.first, device)
        own = self.program.findings is not None
        by_itself = self._why_by_itself(starts) if own else None
        on_cpu = device.type == "cpu"
        if compiled and on_cpu and can_compile() and not (by_itself or self.program.refused):
            whole_vectors = -(-len(runs) // lanes()) * lanes()
            given = self._fill(starts, whole_vectors)
            try:
                if own:
                    self._try("compiled", lambda *parts: Lanes(*parts, 1), lanes())
                self.backend = Lanes(*given, self.batches, self.evaluation.blocks[0], threads)
                return
            except (Unsupported, RuntimeError) as error:
                said = f"compiling failed, step stays eager: {first_line(error)}"
                print(f"modnets: {said}", file=sys.stderr)
                self.program.refused = True
        eager = Alone if chunk == 1 else Eager
        backend = Captured if compiled and not on_cpu else eager
        if own and chunk > 1 and by_itself is None:
            try:
                self._try("eager", lambda program, flat, fixed, *_: backend(program, flat, fixed))
            except Unsupported as error:
                by_itself = first_line(error)
        if own and (chunk == 1 or by_itself):
            self._say_by_itself(None if chunk == 1 else by_itself)
            program, *_ = self._fill(starts, len(runs))
            networks = [start.network for start in starts]
            self.backend = PlainLoop(program, networks, self.padded, device)
            return
        self.backend = backend(*self._fill(starts, chunk))

    def _why_by_itself(self, starts: Sequence[Start]) -> str | None:
        """Why networks of a person's own cannot train side by side, before it is tried."""
        findings = self.program.findings
        if findings.by_itself:
            return findings.by_itself
        if any(start.attributes != findings.attributes for start in starts):
            return "a plain attribute differs between runs (a buffer may)"
        return None

    def _try(self, name: str, backend: Callable[..., Any], width: int = 1) -> None:
        """Raise Unsupported unless a backend takes the same step as a plain loop; tried once."""
        tried = self.program.tried
        if name not in tried:
            finals = [self.first, another(self.first)]
            networks = [build(final, final.seed) for final in finals]
            starts = [start_of(network, self.program) for network in networks]

            def made(
                starts: Sequence[Start], finals: Sequence[RunConfig], batches: Batches, rows: Rows
            ) -> Any:
                flat = torch.stack([start.flat for start in starts]).to(self.device)
                return backend(self.program, flat, self._fixed(starts, finals), batches, rows)

            tried[name] = disagreement(self.program, starts, finals, made, self.device, width)
        if tried[name] is not None:
            raise Unsupported(tried[name])

    def _say_by_itself(self, reason: str | None) -> None:
        """Once for each program, why its networks train one after the other."""
        if reason is not None and self.program.by_itself_said is None:
            self.program.by_itself_said = reason
            print(
                f"modnets: networks of model {self.first.model!r} train one after the other, as in "
                f"a plain loop: {reason}",
                file=sys.stderr,
            )

    def _fill(self, starts: Sequence[Start], size: int) -> tuple[Program, Tensor, Fixed]:
        """Fill so many places; hand back the program, parameters, and what else stays."""
        finals = [run.final for run in self.runs]
        missing = size - len(finals)
        self.padded = [*finals, *[self.first] * missing]
        starts = [*starts, *[starts[0]] * missing]
        noise_size = getattr(self.program.network, "noise_size", 0)
        fixed = self._fixed(starts, self.padded)
        self.insight = Insight(self.runs, self.program, fixed[0])
        self.batches = Batches(finals, size, noise_size, self.device)
        self.evaluation = Evaluation(self.padded, self.device)
        flat = torch.stack([start.flat for start in starts]).to(self.device)
        return self.program, flat, fixed

    def _fixed(self, starts: Sequence[Start], finals: Sequence[RunConfig]) -> Fixed:
        """Buffers, temperature, learning rates and weight decay of every replica."""
        buffers = {
            name: torch.stack([start.buffers[name] for start in starts]).to(self.device)
            for name in self.program.buffers
        }
        temperature, decay = (self._per_run(n, finals) for n in ("temperature", "weight_decay"))
        return buffers, temperature, self._rates(finals), decay

    def _per_run(self, name: str, finals: Sequence[RunConfig]) -> Tensor:
        values = [getattr(final, name) or 0.0 for final in finals]
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def _rates(self, finals: Sequence[RunConfig]) -> Tensor:
        """Learning rates, shape (replica, parameter), or (replica, 1) if a network has but one."""
        names = [self.program.rate_of(name) for name in self.program.names]
        if set(names) == {"lr"}:
            return self._per_run("lr", finals)[:, None]
        sizes = zip(names, self.program.sizes, strict=True)
        parts = [self._per_run(name, finals)[:, None].expand(-1, size) for name, size in sizes]
        return torch.cat(parts, dim=1)

    @property
    def rows(self) -> Tensor:
        """What the runs' networks are now, a row for each; :func:`rebuilt` takes them."""
        backend = self.backend
        rows = backend.rows if isinstance(backend, PlainLoop) else backend.flat
        return rows[: len(self.runs)]

    def networks(self) -> list[nn.Module]:
        """The networks of the runs as they are now."""
        if isinstance(self.backend, PlainLoop):
            return [network.eval() for network in self.backend.networks]
        return [
            rebuilt(run, row, self.program) for run, row in zip(self.runs, self.rows, strict=True)
        ]

    def evaluations(self) -> Iterator[int]:
        """Train to the end; yields the epoch after each evaluation, the first before any step."""
        first, steps = self.first, self.batches.steps
        correction = corrections(total_steps(first)).to(self.device)
        factors = schedule(first.schedule, first.epochs, [final.gamma for final in self.padded])
        factors = torch.ones(1, len(self.padded)) if factors is None else factors[..., 0]
        factors = factors.to(self.device)
        epochs = sorted({*range(0, first.epochs, first.eval_every), first.epochs})
        done = 0
        for before, epoch in zip([0, *epochs], epochs, strict=False):
            for block in self.batches.blocks(epoch - before):
                now = torch.arange(done, done + block.steps, device=self.device)
                factor = factors if len(factors) == 1 else factors[now // steps]
                block.pace = factor, correction[done : done + block.steps]
                self.backend.train(block)
                done += block.steps
            self._evaluate(epoch)
            yield epoch

    def _evaluate(self, epoch: int) -> None:
        blocks = [self.backend.evaluate(rows) for rows in self.evaluation.blocks]
        sums = [sum(parts) for parts in zip(*(block[:3] for block in blocks), strict=True)]
        logits = [block[3] for block in blocks]
        self.found.append((epoch, sums, self.evaluation.solved(sums, logits)))
        finite = torch.stack([block.isfinite().flatten(1).all(dim=1) for block in logits])
        self._say_odd(epoch, (~finite.all(dim=0))[: len(self.runs)])
        if epoch == self.first.epochs or self.first.record == "every":
            predicted = self.evaluation.predicted(logits)[: len(self.runs)]
            alone = isinstance(self.backend, PlainLoop)
            looked = self.insight.look(self.backend.flat, self.networks() if alone else None)
            self.details[epoch] = {"predicted": predicted} | looked

    def _say_odd(self, epoch: int, odd: Tensor) -> None:
        """Once, which runs give logits that are no numbers; their losses are NaN from here on."""
        if self.odd or not bool(odd.any()):
            return
        self.odd = True
        first = self.runs[int(odd.nonzero()[0])]
        print(
            f"modnets: NaN or infinite logits in epoch {epoch} in {int(odd.sum())} of "
            f"{len(self.runs)} runs, as {first} ({first.key}): their loss is no number, and a bit "
            "counts as 1 only where its logit is above 0",
            file=sys.stderr,
        )

    def table(self) -> pd.DataFrame:
        """What has been evaluated until now: one row per run and evaluated epoch."""
        return self._table(*self.measures())

    def measures(self) -> tuple[list[int], dict[str, np.ndarray]]:
        """Epochs evaluated until now, and each measure of the runs, shape (run, epoch)."""
        epochs, sums, solved = zip(*self.found, strict=True)
        every = [torch.stack(measure) for measure in zip(*sums, strict=True)]
        found = self.evaluation.measures(every, torch.stack(solved))
        return list(epochs), {name: one[:, : len(self.runs)].T for name, one in found.items()}

    def _table(self, epochs: Sequence[int], measures: dict[str, np.ndarray]) -> pd.DataFrame:
        n_runs, n_epochs = len(self.runs), len(epochs)
        rows = [run.to_row() for run in self.runs]
        columns: dict[str, Any] = {
            name: np.repeat(_column([row[name] for row in rows]), n_epochs) for name in rows[0]
        }
        columns["epoch"] = np.tile(np.array(epochs), n_runs)
        columns |= {name: found.ravel() for name, found in measures.items()}
        table = pd.DataFrame(columns)
        texts = {"predicted": None, "structure": None} | dict.fromkeys(INSIGHTS, np.nan)
        for name, absent in texts.items():
            table[name] = self._recorded(name, epochs, absent)
        return table

    def _recorded(self, name: str, epochs: Sequence[int], absent: Any) -> np.ndarray:
        """A column of what was recorded, absent in the rows of other epochs."""
        kind = object if absent is None else float
        column = np.full((len(self.runs), len(epochs)), absent, dtype=kind)
        for place, epoch in enumerate(epochs):
            if epoch in self.details:
                column[:, place] = self.details[epoch][name]
        return column.ravel()


def _column(values: Sequence[Any]) -> np.ndarray:
    """Values of runs as an array; texts and None stay objects."""
    if all(isinstance(value, bool | int | float) for value in values):
        return np.array(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def in_last_rows(values: Sequence[Any], n_epochs: int) -> np.ndarray:
    """A column with a value in each run's last row."""
    column = np.full((len(values), n_epochs), None, dtype=object)
    column[:, -1] = values
    return column.ravel()
