"""A study as a file: settings, axes, axes that go together, filters, in one or several parts.

::

    base: {graph: 6-3-2-2, epochs: 1000}
    axes:
      model: [dense, shared]
      train_rows: [8, 16, 32]
      seeds: 0:20
    zip:
      - {lr_routing: [0.01, 0.1], lr_selection: [0.01, 0.1]}
    where:
      - model != 'dense' or train_rows > 8
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from modnets.config.filters import Filter
from modnets.config.grid import TOGETHER
from modnets.config.points import Axis, Points, distinct
from modnets.config.run_config import RunConfig
from modnets.config.settings import NAMES
from modnets.config.study_values import axis_values, check_alone, kind_of, one_value, written
from modnets.config.yaml_text import MAX_BYTES, Lines, from_yaml, to_yaml
from modnets.errors import in_a_line, one_of, require, shown
from modnets.paths import expanded
from modnets.tasks.graph_specs import FILE

#: What a part of a study may say; the whole may also have ``about`` and ``parts``.
SECTIONS = ("base", "axes", "zip", "where")
ENTRIES = ("about", *SECTIONS, "parts")
SETTABLE = (*NAMES, *TOGETHER)


class Study:
    """The runs that a study's file describes; iterating gives each once.

    Parameters
    ----------
    spec : mapping
        The content of the file.
    source : str
        Name of the file, for errors.
    text : str, optional
        The file as it is kept with the results; by default the mapping as YAML.
    folder : Path, optional
        Where paths in it begin; by default the working folder.

    Raises
    ------
    ValueError
        One line with file, line and what is allowed, for whatever is wrong but for settings of
        which only a combination is; those are found when runs are listed.
    """

    def __init__(
        self,
        spec: Any,
        source: str = "study",
        text: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.source, self.folder = source, folder
        _check_entries(spec, ENTRIES, source)
        parts = spec.get("parts") or [{}]
        _check_list(parts, "parts", source)
        for part in parts:
            _check_entries(part, SECTIONS, source)
        self.parts = tuple(self._points(_merged(spec, part)) for part in parts)
        self.spec, self._text = spec, text

    @cached_property
    def text(self) -> str:
        """The file as it is kept with the results."""
        return to_yaml(written(self.spec)) if self._text is None else self._text

    @property
    def standalone(self) -> str:
        """The file as it reads from any folder: paths of graphs are whole."""
        whole = _with_whole_paths(self.spec, (self.folder or Path()).absolute())
        return self.text if whole == self.spec else to_yaml(written(whole))

    @cached_property
    def runs(self) -> list[RunConfig]:
        """All runs, each once, in the order of the file."""
        with _at(self.source, None):
            return distinct(self.parts)

    def __iter__(self) -> Iterator[RunConfig]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        axes = [name for part in self.parts for axis in part.axes for name in axis.names]
        return f"<Study {self.source}: {len(self):,} runs over {', '.join(dict.fromkeys(axes))}>"

    def with_settings(self, settings: Mapping[str, Any]) -> Study:
        """This study with some settings replaced, by a value or by a list of them.

        Raises
        ------
        ValueError
            If a setting is unknown, goes together with others, or a value is wrong.
        """
        if not settings:
            return self
        spec: dict[str, Any] = {name: value for name, value in self.spec.items() if name != "parts"}
        parts = [dict(part) for part in self.spec.get("parts") or ()]
        for name, value in settings.items():
            one_of("setting", name, SETTABLE)
            for part in (spec, *parts):
                for axes in _zips(part.get("zip")):
                    require(
                        name not in axes,
                        f"{name}: it goes together with {', '.join(n for n in axes if n != name)} "
                        f"in {self.source}; allowed are settings outside of zip",
                    )
                for whole, members in TOGETHER.items():
                    require(
                        name not in members or whole not in (part.get("axes") or {}),
                        f"{name}: {self.source} has {whole}, which stands for "
                        f"{' and '.join(members)}; allowed is {whole}",
                    )
            gone = {name, *TOGETHER.get(name, ())}
            several = len(axis_values(name, value, self.folder)) > 1 or name in TOGETHER
            section = "axes" if several else "base"
            for part in (spec, *parts):
                for other in ("base", "axes"):
                    stays = {name} if part is spec and other == section else set()
                    if part.get(other):
                        part[other] = {
                            n: v for n, v in part[other].items() if n not in gone - stays
                        }
            new = value[0] if isinstance(value, list) and not several else value
            spec[section] = (spec.get(section) or {}) | {name: new}
        ordered = {name: spec[name] for name in ENTRIES if spec.get(name)}
        changed = ordered | ({"parts": parts} if parts else {})
        return Study(changed, self.source, folder=self.folder)

    def _points(self, spec: Mapping[str, Any]) -> Points:
        base = {}
        for name, value, line in _entries(spec.get("base"), "base", self.source):
            with _at(self.source, line):
                one_of("setting in base", name, NAMES)
                base[name] = one_value(name, value, self.folder)
                check_alone(name, base[name])
        axes = [self._axis(*entry) for entry in _entries(spec.get("axes"), "axes", self.source)]
        for zipped in _zips(spec.get("zip")):
            entries = list(_entries(zipped, "zip", self.source))
            axes.append(self._together([self._axis(*entry) for entry in entries], entries))
        names = [name for axis in axes for name in axis.names]
        for name in names:
            require(
                names.count(name) == 1,
                f"{self.source}: {name} stands in several axes; allowed is one",
            )
        texts = spec.get("where") or ()
        texts = [texts] if isinstance(texts, str) else texts
        _check_list(texts, "where", self.source)
        with _at(self.source, None):
            return Points(base, tuple(axes), Filter(tuple(texts)))

    def _axis(self, name: str, value: Any, line: int | None) -> Axis:
        with _at(self.source, line):
            one_of("setting in axes", name, SETTABLE)
            members = TOGETHER.get(name, (name,))
            values = axis_values(name, value, self.folder)
            numbers = kind_of(name) is int and all(type(one) is int for one in values)
            for one in {min(values), max(values)} if numbers else values:
                check_alone(members[0], one)
            return Axis(members, [(one,) * len(members) for one in values])

    def _together(self, axes: Sequence[Axis], entries: Sequence[tuple]) -> Axis:
        lengths = {name: len(a.values) for a, (name, *_) in zip(axes, entries, strict=True)}
        line = entries[0][2] if entries else None
        with _at(self.source, line):
            require(
                len(axes) > 1 and len(set(lengths.values())) == 1,
                "zip of "
                + (", ".join(f"{n} values of {k}" for k, n in lengths.items()) or "nothing")
                + "; allowed are several settings with as many values each",
            )
        names = tuple(name for axis in axes for name in axis.names)
        rows = zip(*(axis.values for axis in axes), strict=True)
        return Axis(names, [tuple(v for values in row for v in values) for row in rows])


def study(source: str | PathLike[str] | Mapping[str, Any], **settings: Any) -> Study:
    """The runs of a study's file: ``mn.sweep(mn.study("study.yaml"), store=...)``.

    Parameters
    ----------
    source : str, Path or dict
        A YAML file, or what stands in one.
    **settings
        Replace those of the file: a value, a list of them, or ``"0:20"``.

    Returns
    -------
    Study
        Its ``runs`` are a list of RunConfig.

    Raises
    ------
    ValueError
        One line with file and line for what cannot be read.

    Examples
    --------
    >>> made = study({"axes": {"model": ["dense", "shared"], "seeds": "0:3"}}, epochs=10)
    >>> len(made), made.runs[0].epochs
    (6, 10)
    """
    if isinstance(source, Mapping):
        return Study(source).with_settings(settings)
    path = expanded(source, "study")
    try:
        size = path.stat().st_size
        require(size <= MAX_BYTES, f"{path}: {size:,} bytes; allowed are at most {MAX_BYTES:,}")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise ValueError(
            f"study={shown(str(path))} cannot be read ({reason}); allowed is a YAML file"
        ) from None
    made = Study(from_yaml(text, path.name), path.name, text, path.parent)
    return made.with_settings(settings)


def _merged(spec: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """A part with what all parts have in common; what the part says goes before."""
    merged: dict[str, Any] = {}
    own = {name for section in ("base", "axes") for name in part.get(section) or {}}
    for section in ("base", "axes"):
        common, mine = spec.get(section) or {}, part.get(section) or {}
        if isinstance(common, Mapping) and isinstance(mine, Mapping):
            both = Lines({n: v for n, v in common.items() if n not in own} | dict(mine))
            both.lines = getattr(common, "lines", {}) | getattr(mine, "lines", {})
            merged[section] = both
        else:
            merged[section] = mine or common
    merged["zip"] = [*_zips(spec.get("zip")), *_zips(part.get("zip"))]
    filters = [spec.get("where") or [], part.get("where") or []]
    merged["where"] = [t for f in filters for t in ([f] if not isinstance(f, list) else f)]
    return merged


def _with_whole_paths(value: Any, folder: Path) -> Any:
    """A study's content, each ``{file: graphs.json}`` with the whole path."""
    if isinstance(value, Mapping):
        if [*value] == [FILE] and isinstance(value[FILE], str):
            return {FILE: str(folder / Path(value[FILE]).expanduser())}
        return {name: _with_whole_paths(entry, folder) for name, entry in value.items()}
    return [_with_whole_paths(one, folder) for one in value] if isinstance(value, list) else value


def _zips(value: Any) -> list[Any]:
    return [value] if isinstance(value, Mapping) else list(value or ())


def _entries(value: Any, section: str, source: str) -> Iterable[tuple[str, Any, int | None]]:
    """Name, value and line of each entry of a section."""
    require(
        value is None or isinstance(value, Mapping),
        f"{source}: {section}={shown(value)}; allowed are settings, as model: dense",
    )
    lines = getattr(value, "lines", {})
    return [(name, entry, lines.get(name)) for name, entry in (value or {}).items()]


def _check_entries(spec: Any, allowed: Sequence[str], source: str) -> None:
    require(
        isinstance(spec, Mapping),
        f"{source}: {shown(spec)}; allowed is a mapping with {', '.join(allowed)}",
    )
    for name in spec:
        with _at(source, getattr(spec, "lines", {}).get(name)):
            one_of("entry", name, allowed)
    require(
        not isinstance(spec.get("zip"), str | int | float | bool),
        f"{source}: zip={shown(spec.get('zip'))}; allowed is a list of settings with lists",
    )


def _check_list(value: Any, name: str, source: str) -> None:
    require(isinstance(value, Sequence) and not isinstance(value, str),
            f"{source}: {name}={shown(value)}; allowed is a list")  # fmt: skip


@contextlib.contextmanager
def _at(source: str, line: int | None) -> Iterator[None]:
    """Errors inside name the file, and the line."""
    try:
        yield
    except ValueError as error:
        place = f"{source}, line {line}" if line else source
        raise ValueError(f"{place}: {in_a_line(error)}") from None
