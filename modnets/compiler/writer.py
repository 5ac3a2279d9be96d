"""C++ as it is written: named values, each computed once, in nested loops."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from modnets.compiler.symbolic import Index, Size

VARIABLES = re.compile(r"\b[ik]\w+")
NAMES = re.compile(r"\b[ikt]\d*\w+")
TYPES = {"float": "vec", "int": "ivec", "mask": "ivec"}


class Term(NamedTuple):
    """A value for all lanes: the text that names it, and "float", "int" or "mask"."""

    text: str
    kind: str


class Load(NamedTuple):
    """A place in memory that is read."""

    buffer: str
    place: str
    variables: frozenset[str]


class Scope:
    """The body of a loop: its lines, and the values named in it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.terms: dict[str, Term] = {}


class Writer:
    """Lines of a kernel.

    A value is computed in the outermost loop that has all it needs; an expression that was written
    before, in sight, is not written again.
    """

    def __init__(self) -> None:
        self.scopes = [Scope()]
        self.depths: dict[str, int] = {}  # of names: in which scope they are known
        self.loads: list[Load] = []
        self.count = 0

    @property
    def lines(self) -> list[str]:
        """All that was written."""
        return self.scopes[0].lines

    def write(self, line: str) -> None:
        """Add a line to the innermost loop."""
        self._write(line, len(self.scopes) - 1)

    def _write(self, line: str, depth: int) -> None:
        self.scopes[depth].lines.append("  " * (depth + 2) + line)

    def name(self) -> str:
        """A fresh name in the innermost loop."""
        self.count += 1
        self.depths[f"t{self.count}"] = len(self.scopes) - 1
        return f"t{self.count}"

    def let(self, kind: str, expression: str) -> Term:
        """A named value of an expression."""
        depth = self._depth(expression)
        terms = self.scopes[depth].terms
        if expression not in terms:
            terms[expression] = term = Term(self.name(), kind)
            self.depths[term.text] = depth
            self._write(f"const {TYPES[kind]} {term.text} = {expression};", depth)
        return terms[expression]

    def _depth(self, expression: str) -> int:
        """The outermost scope in which all names of an expression are known."""
        return max([0, *(self.depths.get(name, 0) for name in NAMES.findall(expression))])

    def remember(self, expression: str, term: Term) -> None:
        """Take a term for the value of an expression from here on."""
        depth = self._depth(expression)
        self.scopes[depth].terms[expression] = term

    def load(self, buffer: str, place: Index, kind: str, uniform: bool) -> Term:
        """The value at a place of a buffer; uniform: one number for all lanes."""
        expression = f"{buffer}[{place}]"
        if uniform:
            expression = f"{'all' if kind == 'float' else 'iall'}({expression})"
        variables = frozenset(VARIABLES.findall(str(place)))
        self.loads.append(Load(buffer, str(place), variables))
        return self.let(kind, expression)

    @contextlib.contextmanager
    def loop(self, variable: str, size: Size, step: int = 1) -> Iterator[None]:
        """A loop; what is named inside is out of sight after it."""
        self.depths[variable] = len(self.scopes)
        self.scopes.append(Scope())
        yield
        inner = self.scopes.pop()
        advance = f"++{variable}" if step == 1 else f"{variable} += {step}"
        self.write(f"for (long {variable} = 0; {variable} < {size}; {advance}) {{")
        self.scopes[-1].lines += inner.lines
        self.write("}")
