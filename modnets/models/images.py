"""The level of a modular network that looks at images: each slot at one, through a module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modnets.errors import require
from modnets.models.routing import Known, Routing, Selection


class ImageLevel(nn.Module):
    """Slots that each look at one image, and give several values to the level above.

    Parameters
    ----------
    n_images : int
        Side by side in a row.
    n_slots : int
    modules : sequence of nn.Module
        From pixels, shape (row, pixel), to values, shape (row, value): one for each slot, or a
        pool that all slots share.
    shared : bool
        Whether they are a pool.
    routing : sequence of [slot] -> (image,), optional
        Known routing; learned without it.
    selection : sequence of [slot] -> module, optional
        Known selection from a pool; learned without it.  A pool of one leaves no choice.

    Raises
    ------
    ValueError
        If own modules are not one for each slot.
    """

    def __init__(
        self,
        n_images: int,
        n_slots: int,
        modules: Sequence[nn.Module],
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
        self.pool = nn.ModuleList(modules)
        self.routing = Routing(n_images, n_slots, 1, routing)
        self.selection = None
        if shared and len(modules) > 1:
            self.selection = Selection(len(modules), n_slots, selection)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, in the order in which they were drawn first."""
        for part in (*self.pool, *self.choices()):
            part.reset_parameters()

    def choices(self) -> list[Routing | Selection]:
        """Every choice: of images, and of modules from a pool."""
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
            seen = (routing[slot, 0].T[..., None] * images).sum(dim=1)  # (row, pixel)
            if selection is None:
                module = self.pool[0 if self.shared else slot]
                values.append(module(seen))
                continue
            every = torch.stack([module(seen) for module in self.pool])
            values.append((selection[slot][..., None] * every).sum(dim=0))
        return torch.cat(values, dim=1).T

    def structure(self) -> dict[str, list]:
        """The image that each slot looks at, and the module of the pool that fills it."""
        found = {"image_routing": self.routing.read()}
        if self.shared:
            filled = [0] * self.n_slots if self.selection is None else self.selection.fill()
            found["image_selection"] = filled
        return found
