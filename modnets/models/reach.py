"""A digest of values and code, and of all that they refer to."""

from __future__ import annotations

import contextlib
import copyreg
import hashlib
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modnets.models.own_code import ATTRIBUTES_BY_TEXT, imported_in, installed_as, names_in
from modnets.models.random_states import SOURCES, random_state

#: Of a class, what says nothing about what it does.
SILENT = ("__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__")
SILENT += ("__slotnames__", "__static_attributes__", "__abstractmethods__", "_abc_impl")
#: What has a name and nothing to walk into.
WRITTEN_IN_C = types.WrapperDescriptorType | types.MethodDescriptorType | type(NotImplemented)
WRITTEN_IN_C |= types.GetSetDescriptorType | types.MemberDescriptorType | type(torch.ops.aten.add)


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
        if type(value) in _CONTAINERS:
            _CONTAINERS[type(value)](self, value)
            return
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
        installed = installed_as(value.__globals__.get("__name__", "__main__"))
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
        names, attributes = names_in(code)
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
        for name in imported_in(code):
            if name in sys.modules:
                self._of_module(sys.modules[name], attributes)

    def _of_module(self, module: types.ModuleType, attributes: tuple[str, ...]) -> None:
        """What code takes from a module; all of it, where it may take it by its name as text."""
        installed = installed_as(module.__name__)
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
        installed = installed_as(value.__module__)
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

    def _method(self, value: Any) -> None:
        self._say(type(value).__name__)
        self.walk((value.__func__, getattr(value, "__self__", None)))

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
        own = installed_as(type(value).__module__) is None
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
    (SOURCES, Reach._random),
    (types.CodeType, Reach._code),
    (torch.jit.ScriptFunction | torch.jit.ScriptModule, Reach._script),
    (types.FunctionType, Reach._function),
    (types.MethodType, Reach._method),
    (staticmethod | classmethod, Reach._method),
    (property, Reach._property),
    (types.ModuleType, Reach._module),
    (type, Reach._class),
    (types.BuiltinFunctionType, Reach._builtin),
    (
        torch.dtype | torch.device | torch.layout | torch.memory_format | type(Ellipsis),
        Reach._named,
    ),
    (WRITTEN_IN_C, Reach._named),
]


#: Containers of Python's own, by their exact type: a class that inherits from one may hold more.
_CONTAINERS: dict[type, Callable[[Reach, Any], None]] = {
    **dict.fromkeys((tuple, list, torch.Size), Reach._sequence),
    **dict.fromkeys((dict, OrderedDict, types.MappingProxyType), Reach._mapping),
    **dict.fromkeys((set, frozenset), Reach._set),
}

_BUILTINS = frozenset(dir(__import__("builtins")))


def held(name: str, value: Any) -> Any:
    """What a module holds by a name; of its hooks not the numbers that torch counts them by."""
    return list(value.values()) if "_hooks" in name and isinstance(value, dict) else value
