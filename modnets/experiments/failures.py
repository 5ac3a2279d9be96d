"""What a sweep raises when some of its runs are not there at its end."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from modnets.config.run_config import RunConfig

#: Distinct failures that a message tells.
TOLD = 10


class RunsFailed(RuntimeError):
    """Some runs of a sweep could not be trained; all the others are done and stored.

    The message has a line for each distinct failure.

    Parameters
    ----------
    failures : dict
        Run key -> (config, full traceback).
    table : DataFrame, optional
        Of the runs that are done, where no store has them.
    """

    def __init__(
        self, failures: dict[str, tuple[RunConfig, str]], table: pd.DataFrame | None = None
    ) -> None:
        self.failures, self.table = failures, table
        by_reason: dict[str, list[RunConfig]] = {}
        for config, trace in failures.values():
            by_reason.setdefault(reason_of(trace), []).append(config)
        lines = [
            f"{len(configs)} x {configs[0]} ({configs[0].key}): {reason}"
            for reason, configs in by_reason.items()
        ]
        if len(lines) > TOLD:
            lines[TOLD:] = [f"and {len(lines) - TOLD} other failures"]
        runs = "1 run" if len(failures) == 1 else f"{len(failures)} runs"
        lines = [f"{runs} failed; whole tracebacks are in .failures", *lines]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple:
        return type(self), (self.failures, self.table)


class WorkersLost(RuntimeError):
    """The workers of a sweep were lost before all was done; what was done is stored.

    Parameters
    ----------
    left : sequence of RunConfig
        The runs that are not done.
    reason : str
    failures : dict, optional
        As those of :class:`RunsFailed`.
    table : DataFrame, optional
        Of the runs that are done, where no store has them.
    """

    def __init__(
        self,
        left: Sequence[RunConfig],
        reason: str,
        failures: dict[str, tuple[RunConfig, str]] | None = None,
        table: pd.DataFrame | None = None,
    ) -> None:
        self.left, self.reason = tuple(left), reason
        self.failures, self.table = failures or {}, table
        also = f", {len(self.failures)} failed" if self.failures else ""
        kept = "stored" if table is None else "in .table"
        super().__init__(
            f"workers were lost ({reason}): {len(self.left)} runs are left{also}, all others are "
            f"{kept}; the same call goes on from there, with an executor that takes work"
        )

    def __reduce__(self) -> tuple:
        return type(self), (self.left, self.reason, self.failures, self.table)


def reason_of(trace: str) -> str:
    """What a traceback comes to, in one line; of a ValueError, its message alone."""
    lines = [line for line in trace.splitlines() if line.strip()] or ["no message"]
    inside = [index for index, line in enumerate(lines) if line.startswith("  ")]
    after = lines[inside[-1] + 1 :] if inside else lines
    return (after or lines[-1:])[0].strip().removeprefix("ValueError: ")
