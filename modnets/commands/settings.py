"""The settings of RunConfig that the flags of a command line stand for."""

from __future__ import annotations

import argparse
import json
from typing import Any

from torch import nn

from modnets.commands.flags import FLAGS, MODEL_NAMES, NETWORKS, by_setting
from modnets.config.defaults import CHANNELS_OF_PAIRS
from modnets.config.run_config import RunConfig
from modnets.errors import in_a_line, one_of, require
from modnets.models.monolithic import CNN
from modnets.paths import expanded
from modnets.tasks.task import Task


def settings(args: argparse.Namespace, task: Task) -> dict[str, Any]:
    """The settings of RunConfig, lists of them for a grid, from the flags given."""
    given = {f.name: getattr(args, f.name) for flags in FLAGS.values() for f in flags if f.setting}
    values = {
        setting: given[flag.name]
        for setting, flag in by_setting().items()
        if given[flag.name] is not None
    }
    model = args.model or "mlp"
    one_of("--model", model, MODEL_NAMES)
    values["model"] = MODEL_NAMES[model]
    if values["model"] == "dense" and model != "dense" and args.pruning_ratio not in (None, 0.0):
        values["model"] = "sparse"
    values["graph"] = task
    values["slots"] = tuple(args.num_modules or task.slots or (args.modularity or ())[1:-1]) or None
    if args.channels is not None:
        values["channels"] = tuple(args.channels)
    values["input_noise"] = args.dataset_noise or 0.0
    values["lr_routing"] = args.lr_module_input
    values["lr_selection"] = args.lr_module_location
    values |= _known(args)
    values |= _architecture(args, task)
    values |= _images(args, task)
    if args.knowledge is not None:
        values["knowledge"] = "-".join(map(str, args.knowledge))
    if args.pretrained is not None:
        values["pretrained"] = _run_in(args.pretrained)
    if args.gamma is not None:
        values.setdefault("schedule", "exponential")
    require(
        not args.per_sample_routing or bool(args.use_gumbel),
        "--per_sample_routing: without --use_gumbel there is no noise to draw for each row; "
        "allowed is both, or neither",
    )
    for name in ("seed", "split_seed"):
        if name in values:
            values[name] = [seed for part in values[name] for seed in part]
    return values


def _run_in(name: str) -> RunConfig:
    """The run whose settings a JSON file holds."""
    path = expanded(name, "--pretrained")
    try:
        return RunConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no JSON"
        raise ValueError(
            f"--pretrained={name} cannot be read ({reason}); allowed is a JSON file with the "
            "settings of a run"
        ) from None
    except ValueError as error:
        raise ValueError(f"--pretrained={name}: {in_a_line(error)}") from None


def _known(args: argparse.Namespace) -> dict[str, str]:
    """What is known and what is learned, each said outright, so that none follows another."""
    known = {
        "routing": args.known_module_input,
        "selection": args.known_module_locations,
        "outputs": args.known_func_outputs or args.known_module_input,
        "image_routing": args.known_img_module_input or args.known_module_input,
        "image_selection": args.known_img_module_locations or args.known_module_locations,
    }
    return {name: "known" if value else "learned" for name, value in known.items()}


def _architecture(args: argparse.Namespace, task: Task) -> dict[str, Any]:
    """Hidden widths and arity, from lists of all the widths."""
    values: dict[str, Any] = {}
    if args.arch is not None:
        ends, first = (_n_features(args, task), task.n_outputs), "inputs"
        if _network(args) == "cnn":
            first = "values from its convolutions"
        require(
            len(args.arch) > 1 and (args.arch[0], args.arch[-1]) == ends,
            f"--arch={' '.join(map(str, args.arch))}: graph {task} has {ends[0]} {first} and "
            f"{ends[1]} outputs; allowed is {ends[0]} first, hidden widths, {ends[1]} last",
        )
        values["hidden"] = tuple(args.arch[1:-1])
    if args.module_arch is not None:
        given = f"--module_arch={' '.join(map(str, args.module_arch))}"
        require(
            len(args.module_arch) > 1 and args.module_arch[-1] == 1,
            f"{given}; allowed is inputs, hidden widths, and 1 output, as 2 12 1",
        )
        arity = args.module_arch[0]
        require(
            args.topk in (None, arity),
            f"--topk={args.topk}: {given} has modules of {arity} inputs; allowed is {arity}",
        )
        values["module_hidden"], values["arity"] = tuple(args.module_arch[1:-1]), arity
    return values


def _n_features(args: argparse.Namespace, task: Task) -> int:
    """What the linear layers of a monolithic network read."""
    if _network(args) != "cnn" or task.images is None:
        return task.n_inputs
    channels = (task.n_images, *(args.channels or CHANNELS_OF_PAIRS))
    last = CNN(task.side, channels, (task.n_outputs,)).layers[-1]
    assert isinstance(last, nn.Linear)
    return last.in_features


def _images(args: argparse.Namespace, task: Task) -> dict[str, Any]:
    """What looks at images, and how many slots and modules do."""
    network = _network(args)
    if task.images is None:
        require(
            args.model not in NETWORKS,
            f"--model={args.model} looks at images; allowed with --num_digits only",
        )
        return {}
    values: dict[str, Any] = {"image_network": network}
    arch, ends = args.img_module_arch, (task.side**2, task.bits)
    if arch is not None and network != "cnn":
        require(
            len(arch) > 1 and (arch[0], arch[-1]) == ends,
            f"--img_module_arch={' '.join(map(str, arch))}: {task} has {ends[0]} pixels and digits "
            f"of {ends[1]} bits; allowed is {ends[0]} first, hidden widths, {ends[1]} last",
        )
        values["image_hidden"] = tuple(arch[1:-1])
    if args.num_img_modules is not None:
        slots = args.num_img_slots or args.num_img_modules
        require(
            slots == args.num_img_modules,
            f"--num_img_modules={args.num_img_modules}: own modules are one for each of "
            f"--num_img_slots={slots}",
        )
        require(
            args.num_img_shared_modules is None,
            "--num_img_modules and --num_img_shared_modules: allowed is one of them",
        )
        values |= {"image_slots": slots, "shared_image_modules": 0}
    return values


def _network(args: argparse.Namespace) -> str:
    """What looks at images, by the name of the model or by a flag of its own."""
    named = NETWORKS.get(args.model)
    require(
        args.img_network is None or named in (None, args.img_network),
        f"--img_network={args.img_network}: with --model {args.model} allowed is {named}",
    )
    return named or args.img_network or "mlp"
