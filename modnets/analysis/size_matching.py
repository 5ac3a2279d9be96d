"""Dense networks with as many weights as another network: a control for network size."""

from __future__ import annotations

from itertools import count

from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.models.monolithic import MLP
from modnets.models.registry import build, n_weights


@checked(layers=(1, 1000))
def matched_hidden(run: RunConfig, layers: int = 1) -> tuple[int, ...]:
    """Hidden widths of the dense network whose number of weights is nearest to a run's network.

    Parameters
    ----------
    run : RunConfig
        Whose network is matched: module weights and routing logits, no biases.
    layers : int, at least 1
        Hidden layers of the dense network, all of one width.

    Returns
    -------
    tuple of int, length ``layers``
        Of two widths that are equally near, the smaller.

    Examples
    --------
    >>> matched_hidden(RunConfig(model="modular", routing="known"))
    (22,)
    """
    require(layers >= 1, f"layers={layers}; allowed is at least 1")
    wanted = n_weights(build(run, seed=0))

    def size(width: int) -> int:
        return n_weights(MLP((run.graph.n_inputs, *(width,) * layers, run.graph.n_outputs)))

    above = next(width for width in count(1) if size(width) >= wanted)
    nearest = min((max(above - 1, 1), above), key=lambda width: abs(size(width) - wanted))
    return (nearest,) * layers
