"""What the settings that a config leaves open come to, and which of them play no part."""

from __future__ import annotations

import math
from typing import Any

from modnets.config.settings import SCHEDULE_OF, FinalSettings, Settings
from modnets.models.registry import BUILT_IN
from modnets.models.routing_methods.registry import PUBLISHED, ROUTING_METHODS
from modnets.tasks.splits import HELD_OUT, n_train_rows

#: Width of a monolithic network; on truth tables in 2 * levels - 1 hidden layers.
HIDDEN = 36
#: Of images: wide layers that see pixels (convolutions stand in their place), then so many others.
WIDE, LAYERS_ABOVE = (256, 128), 4
IMAGE_HIDDEN = (128, 64)
#: Channels of two convolutions, over one image and over two side by side.
CHANNELS, CHANNELS_OF_PAIRS = (6, 16), (12, 32)
SAMPLES = 100  # pairs of images for each pair of digits
BATCH_OF_IMAGES = 128  # rows
#: Rows of a table that are evaluated; of a larger one, those of the sample.
TABLE_ROWS = 2**12
#: Inputs up to which all rows that a split has drawn are evaluated by default.
MOST_ALL_DRAWN = 62

OF_SLOTS: tuple[str, ...] = (
    *("knowledge", "routing", "selection", "outputs", "slots", "shared_modules", "arity"),
    *("module_hidden", "output_levels", "routing_method", "signal_size", "signals"),
    *("lr_routing", "lr_selection", "temperature"),
)
OF_IMAGE_SLOTS = ("image_slots", "shared_image_modules", "image_routing", "image_selection")
OF_IMAGES = ("samples", "test_samples", "image_network", "image_hidden", "channels")


def worked_out(config: Settings) -> dict[str, Any]:
    """Every setting that follows from others, and None for what plays no part."""
    values = _rows(config)
    if config.graph.images is None:
        values |= dict.fromkeys((*OF_IMAGES, *OF_IMAGE_SLOTS))
    if config.model in BUILT_IN:
        values |= _modular(config) if config.is_modular else _monolithic(config)
    values["initial_scale"] = None if config.initial_scale == 1 else config.initial_scale
    values["transferred"] = _transferred(config)
    values["held_out"] = (config.held_out or HELD_OUT[0]) if config.graph.n_tasks > 1 else None
    return values | _schedules(config, values)


def _transferred(config: Settings) -> str | None:
    """What is taken of the network of another run; monolithic ones have no choices to draw."""
    if config.pretrained is None:
        return None
    return (config.transferred or "all") if config.is_modular else "all"


def n_examples(final: FinalSettings) -> int:
    """Rows that an epoch passes over: of every task of a set, every pair of images drawn."""
    return final.train_rows * final.graph.n_tasks * (final.samples or 1)


def _rows(config: Settings) -> dict[str, Any]:
    fraction, with_images = config.train_fraction, config.graph.images is not None
    if config.train_rows is None and fraction is None:
        fraction = 0.8
    rows = n_train_rows(config.graph, train_rows=config.train_rows, train_fraction=fraction)
    samples = (config.samples or SAMPLES) if with_images else None
    examples = rows * config.graph.n_tasks * (samples or 1)
    batch = config.batch_size or (BATCH_OF_IMAGES if with_images else examples)
    every = config.eval_every
    return {
        "train_rows": rows,
        "train_fraction": None,
        "samples": samples,
        "test_samples": (config.test_samples or SAMPLES) if with_images else None,
        "restarts": None if config.restarts == 1 else config.restarts,
        "full_restarts": config.full_restarts and config.restarts not in (None, 1),
        "batch_size": min(batch, examples),
        "evaluation_rows": _evaluation_rows(config),
        "eval_every": math.ceil(config.epochs / 20) if every is None else every,
    }


def _evaluation_rows(config: Settings) -> int | None:
    """Rows of each task's table that are evaluated; None for all that there are or are drawn."""
    task, rows = config.graph, config.evaluation_rows
    if task.images is not None:
        return None
    if not task.enumerable:  # up to 62 inputs all rows drawn were evaluated from the first
        return TABLE_ROWS if rows is None and task.n_inputs > MOST_ALL_DRAWN else rows
    if rows is None or rows >= task.n_rows:
        whole = task.n_rows <= TABLE_ROWS
        return None if whole else min(rows or TABLE_ROWS, task.n_rows)
    return rows


def _schedules(config: Settings, values: dict[str, Any]) -> dict[str, Any]:
    """How rates and temperature change; an end of 0, and no hold, are None."""
    found: dict[str, Any] = {}
    for name, schedule in SCHEDULE_OF.items():
        there = bool(values.get(name, getattr(config, name)))  # a rate of 0 stays 0
        kind = getattr(config, schedule) if there else None
        moves = kind not in (None, "constant")
        for setting in (f"{name}_end", f"{name}_hold"):
            found[setting] = (getattr(config, setting) or None) if moves else None
        if name == "temperature":
            found[schedule] = kind or "constant"
        elif name != "lr":  # constant as all rates are: without a schedule of its own
            found[schedule] = None if kind == config.schedule == "constant" else kind
    if config.schedule == "exponential" and config.gamma is not None:
        return found | {"lr_end": None, "gamma": config.gamma}
    return found | {"gamma": None}


def _monolithic(config: Settings) -> dict[str, Any]:
    depth = len(config.graph.slots) or 2
    ratio = 50.0 if config.pruning_ratio is None else config.pruning_ratio
    values: dict[str, Any] = dict.fromkeys((*OF_SLOTS, *OF_IMAGE_SLOTS, "image_hidden"))
    hidden = (HIDDEN,) * (2 * depth - 1)
    if config.graph.images is not None:
        values |= _network(config, CHANNELS_OF_PAIRS)
        hidden = (HIDDEN,) * LAYERS_ABOVE
        if values["image_network"] == "mlp":
            hidden = WIDE + hidden
    return values | {
        "hidden": hidden if config.hidden is None else config.hidden,
        "pruning_ratio": ratio if config.model == "sparse" else None,
        "gumbel": False,
        "per_sample_routing": False,
    }


def _modular(config: Settings) -> dict[str, Any]:
    known, shared = config.known_graph, config.model == "shared"
    pool = len(known.modules) if config.shared_modules is None else config.shared_modules
    selection = (config.selection or config.routing) if shared else None
    values = {
        "knowledge": None if known == config.graph else known,
        "hidden": None,
        "pruning_ratio": None,
        "selection": selection,
        "outputs": config.outputs or config.routing,
        "slots": config.slots or known.slots,
        "shared_modules": pool if shared else None,
        "arity": known.fan_in if config.arity is None else config.arity,
        "output_levels": config.output_levels or "last",
    }
    values |= _signals(config, n_levels=len(config.slots or known.slots))
    if config.graph.images is not None:
        values |= _image_slots(config, selection)
    read = config.routing, values["outputs"], values.get("image_routing")
    filled = selection, values.get("image_selection")
    method = config.routing_method if "learned" in (*read, *filled) else None
    method = None if method == PUBLISHED else method
    moves = not (method in ROUTING_METHODS and ROUTING_METHODS[method].fixed)
    learned = "learned" in (*read, *filled) and moves
    return values | {
        "routing_method": method,
        "lr_routing": config.lr_routing if learned and "learned" in read else None,
        "lr_selection": config.lr_selection if learned and "learned" in filled else None,
        "temperature": config.temperature if learned else None,
        "gumbel": config.gumbel and learned,
        "per_sample_routing": config.per_sample_routing and config.gumbel and learned,
    }


def _signals(config: Settings, n_levels: int) -> dict[str, Any]:
    """What modules give to a level above; single real values, and where there is none, are None."""
    between = n_levels > 1
    bits = config.signals == "binary" and (between or config.graph.images is not None)
    size = config.signal_size if between and config.signal_size != 1 else None
    return {"signal_size": size, "signals": "binary" if bits else None}


def _image_slots(config: Settings, selection: str | None) -> dict[str, Any]:
    """The level that looks at images; its modules are own or shared as the others are."""
    pool = config.shared_image_modules
    pool = int(config.model == "shared") if pool is None else pool
    several = pool > 1  # a pool of one leaves nothing to select
    network = _network(config, CHANNELS)
    if network["image_network"] == "mlp":
        hidden = config.image_hidden
        network["image_hidden"] = IMAGE_HIDDEN if hidden is None else hidden
    return network | {
        "image_slots": config.image_slots or config.graph.image_slots,
        "shared_image_modules": pool,
        "image_routing": config.image_routing or config.routing,
        "image_selection": (config.image_selection or selection or config.routing)
        if several
        else None,
    }


def _network(config: Settings, channels: tuple[int, ...]) -> dict[str, Any]:
    """What looks at the pixels."""
    network = config.image_network or "mlp"
    channels = channels if config.channels is None else config.channels
    return {
        "image_network": network,
        "image_hidden": None,
        "channels": channels if network == "cnn" else None,
    }
