"""YAML of studies: a key that stands twice is refused, each key knows its line.

Numbers and words are those of YAML 1.2, without the traps of 1.1: ``10:20`` is a range and no
number to the base of 60, ``1e-3`` is a number, ``no`` and ``on`` are words.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from modnets.errors import in_a_line, require, shown

#: Most bytes of a study's file, and entries in it with all aliases written out.
MAX_BYTES, MAX_ENTRIES = 2**24, 10**6


class Lines(dict):
    """A mapping that knows the line of each key, from 1."""

    lines: dict[Any, int]


class _Loader(yaml.SafeLoader):
    """Loads plain values, and mappings as :class:`Lines`."""

    n_entries = 0


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Lines:
    keys = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        text = key.value if isinstance(key, yaml.ScalarNode) else None
        if text is None:
            raise _at(key, "a key is no word")
        if text in keys:
            raise _at(key, f"{shown(text)} stands twice; allowed is once")
        keys.add(text)
    loader.flatten_mapping(node)
    found = Lines()
    found.lines = {}
    for key, value in node.value:
        name = loader.construct_object(key)
        found[name] = _counted(loader, value)
        found.lines[name] = key.start_mark.line + 1
    return found


def _sequence(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    return [_counted(loader, entry) for entry in node.value]


def _counted(loader: _Loader, node: yaml.Node) -> Any:
    loader.n_entries += 1
    if loader.n_entries > MAX_ENTRIES:
        raise _at(node, f"more than {MAX_ENTRIES:,} entries; allowed are ranges, as 0:1000")
    return loader.construct_object(node, deep=True)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > 20:
        raise _at(node, f"{shown(node.value)}; allowed is a whole number, at most 2**63 - 1")
    return int(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _sequence)
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def _at(node: yaml.Node, text: str) -> ValueError:
    return ValueError(f"line {node.start_mark.line + 1}: {text}")


def from_yaml(text: str, name: str = "YAML") -> Any:
    """The values of a YAML text.

    Parameters
    ----------
    text : str
    name : str
        Of the file, for errors.

    Raises
    ------
    ValueError
        One line with the file and the line in it.
    """
    require(len(text) <= MAX_BYTES, f"{name}: {len(text):,} characters; allowed are {MAX_BYTES:,}")
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = error.problem or error.context or "not YAML"
        raise ValueError(f"{name}{line}: {in_a_line(Exception(problem))}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{name}: {in_a_line(error, 200)}") from None
    except ValueError as error:
        raise ValueError(f"{name}, {error}") from None


def to_yaml(values: Any) -> str:
    """Plain values as YAML, keys in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes what the loader above reads: texts that it would take for numbers in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers
_Dumper.add_representer(Lines, lambda dumper, data: dumper.represent_dict(data))
_Dumper.add_representer(
    list, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, True)
)
