"""The digest of an object, and of all code and objects that can be reached from it."""

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

from modnets.models.code_names import ATTRIBUTES_BY_TEXT, imported_in, names_in
from modnets.models.installed_modules import installed_as, qualname_in_keys
from modnets.models.random_states import GENERATORS, random_state

#: Attributes of a class that do not affect what it does.
IGNORED: tuple[str, ...] = (
    "__dict__",
    "__weakref__",
    "__module__",
    "__doc__",
    "__firstlineno__",
    "__slotnames__",
    "__static_attributes__",
    "__abstractmethods__",
    "_abc_impl",
)
#: Types of objects that have a name, and nothing to walk into.
C_DEFINED = types.WrapperDescriptorType | types.MethodDescriptorType | type(NotImplemented)
C_DEFINED |= types.GetSetDescriptorType | types.MemberDescriptorType | type(torch.ops.aten.add)
#: Depth of nested objects from which on their content is not walked.
MAX_DEPTH = 50


class ObjectHasher:
    """SHA-256 of an object and of all that it refers to: attributes, code, globals, closures.

    Code and classes of installed packages enter by name, those of the user by content.

    Parameters
    ----------
    stand_in : callable, optional
        From an object to the one that is walked in its place, or to the object itself.
    """

    def __init__(self, stand_in: Callable[[Any], Any] | None = None) -> None:
        self.stand_in = stand_in
        #: Types of objects whose content is not accessible.
        self.opaque: list[str] = []
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no id is used again
        self._depth = 0

    def digest(self, value: Any) -> str:
        """The digest of a value and what the hasher has walked before, as 64 hexadecimal digits."""
        self.walk(value)
        return self._hash.hexdigest()

    def _add(self, *items: object) -> None:
        self._hash.update(repr(items).encode())

    def walk(self, value: Any) -> None:
        """Add a value and all that it refers to."""
        if self.stand_in is not None:
            value = self.stand_in(value)
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self._add(type(value).__name__, value)
            return
        if id(value) in self._seen:
            self._add("again", self._seen[id(value)])
            return
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        if type(value) in _CONTAINERS:
            _CONTAINERS[type(value)](self, value)
            return
        for kind, method in _VISITORS:
            if isinstance(value, kind):
                method(self, value)
                return
        self._object(value)

    def _sequence(self, value: Any) -> None:
        self._add(type(value).__name__, len(value))
        for one in value:
            self.walk(one)

    def _mapping(self, value: Mapping) -> None:
        self._add(type(value).__name__, len(value))
        for key, one in value.items():
            self.walk(key)
            self.walk(one)

    def _set(self, value: Any) -> None:
        self._add(
            type(value).__name__, sorted(ObjectHasher(self.stand_in).digest(one) for one in value)
        )

    def _array(self, value: np.ndarray) -> None:
        self._add("array", str(value.dtype), value.shape)
        if value.dtype.hasobject:
            self.walk(value.ravel().tolist())
        else:
            self._hash.update(np.ascontiguousarray(value).tobytes())

    def _tensor(self, value: Tensor) -> None:
        self._add(type(value).__name__, str(value.dtype), tuple(value.shape), value.requires_grad)
        if value.is_meta:
            return
        plain = value.detach().cpu()
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        self._hash.update(plain.contiguous().view(-1).view(torch.uint8).numpy().tobytes())

    def _code(self, value: types.CodeType) -> None:
        self._add("code", value.co_name, value.co_code.hex(), value.co_names, value.co_varnames)
        self._add(value.co_freevars, value.co_cellvars, value.co_flags, value.co_argcount)
        self._add(value.co_kwonlyargcount, value.co_posonlyargcount)
        self._add(getattr(value, "co_exceptiontable", b"").hex())
        self._sequence(value.co_consts)

    def _function(self, value: types.FunctionType) -> None:
        installed = installed_as(value.__globals__.get("__name__", "__main__"))
        if installed is not None:
            self._add("function", installed, qualname_in_keys(installed, value.__qualname__))
            self._wrapped(value)
            return
        self._add("function", value.__name__)
        self.walk(value.__code__)
        self.walk(value.__defaults__)
        self.walk(value.__kwdefaults__)
        for cell in value.__closure__ or ():
            self._cell(cell)
        self.walk({k: v for k, v in vars(value).items() if k != "__wrapped__"})
        self.walk(getattr(value, "__wrapped__", None))
        self._globals(value.__code__, value.__globals__)

    def _wrapped(self, value: types.FunctionType) -> None:
        """The functions that one of a package wraps, as a decorator does."""
        inner: list[Any] = [getattr(value, "__wrapped__", None)]
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
            self._add("empty cell")

    def _globals(self, code: types.CodeType, namespace: dict[str, Any]) -> None:
        names, attributes = names_in(code)
        for name in names:
            if name not in namespace:
                self._add("absent" if name in _BUILTINS else "missing", name)
                continue
            self._add("global", name)
            value = namespace[name]
            if isinstance(value, types.ModuleType):
                self._of_module(value, attributes)
            else:
                self.walk(value)
        for name in imported_in(code):
            if name in sys.modules:
                self._of_module(sys.modules[name], attributes)

    def _of_module(self, module: types.ModuleType, attributes: tuple[str, ...]) -> None:
        """The attributes of a module that code uses; all, where it may look them up by strings."""
        installed = installed_as(module.__name__)
        self._add("module", installed or module.__name__)
        if installed is not None:
            return
        everything = not ATTRIBUTES_BY_TEXT.isdisjoint(attributes)
        for name in sorted(vars(module)) if everything else attributes:
            if name in vars(module) and not name.startswith("__"):
                value = vars(module)[name]
                self._add("of module", name)
                if isinstance(value, types.ModuleType):
                    if id(value) not in self._seen:
                        self._seen[id(value)] = len(self._seen)
                        self._of_module(value, attributes)
                else:
                    self.walk(value)

    def _module(self, value: types.ModuleType) -> None:
        self._of_module(value, ("__dict__",))

    def _class(self, value: type) -> None:
        installed = installed_as(value.__module__)
        if installed is not None:
            self._add("class", installed, qualname_in_keys(installed, value.__qualname__))
            return
        self._add("class", value.__name__)
        self.walk(type(value))
        self.walk(value.__bases__)
        for name, part in sorted(vars(value).items()):
            if name not in IGNORED:
                self._add("of class", name)
                self.walk(part)

    def _method(self, value: Any) -> None:
        self._add(type(value).__name__)
        self.walk((value.__func__, getattr(value, "__self__", None)))

    def _property(self, value: property) -> None:
        self.walk((value.fget, value.fset, value.fdel))

    def _named(self, value: Any) -> None:
        """An object defined in C, or one of torch's constants."""
        self._add(type(value).__name__, getattr(value, "__module__", ""), str(value)[:200])

    def _builtin(self, value: Any) -> None:
        owner = getattr(value, "__self__", None)
        self._add("builtin", value.__module__, value.__qualname__)
        if owner is not None and not isinstance(owner, types.ModuleType | type):
            self.walk(owner)

    def _script(self, value: Any) -> None:
        self._add("script", str(value.code))
        if isinstance(value, torch.nn.Module):
            self.walk(dict(value.state_dict()))

    def _random(self, value: Any) -> None:
        self.walk(random_state(value))

    def _object(self, value: Any) -> None:
        self.walk(type(value))
        if isinstance(value, torch.nn.Module):
            self.walk({name: attribute_value(name, part) for name, part in vars(value).items()})
            return
        if isinstance(value, OrderedDict | dict):
            self._mapping(value)
        self._depth += 1
        try:
            reduce: Any = copyreg.dispatch_table.get(type(value)) or (lambda v: v.__reduce_ex__(4))
            state = reduce(value) if self._depth < MAX_DEPTH else None
        except Exception:
            state = None
        own = installed_as(type(value).__module__) is None
        if state is None and own and hasattr(value, "__dict__") and self._depth < MAX_DEPTH:
            state = vars(value)
        if state is None:
            self.opaque.append(f"a {type(value).__module__}.{type(value).__qualname__}")
        elif isinstance(state, str):
            self._add(state)
        elif isinstance(state, tuple):
            self.walk([list(item) if isinstance(item, Iterator) else item for item in state])
        else:
            self.walk(state)
        self._depth -= 1


#: Types of values, subtypes first, and the method that walks each.
_VISITORS: list[tuple[Any, Callable[[ObjectHasher, Any], None]]] = [
    (Tensor, ObjectHasher._tensor),
    (np.ndarray, ObjectHasher._array),
    (GENERATORS, ObjectHasher._random),
    (types.CodeType, ObjectHasher._code),
    (torch.jit.ScriptFunction | torch.jit.ScriptModule, ObjectHasher._script),
    (types.FunctionType, ObjectHasher._function),
    (types.MethodType, ObjectHasher._method),
    (staticmethod | classmethod, ObjectHasher._method),
    (property, ObjectHasher._property),
    (types.ModuleType, ObjectHasher._module),
    (type, ObjectHasher._class),
    (types.BuiltinFunctionType, ObjectHasher._builtin),
    (
        torch.dtype | torch.device | torch.layout | torch.memory_format | type(Ellipsis),
        ObjectHasher._named,
    ),
    (C_DEFINED, ObjectHasher._named),
]


#: Built-in containers, by their exact type: a subclass may hold more.
_CONTAINERS: dict[type, Callable[[ObjectHasher, Any], None]] = {
    **dict.fromkeys((tuple, list, torch.Size), ObjectHasher._sequence),
    **dict.fromkeys((dict, OrderedDict, types.MappingProxyType), ObjectHasher._mapping),
    **dict.fromkeys((set, frozenset), ObjectHasher._set),
}

_BUILTINS = frozenset(dir(__import__("builtins")))


def attribute_value(name: str, value: Any) -> Any:
    """An attribute of an nn.Module as it is hashed: hooks without the ids that torch gives them."""
    return list(value.values()) if "_hooks" in name and isinstance(value, dict) else value
