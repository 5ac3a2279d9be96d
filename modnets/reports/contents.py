"""All that stands in a report, gathered from a store before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from modnets.amounts import plural
from modnets.analysis.intervals import Bootstrap
from modnets.analysis.statistics import last, summarize
from modnets.analysis.stores import NAMED
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments.exports import without_empty
from modnets.reports.drawings import (
    Drawing,
    Panels,
    figures_of,
    panels_of,
    share_words,
    table_of,
    tasks_together,
    telling_rows,
    written_by,
)
from modnets.reports.facts import (
    Bound,
    Making,
    Reason,
    Settings,
    bound_of,
    config_in,
    making_of,
    reasons_of,
    settings_of,
)
from modnets.reports.networks import Shown, chosen, trained_again
from modnets.reports.sources import Source
from modnets.runs_read import summed_up
from modnets.visuals.plots import count_behind

#: Bytes of the table of all runs, at most.
MOST_OF_RUNS = 700_000
#: Reasons of failures that are told, and tasks whose floor and ceiling are.
MOST_REASONS, MOST_TASKS = 10, 6
#: Tasks of which the best and the worst kind are told.
MOST_COMPARED = 3
#: Fewer runs a point than that are pointed out.
FEW = 5


@dataclass
class Contents:
    """What stands in a report.

    Parameters
    ----------
    source : Source
    question : str
    summary : list of str
        Sentences.
    settings : Settings or None
        None where no run is there, as for what follows.
    points : list of str
        Sentences: runs a point, and the kind of interval.
    drawings : list of Drawing
    tables : list
        Shares of runs that solve the task, see :func:`~modnets.reports.drawings.table_of`.
    bounds : list of Bound
    reasons : list of Reason
        Why runs failed.
    n_failed : int
    shown : list of Shown
    making : Making or None
    redo : list of (str, str)
        What it does, and the command or code.
    studies : dict
        Name -> text of the study's files.
    digests : dict
        ``runs``, ``settings``, ``results``.
    runs_csv : str
        The last evaluation of every run; empty where that is too much.
    """

    source: Source
    question: str = ""
    summary: list[str] = field(default_factory=list)
    settings: Settings | None = None
    points: list[str] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    tables: list[Any] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    n_failed: int = 0
    shown: list[Shown] = field(default_factory=list)
    making: Making | None = None
    redo: list[tuple[str, str]] = field(default_factory=list)
    studies: dict[str, str] = field(default_factory=dict)
    digests: dict[str, Any] = field(default_factory=dict)
    runs_csv: str = ""

    def lighten(self) -> bool:
        """Leave out the heaviest part that can be spared; whether there was one."""
        if self.runs_csv:
            self.runs_csv = ""
            return True
        for one in self.shown:
            if len(one.moments) > 1:
                one.moments = one.moments[-1:]
                return True
        spare = [drawing for drawing in self.drawings if drawing.html]
        if spare:
            heaviest = max(spare, key=lambda drawing: len(drawing.html))
            place = self.drawings.index(heaviest)
            note = f"{heaviest.caption} It is too large for this page."
            self.drawings[place] = heaviest._replace(html="", caption=note)
            return True
        return False


def gathered(source: Source, question: str | None, *, retrain: bool) -> Contents:
    """All that a report says of a source.

    Parameters
    ----------
    source : Source
    question : str, optional
        In place of that of the source.
    retrain : bool
        Whether chosen runs are trained again to be drawn.

    Raises
    ------
    ValueError
        If the store holds neither runs nor failures.
    """
    store = source.store
    results = store.table(source.runs)
    held = set(store.keys()) if source.runs is not None else set(results["run"])
    failures = {key: one for key, one in store.failures().items() if key not in held}
    require(
        len(results) > 0 or bool(failures),
        f"store={str(store.folder)!r} holds no runs; allowed is one that a sweep has begun",
    )
    made = Contents(source, studies=store.studies(), n_failed=len(failures))
    made.reasons = reasons_of(failures, MOST_REASONS)
    made.question = question or source.question or _question(results)
    made.redo = _redo(source, made.studies)
    if len(results):
        _of_results(made, results, retrain)
    else:
        none = "Its only run" if len(failures) == 1 else f"None of its {len(failures):,} runs"
        made.summary = [f"{none} could {'not ' * (len(failures) == 1)}be trained."]
    return made


def _of_results(made: Contents, results: pd.DataFrame, retrain: bool) -> None:
    """Fill in what runs have come to."""
    store, runs = made.source.store, last(results)
    keys, chunks = set(runs["run"]), store.chunks()
    made.settings = settings_of(runs)
    n_tasks = results["graph"].nunique()
    results = tasks_together(results)
    panels = panels_of(results)
    made.summary = _summary(panels, runs, made.n_failed)
    made.points = _points(panels)
    if results["graph"].nunique() < n_tasks:
        made.points.append(f"{n_tasks} tasks are a sample: those of the same widths are one here.")
    made.drawings = written_by(made.source.figures) + figures_of(results, panels)
    made.tables = table_of(panels)
    made.shown = chosen(runs)
    details = store.details([one.row["run"] for one in made.shown])
    configs = dict(zip(details["run"], details["config"], strict=True))
    made.bounds = _bounds(made, panels, runs)
    if retrain:
        origins = {key: how for part, how in chunks for key in part if key in configs}
        trained_again(made.shown, configs, origins)
    made.making = making_of(chunks, keys)
    made.digests = summed_up(store.run_digests(sorted(keys)).items())
    table = without_empty(runs).to_csv(index=False, lineterminator="\n")
    made.runs_csv = table if len(table) <= MOST_OF_RUNS else ""


def _question(results: pd.DataFrame) -> str:
    """A question for a study that nobody has asked one of."""
    if results.empty:
        return "Why did these runs fail?"
    kinds, graphs = list(results["kind"].unique()), list(results["graph"].unique())
    where = _listed(graphs) if len(graphs) <= 3 else f"{len(graphs)} tasks"
    if len(kinds) == 1:
        article = "an" if kinds[0][0] in "aeiou" else "a"
        return f"How well does {article} {kinds[0]} network do on {where}?"
    return f"How do {len(kinds)} kinds of network compare on {where}?"


def _summary(panels: Panels, runs: pd.DataFrame, n_failed: int) -> list[str]:
    """The study in a few sentences."""
    kinds, graphs = runs["kind"].unique(), runs["graph"].unique()
    of = plural(len(kinds), "kind") + " of network" if len(kinds) > 1 else f"a {kinds[0]} network"
    tasks = f"{len(graphs)} tasks" if len(graphs) > 1 else str(graphs[0])
    if len(runs) == 1:
        solves = "solves its task" if runs["solved"].iloc[0] else "does not solve its task"
        lines = [f"One run of {of} on {tasks}; it {solves}."]
    else:
        solved = share_words(runs["solved"].to_numpy(bool))
        lines = [f"{len(runs):,} runs of {of} on {tasks}; {solved} solve their task."]
    if n_failed:
        lines.append(f"{plural(n_failed, 'more run')} could not be trained; none is among them.")
    for graph, rows in [*telling_rows(panels.runs).items()][:MOST_COMPARED]:
        here = panels.runs[(panels.runs["graph"] == graph) & (panels.runs["train_rows"] == rows)]
        if len(here["kind"].drop_duplicates()) > 1:
            lines.append(_compared(graph, rows, summarize(here, [*NAMED])))
    return lines


def _compared(graph: str, rows: int, summary: pd.DataFrame) -> str:
    """The best and the worst line of a task, with their intervals."""
    ordered = summary.sort_values(["solved", "kind"], ascending=[False, True])
    best, worst = ordered.iloc[0], ordered.iloc[-1]
    start = f"{graph} with {rows:,} training rows"
    if best["solved"] == worst["solved"]:
        return f"{start}: every kind solves it as often, in {100 * best['solved']:.0f} % of runs."
    most, least = (
        f"{one['kind']} ({100 * one['solved']:.0f} % of {plural(int(one['n']), 'run')}, "
        f"{100 * one['solved_low']:.0f} to {100 * one['solved_high']:.0f} %)"
        for one in (best, worst)
    )
    return f"{start}: solved most often by {most}, least often by {least}."


def _points(panels: Panels) -> list[str]:
    """Runs a point, and what the intervals are."""
    summary = summarize(panels.runs, [*NAMED])
    points = plural(len(summary), "point")
    lines = [
        "A point is a task, a kind of network with its settings, and a number of training rows. "
        f"There {'is' if len(summary) == 1 else 'are'} {points}, of "
        f"{plural(count_behind(summary), 'run')}{' each' * (len(summary) > 1)}. A run solves its "
        "task if every row that is evaluated is right."
    ]
    if (summary["clusters"] < summary["n"]).any():
        fewest = int(summary["clusters"].min())
        lines.append(
            f"Runs of a point share seeds; {fewest} or more of them are independent, and every "
            "interval is cluster-robust."
        )
    elif summary["n"].max() > 1:
        lines.append("Every run of a point has a split and initial weights of its own.")
    percent = f"{100 * summary['confidence'].iloc[0]:g} %"
    lines.append(
        f"Intervals are of {percent} confidence: Wilson’s score interval for shares of runs; for "
        f"accuracies the bootstrap of their inter-quartile mean ({Bootstrap().resamples:,} draws)."
    )
    if summary["n"].min() < FEW:
        lines.append(f"With fewer than {FEW} runs a point an interval says little.")
    return lines


def _bounds(made: Contents, panels: Panels, runs: pd.DataFrame) -> list[Bound]:
    """Floor and ceiling of each task, with what known kinds can reach at its telling rows."""
    rows, found = telling_rows(panels.runs), []
    kinds = runs.set_index("run")["kind"]
    for graph, number in [*rows.items()][:MOST_TASKS]:
        here = panels.runs[(panels.runs["graph"] == graph) & (panels.runs["train_rows"] == number)]
        first = here["run"].map(kinds).drop_duplicates()
        details = made.source.store.details(list(here.loc[first.index, "run"]))
        configs = [config_in(text) for text in details["config"]]
        whole = [one for one in configs if isinstance(one, RunConfig)]
        if whole:
            learned = any(one.final.routing == "learned" for one in whole)
            found.append(bound_of(whole[0].graph, whole, learned))
    return found


def _redo(source: Source, studies: dict[str, str]) -> list[tuple[str, str]]:
    """How to do it again."""
    place, again = source.place, []
    if source.notebook is not None:
        again.append(("The runs and figures of the notebook, from the repository:",
                      f"modnets notebook run {source.notebook.name}"))  # fmt: skip
    for name in studies:
        again.append(("The runs, from the study’s file (below):",
                      f"modnets sweep {name} --store {place}"))  # fmt: skip
    if not again:
        again.append(("The runs, from the configs that the store holds:", _PYTHON % place))
    named = source.notebook.name if source.notebook else place
    again.append(("This report:", f"modnets report {named} -o report.html"))
    return again


_PYTHON = """import json
import modnets as mn

texts = mn.Store(%r).details()["config"]
runs = [mn.RunConfig.from_dict(json.loads(text)) for text in texts]
mn.sweep(runs, "again")  # modnets results compare puts both side by side"""


def _listed(words: list[str]) -> str:
    """``"a, b and c"``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
