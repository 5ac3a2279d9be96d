"""Tasks: gates, function graphs, truth tables, sets of tasks, samples, images, splits."""

from .data_sets import DATA_SETS as DATA_SETS
from .data_sets import monks as monks
from .data_sets import parity as parity
from .data_sets import tic_tac_toe as tic_tac_toe
from .digit_pairs import DigitPairs as DigitPairs
from .digits import Digits as Digits
from .digits import load_digits as load_digits
from .gates import Gate as Gate
from .gates import SubFunction as SubFunction
from .gates import gate as gate
from .graph_families import read_graphs as read_graphs
from .graph_families import write_graphs as write_graphs
from .graphs import FunctionGraph as FunctionGraph
from .named_graphs import GRAPHS as GRAPHS
from .named_graphs import TASK_SETS as TASK_SETS
from .named_graphs import get_graph as get_graph
from .random_graphs import random_graph as random_graph
from .sample_files import read_samples as read_samples
from .samples import Samples as Samples
from .splits import Split as Split
from .splits import split_rows as split_rows
from .splits import split_task as split_task
from .tables import read_table as read_table
from .task_sets import TaskSet as TaskSet
from .truth_tables import DONT_CARE as DONT_CARE
from .truth_tables import TruthTable as TruthTable
