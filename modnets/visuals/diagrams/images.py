"""Images at the bottom of a diagram, and the image slots that read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.errors import require
from modnets.visuals.diagrams.canvas import FAINT, Canvas
from modnets.visuals.diagrams.layout import IMAGE_NAME, IMAGE_SIDE, Layout, Point


def letters(index: int) -> str:
    """A to Z, then AA, AB and so on: shared modules and, in lower case, image slots."""
    name = ""
    while index >= 0:
        name, index = chr(ord("A") + index % 26) + name, index // 26 - 1
    return name


def bit_names(n_slots: int, bits: int) -> list[str]:
    """The values of image slots, most significant bit first: a2, a1, a0, b2 and so on."""
    slots = [letters(slot).lower() for slot in range(n_slots)]
    return [f"{slot}{bit}" for slot in slots for bit in reversed(range(bits))]


def check_images(
    images: np.ndarray | None, n_images: int, side: int | None = None
) -> np.ndarray | None:
    """Example images as an array, after a check of their shape.

    Parameters
    ----------
    images : array, shape (image, side, side), optional
    n_images : int
        0 where the task has no images.
    side : int, optional
        Pixels, where that is known.

    Raises
    ------
    ValueError
        If their shape is another, or the task has none.
    """
    if images is None:
        return None
    shape = np.asarray(images).shape
    require(n_images > 0, f"images of shape {shape}; allowed is None, as none are looked at")
    size = side or (shape[-1] if shape else 0)
    wanted = f"({n_images}, {side}, {side})" if side else f"({n_images}, side, side)"
    require(
        shape == (n_images, size, size), f"images have shape {shape}; allowed is shape {wanted}"
    )
    return np.asarray(images, dtype=float)


def draw_images(
    canvas: Canvas, centres: Sequence[Point], used: Sequence[bool], pixels: np.ndarray | None
) -> None:
    """A square for each image, with its pixels where these are given, else with its name inside."""
    for image, (at, use) in enumerate(zip(centres, used, strict=True)):
        canvas.square(at, IMAGE_SIDE, use, "_image")
        if pixels is None:
            canvas.text(at, f"image {image}", 0.13, "#000000" if use else "#ffffff", zorder=4)
            continue
        limits = float(pixels.min()), float(pixels.max())
        canvas.pixels(at, 0.94 * IMAGE_SIDE, pixels[image], limits, use)
        below = at[0], at[1] - IMAGE_SIDE / 2 - IMAGE_NAME / 2
        canvas.text(below, f"image {image}", 0.13)


def draw_image_slots(
    canvas: Canvas,
    layout: Layout,
    lines: Sequence[Sequence[str]],
    fills: Sequence[str],
    used: Sequence[bool],
    values: Sequence[bool],
    label: str = "_image_slot",
) -> None:
    """Image slots: wide boxes with the names of their values at the top.

    Parameters
    ----------
    canvas, layout
    lines : [slot] -> text in it: a name, and perhaps the type of its module
    fills : [slot] -> colour
    used, values : [slot], [value] -> whether some path to an output uses it
    label : str
    """
    n_slots, size = len(fills), layout.image_slot
    for slot, (texts, fill, use) in enumerate(zip(lines, fills, used, strict=True)):
        x, y = layout.image_slot_at(slot)
        canvas.box((x, y), size, fill, use, label, ())
        ink = "#000000" if use else "#ffffff"
        canvas.text((x, y - 0.2 * size[1]), texts[0], 0.2, ink, zorder=4)
        for text in texts[1:]:
            at = x + size[0] / 2 - 0.06, y - 0.26 * size[1]
            canvas.text(at, text, min(0.11, 0.5 * size[0] / len(text)), ink, ha="right", zorder=4)
    names = bit_names(n_slots, len(values) // n_slots)
    for value, (name, use) in enumerate(zip(names, values, strict=True)):
        x, y = layout.exit(0, value)
        slot_used = used[value * n_slots // len(values)]
        ink = ("#000000" if use else "#777777") if slot_used else FAINT
        canvas.text((x, y - 0.09), name, 0.12, ink, zorder=4)


def draw_image_arrows(
    canvas: Canvas,
    layout: Layout,
    reads: Sequence[Sequence[int]],
    known: bool,
    used: Sequence[bool],
) -> None:
    """The arrows from images to the image slots that read them."""
    for slot, (images, use) in enumerate(zip(reads, used, strict=True)):
        x, y = layout.image_slot_at(slot)
        for image in images:
            start = layout.image_at(image)
            canvas.arrow(
                (start[0], start[1] + IMAGE_SIDE / 2), (x, y - layout.image_slot[1] / 2), known, use
            )
