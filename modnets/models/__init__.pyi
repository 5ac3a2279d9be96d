"""Networks: built-in and user-defined ones, gate fits, recovery of the true structure."""

from .gate_fits import GateFit as GateFit
from .gate_fits import fit_gates as fit_gates
from .hooks import HOOKS as HOOKS
from .hooks import register_hook as register_hook
from .losses import LOSSES as LOSSES
from .losses import register_loss as register_loss
from .modular import ModularNetwork as ModularNetwork
from .module_exchange import Exchange as Exchange
from .module_exchange import exchange as exchange
from .monolithic import CNN as CNN
from .monolithic import MLP as MLP
from .recovery import Recovery as Recovery
from .recovery import compare as compare
from .registry import MODELS as MODELS
from .registry import build as build
from .registry import n_weights as n_weights
from .registry import register as register
from .routing_methods.gibbs_methods import GibbsMethod as GibbsMethod
from .routing_methods.information import InformationMethod as InformationMethod
from .routing_methods.method import RoutingMethod as RoutingMethod
from .routing_methods.method import TrainingRows as TrainingRows
from .routing_methods.mixtures import MixturesMethod as MixturesMethod
from .routing_methods.mixtures import SetsMethod as SetsMethod
from .routing_methods.registry import ROUTING_METHODS as ROUTING_METHODS
from .routing_methods.registry import register_routing_method as register_routing_method
from .routing_methods.search import Annealing as Annealing
