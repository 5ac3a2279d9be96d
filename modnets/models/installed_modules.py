"""Which modules belong to installed packages, and which are the user's own."""

from __future__ import annotations

import contextlib
import inspect
import site
import sys
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: Packages whose versions do not enter a digest: the provenance of every result records them.
COMMON = ("torch", "numpy", "modnets")

#: Modules of modnets whose public names a network may use -> their names in keys, which are those
#: of schema version 1.  A module that is renamed keeps its old name here, so that keys stay.
NAMES_IN_KEYS = {
    "analysis.epoch_curves": "analysis.learning",
    "analysis.gate_families": "analysis.inside",
    "analysis.generalization_gaps": "analysis.gaps",
    "analysis.version_space.dense": "analysis.every_table",
    "analysis.version_space.modular": "analysis.theory",
    "analysis.knowledge": "analysis.worth",
    "analysis.rows_needed": "analysis.sample_complexity",
    "analysis.size_matching": "analysis.matching",
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
#: Public functions and classes that were renamed -> their names in keys.
QUALNAMES_IN_KEYS = {
    "DenseVersionSpace": "EveryTable",
    "GateFit": "Readout",
    "dense_version_space": "every_table",
    "fit_gates": "read_out",
    "knowledge_savings": "worth",
    "modular_version_space": "version_space",
    "plot_heatmap": "plot_heat",
    "plot_heatmaps": "plot_heats",
    "plot_knowledge_savings": "plot_worth",
    "plot_training_curves": "plot_learning_curves",
    "training_curves": "learning_curves",
}


@cache
def _package_folders() -> tuple[Path, ...]:
    """Folders of installed packages and of Python's standard library."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(kind) for kind in kinds] + site.getsitepackages()
    with contextlib.suppress(Exception):
        folders.append(site.getusersitepackages())
    return tuple(Path(folder).resolve() for folder in folders if folder)


def installed_as(name: str | None) -> str | None:
    """Name and version of a module of an installed package; None for one of the user's own."""
    name = name or ""
    top = name.split(".")[0]
    if top == "__main__":  # a notebook, or a script
        return None
    if top == "modnets":
        inner = name.removeprefix("modnets.")
        return f"modnets.{NAMES_IN_KEYS[inner]}" if inner in NAMES_IN_KEYS else name
    if top in sys.stdlib_module_names:
        return name
    module = sys.modules.get(name)
    if module is None:
        return None
    try:
        file = inspect.getfile(module)
    except TypeError:  # built in, or without a file as a notebook is
        return name if hasattr(module, "__spec__") and module.__spec__ is not None else None
    return _installed_file(name, top, file)


def qualname_in_keys(installed: str, qualname: str) -> str:
    """The qualified name of a function or class of an installed module, as keys hold it."""
    if not installed.startswith("modnets."):
        return qualname
    first, dot, rest = qualname.partition(".")
    return QUALNAMES_IN_KEYS.get(first, first) + dot + rest


@cache
def _installed_file(name: str, top: str, file: str) -> str | None:
    path = Path(file).resolve()
    if not any(path.is_relative_to(folder) for folder in _package_folders()):
        return None
    if top in COMMON:
        return name
    try:
        return f"{name} {version(top)}"
    except PackageNotFoundError:
        return name
