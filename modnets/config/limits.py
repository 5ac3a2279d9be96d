"""What a run may be at most: sizes that no memory holds are refused before anything is built."""

from __future__ import annotations

import math
from itertools import pairwise

from modnets.config.settings import FinalSettings
from modnets.errors import require, shown

#: Trained numbers of a network: 512 MiB with those that Adam keeps beside them.
MAX_WEIGHTS = 2**25
MAX_LAYERS = 1000
#: Evaluations of a run, each a row of its table.
MAX_EVALUATIONS = 10**6
OF_SLOTS: tuple[str, ...] = (
    *("slots", "shared_modules", "module_hidden", "image_slots", "shared_image_modules"),
    *("image_hidden", "channels"),
)
KERNEL = 25  # weights of a convolution, for each pair of channels


def check_sizes(final: FinalSettings, is_built_in: bool) -> None:
    """Raise unless a run, defaults worked out, fits into memory and ends."""
    evaluations = math.ceil(final.epochs / final.eval_every)
    require(
        evaluations <= MAX_EVALUATIONS,
        f"eval_every={final.eval_every}: {evaluations:,} evaluations in {final.epochs:,} epochs; "
        f"allowed are at most {MAX_EVALUATIONS:,}",
    )
    if not is_built_in:
        return
    sizes = _of_slots(final) if final.is_modular else _of_layers(final)
    largest = max(sizes, key=lambda name: sizes[name])
    require(
        sum(sizes.values()) <= MAX_WEIGHTS,
        f"{largest}={shown(getattr(final, largest))}: a network of {sum(sizes.values()):,} "
        f"weights; allowed are at most {MAX_WEIGHTS:,}",
    )


def _of_layers(final: FinalSettings) -> dict[str, int]:
    """Weights of a monolithic network, by the setting that they follow from."""
    first, sizes = final.graph.n_inputs, {"channels": 0}
    hidden = (*final.hidden, final.graph.n_outputs)
    if final.channels is not None:
        sizes["channels"] = (
            _of_channels(final.channels) + max(final.channels, default=1) * hidden[0]
        )
        first = 1
    return sizes | {"hidden": _dense((first, *hidden))}


def _of_slots(final: FinalSettings) -> dict[str, int]:
    graph, slots, arity = final.known_graph, final.slots, final.arity
    own, sizes = final.shared_modules is None, dict.fromkeys(OF_SLOTS, 0)
    size, pool = final.signal_size or 1, final.shared_modules or sum(slots)
    module = _dense((arity * size, *final.module_hidden, size))
    many = "slots" if own else "shared_modules"
    sizes[many if pool > module else "module_hidden"] += module * pool
    if final.routing == "learned":
        sizes["slots"] += graph.n_tasks * arity * _dense((graph.n_sources, *slots))
    if final.selection == "learned":
        sizes["shared_modules"] += graph.n_tasks * pool * sum(slots)
    if final.outputs == "learned":
        read = sum(slots) if final.output_levels == "every" else slots[-1]
        sizes["slots"] += graph.n_tasks * read * graph.n_outputs
    if final.image_slots is not None:
        images = final.shared_image_modules or final.image_slots
        many = "shared_image_modules" if final.shared_image_modules else "image_slots"
        sizes[many] += final.image_slots * images
        if final.channels is None:
            name, each = "image_hidden", _dense((graph.side**2, *final.image_hidden, graph.bits))
        else:
            name, each = "channels", _of_channels(final.channels)
        sizes[many if images > each else name] += images * each
    return sizes


def _dense(widths: tuple[int, ...]) -> int:
    return sum(a * b for a, b in pairwise(widths))


def _of_channels(channels: tuple[int, ...]) -> int:
    return KERNEL * _dense((1, *channels))
