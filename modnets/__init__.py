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
from modnets.tasks.gates import gate as gate
from modnets.tasks.graphs import GRAPHS as GRAPHS
from modnets.tasks.graphs import FunctionGraph as FunctionGraph
from modnets.tasks.graphs import SubFunction as SubFunction
from modnets.tasks.graphs import get_graph as get_graph
from modnets.tasks.splits import Split as Split
from modnets.tasks.splits import split_rows as split_rows
from modnets.training.config import RunConfig as RunConfig
from modnets.training.config import grid as grid
