"""The routing methods by name, and how to add one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from modnets.checked import checked
from modnets.errors import require
from modnets.models.routing_methods.gibbs_methods import GibbsMethod, GivenTablesMethod
from modnets.models.routing_methods.information import InformationMethod
from modnets.models.routing_methods.method import RoutingMethod
from modnets.models.routing_methods.mixtures import MixturesMethod, SetsMethod

PUBLISHED = "published"
#: Name -> method.
ROUTING_METHODS: dict[str, RoutingMethod] = {
    PUBLISHED: RoutingMethod(),
    "gibbs": GibbsMethod(with_tables=False),
    "best": GibbsMethod(with_tables=True),
    "given": GivenTablesMethod(),
    "mixtures": MixturesMethod(),
    "sets": SetsMethod(),
    "information": InformationMethod(),
}
#: Names of the methods of modnets itself.
BUILT_IN_METHODS = tuple(ROUTING_METHODS)

Method = TypeVar("Method", bound="RoutingMethod | type[RoutingMethod]")


@checked
def register_routing_method(name: str) -> Callable[[Method], Method]:
    """Decorator that adds a routing method: a subclass of RoutingMethod, or an instance of one.

    Registering a name again replaces the method.  A run's key includes all code and values that it
    can reach.

    Raises
    ------
    ValueError
        If the name is that of a method of modnets itself, or what is given is no RoutingMethod.

    Examples
    --------
    >>> @register_routing_method("in order")
    ... class InOrder(RoutingMethod):
    ...     fixed = True
    ...     def start(self, network, found):
    ...         for level in network.routing:
    ...             slots, inputs = range(level.n_slots), range(level.arity)
    ...             level.choose([[(s + i) % level.n_candidates for i in inputs] for s in slots])
    >>> del ROUTING_METHODS["in order"]
    """
    require(
        name not in BUILT_IN_METHODS, f"routing method name {name!r} is taken; allowed is any other"
    )

    def add(method: Method) -> Method:
        made = method() if isinstance(method, type) else method
        require(
            isinstance(made, RoutingMethod),
            f"routing method {name!r} is a {type(made).__name__}; allowed are subclasses of "
            "RoutingMethod",
        )
        ROUTING_METHODS[name] = made
        return method

    return add
