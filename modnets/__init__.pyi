"""Names for daily use; ``mn.tasks``, ``mn.models``, ``mn.analysis`` and ``mn.plot`` have all."""

from . import analysis as analysis
from . import models as models
from . import plot as plot
from . import tasks as tasks
from .analysis.statistics import summarize as summarize
from .benchmarks.throughput import benchmark as benchmark
from .config.grid import grid as grid
from .config.grid import in_sequence as in_sequence
from .config.grid import independent as independent
from .config.run_config import RunConfig as RunConfig
from .config.studies import study as study
from .discovery.discover import discover as discover
from .experiments.failures import RunsFailed as RunsFailed
from .experiments.failures import WorkersLost as WorkersLost
from .experiments.live import Live as Live
from .experiments.planning import plan as plan
from .experiments.progress import in_batch as in_batch
from .experiments.single_run import TrainedRun as TrainedRun
from .experiments.single_run import train as train
from .experiments.store import Store as Store
from .experiments.store import load as load
from .experiments.store_files import StoreError as StoreError
from .experiments.sweep import sweep as sweep
from .explorer.app import Explorer as Explorer
from .glossary import explain as explain
from .models.registry import MODELS as MODELS
from .models.registry import build as build
from .models.registry import register as register
from .parameters import read_parameters as read_parameters
from .reports.report import report as report
from .tasks.graph_families import graphs as graphs
from .tasks.graphs import FunctionGraph as FunctionGraph
from .tasks.named_graphs import GRAPHS as GRAPHS
from .tasks.samples import Samples as Samples
from .tasks.task_sets import TaskSet as TaskSet
from .tasks.truth_tables import TruthTable as TruthTable
from .visuals.diagrams.network import draw as draw
from .visuals.diagrams.task import draw_graph as draw_graph
from .visuals.style import save_figure as save_figure
from .visuals.style import style as style

__version__: str
