"""What a network of a person's own is: a digest of all code and values that it can reach.

A result belongs to the network that gave it.  The digest holds the compiled code of a builder, of
the classes and functions that it refers to, wherever they stand in a person's own files or
notebook, and the values of their globals, closures, defaults and class attributes.  The walk stops
at installed packages, which count by name and version.  What a constructor reads from files is not
seen: hand it over as ``options``.  Another Python version compiles code otherwise, so that digests
differ there.
"""

from __future__ import annotations

import contextlib
import copyreg
import dis
import hashlib
import inspect
import random
import site
import sys
import sysconfig
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modnets.models.registry import BUILT_IN, MODELS

#: Packages whose versions do not enter: every result's provenance holds them.
COMMON = ("torch", "numpy", "modnets")
#: Of a class, what says nothing about what it does.
SILENT = ("__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__")
SILENT += ("__slotnames__", "__static_attributes__", "__abstractmethods__", "_abc_impl")
#: Names whose use in code lets it reach globals, and attributes of modules, by names as text.
GLOBALS_BY_TEXT = {"globals", "eval", "exec"}
ATTRIBUTES_BY_TEXT = {"getattr", "vars", "__dict__", "eval", "exec"}

#: Digests that hold for a while, so that a sweep goes by one; see :func:`settled`.
_SETTLED: ContextVar[dict[str, str] | None] = ContextVar("settled", default=None)
_told: set[tuple[str, str]] = set()


def identity_of(model: str) -> str:
    """The digest of a model of a person's own, as it is now; nothing for one of modnets.

    What cannot be seen into, as an open file, is named once.
    """
    if model in BUILT_IN:
        return ""
    known = _SETTLED.get()
    if known is not None and model in known:
        return known[model]
    reach = Reach()
    digest = reach.digest(MODELS[model])
    for name in reach.unseen:
        if (model, name) not in _told:
            _told.add((model, name))
            print(
                f"modnets: model {model!r} refers to {name}, which its runs' keys cannot hold",
                file=sys.stderr,
            )
    if known is not None:
        known[model] = digest
    return digest


@contextlib.contextmanager
def settled(digests: Mapping[str, str] | None = None) -> Iterator[None]:
    """Each model's digest is worked out at most once inside; given ones are taken as they are."""
    known = _SETTLED.get()
    token = _SETTLED.set({**(known or {}), **(digests or {})})
    try:
        yield
    finally:
        _SETTLED.reset(token)


class Reach:
    """Walks through code and values, and adds all that it meets to a digest.

    Parameters
    ----------
    stand_in : callable, optional
        Given an object, what is to be walked in its place, or the object itself.
    """

    def __init__(self, stand_in: Callable[[Any], Any] | None = None) -> None:
        self.stand_in = stand_in
        #: Types of objects that could not be seen into.
        self.unseen: list[str] = []
        self._hash = hashlib.sha256()
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is given twice
        self._depth = 0

    def digest(self, value: Any) -> str:
        """The digest of a value, as 64 hexadecimal digits."""
        self.walk(value)
        return self._hash.hexdigest()

    def _say(self, *words: object) -> None:
        self._hash.update(repr(words).encode())

    def walk(self, value: Any) -> None:
        """Add a value and all that it refers to."""
        if self.stand_in is not None:
            value = self.stand_in(value)
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self._say(type(value).__name__, value)
            return
        if id(value) in self._met:
            self._say("again", self._met[id(value)])
            return
        self._met[id(value)] = len(self._met)
        self._kept.append(value)
        for kind, method in _WALKS:
            if isinstance(value, kind):
                method(self, value)
                return
        self._object(value)

    def _sequence(self, value: Any) -> None:
        self._say(type(value).__name__, len(value))
        for one in value:
            self.walk(one)

    def _mapping(self, value: Mapping) -> None:
        self._say(type(value).__name__, len(value))
        for key, one in value.items():
            self.walk(key)
            self.walk(one)

    def _set(self, value: Any) -> None:
        self._say(type(value).__name__, sorted(Reach(self.stand_in).digest(one) for one in value))

    def _array(self, value: np.ndarray) -> None:
        self._say("array", str(value.dtype), value.shape)
        if value.dtype.hasobject:
            self.walk(value.ravel().tolist())
        else:
            self._hash.update(np.ascontiguousarray(value).tobytes())

    def _tensor(self, value: Tensor) -> None:
        self._say(type(value).__name__, str(value.dtype), tuple(value.shape), value.requires_grad)
        if value.is_meta:
            return
        plain = value.detach().cpu()
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        self._hash.update(plain.contiguous().view(-1).view(torch.uint8).numpy().tobytes())

    def _code(self, value: types.CodeType) -> None:
        self._say("code", value.co_name, value.co_code.hex(), value.co_names, value.co_varnames)
        self._say(value.co_freevars, value.co_cellvars, value.co_flags, value.co_argcount)
        self._say(value.co_kwonlyargcount, value.co_posonlyargcount)
        self._say(getattr(value, "co_exceptiontable", b"").hex())
        self._sequence(value.co_consts)

    def _function(self, value: types.FunctionType) -> None:
        installed = _installed(value.__globals__.get("__name__", "__main__"))
        if installed is not None:
            self._say("function", installed, value.__qualname__)
            self._wrapped(value)
            return
        self._say("function", value.__name__)
        self.walk(value.__code__)
        self.walk(value.__defaults__)
        self.walk(value.__kwdefaults__)
        for cell in value.__closure__ or ():
            self._cell(cell)
        self.walk({k: v for k, v in vars(value).items() if k != "__wrapped__"})
        self.walk(getattr(value, "__wrapped__", None))
        self._globals(value.__code__, value.__globals__)

    def _wrapped(self, value: types.FunctionType) -> None:
        """What a function of a package, as a decorator's, was made around."""
        inner = [getattr(value, "__wrapped__", None)]
        for cell in value.__closure__ or ():
            with contextlib.suppress(ValueError):  # an empty cell
                inner.append(cell.cell_contents)
        for one in inner:
            if isinstance(one, types.FunctionType | types.MethodType | type):
                self.walk(one)

    def _cell(self, cell: Any) -> None:
        try:
            self.walk(cell.cell_contents)
        except ValueError:
            self._say("empty cell")

    def _globals(self, code: types.CodeType, where: dict[str, Any]) -> None:
        names, attributes = _names_in(code)
        for name in names:
            if name not in where:
                self._say("absent" if name in _BUILTINS else "missing", name)
                continue
            self._say("global", name)
            value = where[name]
            if isinstance(value, types.ModuleType):
                self._of_module(value, attributes)
            else:
                self.walk(value)
        for name in _imported_in(code):
            if name in sys.modules:
                self._of_module(sys.modules[name], attributes)

    def _of_module(self, module: types.ModuleType, attributes: tuple[str, ...]) -> None:
        """What code takes from a module; all of it, where it may take it by its name as text."""
        installed = _installed(module.__name__)
        self._say("module", installed or module.__name__)
        if installed is not None:
            return
        everything = not ATTRIBUTES_BY_TEXT.isdisjoint(attributes)
        for name in sorted(vars(module)) if everything else attributes:
            if name in vars(module) and not name.startswith("__"):
                value = vars(module)[name]
                self._say("of module", name)
                if isinstance(value, types.ModuleType):
                    if id(value) not in self._met:
                        self._met[id(value)] = len(self._met)
                        self._of_module(value, attributes)
                else:
                    self.walk(value)

    def _module(self, value: types.ModuleType) -> None:
        self._of_module(value, ("__dict__",))

    def _class(self, value: type) -> None:
        installed = _installed(value.__module__)
        if installed is not None:
            self._say("class", installed, value.__qualname__)
            return
        self._say("class", value.__name__)
        self.walk(type(value))
        self.walk(value.__bases__)
        for name, part in sorted(vars(value).items()):
            if name not in SILENT:
                self._say("of class", name)
                self.walk(part)

    def _method(self, value: types.MethodType) -> None:
        self.walk(value.__func__)
        self.walk(value.__self__)

    def _descriptor(self, value: Any) -> None:
        self._say(type(value).__name__)
        self.walk(value.__func__)

    def _property(self, value: property) -> None:
        self.walk((value.fget, value.fset, value.fdel))

    def _named(self, value: Any) -> None:
        """What is written in C, or one of torch's own constants."""
        self._say(type(value).__name__, getattr(value, "__module__", ""), str(value)[:200])

    def _builtin(self, value: Any) -> None:
        owner = getattr(value, "__self__", None)
        self._say("builtin", value.__module__, value.__qualname__)
        if owner is not None and not isinstance(owner, types.ModuleType | type):
            self.walk(owner)

    def _script(self, value: Any) -> None:
        self._say("script", str(value.code))
        if isinstance(value, torch.nn.Module):
            self.walk(dict(value.state_dict()))

    def _random(self, value: Any) -> None:
        self.walk(random_state(value))

    def _object(self, value: Any) -> None:
        self.walk(type(value))
        if isinstance(value, torch.nn.Module):
            self.walk({name: held(name, part) for name, part in vars(value).items()})
            return
        if isinstance(value, OrderedDict | dict):
            self._mapping(value)
        self._depth += 1
        try:
            reduce = copyreg.dispatch_table.get(type(value)) or (lambda v: v.__reduce_ex__(4))
            parts = reduce(value) if self._depth < 50 else None
        except Exception:
            parts = None
        own = _installed(type(value).__module__) is None
        if parts is None and own and hasattr(value, "__dict__") and self._depth < 50:
            parts = vars(value)
        if parts is None:
            self.unseen.append(f"a {type(value).__module__}.{type(value).__qualname__}")
        elif isinstance(parts, str):
            self._say(parts)
        elif isinstance(parts, tuple):
            items = [list(part) if isinstance(part, Iterator) else part for part in parts]
            self.walk(items)
        else:
            self.walk(parts)
        self._depth -= 1


#: Kinds of values, the more special ones first, and how each is walked.
_WALKS: list[tuple[Any, Callable[[Reach, Any], None]]] = [
    (Tensor, Reach._tensor),
    (np.ndarray, Reach._array),
    (
        torch.Generator | np.random.Generator | np.random.RandomState | random.Random,
        Reach._random,
    ),
    (types.CodeType, Reach._code),
    (torch.jit.ScriptFunction | torch.jit.ScriptModule, Reach._script),
    (types.FunctionType, Reach._function),
    (types.MethodType, Reach._method),
    (staticmethod | classmethod, Reach._descriptor),
    (property, Reach._property),
    (types.ModuleType, Reach._module),
    (type, Reach._class),
    (types.BuiltinFunctionType, Reach._builtin),
    (
        torch.dtype | torch.device | torch.layout | torch.memory_format | type(Ellipsis),
        Reach._named,
    ),
    (types.WrapperDescriptorType | types.MethodDescriptorType, Reach._named),
    (types.GetSetDescriptorType | types.MemberDescriptorType, Reach._named),
    (type(NotImplemented) | type(torch.ops.aten.add), Reach._named),
]


def _exact(kind: type, method: Callable[[Reach, Any], None]) -> None:
    """Containers of Python's own; a class that inherits from one may hold more."""
    _WALKS.append((_Exactly(kind), method))


class _ExactMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return type(value) is cls.kind


def _Exactly(kind: type) -> type:  # noqa: N802
    return _ExactMeta("Exactly", (), {"kind": kind})


for _kind in (tuple, list, torch.Size):
    _exact(_kind, Reach._sequence)
for _kind in (dict, OrderedDict, types.MappingProxyType):
    _exact(_kind, Reach._mapping)
for _kind in (set, frozenset):
    _exact(_kind, Reach._set)

_BUILTINS = frozenset(dir(__import__("builtins")))


def held(name: str, value: Any) -> Any:
    """What a module holds by a name; of its hooks not the numbers that torch counts them by."""
    return list(value.values()) if "_hooks" in name and isinstance(value, dict) else value


def random_state(source: Any = None) -> Any:
    """The state of a source of random numbers; of torch's, numpy's and Python's own if None."""
    if source is None:
        return (
            torch.default_generator.get_state().numpy().tobytes(),
            np.random.get_state(),  # noqa: NPY002
            random.getstate(),
        )
    if isinstance(source, torch.Generator):
        return source.get_state().numpy().tobytes()
    if isinstance(source, np.random.Generator):
        return source.bit_generator.state
    return source.get_state() if isinstance(source, np.random.RandomState) else source.getstate()


@cache
def _names_in(code: types.CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Globals that code and the functions in it use; and every name in it, for attributes."""
    names, attributes, texts = [], [], []
    todo = [code]
    while todo:
        one = todo.pop()
        attributes += one.co_names
        texts += [text for text in one.co_consts if isinstance(text, str)]
        todo += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
        names += [
            step.argval
            for step in dis.get_instructions(one)
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        ]
    if not GLOBALS_BY_TEXT.isdisjoint(attributes):
        names += [text for text in texts if text.isidentifier()]
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(attributes))


@cache
def _imported_in(code: types.CodeType) -> tuple[str, ...]:
    """Modules that code and the functions in it import when they are called."""
    found, todo = [], [code]
    while todo:
        one = todo.pop()
        todo += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
        steps = dis.get_instructions(one)
        found += [step.argval for step in steps if step.opname == "IMPORT_NAME"]
    return tuple(dict.fromkeys(found))


@cache
def _homes() -> tuple[Path, ...]:
    """Folders of installed packages and of Python's own."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [sysconfig.get_path(kind) for kind in kinds] + site.getsitepackages()
    with contextlib.suppress(Exception):
        places.append(site.getusersitepackages())
    return tuple(Path(place).resolve() for place in places if place)


def _installed(name: str | None) -> str | None:
    """A module's name and version, if it is an installed one; None if it is a person's own."""
    top = (name or "").split(".")[0]
    if top == "__main__":  # a notebook, or a script
        return None
    if top == "modnets" or top in sys.stdlib_module_names:
        return name
    module = sys.modules.get(name or "")
    if module is None:
        return None
    try:
        file = inspect.getfile(module)
    except TypeError:  # built in, or without a file as a notebook is
        return name if hasattr(module, "__spec__") and module.__spec__ is not None else None
    return _installed_file(name, top, file)


@cache
def _installed_file(name: str, top: str, file: str) -> str | None:
    place = Path(file).resolve()
    if not any(place.is_relative_to(home) for home in _homes()):
        return None
    if top in COMMON:
        return name
    try:
        return f"{name} {version(top)}"
    except PackageNotFoundError:
        return name
