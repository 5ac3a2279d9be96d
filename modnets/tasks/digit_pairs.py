"""Digit pairs: two images of digits, labelled by a function graph of the bits of both digits.

A pair of digits is a row of the graph's truth table, and many pairs of images show it.  Pairs of
digits are seen in training or unseen; each image is for training, for validation or for tests.  Two
image indices are drawn for a row: the pairs of all images are never enumerated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from modnets.checked import check_fields
from modnets.errors import require, shown
from modnets.tasks.digits import Digits, load_digits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Routing, Selection, Task

N_IMAGES = 2  # in a row
MAX_BITS = 3  # of a digit: 0 to 7

#: y0 = c0 & c1, y1 = c1 & c2, where c is the exclusive or of the bits of the two digits.
DIGIT_GRAPH = FunctionGraph(
    6, [["XOR 0 3", "XOR 1 4", "XOR 2 5"], ["AND 0 1", "AND 1 2"]], name="6-3-2-2 of digit bits"
)


@dataclass(frozen=True)
class DigitPairs(Task):
    """Two images of digits, labelled by a function graph of the bits of both.

    Parameters
    ----------
    digits : Digits, optional
        See :func:`~modnets.tasks.digits.load_digits`; by default the bundled ones.
    graph : FunctionGraph or str
        Reads the bits of the first digit, most significant first, then those of the second.
    normalize : bool
        Scale pixels to mean 0 and standard deviation 1 over the training images; else to 0 to 1.

    Raises
    ------
    ValueError
        If digits are no Digits, or the graph does not read two digits of 1 to 3 bits.
    """

    if TYPE_CHECKING:  # the fields as __post_init__ leaves them
        digits: Digits
        graph: FunctionGraph
        normalize: bool

        def __init__(
            self,
            digits: Digits | None = None,
            graph: FunctionGraph | str = DIGIT_GRAPH,
            normalize: bool = False,
        ) -> None: ...
    else:
        digits: Digits | None = None
        graph: FunctionGraph | str = DIGIT_GRAPH
        normalize: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "normalize")
        if self.digits is None:
            object.__setattr__(self, "digits", load_digits())
        require(
            isinstance(self.digits, Digits),
            f"digits={shown(self.digits)}; allowed are Digits, as load_digits gives",
        )
        object.__setattr__(self, "graph", get_graph(self.graph))
        n_bits = self.graph.n_inputs
        require(
            isinstance(self.graph, FunctionGraph)
            and n_bits % N_IMAGES == 0
            and n_bits <= N_IMAGES * MAX_BITS,
            f"graph={self.graph} reads {n_bits} bits; allowed are those of two digits, 2, 4 or 6",
        )
        require(
            not self.graph.has_dont_cares,
            f"graph={self.graph} has don't-cares; allowed for digit pairs are graphs without",
        )

    @property
    def bits(self) -> int:
        """Bits of a digit; the digits are those below ``2**bits``."""
        return self.graph.n_inputs // N_IMAGES

    @property
    def n_images(self) -> int:
        """Images in a row."""
        return N_IMAGES

    @property
    def side(self) -> int:
        """Pixels along each side of an image."""
        return self.digits.side

    @property
    def n_inputs(self) -> int:
        """Pixels of both images."""
        return N_IMAGES * self.side**2

    @property
    def n_sources(self) -> int:
        """Number of values that the first level above the images reads: the bits of both digits."""
        return self.graph.n_inputs

    @property
    def n_outputs(self) -> int:
        """Output bits of the graph."""
        return self.graph.n_outputs

    @property
    def output_labels(self) -> tuple[str, ...]:
        """The names of its outputs, which are those of the graph."""
        return self.graph.output_labels

    @property
    def n_rows(self) -> int:
        """Pairs of digits."""
        return self.graph.n_rows

    @property
    def enumerable(self) -> bool:
        """False: pairs of images are drawn, never enumerated."""
        return False

    @property
    def has_structure(self) -> bool:
        """Whether the structure of the graph is known."""
        return self.graph.has_structure

    @property
    def image_slots(self) -> int:
        """Slots that read one image each."""
        return N_IMAGES

    @property
    def image_routing(self) -> tuple[tuple[int, ...], ...]:
        """The image that each image slot reads, as the graph orders the bits.

        Slot k gives the bits from ``k * bits`` on, and those are of image k.
        """
        owner = np.arange(self.graph.n_inputs) // self.bits
        return tuple((int(image),) for image in owner[:: self.bits])

    @property
    def image_selection(self) -> tuple[int, ...]:
        """The module of each image slot: the first, as all slots recognise digits."""
        return (0,) * self.image_slots

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots in each level above the images."""
        return self.graph.slots

    @property
    def routing(self) -> Routing:
        """The true routing of those levels."""
        return self.graph.routing

    @property
    def selection(self) -> Selection:
        """The true selection of those levels."""
        return self.graph.selection

    @property
    def modules(self) -> tuple[Any, ...]:
        """The distinct gates."""
        return self.graph.modules

    @property
    def fan_in(self) -> int:
        """The most inputs that a gate reads."""
        return self.graph.fan_in

    def places_of_outputs(self, every_level: bool = False) -> tuple[int, ...]:
        """The slots that are the outputs; see FunctionGraph."""
        return self.graph.places_of_outputs(every_level)

    @property
    def widths(self) -> tuple[int, ...]:
        """Images, image slots, slots in each level, outputs."""
        return (N_IMAGES, self.image_slots, *self.slots, self.n_outputs)

    @property
    def name(self) -> str:
        """Widths and data set, as ``"2-2-3-2-2 bundled digits"``."""
        return f"{self.width_name} {self.digits.name}{' normalized' if self.normalize else ''}"

    @cached_property
    def images(self) -> np.ndarray:
        """The pixels of every image, shape (image, pixel)."""
        pixels = self.digits.images.reshape(len(self.digits.images), -1).astype(np.float32)
        pixels /= self.digits.largest
        if self.normalize:
            seen = pixels[~self.digits.is_test]
            pixels = (pixels - seen.mean()) / seen.std()
        return pixels

    def pairs(self, x: np.ndarray) -> np.ndarray:
        """The pair of digits that rows show, as an index into the graph's table.

        Parameters
        ----------
        x : ndarray of int, shape (row, 2)
            Indices of images.

        Returns
        -------
        ndarray of int64, shape (row,)

        Raises
        ------
        ValueError
            If an image shows a digit that the graph has no bits for.
        """
        digits = self.digits.labels[np.asarray(x)].astype(np.int64)
        largest, n_digits = int(digits.max(initial=0)), 2**self.bits
        require(
            largest < n_digits,
            f"an image shows digit {largest}; allowed with {self.bits} bits are 0 to "
            f"{n_digits - 1}",
        )
        first, second = digits.T
        return first << self.bits | second

    def number(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The indices of rows, from those of their first and second images."""
        return first * len(self.digits.labels) + second

    def rows(self, index: np.ndarray | None = None) -> np.ndarray:
        """The two image indices of rows, shape (row, 2); see Task."""
        require(index is not None, "pairs of images are drawn, never listed; allowed are numbers")
        return np.stack(np.divmod(np.asarray(index), len(self.digits.labels)), axis=1)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """The outputs for image indices, shape (row, n_outputs); see Task."""
        return self.truth_table()[self.pairs(x)]

    def truth_table(self) -> np.ndarray:
        """The outputs for every pair of digits, shape (pair, n_outputs)."""
        return self.graph.truth_table()

    def to_dict(self) -> dict[str, Any]:
        """See Task; images are identified by their fingerprint."""
        return {
            "digits": self.digits.source,
            "fingerprint": self.digits.fingerprint,
            "graph": self.graph.to_dict(),
            "normalize": self.normalize,
        }

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any], folder: str | None = None) -> DigitPairs:
        """The task from the values of ``to_dict``; its images are loaded again.

        Raises
        ------
        ValueError
            If the images are not found, or have another fingerprint.
        """
        digits = load_digits(spec["digits"], folder)
        require(
            digits.fingerprint == spec["fingerprint"],
            f"{digits.name} with fingerprint {digits.fingerprint}; allowed is that of the run, "
            f"{spec['fingerprint']}",
        )
        return cls(digits, FunctionGraph.from_dict(spec["graph"]), spec["normalize"])

    def __eq__(self, other: object) -> bool:
        if self is other:  # the usual case, compared for every config
            return True
        return isinstance(other, DigitPairs) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.digits.fingerprint, self.graph, self.normalize))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by source: workers load the images from the same folder."""
        return type(self).from_dict, (self.to_dict(), self.digits.folder)

    def __str__(self) -> str:
        return self.name
