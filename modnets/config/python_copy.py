"""A run of the explorer as Python that trains it again."""

from __future__ import annotations

from dataclasses import fields

from modnets.config.run_config import RunConfig
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.task import Task


def reproduction(config: RunConfig, chunk: tuple[int, bool] | None = None) -> str:
    """Python that trains a run again, with the settings that differ from the defaults.

    Parameters
    ----------
    config : RunConfig
    chunk : (int, bool), optional
        Runs side by side, and whether steps are compiled, so that it is the same bit for bit.
    """
    default, arguments = RunConfig(), []
    for f in fields(RunConfig):
        value = getattr(config, f.name)
        if f.name == "graph":
            arguments.append(f"graph={_graph_text(value)}")
        elif value != getattr(default, f.name):
            arguments.append(f"{f.name}={value!r}")
    inner = "".join(f"    {argument},\n" for argument in arguments)
    options = "" if chunk is None else f", chunk={chunk[0]}, compiled={chunk[1]}"
    return (
        f"import modnets as mn\n\nrun = mn.RunConfig(\n{inner})\ntrained = mn.train(run{options})\n"
    )


def _graph_text(graph: Task) -> str:
    named = GRAPHS | TASK_SETS
    if named.get(str(graph)) == graph:
        return repr(str(graph))
    return f"mn.{type(graph).__name__}.from_dict({graph.to_dict()!r})"
