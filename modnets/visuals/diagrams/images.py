"""Images at the bottom of a diagram, and the slots that look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.errors import require
from modnets.visuals.diagrams.canvas import FAINT, Canvas
from modnets.visuals.diagrams.layout import IMAGE_NAME, IMAGE_SIDE, Layout, Point


def letters(number: int) -> str:
    """A to Z, then AA, AB and so on: shared modules, and in small letters image slots."""
    name = ""
    while number >= 0:
        name, number = chr(ord("A") + number % 26) + name, number // 26 - 1
    return name


def bit_names(n_slots: int, bits: int) -> list[str]:
    """The values of image slots, most significant bit first: a2, a1, a0, b2 and so on."""
    slots = [letters(slot).lower() for slot in range(n_slots)]
    return [f"{slot}{bit}" for slot in slots for bit in reversed(range(bits))]


def check_images(
    images: np.ndarray | None, n_images: int, side: int | None = None
) -> np.ndarray | None:
    """Example images as an array, where their shape is that of what is looked at.

    Parameters
    ----------
    images : array, shape (image, side, side), optional
    n_images : int
        0 where no images are looked at.
    side : int, optional
        Pixels, where that is known.
    """
    if images is None:
        return None
    found = np.asarray(images).shape
    require(n_images > 0, f"images of shape {found}; allowed is None, as none are looked at")
    size = side or (found[-1] if found else 0)
    wanted = f"({n_images}, {side}, {side})" if side else f"({n_images}, side, side)"
    require(
        found == (n_images, size, size), f"images have shape {found}; allowed is shape {wanted}"
    )
    return np.asarray(images, dtype=float)


def draw_images(
    canvas: Canvas, places: Sequence[Point], used: Sequence[bool], pixels: np.ndarray | None
) -> None:
    """A square for each image, with its pixels where they are given, else with its name inside."""
    for image, (at, use) in enumerate(zip(places, used, strict=True)):
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
    place: Layout,
    lines: Sequence[Sequence[str]],
    fills: Sequence[str],
    used: Sequence[bool],
    values: Sequence[bool],
    label: str = "_image_slot",
) -> None:
    """The slots that look at images, wide boxes with the names of their values at the top.

    Parameters
    ----------
    canvas, place
    lines : [slot] -> what is written in it: a name, and perhaps what it is
    fills : [slot] -> colour
    used, values : [slot], [value] -> whether some path to an output uses it
    label : str
    """
    n_slots, size = len(fills), place.image_slot
    for slot, (words, fill, use) in enumerate(zip(lines, fills, used, strict=True)):
        x, y = place.image_slot_at(slot)
        canvas.box((x, y), size, fill, use, label, ())
        ink = "#000000" if use else "#ffffff"
        canvas.text((x, y - 0.2 * size[1]), words[0], 0.2, ink, zorder=4)
        for word in words[1:]:
            at = x + size[0] / 2 - 0.06, y - 0.26 * size[1]
            canvas.text(at, word, min(0.11, 0.5 * size[0] / len(word)), ink, ha="right", zorder=4)
    names = bit_names(n_slots, len(values) // n_slots)
    for value, (name, use) in enumerate(zip(names, values, strict=True)):
        x, y = place.exit(0, value)
        slot_used = used[value * n_slots // len(values)]
        ink = ("#000000" if use else "#777777") if slot_used else FAINT
        canvas.text((x, y - 0.09), name, 0.12, ink, zorder=4)


def draw_looks(
    canvas: Canvas,
    place: Layout,
    reads: Sequence[Sequence[int]],
    known: bool,
    used: Sequence[bool],
) -> None:
    """The arrows from images to the slots that look at them."""
    for slot, (images, use) in enumerate(zip(reads, used, strict=True)):
        x, y = place.image_slot_at(slot)
        for image in images:
            start = place.image_at(image)
            canvas.arrow(
                (start[0], start[1] + IMAGE_SIDE / 2), (x, y - place.image_slot[1] / 2), known, use
            )
