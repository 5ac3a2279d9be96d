"""Boolean gates and sub-functions: what the nodes of a function graph compute.

Gate names are the usual ones of logic design.  A two-input gate is one of 16; AND, OR, XOR
(odd parity), NAND, NOR and XNOR exist for every number of inputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeGuard

import numpy as np

from modnets.checked import check_fields, checked
from modnets.errors import one_of, require, shown

#: The 16 two-input gates: outputs for the inputs (0,0), (0,1), (1,0), (1,1).
TWO_INPUT_GATES = {
    "FALSE": (0, 0, 0, 0),
    "AND": (0, 0, 0, 1),
    "NIMPLY": (0, 0, 1, 0),
    "A": (0, 0, 1, 1),
    "CNIMPLY": (0, 1, 0, 0),
    "B": (0, 1, 0, 1),
    "XOR": (0, 1, 1, 0),
    "OR": (0, 1, 1, 1),
    "NOR": (1, 0, 0, 0),
    "XNOR": (1, 0, 0, 1),
    "NOT_B": (1, 0, 1, 0),
    "CIMPLY": (1, 0, 1, 1),
    "NOT_A": (1, 1, 0, 0),
    "IMPLY": (1, 1, 0, 1),
    "NAND": (1, 1, 1, 0),
    "TRUE": (1, 1, 1, 1),
}

#: Gates of any number of inputs: output from the number of ones and the number of inputs.
SYMMETRIC_GATES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "AND": lambda ones, n: ones == n,
    "OR": lambda ones, n: ones > 0,
    "XOR": lambda ones, n: ones % 2 == 1,
    "NAND": lambda ones, n: ones < n,
    "NOR": lambda ones, n: ones == 0,
    "XNOR": lambda ones, n: ones % 2 == 0,
}

MAX_GATE_INPUTS = 20
#: The odd constant of SplitMix64, by which the seeds of consecutive numbers differ.
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
INDEX = re.compile("[0-9]{1,9}")


def all_rows(n_inputs: int) -> np.ndarray:
    """Every input row, in lexicographic order of x0, x1, ...

    Parameters
    ----------
    n_inputs : int, 0 to 20

    Returns
    -------
    ndarray of uint8, shape (2**n_inputs, n_inputs)
    """
    return bits_of(np.arange(2**n_inputs), n_inputs)


def bits_of(index: np.ndarray, n_inputs: int) -> np.ndarray:
    """Input rows by index, in binary: x0 is the most significant bit.

    Parameters
    ----------
    index : ndarray of int, shape (row,)
    n_inputs : int, at most 63

    Returns
    -------
    ndarray of uint8, shape (row, n_inputs)
    """
    shifts = np.arange(n_inputs - 1, -1, -1)
    return (np.asarray(index, dtype=np.int64)[:, None] >> shifts & 1).astype(np.uint8)


def drawn_bits(index: np.ndarray, n_inputs: int) -> np.ndarray:
    """Input rows of many bits, drawn by their index: SplitMix64, each index a seed of its own.

    Bits of a row are independent and even, and the same wherever it is asked for.  Rows of distinct
    indices are distinct: their first 64 bits are a bijection of the index.

    Parameters
    ----------
    index : ndarray of int, shape (row,)
    n_inputs : int, at least 64

    Returns
    -------
    ndarray of uint8, shape (row, n_inputs)

    References
    ----------
    G. L. Steele, D. Lea and C. H. Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA
    2014.
    """
    seeds = mixed(np.asarray(index, dtype=np.int64).astype(np.uint64))
    steps = np.arange(1, -(-n_inputs // 64) + 1, dtype=np.uint64) * GOLDEN_GAMMA
    words = mixed(seeds[:, None] + steps)
    return np.unpackbits(words.astype(">u8").view(np.uint8), axis=1, count=n_inputs)


def mixed(z: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64, a bijection of 64 bits; uint64 of any shape."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def index_of(x: np.ndarray) -> np.ndarray:
    """The indices of input rows: the inverse of ``bits_of``.

    Parameters
    ----------
    x : ndarray of {0, 1}, shape (row, n_inputs)

    Returns
    -------
    ndarray of int64, shape (row,)
    """
    return np.asarray(x, dtype=np.int64) @ (1 << np.arange(x.shape[1] - 1, -1, -1))


@dataclass(frozen=True)
class Gate:
    """A Boolean function of a few inputs.

    Parameters
    ----------
    name : str
        Its name in tables and diagrams.
    table : tuple of {0, 1}, length 2**n_inputs
        Its output for every input row, in lexicographic order.

    Raises
    ------
    ValueError
        If the table's length is no power of two, or an entry is neither 0 nor 1.
    """

    name: str
    table: tuple[int, ...]

    def __post_init__(self) -> None:
        check_fields(self, "name", "table")
        size = len(self.table)
        require(
            size > 1 and size & (size - 1) == 0 and size <= 2**MAX_GATE_INPUTS,
            f"gate {self.name!r}: its table has {size} entries; "
            f"allowed are 2**k for k = 1 to {MAX_GATE_INPUTS}",
        )
        require(
            set(self.table) <= {0, 1},
            f"gate {self.name!r}: table={shown(self.table)}; allowed entries are 0 and 1",
        )

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self.table).bit_length() - 1

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Its output for rows.

        Parameters
        ----------
        x : ndarray of {0, 1}, shape (row, n_inputs)

        Returns
        -------
        ndarray of uint8, shape (row,)
        """
        return np.asarray(self.table, dtype=np.uint8)[index_of(x)]

    def __repr__(self) -> str:
        return f"Gate({self.name}, {self.n_inputs} inputs)"


@checked
@cache
def gate(name: str, n_inputs: int = 2) -> Gate:
    """The gate of that name.

    Parameters
    ----------
    name : str
        One of the 16 two-input gates, or AND, OR, XOR, NAND, NOR, XNOR with any number of inputs.
    n_inputs : int, 1 to 20

    Raises
    ------
    ValueError
        If no gate of this name has that many inputs.
    """
    require(
        1 <= n_inputs <= MAX_GATE_INPUTS,
        f"gate {name!r}: n_inputs={n_inputs}; allowed is 1 to {MAX_GATE_INPUTS}",
    )
    if n_inputs == 2:
        one_of("gate", name, TWO_INPUT_GATES)
        return Gate(name, TWO_INPUT_GATES[name])
    one_of(f"gate with {n_inputs} inputs", name, SYMMETRIC_GATES)
    ones = all_rows(n_inputs).sum(axis=1, dtype=np.int64)
    return Gate(name, tuple(int(v) for v in SYMMETRIC_GATES[name](ones, n_inputs)))


@dataclass(frozen=True)
class SubFunction:
    """One node of a function graph: a gate, and the nodes of the level below that it reads.

    Parameters
    ----------
    gate : Gate
    inputs : tuple of int
        Indices into the level below, in the order of the gate's inputs; none twice.
    """

    gate: Gate
    inputs: tuple[int, ...]

    def __post_init__(self) -> None:
        check_fields(self, "gate", "inputs")
        require(
            len(self.inputs) == self.gate.n_inputs,
            f"sub-function {self}: inputs={self.inputs}; {self.gate.name} with a table of "
            f"{len(self.gate.table)} entries reads {self.gate.n_inputs} inputs",
        )
        require(
            len(set(self.inputs)) == len(self.inputs),
            f"sub-function {self}: inputs={self.inputs}; allowed are distinct places",
        )

    @classmethod
    def parse(cls, text: str | SubFunction) -> SubFunction:
        """Parse ``"XOR 0 1"``: a gate's name, then the indices of its inputs."""
        if isinstance(text, SubFunction):
            return text
        name, *indices = text.split() if isinstance(text, str) and text.strip() else [""]
        require(
            bool(indices) and all(INDEX.fullmatch(index) for index in indices),
            f"sub-function {shown(text)}: allowed is a gate and its input places, as in 'XOR 0 1'",
        )
        return cls(gate(name, len(indices)), tuple(map(int, indices)))

    @classmethod
    def parse_levels(cls, levels: object) -> tuple[tuple[SubFunction, ...], ...]:
        """Parse ``[["XOR 0 1", "XOR 2 3"], ["AND 0 1"]]``: levels of sub-functions."""
        allowed = 'allowed are lists of sub-functions, as [["XOR 0 1", "XOR 2 3"], ["AND 0 1"]]'
        if not _is_list(levels) or not all(map(_is_list, levels)):
            raise ValueError(f"levels={shown(levels)}; {allowed}")
        return tuple(tuple(map(cls.parse, level)) for level in levels)

    def __str__(self) -> str:
        return " ".join([self.gate.name, *map(str, self.inputs)])


def _is_list(value: object) -> TypeGuard[Sequence]:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
