"""What a setting is, in words: type, meaning, unit, allowed values, default; from their one table.

``modnets train --help``, the docstring of RunConfig and ``mn.explain`` are made of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from modnets.config.settings import Names, Settings
from modnets.config.validation import CONVERTERS, RANGES, SETTING_TYPES

#: Types of settings as docstrings name them; the others by their own names.
TYPE_NAMES: dict[Any, str] = {
    **{tuple: "tuple of int", Names: "str, tuple of str", Mapping: "dict"},
    Settings: "RunConfig",
}
_FIELDS = {f.name: f for f in fields(Settings)}


class SettingDoc(NamedTuple):
    """A setting in words; an empty text stands for what there is nothing to say of.

    Parameters
    ----------
    name, type, meaning, unit : str
    allowed : str
        Words, or a range: ``"known or learned"``, ``"at least 1"``.
    default : str
        A value, or in words what None stands for; "none" if there is none.
    optional : bool
        Whether it may be None.
    """

    name: str
    type: str
    meaning: str
    unit: str
    allowed: str
    default: str
    optional: bool


def setting_doc(name: str) -> SettingDoc:
    """What a setting of RunConfig is.

    Examples
    --------
    >>> setting_doc("arity").allowed, setting_doc("loss").allowed
    ('at least 1', 'bce or mse')
    """
    field, (kind, optional, words) = _FIELDS[name], SETTING_TYPES[name]
    meaning, _, default = field.metadata["meaning"].partition("; default ")
    if not default:
        default = "none" if field.default is None else str(field.default)
    allowed = CONVERTERS[kind][1] if kind in (tuple, Names) else str(RANGES[name])
    if words:
        allowed = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    return SettingDoc(
        name,
        "Task or str" if kind not in CONVERTERS else TYPE_NAMES.get(kind, kind.__name__),
        meaning,
        field.metadata["unit"],
        allowed,
        default,
        optional,
    )


def with_parameters(text: str) -> str:
    """The docstring of a config with the section of its parameters, before its next section."""
    before, section, after = text.partition("    Raises\n")
    lines = ["    Parameters", "    ----------"]
    for name in SETTING_TYPES:
        doc = setting_doc(name)
        kind = f"{doc.name} : {doc.type}{' or None' * doc.optional}"
        lines.append(f"    {', '.join(filter(None, (kind, doc.allowed)))}")
        unit = f" (unit: {doc.unit})" if doc.unit else ""
        meaning = f"{doc.meaning[0].upper()}{doc.meaning[1:]}{unit}.  Default: {doc.default}."
        indent = " " * 8
        lines += textwrap.wrap(meaning, 100, initial_indent=indent, subsequent_indent=indent)
    return before + "\n".join(lines) + "\n\n" + section + after
