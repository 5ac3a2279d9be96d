"""The figures of a report: of any table of results, and those that a notebook wrote."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modnets.amounts import plural
from modnets.analysis.epoch_curves import training_curves
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.statistics import summarize
from modnets.analysis.stores import NAMED
from modnets.visuals.figure_info import figure_info, of_store
from modnets.visuals.generalization import graph_title, plot_generalization
from modnets.visuals.legends import draw_legend
from modnets.visuals.overview import MOST_LINES, SHOWN, measure_of, with_lines
from modnets.visuals.plots import count_behind, kind_order
from modnets.visuals.run_views import as_svg, inline_svg
from modnets.visuals.style import PAGE_WIDTH, style
from modnets.visuals.training_curves import plot_training_curves

#: Panels of one figure, and figures of that kind.
MOST_PANELS, MOST_FIGURES = 3, 3
#: Tasks up to which each has a panel; of more, those of the same widths are one.
MOST_TASKS_APART = MOST_PANELS * MOST_FIGURES
#: Evaluated epochs from which on curves are drawn.
LEAST_EPOCHS = 3
#: Bytes of an SVG that is shown as it is; of a larger one its PNG, if that is smaller.
LARGEST_SVG = 700_000


class Drawing(NamedTuple):
    """A figure in a report.

    Parameters
    ----------
    name : str
        Of its files.
    title : str
    html : str
        Inline SVG, or a picture.
    caption : str
    csv : str
        The numbers behind it; empty if there are none.
    inches : float
        Its width, where it is drawn for this page.
    """

    name: str
    title: str
    html: str
    caption: str
    csv: str = ""
    inches: float = 0.0

    @property
    def svg(self) -> str:
        """The file to download; empty if it is no SVG."""
        return self.html if self.html.startswith("<svg") else ""


class Panels(NamedTuple):
    """Runs as lines of a figure.

    Parameters
    ----------
    runs : DataFrame
        The last evaluation of each run that is drawn; ``kind`` names its line.
    others : list of str
        Settings beside graph, kind and training rows that vary.
    left_out : int
        Lines that are too many to be drawn.
    every : DataFrame
        As ``runs``, with those that are not drawn.
    """

    runs: pd.DataFrame
    others: list[str]
    left_out: int
    every: pd.DataFrame

    @property
    def note(self) -> str:
        """What is not drawn, in a sentence; empty if all is."""
        if not self.left_out:
            return ""
        return (
            f" Of each kind the combination of {', '.join(self.others)} with most runs is drawn; "
            f"{self.left_out} others stand in the CSV alone."
        )


def tasks_together(results: pd.DataFrame) -> pd.DataFrame:
    """The results with tasks of the same widths as one, where there are many.

    What follows from the task, the number of its distinct gates, is no setting then; knowledge that
    is wrong is one, by how it is wrong, whichever task it is of.
    """
    graphs = results["graph"].astype(str)
    if graphs.nunique() <= MOST_TASKS_APART:
        return results
    widths = graphs.str.extract(r"^(\d+(?:-\d+)+)", expand=False).fillna("other")
    counts = graphs.groupby(widths).nunique()
    labels = widths.map({name: f"{plural(count, 'task')} {name}" for name, count in counts.items()})
    merged = results.assign(graph=labels)
    if "shared_modules" in merged:
        merged["shared_modules"] = np.nan
    if "knowledge" in merged:
        merged["knowledge"] = [
            known if pd.isna(known) else _what_is_wrong(graph, str(known))
            for graph, known in zip(graphs, merged["knowledge"], strict=True)
        ]
    return merged


def _what_is_wrong(graph: str, knowledge: str) -> str:
    """How knowledge differs from a task, as ``perturbed_graph`` names it, without its seed."""
    prefix = f"{graph} ("
    if not (knowledge.startswith(prefix) and knowledge.endswith(")")):
        return "of another task"
    return f"wrong: {knowledge[len(prefix) : -1].rsplit(' ', 1)[0]}"


def panels_of(results: pd.DataFrame) -> Panels:
    """What can be drawn of a table: all lines, or of each kind the one with most runs."""
    runs, others = with_lines(results)
    n_lines = runs["kind"].nunique()
    if n_lines <= MOST_LINES:
        return Panels(runs, others, 0, runs)
    # Within a task, as rates that were chosen differ from one to the next.
    plain = results.drop_duplicates("run").set_index("run")["kind"].astype(str)
    plain = runs["run"].map(plain)
    counts = runs.groupby([runs["graph"], plain.rename("plain"), runs["kind"]]).size()
    ordered = counts.reset_index(name="n").sort_values(
        ["graph", "plain", "n", "kind"], ascending=[True, True, False, True]
    )
    best = ordered.drop_duplicates(["graph", "plain"])
    drawn = runs.merge(best[["graph", "kind"]], on=["graph", "kind"])
    drawn = drawn.assign(kind=drawn["run"].map(dict(zip(runs["run"], plain, strict=True))))
    return Panels(drawn, others, n_lines - len(best["kind"].unique()), runs)


def figures_of(results: pd.DataFrame, panels: Panels) -> list[Drawing]:
    """The figures of any table of results: how well runs end, and how they get there."""
    graphs = list(dict.fromkeys(panels.runs["graph"]))
    parts = [graphs[i : i + MOST_PANELS] for i in range(0, len(graphs), MOST_PANELS)]
    found = [_overview(panels, part, n) for n, part in enumerate(parts[:MOST_FIGURES])]
    curves = _curves(results, panels)
    return [*found, curves] if curves else found


def _overview(panels: Panels, graphs: list[str], number: int) -> Drawing:
    """Accuracy and share of runs that solve some tasks; the first one's CSV has all tasks."""
    measure = measure_of(panels.runs)
    drawn = panels.runs[panels.runs["graph"].isin(graphs)]
    summary = summarize(drawn.assign(test_bit_accuracy=drawn[measure]), [*NAMED])
    with style():
        axes = plot_generalization(summary)
        axes[0, 0].set_ylabel(SHOWN[measure])
        figure = axes[0, 0].figure
        name = f"accuracy and share of runs that solve {', '.join(graphs)}"
        svg, inches = _closed(figure, name, f"f{number}")
    every = panels.every
    every = every[every["graph"].isin(graphs)] if number else every
    table = summarize(every, [*NAMED], measure=measure)
    caption = (
        f"A point is {plural(count_behind(summary), 'run')}; what bands are stands in the legend. "
        f"Dotted is the accuracy of the best constant answer.{panels.note}"
    )
    title = "How well the networks end" + (f", continued ({number + 1})" if number else "")
    csv = table.to_csv(index=False, lineterminator="\n")
    return Drawing(f"results{f'_{number + 1}' * bool(number)}", title, svg, caption, csv, inches)


def telling_rows(runs: pd.DataFrame) -> dict[str, int]:
    """For each task the number of training rows at which runs differ most: half of them solve it.

    Where several are as near to a half, the most rows.
    """
    shares = runs.groupby(["graph", "train_rows"], sort=False)["solved"].mean().reset_index()
    shares["off"] = (shares["solved"] - 0.5).abs().round(9)
    shares = shares.sort_values(["off", "train_rows"], ascending=[True, False], kind="stable")
    at = shares.drop_duplicates("graph").set_index("graph")["train_rows"]
    return {graph: int(at[graph]) for graph in dict.fromkeys(runs["graph"])}


def _curves(results: pd.DataFrame, panels: Panels) -> Drawing | None:
    """Accuracy over the epochs, a panel for each task."""
    measure, frames = measure_of(panels.runs), {}
    kinds = panels.runs.set_index("run")["kind"]
    for graph, rows in [*telling_rows(panels.runs).items()][:MOST_PANELS]:
        here = panels.runs[(panels.runs["graph"] == graph) & (panels.runs["train_rows"] == rows)]
        part = results[results["run"].isin(here["run"])]
        part = part.assign(kind=part["run"].map(kinds))
        try:
            refuse_pooling(part, ["kind"])
        except ValueError:  # as where epochs differ
            continue
        if part["epoch"].nunique() >= LEAST_EPOCHS and part[measure].notna().any():
            frames[graph] = training_curves(part, measure).assign(graph=graph, train_rows=rows)
    if not frames:
        return None
    size = PAGE_WIDTH * max(len(frames), 1.6) / MOST_PANELS, 2.5
    with style():
        figure, axes = plt.subplots(1, len(frames), figsize=size, sharey=True, squeeze=False)
        figure.set_layout_engine("constrained")
        for number, ((graph, curves), ax) in enumerate(zip(frames.items(), axes[0], strict=True)):
            plot_training_curves(curves, ax=ax, measure=measure)
            ax.get_legend().remove()
            for line in ax.get_lines():  # how many solve it differs from panel to panel
                line.set_label(str(line.get_label()).rpartition(": ")[0])
            ax.set_title(f"{graph_title(graph)}, {curves['train_rows'].iloc[0]} rows")
            ax.set_ylabel(SHOWN[measure] if number == 0 else "")
        draw_legend(axes, columns=4)
        svg, inches = _closed(figure, "accuracy over the epochs of training", "c")
    table = pd.concat(frames.values(), ignore_index=True)
    caption = (
        f"{SHOWN[measure][0].upper()}{SHOWN[measure][1:]} while training: the median of "
        f"{plural(count_behind(table), 'run')} a line, with their quartiles, where the share of "
        f"runs that solve the task is nearest to a half.{panels.note}"
    )
    csv = table.to_csv(index=False, lineterminator="\n")
    return Drawing("curves", "How they get there", svg, caption, csv, inches)


def _closed(figure: Figure, name: str, ids: str) -> tuple[str, float]:
    """A figure as inline SVG, and its width in inches."""
    svg, inches = as_svg(figure, name, ids), float(figure.get_size_inches()[0])
    plt.close(figure)
    return svg, inches


def table_of(panels: Panels) -> list[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """Share solved by line and training rows: task, head, and rows of cells."""
    tables = []
    for graph, runs in panels.runs.groupby("graph", sort=False):
        columns = sorted(runs["train_rows"].unique())
        groups = runs.groupby(["kind", "train_rows"])["solved"].agg(["mean", "sum", "size"])
        rows = []
        for kind in kind_order(runs["kind"]):
            cells = []
            for number in columns:
                held = (kind, number) in groups.index
                share = groups.loc[(kind, number)] if held else None
                cells.append("" if share is None else f"{share['mean']:.0%}")
            rows.append((kind, cells))
        tables.append((str(graph), [f"{number:,}" for number in columns], rows))
    return tables


def written_by(pictures: list[Path]) -> list[Drawing]:
    """The figures that a notebook wrote, each with its CSV."""
    found = []
    for number, path in enumerate(pictures):
        table = path.with_suffix(".csv")
        csv = table.read_text(encoding="utf-8") if table.is_file() else ""
        svg, name = path.read_text(encoding="utf-8"), f"figure {path.stem}"
        html = inline_svg(svg, name, f"n{number}")
        picture = path.with_suffix(".png")
        if len(html) > LARGEST_SVG and picture.is_file():
            pixels = base64.b64encode(picture.read_bytes()).decode()
            if len(pixels) < len(html):
                html = f'<img alt="{name}" src="data:image/png;base64,{pixels}">'
        title = re.sub(r"[_-]+", " ", path.stem).capitalize()
        caption = f"As the notebook wrote it, {path.parent.name}/{path.name}: {_made(path)}."
        found.append(Drawing(path.stem, title, html, caption, csv))
    return found


def _made(picture: Path) -> str:
    """What a figure of a notebook was made from, and whether that still holds."""
    try:
        info = figure_info(picture)
    except ValueError:
        return "it does not say from which runs"
    stores = [of_store(one) for one in info.record["stores"]] or ["no runs"]
    return f"from {', '.join(stores)}, {info.verdict}"


def share_words(hits: np.ndarray) -> str:
    """``"12 of 40 runs (30 %)"``."""
    return f"{int(hits.sum()):,} of {len(hits):,} runs ({hits.mean():.0%})".replace("%", " %")
