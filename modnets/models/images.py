"""The level of a modular network that reads images: each slot reads one image by a module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from modnets.errors import require
from modnets.models.monolithic import Monolithic
from modnets.models.routing import Known, Routing, Selection


class ImageLevel(nn.Module):
    """Slots that each read one image, and give several values to the level above.

    Parameters
    ----------
    n_images : int
        Images in a row.
    n_slots : int
    modules : sequence of MLP or CNN
        From pixels, shape (row, pixel), to values, shape (row, value): one for each slot, or a
        pool that all slots share.
    shared : bool
        Whether ``modules`` is a pool.
    routing : sequence of [slot] -> (image,), optional
        Known routing; by default learned.
    selection : sequence of [slot] -> module, optional
        Known selection from a pool; by default learned.  A pool of one needs none.

    Raises
    ------
    ValueError
        If modules are not shared, and not one for each slot.
    """

    pool: Sequence[Monolithic]  # an nn.ModuleList

    def __init__(
        self,
        n_images: int,
        n_slots: int,
        modules: Sequence[Monolithic],
        *,
        shared: bool,
        routing: Known | None = None,
        selection: Known | None = None,
    ) -> None:
        super().__init__()
        require(
            shared or len(modules) == n_slots,
            f"{len(modules)} own image modules for {n_slots} image slots; allowed is one for each",
        )
        self.n_images, self.n_slots, self.shared = n_images, n_slots, shared
        self.pool = cast("Sequence[Monolithic]", nn.ModuleList(modules))
        self.routing = Routing(n_images, n_slots, 1, routing)
        self.selection: Selection | None = None
        if shared and len(modules) > 1:
            self.selection = Selection(len(modules), n_slots, selection)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, in the order in which they were drawn first."""
        for module in (*self.pool, *self.choices()):
            module.reset_parameters()

    def choices(self) -> list[Routing | Selection]:
        """All choices: routing, and selection where there is one."""
        return [self.routing] if self.selection is None else [self.routing, self.selection]

    def forward(self, x: Tensor, routing: Tensor, selection: Tensor | None = None) -> Tensor:
        """Values, shape (slot x value, row).

        Parameters
        ----------
        x : Tensor, shape (row, image x pixel)
        routing : Tensor, shape (slot, 1, image, row or 1)
        selection : Tensor, shape (slot, module, row or 1), optional
        """
        images = x.unflatten(1, (self.n_images, -1))
        values = []
        for slot in range(self.n_slots):
            image = (routing[slot, 0].T[..., None] * images).sum(dim=1)  # (row, pixel)
            if selection is None:
                module = self.pool[0 if self.shared else slot]
                values.append(module(image))
                continue
            every = torch.stack([module(image) for module in self.pool])
            values.append((selection[slot][..., None] * every).sum(dim=0))
        return torch.cat(values, dim=1).T

    def structure(self) -> dict[str, list]:
        """The image that each slot reads, and the module of the pool that fills it."""
        structure: dict[str, list] = {"image_routing": self.routing.read()}
        if self.shared:
            filled = [0] * self.n_slots if self.selection is None else self.selection.fill()
            structure["image_selection"] = filled
        return structure
