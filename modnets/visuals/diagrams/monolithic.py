"""A monolithic network drawn: units and weights, or blocks and bands where they are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from modnets.models.monolithic import CNN, Monolithic
from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.images import draw_images
from modnets.visuals.diagrams.layout import IMAGE_NAME, IMAGE_SIDE, Layout, Point
from modnets.visuals.diagrams.parts import draw_inputs, draw_outputs
from modnets.visuals.diagrams.usage import used_units

#: A row of more units is a block with their number.
MAX_UNITS = 64
#: Feature maps of one convolution that are drawn; their number stands beside them.
MAX_MAPS = 40
#: Width of a row of feature maps, and from one to the next in their sides.
MAPS_WIDTH, MAP_STEP = 3.3, 1.15
#: Height of a block, the least height of a band, and the size of words.
BLOCK, BAND, WORDS = 0.24, 0.34, 0.13


@dataclass(frozen=True)
class Row:
    """A row of the drawing.

    Parameters
    ----------
    kind : str
        One of images, maps, units, block.
    used : tuple of bool
        [node] -> whether some path to an output uses it.
    side : int
        Of images and feature maps, in pixels.
    words : str
        What leads to it from the row below, where that is not drawn weight by weight.
    layer : int, optional
        The layer whose weights lead to it.
    """

    kind: str
    used: tuple[bool, ...]
    side: int = 0
    words: str = ""
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
        Of which inputs are the pixels; 0 without.
    pixels : ndarray, shape (n_images, side, side), optional
    names : sequence of str, optional
        Of inputs that are no pixels; by default x0, x1 and so on.
    outputs : sequence of str, optional
        Names of outputs; by default y0, y1 and so on.
    """
    rows = rows_of(network, n_images)
    heights = [_height(row) for row in rows]
    bands = [words_of(lower, upper) for lower, upper in pairwise(rows)]
    place = Layout.layers([len(row.used) if row.kind != "block" else 1 for row in rows])
    extra = [
        max(0.0, (below + above) / 2 + BAND - place.pitch) if words else 0.0
        for (below, above), words in zip(pairwise(heights), bands, strict=True)
    ]
    place = Layout.layers(place.widths, extra)
    foot = IMAGE_SIDE / 2 + IMAGE_NAME * (pixels is not None) if n_images else place.radius
    canvas = Canvas(ax, place.width, -foot, place.top + place.radius, title)
    _draw_connections(canvas, place, network, rows, bands, heights)
    if rows[0].kind == "units":
        draw_inputs(canvas, place, rows[0].used, names)
    draw_outputs(canvas, place, outputs)
    for number, row in enumerate(rows[:-1]):
        if row.kind == "images":
            places = [place.at(number, image) for image in range(n_images)]
            draw_images(canvas, places, row.used, pixels)
        elif row.kind == "maps":
            _draw_maps(canvas, place, number, row, heights[number])
        elif row.kind == "block":
            _draw_block(canvas, place, number, row.used)
        elif number:
            for unit, use in enumerate(row.used):
                canvas.circle(place.at(number, unit), _radius(place, row), use, "_unit")
    return canvas.ax


def rows_of(network: Monolithic, n_images: int = 0) -> list[Row]:
    """The rows of a network, from inputs to outputs."""
    used = used_units(network)
    rows, first = [], 0
    if n_images:
        pixels = np.reshape(used.pop(0), (n_images, -1))
        rows.append(Row("images", tuple(pixels.any(axis=1).tolist())))
    if isinstance(network, CNN) and network.n_convolutions:
        side, first = network.image_shape[1], network.n_convolutions
        pool = ""
        for layer in range(first):
            kernel = network.layers[layer].kernel_size[0]
            side += 2 * network.padding - kernel + 1
            words = f"{pool}conv {kernel}x{kernel}: {_count(network, layer)}"
            rows.append(Row("maps", used.pop(0), side, words))
            side, pool = side // 2, "max 2x2, "
        rows.append(_units(used.pop(0), words="max 2x2"))
    elif not n_images:
        rows.append(_units(used.pop(0)))
    for layer, units in enumerate(used, start=first):
        rows.append(_units(units, words=_count(network, layer), layer=layer))
    rows[-1] = replace(rows[-1], kind="units")  # outputs have names, however many
    return rows


def words_of(lower: Row, upper: Row) -> str:
    """What is written between two rows, instead of drawing each weight; else nothing."""
    by_weight = lower.kind == upper.kind == "units" and upper.layer is not None
    return "" if by_weight else upper.words


def _units(used: tuple[bool, ...], **about: object) -> Row:
    return Row("units" if len(used) <= MAX_UNITS else "block", used, **about)


def _count(network: Monolithic, layer: int) -> str:
    """The number of weights of a layer and, if a mask leaves some out, the share kept."""
    weight = network.layers[layer].weight
    words = f"{weight.numel():,} weights"
    if network.sparse:
        kept = float(network.get_buffer(f"weight_mask_{layer}").mean())
        words += f", {100 * kept:.0f} % kept"
    return words


def _height(row: Row) -> float:
    if row.kind == "images":
        return IMAGE_SIDE
    if row.kind == "maps":
        return _map_side(row)
    return BLOCK if row.kind == "block" else 0.2


def _map_side(row: Row) -> float:
    """Smaller where a map has fewer values than an image, or there are many maps."""
    count = min(len(row.used), MAX_MAPS)
    return min(IMAGE_SIDE, 0.05 * row.side, MAPS_WIDTH / (MAP_STEP * count))


def _radius(place: Layout, row: Row) -> float:
    return min(0.1, 0.36 * place.width / len(row.used))


def _draw_maps(canvas: Canvas, place: Layout, number: int, row: Row, side: float) -> None:
    """Feature maps side by side, with their number and size."""
    left, right = _extent(place, number, row, side)
    for channel, use in enumerate(row.used[:MAX_MAPS]):
        at = left + side * (MAP_STEP * channel + 0.5), place.y(number)
        canvas.square(at, side, use, "_map")
    words = f"{len(row.used)} @ {row.side}x{row.side}"
    canvas.text((right + 0.07, place.y(number)), words, WORDS, ha="left")


def _draw_block(canvas: Canvas, place: Layout, number: int, used: Sequence[bool]) -> None:
    """A row of too many units."""
    words, idle = f"{len(used):,} units", len(used) - sum(used)
    if 0 < idle < len(used):
        words += f", {idle:,} unused"
    canvas.box(place.at(number, 0), (place.width, BLOCK), "#ffffff", any(used), "_block", [words])


def _extent(place: Layout, number: int, row: Row, height: float) -> Point:
    """Left and right edge of a row."""
    if row.kind == "block":
        return 0.0, place.width
    if row.kind == "maps":
        width = height * (MAP_STEP * (min(len(row.used), MAX_MAPS) - 1) + 1)
        return (place.width - width) / 2, (place.width + width) / 2
    half = height / 2 if row.kind == "images" else _radius(place, row)
    return place.at(number, 0)[0] - half, place.at(number, len(row.used) - 1)[0] + half


def _draw_connections(
    canvas: Canvas,
    place: Layout,
    network: Monolithic,
    rows: Sequence[Row],
    bands: Sequence[str],
    heights: Sequence[float],
) -> None:
    """What lies between the rows: a line for each weight, or a band with words."""
    weights = [network.weights(n)[0].detach().cpu().numpy() for n in range(len(network.layers))]
    largest = max(float(np.abs(weight).max()) for weight in weights) or 1.0
    for number, words in enumerate(bands, start=1):
        if words:
            edges = []
            for edge, sign in ((number - 1, 1), (number, -1)):
                height, y = heights[edge], place.y(edge)
                left, right = _extent(place, edge, rows[edge], height)
                edges.append([(left, y + sign * height / 2), (right, y + sign * height / 2)])
            canvas.band(*edges)
            middle = place.width / 2, (edges[0][0][1] + edges[1][0][1]) / 2
            canvas.text(middle, words, WORDS)
            continue
        weight = weights[rows[number].layer]
        below = np.array([place.at(number - 1, unit) for unit in range(weight.shape[1])])
        above = np.array([place.at(number, unit) for unit in range(weight.shape[0])])
        starts, ends = np.broadcast_arrays(below[None], above[:, None])
        canvas.weights(starts.reshape(-1, 2), ends.reshape(-1, 2), weight.ravel() / largest)
