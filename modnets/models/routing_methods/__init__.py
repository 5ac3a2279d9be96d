"""Ways to learn routing, selection and outputs: the published one, and others by name."""

from modnets.models.routing_methods.gibbs_methods import GibbsMethod
from modnets.models.routing_methods.method import PUBLISHED, ROUTING_METHODS

ROUTING_METHODS |= {
    "gibbs": GibbsMethod(with_tables=False),
    "best": GibbsMethod(with_tables=True),
}
#: Names of the methods of modnets itself.
BUILT_IN_METHODS = tuple(ROUTING_METHODS)
