"""Which points of a study are runs: conditions on their settings, as ``train_rows < 32``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import CodeType
from typing import Any

from modnets.config.settings import GRAPH_SETTINGS, Settings
from modnets.errors import in_a_line, one_of, require, shown

#: What a condition is made of.
ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    *(ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple, ast.BinOp, ast.Mod, ast.Add, ast.Sub),
)
DEFAULTS = {f.name: f.default for f in fields(Settings)}


@dataclass(frozen=True)
class Filter:
    """Conditions on the settings of a point, all of which have to hold.

    A graph is compared by its name, widths as ``"3-2"``: as in a table of results.  Settings that
    a point does not give have their defaults, None where these follow from others.

    Parameters
    ----------
    texts : tuple of str
        Expressions of Python: names of settings, numbers, words in quotes, comparisons, ``in``,
        ``and``, ``or``, ``not``, ``+``, ``-``, ``%``.

    Raises
    ------
    ValueError
        One line, for what is no such expression, and for an unknown setting.

    Examples
    --------
    >>> keep = Filter(("model != 'dense' or train_rows < 32",))
    >>> keep({"model": "dense", "train_rows": 32}), keep({"model": "shared", "train_rows": 32})
    (False, True)
    """

    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in self.texts:
            self._checked(text)

    @cached_property
    def names(self) -> set[str]:
        """The settings that the conditions depend on."""
        nodes = (node for text in self.texts for node in ast.walk(self._checked(text)))
        return {node.id for node in nodes if isinstance(node, ast.Name)}

    @cached_property
    def _compiled(self) -> Sequence[CodeType]:
        return [compile(self._checked(text), "where", "eval") for text in self.texts]

    def __call__(self, settings: Mapping[str, Any]) -> bool:
        """Whether all conditions hold for the settings of a point."""
        values = {
            name: _comparable(name, settings.get(name, DEFAULTS[name])) for name in self.names
        }
        for text, code in zip(self.texts, self._compiled, strict=True):
            try:
                if not eval(code, {"__builtins__": {}}, values):
                    return False
            except (TypeError, ValueError, ArithmeticError) as error:
                raise ValueError(
                    f"where {shown(text)}: {in_a_line(error)}, with "
                    f"{', '.join(f'{name}={shown(value)}' for name, value in values.items())}"
                ) from None
        return True

    @staticmethod
    def _checked(text: str) -> ast.Expression:
        allowed = "allowed is a condition, as \"train_rows < 32 and model != 'dense'\""
        require(isinstance(text, str), f"where={shown(text)}; {allowed}")
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"where={shown(text)}; {allowed}") from None
        for node in ast.walk(tree):
            require(isinstance(node, ALLOWED), f"where={shown(text)}; {allowed}")
            if isinstance(node, ast.Name):
                one_of("setting in where (words stand in quotes):", node.id, DEFAULTS)
        return tree


def _comparable(name: str, value: Any) -> Any:
    """A setting as a table of results shows it."""
    if name in GRAPH_SETTINGS and value is not None:
        return str(value)
    return "-".join(map(str, value)) if isinstance(value, tuple) else value
