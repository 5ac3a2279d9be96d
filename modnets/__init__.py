"""modnets: when and how are modular networks better?

``import modnets as mn`` is all that a notebook needs.
"""

from modnets.models.modular import ModularNetwork as ModularNetwork
from modnets.models.monolithic import MLP as MLP
from modnets.models.registry import MODELS as MODELS
from modnets.models.registry import build as build
from modnets.models.registry import n_weights as n_weights
from modnets.models.registry import register as register
from modnets.tasks.gates import Gate as Gate
from modnets.tasks.gates import SubFunction as SubFunction
from modnets.tasks.gates import gate as gate
from modnets.tasks.graphs import FunctionGraph as FunctionGraph
from modnets.tasks.named_graphs import GRAPHS as GRAPHS
from modnets.tasks.named_graphs import get_graph as get_graph
from modnets.tasks.random_graphs import random_graph as random_graph
from modnets.tasks.splits import Split as Split
from modnets.tasks.splits import split_rows as split_rows
from modnets.training.config import RunConfig as RunConfig
from modnets.training.grids import grid as grid
from modnets.training.planning import plan as plan
from modnets.training.single import TrainedRun as TrainedRun
from modnets.training.single import train as train
from modnets.training.store import Store as Store
from modnets.training.store import load as load
from modnets.training.sweep import RunsFailed as RunsFailed
from modnets.training.sweep import sweep as sweep
from modnets.visuals.diagrams import diagram_legend as diagram_legend
from modnets.visuals.diagrams import draw as draw
from modnets.visuals.diagrams import draw_graph as draw_graph
from modnets.visuals.layout import used_slots as used_slots
from modnets.visuals.style import kind_style as kind_style
from modnets.visuals.style import module_colors as module_colors
from modnets.visuals.style import save_figure as save_figure
from modnets.visuals.style import style as style
