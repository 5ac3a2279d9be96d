"""Diagram of a monolithic network: units and weights, or blocks and bands of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from torch import nn

from modnets.models.monolithic import CNN, Monolithic
from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.images import draw_images
from modnets.visuals.diagrams.layout import IMAGE_NAME, IMAGE_SIDE, Layout, Point
from modnets.visuals.diagrams.parts import draw_inputs, draw_outputs
from modnets.visuals.diagrams.usage import used_units

#: A row of more units is drawn as a block with their number.
MAX_UNITS = 64
#: The most feature maps of one convolution that are drawn; their number is written beside them.
MAX_MAPS = 40
#: Width of a row of feature maps, and distance between them in units of their side.
MAPS_WIDTH, MAP_STEP = 3.3, 1.15
#: Height of a block, the least height of a band, and the font size of text.
BLOCK, BAND, FONT = 0.24, 0.34, 0.13


@dataclass(frozen=True)
class Row:
    """A row of the diagram.

    Parameters
    ----------
    kind : str
        One of images, maps, units, block.
    used : tuple of bool
        [node] -> whether some path to an output uses it.
    side : int
        Of images and feature maps, in pixels.
    label : str
        Description of the connections from the row below, where not every weight is drawn.
    layer : int, optional
        The layer whose weights lead to it.
    """

    kind: str
    used: tuple[bool, ...]
    side: int = 0
    label: str = ""
    layer: int | None = None


def draw_layers(
    network: Monolithic,
    ax: Axes | None,
    title: str | None,
    n_images: int,
    pixels: np.ndarray | None,
    names: Sequence[str] | None,
    outputs: Sequence[str] | None = None,
) -> Axes:
    """Draw a monolithic network; see ``diagrams.draw``.

    Parameters
    ----------
    network : Monolithic
    ax, title
    n_images : int
        Number of images whose pixels are the inputs; 0 without.
    pixels : ndarray, shape (n_images, side, side), optional
    names : sequence of str, optional
        Of inputs that are not pixels; by default x0, x1 and so on.
    outputs : sequence of str, optional
        Names of outputs; by default y0, y1 and so on.
    """
    rows = rows_of(network, n_images)
    heights = [_height(row) for row in rows]
    bands = [band_label(lower, upper) for lower, upper in pairwise(rows)]
    layout = Layout.layers([len(row.used) if row.kind != "block" else 1 for row in rows])
    extra = [
        max(0.0, (below + above) / 2 + BAND - layout.pitch) if label else 0.0
        for (below, above), label in zip(pairwise(heights), bands, strict=True)
    ]
    layout = Layout.layers(layout.widths, extra)
    margin = IMAGE_SIDE / 2 + IMAGE_NAME * (pixels is not None) if n_images else layout.radius
    canvas = Canvas(ax, layout.width, -margin, layout.top + layout.radius, title)
    _draw_connections(canvas, layout, network, rows, bands, heights)
    if rows[0].kind == "units":
        draw_inputs(canvas, layout, rows[0].used, names)
    draw_outputs(canvas, layout, outputs)
    for index, row in enumerate(rows[:-1]):
        if row.kind == "images":
            centres = [layout.at(index, image) for image in range(n_images)]
            draw_images(canvas, centres, row.used, pixels)
        elif row.kind == "maps":
            _draw_maps(canvas, layout, index, row, heights[index])
        elif row.kind == "block":
            _draw_block(canvas, layout, index, row.used)
        elif index:
            for unit, use in enumerate(row.used):
                canvas.circle(layout.at(index, unit), _radius(layout, row), use, "_unit")
    return canvas.ax


def rows_of(network: Monolithic, n_images: int = 0) -> list[Row]:
    """The rows of a network, from inputs to outputs."""
    used = used_units(network)
    rows, first = [], 0
    if n_images:
        pixels = np.array(used.pop(0)).reshape(n_images, -1)
        rows.append(Row("images", tuple(np.logical_or.reduce(pixels, axis=1).tolist())))
    if isinstance(network, CNN) and network.n_convolutions:
        side, first = network.image_shape[1], network.n_convolutions
        pool = ""
        for layer in range(first):
            convolution = network.layers[layer]
            assert isinstance(convolution, nn.Conv2d)
            kernel = convolution.kernel_size[0]
            side += 2 * network.padding - kernel + 1
            label = f"{pool}conv {kernel}x{kernel}: {_weight_count(network, layer)}"
            rows.append(Row("maps", used.pop(0), side, label))
            side, pool = side // 2, "max 2x2, "
        rows.append(_units(used.pop(0), "max 2x2"))
    elif not n_images:
        rows.append(_units(used.pop(0)))
    for layer, units in enumerate(used, start=first):
        rows.append(_units(units, _weight_count(network, layer), layer))
    rows[-1] = replace(rows[-1], kind="units")  # outputs have names, however many
    return rows


def band_label(lower: Row, upper: Row) -> str:
    """The label of a band between two rows; empty where each weight is drawn."""
    by_weight = lower.kind == upper.kind == "units" and upper.layer is not None
    return "" if by_weight else upper.label


def _units(used: tuple[bool, ...], label: str = "", layer: int | None = None) -> Row:
    return Row("units" if len(used) <= MAX_UNITS else "block", used, label=label, layer=layer)


def _weight_count(network: Monolithic, layer: int) -> str:
    """The number of weights of a layer and, if masked, the share kept."""
    weight = network.layers[layer].weight
    text = f"{weight.numel():,} weights"
    if network.sparse:
        kept = float(network.get_buffer(f"weight_mask_{layer}").mean())
        text += f", {100 * kept:.0f} % kept"
    return text


def _height(row: Row) -> float:
    if row.kind == "images":
        return IMAGE_SIDE
    if row.kind == "maps":
        return _map_side(row)
    return BLOCK if row.kind == "block" else 0.2


def _map_side(row: Row) -> float:
    """Side of a map: smaller with few values or many maps."""
    count = min(len(row.used), MAX_MAPS)
    return min(IMAGE_SIDE, 0.05 * row.side, MAPS_WIDTH / (MAP_STEP * count))


def _radius(layout: Layout, row: Row) -> float:
    return min(0.1, 0.36 * layout.width / len(row.used))


def _draw_maps(canvas: Canvas, layout: Layout, index: int, row: Row, side: float) -> None:
    """Feature maps side by side, with their number and size."""
    left, right = _extent(layout, index, row, side)
    for channel, use in enumerate(row.used[:MAX_MAPS]):
        at = left + side * (MAP_STEP * channel + 0.5), layout.y(index)
        canvas.square(at, side, use, "_map")
    text = f"{len(row.used)} @ {row.side}x{row.side}"
    canvas.text((right + 0.07, layout.y(index)), text, FONT, ha="left")


def _draw_block(canvas: Canvas, layout: Layout, index: int, used: Sequence[bool]) -> None:
    """A row of too many units to draw each."""
    text, n_unused = f"{len(used):,} units", len(used) - sum(used)
    if 0 < n_unused < len(used):
        text += f", {n_unused:,} unused"
    canvas.box(layout.at(index, 0), (layout.width, BLOCK), "#ffffff", any(used), "_block", [text])


def _extent(layout: Layout, index: int, row: Row, height: float) -> Point:
    """Left and right edge of a row."""
    if row.kind == "block":
        return 0.0, layout.width
    if row.kind == "maps":
        width = height * (MAP_STEP * (min(len(row.used), MAX_MAPS) - 1) + 1)
        return (layout.width - width) / 2, (layout.width + width) / 2
    half = height / 2 if row.kind == "images" else _radius(layout, row)
    return layout.at(index, 0)[0] - half, layout.at(index, len(row.used) - 1)[0] + half


def _draw_connections(
    canvas: Canvas,
    layout: Layout,
    network: Monolithic,
    rows: Sequence[Row],
    bands: Sequence[str],
    heights: Sequence[float],
) -> None:
    """The connections between rows: a line for each weight, or a band with a label."""
    weights = [network.weights(n)[0].detach().cpu().numpy() for n in range(len(network.layers))]
    largest = max(float(np.abs(weight).max()) for weight in weights) or 1.0
    for index, label in enumerate(bands, start=1):
        layer = rows[index].layer
        if label or layer is None:
            sides = []
            for row, sign in ((index - 1, 1), (index, -1)):
                y = layout.y(row) + sign * heights[row] / 2
                left, right = _extent(layout, row, rows[row], heights[row])
                sides.append(((left, y), (right, y)))
            lower, upper = sides
            canvas.band(lower, upper)
            canvas.text((layout.width / 2, (lower[0][1] + upper[0][1]) / 2), label, FONT)
            continue
        weight = weights[layer]
        below = np.array([layout.at(index - 1, unit) for unit in range(weight.shape[1])])
        above = np.array([layout.at(index, unit) for unit in range(weight.shape[0])])
        starts, ends = np.broadcast_arrays(below[None], above[:, None])
        canvas.weights(starts.reshape(-1, 2), ends.reshape(-1, 2), weight.ravel() / largest)
