"""Views of one run: its network, its truth table, what its modules compute.

Pure functions from configs, networks and records to SVG or HTML; no widget, no state.
"""

from __future__ import annotations

import io
import json
import re
from html import escape

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import nn

from modnets.analysis.structure import gates, probes
from modnets.config.run_config import RunConfig
from modnets.models.modular import ModularNetwork
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task
from modnets.tasks.truth_tables import DONT_CARE
from modnets.visuals.descriptions import COLUMNS, gate_formula, sub_function_formula
from modnets.visuals.diagrams.images import letters
from modnets.visuals.diagrams.network import draw
from modnets.visuals.diagrams.task import draw_graph
from modnets.visuals.style import module_colors, style

#: Size of a diagram, in inches.
DIAGRAM = 4.4, 3.1
DPI = 100  # of what is rasterized
#: More weights than that are rasterized: as shapes they take half a second.
MANY_LINES = 300
#: Cells and outputs of the largest truth table that is drawn.
MAX_CELLS, MAX_OUTPUTS = 1024, 4
HEIGHT = 136  # pixels of a truth table
#: The key to the colours of edges in the diagram of a trained network.
EDGE_COLORS = "green: edges of the task; purple: others; ?: not clear-cut"

#: A coordinate in the path of an SVG, its hundredths and what comes after them.
ROUNDED = re.compile(r"(\.\d\d)\d+")
BOXES = "in a box: the gate of a slot, a and b being what it reads first and second; its module"


def tells_edges_apart(network: nn.Module | None, graph: Task, has_weights: bool) -> bool:
    """Whether a diagram has edges of the task in another colour than others."""
    return has_weights and isinstance(network, ModularNetwork) and graph.has_structure


def draw_network(network: nn.Module, ax: Axes, graph: Task, has_weights: bool) -> None:
    """Draw a network.

    ``has_weights``: whether its weights are the run's, so that the gates that its slots compute
    and its true edges can be shown.
    """
    draw(network, ax, graph=graph, found=has_weights)


def network_figure(network: nn.Module, graph: Task, has_weights: bool) -> Figure:
    """The diagram of a network on a figure of its own."""
    figure = Figure(figsize=DIAGRAM)
    draw_network(network, figure.add_axes((0, 0, 1, 1)), graph, has_weights)
    return figure


def task_figure(graph: Task) -> Figure:
    """The diagram of a task."""
    figure = Figure(figsize=DIAGRAM)
    draw_graph(graph, figure.add_axes((0, 0, 1, 1)))
    return figure


def as_svg(figure: Figure, name: str, ids: str = "") -> str:
    """A figure as inline SVG for a page: transparent, without rules that affect the page.

    Parameters
    ----------
    figure : Figure
    name : str
        Its label for screen readers.
    ids : str
        In front of all ids in it, so that several stand on one page; coordinates of paths are then
        rounded to a hundredth of a point.
    """
    for ax in figure.axes:
        for lines in ax.collections:
            if isinstance(lines, LineCollection) and len(lines.get_segments()) > MANY_LINES:
                lines.set_rasterized(True)
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None}, dpi=DPI)
    return inline_svg(text.getvalue(), name, ids)


def inline_svg(svg: str, name: str, ids: str = "") -> str:
    """The text of an SVG file of matplotlib for a page, as :func:`as_svg` gives it."""
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = svg[svg.index("<svg") :]
    if ids:
        svg = re.sub(r' d="[^"]*"', lambda path: ROUNDED.sub(r"\1", path[0]), renamed(svg, ids))
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1).replace(
        "<svg", f'<svg role="img" aria-label="{escape(name)}" style="stroke-linejoin:round"', 1
    )


def renamed(svg: str, ids: str) -> str:
    """SVG with a prefix to all of its ids, and to what refers to them."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{ids}-", svg)


def diagram(
    network: nn.Module | None, graph: Task, has_weights: bool = False, ids: str = ""
) -> str:
    """HTML of a network, as :func:`draw_network` draws it; of the task if there is no network."""
    with style():
        try:
            if network is None:
                figure = task_figure(graph)
            else:
                figure = network_figure(network, graph, has_weights)
        except ValueError as error:  # a user-defined model, a task without structure
            return f'<div class="mn-quiet">{escape(str(error))}</div>'
        key = ""
        if tells_edges_apart(network, graph, has_weights):
            key = f'<div class="mn-quiet" title="{BOXES}">{EDGE_COLORS}</div>'
        name = f"diagram of {f'the task {graph}' if network is None else 'the network'}"
        return f'<div class="mn-diagram">{as_svg(figure, name, ids)}</div>{key}'


def bits_of_prediction(predicted: str, n_rows: int) -> np.ndarray:
    """The table that a run has learned, shape (row, output), from one hexadecimal per output."""
    columns = [int(text, 16) for text in predicted.split()]
    shifts = range(n_rows - 1, -1, -1)
    return np.array([[column >> shift & 1 for column in columns] for shift in shifts])


def truth_table(config: RunConfig, predicted: str | None) -> str:
    """HTML of the truth table: a grid for each output, with right and wrong cells marked.

    Parameters
    ----------
    config : RunConfig
    predicted : str or None
        As recorded in results; None draws the table itself.
    """
    graph = get_graph(config.graph)
    if isinstance(graph, Samples):
        rows = f"{graph.n_rows:,} samples; they have no truth table."
        return f'<div class="mn-quiet">{rows}</div>'
    if not graph.enumerable or graph.truth_table().shape[0] > MAX_CELLS:
        return '<div class="mn-quiet">The truth table has too many rows to be drawn.</div>'
    table = graph.truth_table()
    prediction = None if predicted is None else bits_of_prediction(predicted, len(table))
    columns = 2 ** (-(-graph.n_sources // 2))
    cell = max(3, min(17, HEIGHT // -(-len(table) // columns)))
    train = set(config.split["train"].tolist())
    n_outputs = min(table.shape[1], MAX_OUTPUTS)
    width, height = columns * cell + 4, -(-len(table) // columns) * cell + 18
    grids = []
    for output in range(n_outputs):
        answers = None if prediction is None else prediction[:, output]
        label = escape(graph.output_labels[output][:12])
        name = f"{label}{_score(table[:, output], answers)}"
        grids.append(
            f'<svg class="mn-table" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="truth table of {name}, of {len(table)} rows">'
            f'<g transform="translate(2,16)"><text class="mn-out" x="0" y="-5">{name}</text>'
            f"{_grid(table[:, output], answers, train, graph, cell)}</g></svg>"
        )
    omitted = table.shape[1] - n_outputs
    notes = f'<div class="mn-quiet">and {omitted} more outputs</div>' if omitted else ""
    if prediction is not None:
        notes += (
            '<div class="mn-quiet"><span class="mn-key mn-ok"></span>right '
            '<span class="mn-key mn-bad"></span>wrong '
            '<span class="mn-key mn-shown"></span>training row</div>'
        )
    return f'<div class="mn-tables">{"".join(grids)}</div>{notes}'


def _score(right: np.ndarray, answers: np.ndarray | None) -> str:
    if answers is None:
        return ""
    wrong = int(((right != answers) & (right != DONT_CARE)).sum())
    return ": all right" if wrong == 0 else f": {wrong} wrong"


def _grid(
    right: np.ndarray, answers: np.ndarray | None, train: set[int], graph: Task, cell: int
) -> str:
    """The cells of one output; a row of the grid for each value of the first inputs."""
    columns, cells = 2 ** (-(-graph.n_sources // 2)), []
    for row, wanted in enumerate(right):
        x, y = row % columns * cell, row // columns * cell
        bits = f"{row % 2**graph.n_sources:0{graph.n_sources}b}"
        bits = f"task {row // 2**graph.n_sources}, {bits}" if graph.n_tasks > 1 else bits
        text, state = wanted, "none"
        tooltip = f"{bits}: {wanted}"
        if wanted == DONT_CARE:
            text = "-" if answers is None else answers[row]
            tooltip = f"{bits}: either" + ("" if answers is None else f", says {answers[row]}")
        elif answers is not None:
            text, state = answers[row], "ok" if answers[row] == wanted else "bad"
            tooltip += ", right" if state == "ok" else f", but says {answers[row]}"
        in_training = row in train
        tooltip += " (training row)" if in_training else ""
        size = cell - (3 if cell > 8 else 1)
        radius = f"{size / 2:g}" if state == "bad" else 2  # wrong cells are round: not colour alone
        cells.append(
            f'<rect class="mn-{state}{" mn-shown" if in_training else ""}" x="{x + 1}" '
            f'y="{y + 1}" width="{size}" height="{size}" rx="{radius}">'
            f"<title>{tooltip}</title></rect>"
        )
        if cell >= 12:
            cells.append(
                f'<text x="{x + cell / 2 - 0.5:g}" y="{y + cell / 2 + 2.6:g}">{text}</text>'
            )
    return "".join(cells)


UNFAITHFUL = (
    '<div class="mn-quiet">As gates of single bits these do not give the whole table of the '
    "network: its slots pass more than a bit.</div>"
)


def findings_table(config: RunConfig, structure: str | None, epoch: int) -> str:
    """HTML of the gates that the slots of a run compute; of a monolithic network its probes."""
    if structure is None:
        return '<div class="mn-quiet">Nothing was recorded of what this network has learned.</div>'
    frame = pd.DataFrame(
        {
            "run": [config.key],
            "epoch": [epoch],
            "structure": [structure],
            "config": [json.dumps(config.to_dict())],
        }
    )
    slots = gates(frame)
    if len(slots):
        of_task = slots[slots["task"] == 0]
        exact = of_task["faithful"].fillna(value=True).all()
        return _gates(of_task, config) + ("" if exact else UNFAITHFUL)
    probed = probes(frame)
    return _probes(probed) if len(probed) else '<div class="mn-quiet">No slots, no probes.</div>'


def _gates(slots: pd.DataFrame, config: RunConfig) -> str:
    colors = module_colors(int(slots["module"].max()) + 1)
    rows = []
    for slot in slots.itertuples():
        below = "x" if slot.level == 1 else f"s{slot.level - 1}."
        reads = [f"{below}{index}" for index in slot.reads.split()]
        name = letters(slot.module) if config.model == "shared" else str(slot.module + 1)
        module = f'<span class="mn-module" style="background:{colors[slot.module]}">{name}</span>'
        true = "–"
        if isinstance(slot.sub_function, str):
            true = escape(sub_function_formula(slot.sub_function))
        gate = escape(gate_formula(slot.gate, reads))
        gate = f"<b>{gate}</b>" if slot.used else '<span class="mn-quiet">unused</span>'
        clarity = f"{slot.clarity:.0%}" if slot.used else ""
        cells = [f"s{slot.level}.{slot.slot}", module, ", ".join(reads), gate, clarity, true]
        rows.append(cells)
    head = ["slot", "module", "reads", "computes", "clarity", "true part"]
    return _html_table(head, rows)


def _probes(probed: pd.DataFrame) -> str:
    best = probed.sort_values("accuracy").groupby(["level", "node"]).tail(1)
    rows = [
        [
            f"level {p.level}",
            escape(sub_function_formula(p.sub_function)),
            f"<b>{p.accuracy:.0%}</b>",
            f"layer {p.layer}",
        ]
        for p in best.sort_values(["level", "node"]).itertuples()
    ]
    head = ["of the task", "part", "readable", "best in"]
    return _html_table(head, rows)


def _html_table(head: list[str], rows: list[list[str]]) -> str:
    names = "".join(
        f'<th scope="col" title="{escape(COLUMNS[name])}"><span class="mn-word">{name}</span></th>'
        for name in head
    )
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="mn-gates"><tr>{names}</tr>{body}</table>'
