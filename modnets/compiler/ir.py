"""What a tensor of one replica is while code is written: stored, or an expression.

An expression is computed where it is needed, so that chains of operations need no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modnets.compiler.symbolic import Index, MultiIndex, Size, contiguous, flat, known
from modnets.compiler.writer import Term, Writer

#: How many rounds of a loop within an element are written out.
UNROLLED = 4


class Value:
    """A tensor of one replica.

    Parameters
    ----------
    shape : tuple of Size
    kind : "float", "int" or "mask"
    cost : int
        Operations for one element; 0 for what is only read.
    reduces : bool
        Whether an element takes a loop.
    """

    def __init__(self, shape: Sequence[Size], kind: str, cost: int, reduces: bool = False) -> None:
        self.shape, self.kind = tuple(shape), kind
        self.cost, self.reduces = cost, reduces

    def terms(self, writer: Writer, places: Sequence[MultiIndex]) -> list[Term]:
        """Write what computes the elements at some places; hand back their names."""
        raise NotImplementedError


class Buffer(Value):
    """A tensor in memory, without gaps.

    Parameters
    ----------
    buffer : str
    offset : Size
        Where it begins in the buffer, in elements.
    uniform : bool
        One number for all lanes.
    """

    def __init__(
        self,
        buffer: str,
        shape: Sequence[Size],
        kind: str = "float",
        offset: Size = 0,
        uniform: bool = False,
    ) -> None:
        super().__init__(shape, kind, 0)
        self.buffer, self.offset, self.uniform = buffer, offset, uniform
        self.strides = contiguous(self.shape)

    def part(self, axis: int, start: Size, size: Size) -> Buffer:
        """A part of an axis, for something to be stored there."""
        shape = (*self.shape[:axis], size, *self.shape[axis + 1 :])
        part = Buffer(self.buffer, shape, self.kind, self.offset + start * self.strides[axis])
        part.strides = self.strides
        return part

    def place(self, place: MultiIndex) -> Index:
        """Where an element lies in the buffer."""
        return flat(place, self.strides) + self.offset

    def terms(self, writer: Writer, places: Sequence[MultiIndex]) -> list[Term]:
        """See Value."""
        return [writer.load(self.buffer, self.place(p), self.kind, self.uniform) for p in places]

    def reshaped(self, shape: Sequence[Size]) -> Buffer:
        """The same memory in another shape."""
        return Buffer(self.buffer, shape, self.kind, self.offset, self.uniform)


class Pointwise(Value):
    """An operation on the elements at the same place of tensors of one shape.

    Parameters
    ----------
    function : callable
        ``function(writer, place, *terms) -> Term``.
    inputs : sequence of Value
    """

    def __init__(
        self,
        shape: Sequence[Size],
        kind: str,
        function: Callable[..., Term],
        inputs: Sequence[Value] = (),
        cost: int = 1,
    ) -> None:
        total = cost + sum(value.cost for value in inputs)
        super().__init__(shape, kind, total, any(value.reduces for value in inputs))
        self.function, self.inputs = function, tuple(inputs)

    def terms(self, writer: Writer, places: Sequence[MultiIndex]) -> list[Term]:
        """See Value."""
        given = [value.terms(writer, places) for value in self.inputs]
        return [
            self.function(writer, place, *(terms[i] for terms in given))
            for i, place in enumerate(places)
        ]


class View(Value):
    """Another tensor's elements at other places: a view.

    Parameters
    ----------
    source : Value
    move : callable
        Place here -> place in the source.
    """

    def __init__(
        self, shape: Sequence[Size], source: Value, move: Callable[[MultiIndex], MultiIndex]
    ) -> None:
        super().__init__(shape, source.kind, source.cost, source.reduces)
        self.source, self.move = source, move

    def terms(self, writer: Writer, places: Sequence[MultiIndex]) -> list[Term]:
        """See Value."""
        return self.source.terms(writer, [self.move(place) for place in places])


class FlattenedView(Value):
    """A tensor in one axis, only to be stored: its elements have no place of their own."""

    def __init__(self, source: Value, size: Size) -> None:
        super().__init__((size,), source.kind, source.cost, source.reduces)
        self.source = source


#: How a reduction starts and goes on: C++ with {a} for what is there, {x} for what comes.
REDUCTIONS = {
    "sum": ("zero", "{a} += {x}"),
    "prod": ("one", "{a} *= {x}"),
    "amax": ("all(-INFINITY)", "{a} = largest({a}, {x})"),
    "amin": ("all(INFINITY)", "{a} = smallest({a}, {x})"),
}


class Reduction(Value):
    """A sum, product, largest or smallest over the last axes of a tensor.

    Parameters
    ----------
    how : str
        A name of REDUCTIONS; of whole numbers and truths only "sum".
    source : Value, shape (*shape, *reduced)
    n_axes : int
        How many axes go.
    """

    def __init__(self, how: str, source: Value, n_axes: int) -> None:
        keep = len(source.shape) - n_axes
        kind = "int" if source.kind == "mask" else source.kind
        super().__init__(source.shape[:keep], kind, source.cost + 1, reduces=True)
        self.how, self.source, self.reduced = how, source, source.shape[keep:]

    def terms(self, writer: Writer, places: Sequence[MultiIndex]) -> list[Term]:
        """See Value."""
        start, go_on = REDUCTIONS[self.how]
        start = "izero" if self.kind == "int" else start
        sums = [writer.name() for _ in places]
        declared = "ivec" if self.kind == "int" else "vec"
        for name in sums:
            writer.write(f"{declared} {name} = {start};")

        def walk(axis: int, inner: MultiIndex) -> None:
            if axis < len(self.reduced):
                size = self.reduced[axis]
                if known(size) and size <= UNROLLED:
                    for number in range(size):
                        walk(axis + 1, (*inner, Index(constant=number)))
                    return
                variable = f"k{writer.name()}"
                with writer.loop(variable, size):
                    walk(axis + 1, (*inner, Index({variable: 1})))
                return
            found = self.source.terms(writer, [(*place, *inner) for place in places])
            for name, term in zip(sums, found, strict=True):
                text = f"({term.text} & 1)" if term.kind == "mask" else term.text
                writer.write(go_on.format(a=name, x=text) + ";")

        walk(0, ())
        return [Term(name, self.kind) for name in sums]
