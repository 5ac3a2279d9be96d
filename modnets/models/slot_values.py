"""What the slots of many networks give, a value for each row, and the layers that compute it.

Of signals of several channels that value is the one along the direction in which they vary most
over the rows, their first principal component; of binary signals, the bit itself; of outputs of the
network, the logit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.models.modular import ModularNetwork
from modnets.models.signals import gather
from modnets.models.structures import Parameters, Structures

#: Weight, shape (run, slot, out, in), and bias, shape (run, slot, out), of each layer of a level.
SlotLayers = list[tuple[np.ndarray, np.ndarray]]


def slot_layers(
    network: ModularNetwork, parameters: Parameters, wiring: Structures, task: int = 0
) -> list[SlotLayers]:
    """The layers of the modules that fill the slots of many networks, level by level.

    Parameters
    ----------
    network : ModularNetwork
        Gives their shape.
    parameters : dict of Tensor, shape (run, ...)
    wiring : Structures
        Their selection.
    task : int
    """
    return [
        _layers_of(network, parameters, wiring, level, task) for level in range(len(network.slots))
    ]


def _layers_of(
    network: ModularNetwork, parameters: Parameters, wiring: Structures, level: int, task: int
) -> SlotLayers:
    pool, n_layers = (0 if network.shared else level), len(network.pools[0].arch) - 1

    def array(kind: str, layer: int) -> np.ndarray:
        return parameters[f"pools.{pool}.{kind}.{layer}"].detach().cpu().numpy()

    layers = [(array("weight", layer), array("bias", layer)) for layer in range(n_layers)]
    if wiring.selection is None:
        return layers
    runs, modules = np.arange(wiring.n_runs)[:, None], wiring.selection[level][:, task]
    return [(weight[runs, modules], bias[runs, modules]) for weight, bias in layers]


def slot_values(
    network: ModularNetwork,
    layers: Sequence[SlotLayers],
    wiring: Structures,
    x: np.ndarray,
    task: int = 0,
) -> list[np.ndarray]:
    """What slots give, shape (run, slot, row), level by level.

    Parameters
    ----------
    network : ModularNetwork
        Gives their shape; without images.
    layers : sequence of SlotLayers
        Of each level, as from :func:`slot_layers`.
    wiring : Structures
        Their routing and outputs.
    x : ndarray of {0, 1}, shape (row, input)
    task : int
    """
    bits = np.broadcast_to(x.T.astype(np.float32), (wiring.n_runs, *x.T.shape))
    below, levels = [bits], []  # below: its channels
    for level, routing in enumerate(wiring.routing):
        read = [gather(channel, routing[:, task]) for channel in below]
        units = read[0] if len(read) == 1 else np.concatenate(read, axis=2)
        for number, (weight, bias) in enumerate(layers[level]):
            if number:
                np.maximum(units, 0.0, out=units)
            units = weight[..., : units.shape[2]] @ units
            units += bias[..., None]
        given = (units > 0).astype(units.dtype) if network.binary_signals else units
        below = [given[:, :, channel] for channel in range(network.signal_size)]
        values = below[0] if len(below) == 1 else widest(given)
        ends = wiring.is_output(level, task)[..., None]
        levels.append(np.where(ends, units[:, :, 0], values))
    return levels


def widest(channels: np.ndarray) -> np.ndarray:
    """Values along the direction in which they vary most, shape (run, slot, row).

    Its largest component is positive, so that channels that are equal give their own order.

    Parameters
    ----------
    channels : ndarray, shape (run, slot, channel, row)
    """
    centred = channels - channels.mean(axis=3, keepdims=True, dtype=float)
    finite = np.isfinite(centred).all(axis=(2, 3), keepdims=True)
    centred = np.where(finite, centred, 0.0)
    directions = np.linalg.eigh(centred @ centred.swapaxes(2, 3))[1][..., -1:]
    largest = np.abs(directions).argmax(axis=2, keepdims=True)
    directions = directions * np.sign(np.take_along_axis(directions, largest, axis=2))
    along = (directions * centred).sum(axis=2)
    return np.where(finite[..., 0], along, np.nan).astype(channels.dtype)
