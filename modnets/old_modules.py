"""Modules as they were called up to version 0.1: they can still be imported, with a warning.

Public names need none of this; it is for scripts that import from inside the package, and goes with
version 0.3.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from modnets.lazy import NAMES_GO_WITH

#: Old package -> its modules, each with where it is now.
_MOVED = {
    "": """
        tables_given table_errors
    """,
    "analysis": """
        enumeration analysis.version_space.enumeration
        every_table analysis.version_space.dense
        inside analysis.gate_families
        learning analysis.epoch_curves
        learning_curves analysis.version_space.curves
        matching analysis.size_matching
        network_choices analysis.version_space.spec
        signals analysis.version_space.bitsets
        solutions analysis.version_space.solutions
        symmetries analysis.version_space.symmetries
        theory analysis.version_space.modular
        worth analysis.knowledge
    """,
    "models": """
        matching models.slot_matching
        network_state models.network_checks
        own_code models.code_names
        own_networks models.user_networks
        reach models.object_hasher
        readouts models.gate_fits
    """,
    "tasks": """
        specs tasks.serialization
    """,
    "training": """
        alone training.backends.single
        arguments experiments.planning
        backend_choice training.backends.choice
        benchmark benchmarks.throughput
        bitflips experiments.bitflips
        cache compiler.cache_folder
        captured training.backends.cuda_graph
        checks config.validation
        columns experiments.columns
        compaction experiments.compaction
        compilation compiler.build_cache
        config config.run_config
        defaults config.defaults
        drafts training.initialization
        failures experiments.failures
        gauges benchmarks.measure
        grids config.grid
        insight training.inspection
        interruption experiments.interruption
        kept compiler.libraries
        leftovers leftovers
        live experiments.live
        machine compiler.compiled
        notices notices
        ordering experiments.ordering
        parcels experiments.serialization
        peers benchmarks.external
        plain_loop training.backends.plain_loop
        planning experiments.planning
        program training.step
        progress experiments.progress
        provenance provenance
        rebuilt training.restoring
        run_keys config.run_keys
        single experiments.single_run
        sizes config.limits
        store experiments.store
        store_files experiments.store_files
        streams training.random_streams
        sweep experiments.sweep
        trial training.backends.trial
        usual benchmarks.torch_loop
        workers experiments.executors
    """,
    "training.compiler": """
        choices compiler.lowerings.indexing
        convolutions compiler.lowerings.convolution
        indices compiler.symbolic
        kernels compiler.kernels
        lowering compiler.lowering
        operations compiler.elementwise
        rules compiler.lowerings.core
        source compiler.codegen
        text compiler.loop_ir
        tracing compiler.tracing
        values compiler.ir
        views compiler.views
    """,
    "visuals": """
        canvas visuals.diagrams.canvas
        edges visuals.figure_bounds
        explorer explorer.app
        explorer_controls explorer.controls
        explorer_copy config.python_copy
        explorer_look explorer.selection
        explorer_page explorer.page
        explorer_panel explorer.panel
        explorer_results explorer.finished_runs
        explorer_settings explorer.settings
        explorer_stage explorer.curves_widget
        explorer_training explorer.session
        explorer_views visuals.run_views
        explorer_words visuals.descriptions
        findings visuals.diagrams.annotations
        heat visuals.heatmaps
        images visuals.diagrams.images
        inside visuals.gate_shares
        layers visuals.diagrams.monolithic
        layout visuals.diagrams.layout
        learning visuals.training_curves
        levels visuals.diagrams.modular
        matrices visuals.diagrams.matrices
        redraw explorer.throttle
        rows visuals.diagrams.parts
        runs visuals.diagrams.runs
        task_diagrams visuals.diagrams.task
        usage visuals.diagrams.usage
        worth visuals.knowledge
    """,
}


def _moved() -> dict[str, str]:
    """Full old name of a module -> its full new name."""
    names = {"modnets.training.compiler": "modnets.compiler"}
    for package, text in _MOVED.items():
        for line in filter(None, map(str.strip, text.splitlines())):
            old, new = line.split()
            names[".".join(filter(None, ("modnets", package, old)))] = f"modnets.{new}"
    return names


MOVED = _moved()


class OldModules(MetaPathFinder, Loader):
    """Finds a module by its old name, and hands on the module that it has become."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See importlib."""
        if name not in MOVED:
            return None
        message = f"{name} is {MOVED[name]} now; the old name goes with version {NAMES_GO_WITH}"
        warnings.warn(message, FutureWarning, stacklevel=2)
        return ModuleSpec(name, self, origin=MOVED[name])

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """See importlib; the specification of the module is kept for exec_module."""
        module = importlib.import_module(MOVED[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """See importlib; the module has been executed under its new name."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def install() -> None:
    """Look for old names first: folders of theirs may be left of an older version."""
    sys.meta_path.insert(0, OldModules())
