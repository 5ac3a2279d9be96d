"""What code refers to, and which modules are a person's own."""

from __future__ import annotations

import contextlib
import dis
import inspect
import site
import sys
import sysconfig
import types
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: Packages whose versions do not enter: every result's provenance holds them.
COMMON = ("torch", "numpy", "modnets")

#: Modules of modnets whose public names a network may use, and what keys call them: where they
#: stood at schema version 1.  A module that moves keeps its old name here, so that keys stay.
NAMES_IN_KEYS = {
    "analysis.gate_shares": "analysis.inside",
    "analysis.knowledge": "analysis.worth",
    "analysis.size_matching": "analysis.matching",
    "analysis.training_curves": "analysis.learning",
    "analysis.version_space.dense": "analysis.every_table",
    "analysis.version_space.modular": "analysis.theory",
    "benchmarks.throughput": "training.benchmark",
    "config.grid": "training.grids",
    "config.run_config": "training.config",
    "experiments.failures": "training.failures",
    "experiments.live": "training.live",
    "experiments.planning": "training.planning",
    "experiments.progress": "training.progress",
    "experiments.single_run": "training.single",
    "experiments.store": "training.store",
    "experiments.store_files": "training.store_files",
    "experiments.sweep": "training.sweep",
    "explorer.app": "visuals.explorer",
    "models.gate_fits": "models.readouts",
    "visuals.diagrams.network": "visuals.diagrams",
    "visuals.diagrams.runs": "visuals.runs",
    "visuals.diagrams.task": "visuals.task_diagrams",
    "visuals.diagrams.usage": "visuals.usage",
    "visuals.gate_shares": "visuals.inside",
    "visuals.heatmaps": "visuals.heat",
    "visuals.knowledge": "visuals.worth",
    "visuals.training_curves": "visuals.learning",
}
#: Names whose use in code lets it reach globals, and attributes of modules, by names as text.
GLOBALS_BY_TEXT = {"globals", "eval", "exec"}
ATTRIBUTES_BY_TEXT = {"getattr", "vars", "__dict__", "eval", "exec"}


@cache
def names_in(code: types.CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Globals that code and the functions in it use; and every name in it, for attributes."""
    names, attributes, texts = [], [], []
    todo = [code]
    while todo:
        one = todo.pop()
        attributes += one.co_names
        texts += [text for text in one.co_consts if isinstance(text, str)]
        todo += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
        names += [
            step.argval
            for step in dis.get_instructions(one)
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        ]
    if not GLOBALS_BY_TEXT.isdisjoint(attributes):
        names += [text for text in texts if text.isidentifier()]
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(attributes))


@cache
def imported_in(code: types.CodeType) -> tuple[str, ...]:
    """Modules that code and the functions in it import when they are called."""
    found, todo = [], [code]
    while todo:
        one = todo.pop()
        todo += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
        steps = dis.get_instructions(one)
        found += [step.argval for step in steps if step.opname == "IMPORT_NAME"]
    return tuple(dict.fromkeys(found))


@cache
def _homes() -> tuple[Path, ...]:
    """Folders of installed packages and of Python's own."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [sysconfig.get_path(kind) for kind in kinds] + site.getsitepackages()
    with contextlib.suppress(Exception):
        places.append(site.getusersitepackages())
    return tuple(Path(place).resolve() for place in places if place)


def installed_as(name: str | None) -> str | None:
    """A module's name and version, if it is an installed one; None if it is a person's own."""
    top = (name or "").split(".")[0]
    if top == "__main__":  # a notebook, or a script
        return None
    if top == "modnets":
        inner = name.removeprefix("modnets.")
        return f"modnets.{NAMES_IN_KEYS[inner]}" if inner in NAMES_IN_KEYS else name
    if top in sys.stdlib_module_names:
        return name
    module = sys.modules.get(name or "")
    if module is None:
        return None
    try:
        file = inspect.getfile(module)
    except TypeError:  # built in, or without a file as a notebook is
        return name if hasattr(module, "__spec__") and module.__spec__ is not None else None
    return _installed_file(name, top, file)


@cache
def _installed_file(name: str, top: str, file: str) -> str | None:
    place = Path(file).resolve()
    if not any(place.is_relative_to(home) for home in _homes()):
        return None
    if top in COMMON:
        return name
    try:
        return f"{name} {version(top)}"
    except PackageNotFoundError:
        return name
