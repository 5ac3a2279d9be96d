"""A notebook's parameters, ``name: type = default  # meaning``, and their values from strings.

Papermill's ``-p graphs 6-2-2`` gives a notebook the string "6-2-2" where a list is expected.
``mn.read_parameters(globals())`` after the imports converts it to the type of the default:
["6-2-2"].
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modnets.errors import require, shown
from modnets.runs_read import begin
from modnets.values import MAX_INTEGER

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list, as [1, 2] or 1,2",
    "str": "a word",
}


@dataclass(frozen=True)
class Parameter:
    """A line of a notebook's parameters cell: ``name: type = default  # meaning``."""

    name: str
    kind: str
    default: Any
    meaning: str = ""

    def read(self, value: Any) -> Any:
        """A value, or a command-line string that denotes one, converted to the type of the default.

        Raises
        ------
        ValueError
            ``parameter epochs='x'; allowed is a whole number``
        """
        readers: dict[str, Callable[[Any], Any]] = {
            "int": _whole,
            "float": _number,
            "bool": _truth,
            "list": self._items,
        }
        try:
            return readers.get(self.kind, _word)(value)
        except (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError):
            raise ValueError(
                f"parameter {self.name}={shown(value)}; allowed is {KINDS.get(self.kind, 'a word')}"
                + (f" with entries like {self.default[0]!r}" if self._has_items else "")
            ) from None

    @property
    def _has_items(self) -> bool:
        return self.kind == "list" and bool(self.default)

    def _items(self, value: Any) -> list[Any]:
        """A list, one entry, or a string: a list in Python's or JSON's notation, or ``a,b``."""
        parsed, is_text = value, isinstance(value, str)
        if is_text:
            try:
                parsed = _literal(value)
            except (ValueError, SyntaxError):
                parsed = [literal_or_word(entry) for entry in value.split(",")]
        items = list(parsed) if isinstance(parsed, list | tuple) else [parsed]
        if self._has_items:
            types = {type(entry) for entry in self.default}
            if types <= {int, float}:
                items = [literal_or_word(i) if isinstance(i, str) else i for i in items]
            elif is_text and types == {str}:  # a task may be named 12
                items = [str(i) if isinstance(i, int | float) else i for i in items]
            types |= {int} if float in types else set()
            require(all(type(item) in types for item in items), "")
            for item in items:
                if isinstance(item, int | float):
                    _number(item)
        return items


def read_parameters(namespace: dict[str, Any]) -> None:
    """Convert the strings that papermill's ``-p`` passes to the type of each parameter.

    A list takes one value or ``a,b``, ``1,2``, ``[1,2]``; numbers may be strings.  The types are
    those of the cell that defines the parameters, ``name: type = default``.  What figures say that
    they were made from begins here.

    Parameters
    ----------
    namespace : dict
        The notebook's ``globals()``; the values in it are replaced.

    Raises
    ------
    ValueError
        One line with the parameter, its value and what is allowed.
    """
    require(
        isinstance(namespace, dict),
        f"namespace={shown(namespace)}; allowed is a notebook's globals()",
    )
    begin(namespace)
    for cell in namespace.get("In", ()):
        for parameter in defined(cell):
            if parameter.name in namespace:
                namespace[parameter.name] = parameter.read(namespace[parameter.name])


def defined(cell: str) -> list[Parameter]:
    """The parameters that the source of a cell defines; none if it has any other statement."""
    try:
        lines = ast.parse(cell).body
        return [Parameter(*_line(node)) for node in lines]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []


def literal_or_word(text: str) -> Any:
    """The value of a literal of Python or JSON; a text that is none, itself."""
    try:
        return _literal(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text.strip()


def _line(node: ast.stmt) -> tuple[str, str, Any]:
    if not isinstance(node, ast.AnnAssign) or node.value is None:
        raise ValueError
    return ast.unparse(node.target), ast.unparse(node.annotation), ast.literal_eval(node.value)


def _whole(value: Any) -> int:
    require(not isinstance(value, bool) and isinstance(value, int | float | str), "")
    number = int(value)
    require((isinstance(value, str) or number == value) and abs(number) <= MAX_INTEGER, "")
    return number


def _number(value: Any) -> float:
    require(not isinstance(value, bool) and isinstance(value, int | float | str), "")
    number = float(value)
    require(math.isfinite(number) and abs(number) <= MAX_INTEGER, "")
    return number


def _truth(value: Any) -> bool:
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    require(isinstance(value, bool | str | int) and str(value).lower() in values, "")
    return values[str(value).lower()]


def _word(value: Any) -> str:
    require(isinstance(value, str | int | float), "")
    return str(value)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return json.loads(text)
