"""A run of the explorer as Python that trains it again."""

from __future__ import annotations

from dataclasses import fields

from modnets.config.run_config import RunConfig
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.task import Task


def reproduction(config: RunConfig, chunk: tuple[int, bool] | None = None) -> str:
    """Python that trains a run again, its settings that are not the defaults written out.

    Parameters
    ----------
    config : RunConfig
    chunk : (int, bool), optional
        Runs side by side, and whether steps are compiled: then it is the same bit for bit.
    """
    default, parts = RunConfig(), []
    for f in fields(RunConfig):
        value = getattr(config, f.name)
        if f.name == "graph":
            parts.append(f"graph={_graph_text(value)}")
        elif value != getattr(default, f.name):
            parts.append(f"{f.name}={value!r}")
    inner = "".join(f"    {part},\n" for part in parts)
    how = "" if chunk is None else f", chunk={chunk[0]}, compiled={chunk[1]}"
    return f"import modnets as mn\n\nrun = mn.RunConfig(\n{inner})\ntrained = mn.train(run{how})\n"


def _graph_text(graph: Task) -> str:
    named = GRAPHS | TASK_SETS
    if named.get(str(graph)) == graph:
        return repr(str(graph))
    return f"mn.{type(graph).__name__}.from_dict({graph.to_dict()!r})"
