"""Whether f is the same function as last time: digests of all that it is made of.

Rules:

* A function is its compiled code (without names of files and numbers of lines), its constants, defaults and closure,
  and the globals that its code loads: values by their contents, functions of the person's own as functions again,
  modules of theirs by the attributes that are used, libraries by name and version.
* An object is what it would be copied by (``__reduce_ex__``), and its class; nothing is ever restored from that.
* What has no contents that can be told (handles, sockets, locks, generators) is refused, with the advice to name f by
  ``journal_id=``. Files and compiled code that f reads are not seen; the journal evaluates one point again for those.
* Each part has a name, so that a difference can be said in words.
"""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Iterator, Mapping, Set
from functools import partial
from hashlib import blake2b
from math import isnan
from struct import pack
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from secant.core.errors import InputTypeError, kind_of
from secant.core.request import Floats
from secant.evaluation import foreign
from secant.evaluation.trees import Layout

#: Folders of installed packages: what lies there is a library, known by name and version.
_INSTALLED = ("site-packages", "dist-packages")

#: Digits of a digest: with 80 bits no two of a million parts are alike by accident.
_SIZE = 10


def identity(f: Any, args: tuple[Any, ...]) -> dict[str, str]:
    """Return the parts that f is made of, each with its digest.

    Raises
    ------
    InputTypeError : when a part has no contents that can be told.

    >>> scale = 2.0
    >>> sorted(identity(lambda x: scale * x, ()))
    ["f's code", "f's constants", 'the global `scale`']
    """
    walker = _Walker()
    walker.value(f, "f")
    for place, value in enumerate(args):
        walker.value(value, f"argument {place + 1} of f")
    return walker.parts


def digest_of(value: Any) -> str:
    """Return the digest of one value by its contents.

    >>> digest_of([1.0]) == digest_of([1.0]) != digest_of([2.0])
    True
    """
    return _Walker("an option").digest(value)


def point_of(base: Floats, layout: Layout) -> str:
    """Return the digest of a point, its dtypes and shapes included."""
    form = [(leaf.path, leaf.form, leaf.shape, leaf.precision) for leaf in layout.leaves]
    return _hash(repr(form).encode(), base.tobytes())


def _hash(*parts: bytes) -> str:
    digest = blake2b(digest_size=_SIZE)
    for part in parts:
        digest.update(pack("<Q", len(part)))
        digest.update(part)
    return digest.hexdigest()


class _Walker:
    """Walk through all that a function is made of, once."""

    def __init__(self, label: str = "f") -> None:
        self.parts: dict[str, str] = {}
        self._seen: dict[int, Any] = {}  # the objects are held, so that no number is used twice
        self._open: list[int] = []
        self._label = label

    # --- parts with names -----------------------------------------------------------------------------

    def value(self, value: Any, label: str) -> None:
        """Note a part by its name; functions of the person's own become several."""
        self._label = label
        if isinstance(value, FunctionType) and not _library(_home(value)):
            if label == "f":
                self._function(value, "f")
            else:
                self._put(label, f"function {value.__qualname__}")
                self._function(value, f"the helper `{value.__qualname__}`")
        elif isinstance(value, MethodType):
            self.value(value.__func__, label)
            self.value(value.__self__, f"the object of {label}")
        elif type(value) is partial:
            self.value(value.func, label)
            for place, given in enumerate(value.args):
                self.value(given, f"argument {place + 1} fixed in {label}")
            for name in sorted(value.keywords):
                self.value(value.keywords[name], f"argument `{name}` fixed in {label}")
        elif isinstance(value, ModuleType):
            self._put(label, _module(value))
        else:
            self._put(label, self.digest(value))

    def _put(self, label: str, digest: str) -> None:
        place, named = 2, label
        while self.parts.get(named, digest) != digest:
            named, place = f"{label} ({place})", place + 1
        self.parts[named] = digest

    def _function(self, function: FunctionType, title: str) -> None:
        if id(function) in self._seen:
            return
        self._seen[id(function)] = function
        code = function.__code__
        self._put(f"{title}'s code", _code(code))
        self._put(f"{title}'s constants", self.digest(tuple(_constants(code, function.__doc__))))
        given = function.__defaults__ or ()
        names = code.co_varnames[code.co_argcount - len(given) : code.co_argcount]
        for name, value in [*zip(names, given, strict=True), *sorted((function.__kwdefaults__ or {}).items())]:
            self.value(value, f"{title}'s default of `{name}`")
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not yet set
                continue
            self.value(value, f"{title}'s closure variable `{name}`")
        for name in sorted(set(_loaded(code))):
            if name in function.__globals__:
                value = function.__globals__[name]
                self.value(value, f"the global `{name}`")
                if isinstance(value, ModuleType) and not _library(value.__name__):
                    self._used(value, code)

    def _used(self, module: ModuleType, code: CodeType) -> None:
        """Note the attributes of a module of the person's own that a function names."""
        for name in sorted(set(_names(code))):
            if name in vars(module):
                self.value(vars(module)[name], f"`{module.__name__}.{name}`")

    # --- digests --------------------------------------------------------------------------------------

    def digest(self, value: Any) -> str:
        """Return the digest of a value by its contents."""
        simple = _simple(value)
        if simple is not None:
            return simple
        if id(value) in self._open:
            return f"above {self._open[::-1].index(id(value))}"  # a loop leads back there
        self._open.append(id(value))
        try:
            return self._whole(value)
        except RecursionError:
            raise self._refusal(value, "is nested too deeply") from None
        finally:
            self._open.pop()

    def _whole(self, value: Any) -> str:
        """Return the digest of a value that has parts."""
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            return _hash(type(value).__name__.encode(), *(self.digest(item).encode() for item in value))
        if type(value) is dict:
            items = [(self.digest(key) + self.digest(item)).encode() for key, item in value.items()]
            return _hash(b"dict", *sorted(items))
        if type(value) in (set, frozenset):
            return _hash(b"set", *sorted(self.digest(item).encode() for item in value))
        if isinstance(value, np.ndarray) and type(value) is np.ndarray:
            if value.dtype.hasobject:
                return _hash(repr(value.shape).encode(), self.digest(value.tolist()).encode())
            return _hash(repr((value.dtype.str, value.shape)).encode(), np.ascontiguousarray(value).tobytes())
        if foreign.owner(value):
            held = foreign.as_numpy(value)
            return _hash(str(value.dtype).encode(), repr(held.shape).encode(), held.tobytes())
        if isinstance(value, FunctionType | MethodType | partial) and not _library(_home(value)):
            inner = _Walker()
            inner._seen, inner._open = self._seen.copy(), self._open
            inner.value(value, "f")
            return _hash(repr(sorted(inner.parts.items())).encode())
        if isinstance(value, type):
            return self._class(value)
        return self._object(value)

    def _class(self, cls: type) -> str:
        if _library(cls.__module__):
            return _hash(b"class", _named(cls).encode())
        own = {name: item for name, item in vars(cls).items() if name not in _TRIFLES}
        parts = []
        for name in sorted(own):
            item = own[name]
            item = getattr(item, "__func__", getattr(item, "fget", item))  # static and class methods, properties
            described = isinstance(item, FunctionType) or _simple(item) is not None
            parts.append((name + (self.digest(item) if described else type(item).__name__)).encode())
        return _hash(
            b"class", cls.__qualname__.encode(), *(self.digest(base).encode() for base in cls.__bases__), *parts
        )

    def _object(self, value: Any) -> str:
        """Return the digest of any other object: by what it would be copied by."""
        inner = getattr(value, "__wrapped__", getattr(value, "py_func", None))
        if callable(value) and inner is not None and _library(type(value).__module__):
            return _hash(_named(type(value)).encode(), self.digest(inner).encode())
        if isinstance(value, FunctionType | np.ufunc) or type(value) in _BUILTIN:
            return self._builtin(value)
        try:
            made = value.__reduce_ex__(4)
        except Exception as error:  # noqa: BLE001 - an object may refuse in any way
            raise self._refusal(value, f"has no contents that can be told ({error})") from None
        if isinstance(made, str):
            return _hash(b"name", _named(type(value)).encode(), made.encode())
        head = [self.digest(type(value)), *(self.digest(item) for item in made[:3])]
        tail = [self.digest(list(item)) for item in made[3:5] if item is not None]
        return _hash(b"object", *(part.encode() for part in [*head, *tail]))

    def _builtin(self, value: Any) -> str:
        """Return the digest of a function of a library: by its name, and what it is bound to."""
        owner = getattr(value, "__self__", None)
        if isinstance(value, np.ufunc):
            if value.__name__.endswith("(vectorized)"):
                raise self._refusal(value, "hides a function of Python")
            return _hash(b"ufunc", value.__name__.encode())
        name = _named(value).encode()
        held = (value.__defaults__, value.__kwdefaults__) if isinstance(value, FunctionType) else None
        if held is not None and value.__closure__ is not None:
            cells = [cell.cell_contents for cell in value.__closure__]
            return _hash(b"function", name, self.digest([held, cells]).encode())
        if owner is None or isinstance(owner, ModuleType | type):
            return _hash(b"function", name)
        return _hash(b"function", name, self.digest(owner).encode())

    def _refusal(self, value: Any, why: str) -> InputTypeError:
        return InputTypeError(
            f"`journal` must be able to tell that f is the same when it is started again; {self._label} is or holds "
            f"{kind_of(value)}, which {why}: give f a name with `journal_id='...'`, and another one when it changes"
        )


_BUILTIN = (
    BuiltinFunctionType,
    type(str.join),
    type("".__add__),
    type(str.__add__),
)

#: Attributes of a class that say nothing about what it does.
_TRIFLES = {"__module__", "__doc__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"} | {
    "__annotations__",
    "__annotate_func__",
    "__annotations_cache__",
}


def _simple(value: Any) -> str | None:
    """Return the digest of a value without parts, in clear; None for others."""
    if value is None or value is Ellipsis or value is NotImplemented or isinstance(value, bool):
        return repr(value)
    kind = type(value)
    if kind is int or kind is str or kind is bytes:
        text = repr(value)
        return text if len(text) <= 40 else _hash(text.encode())
    if kind is float:
        return value.hex() if not isnan(value) else f"nan {pack('<d', value).hex()}"
    if kind is complex:
        return f"{value.real.hex()} {value.imag.hex()}j"
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, ModuleType):
        return _module(value)
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        return f"{value.dtype.str} {value.tobytes().hex()}"
    return None


def _code(code: CodeType) -> str:
    """Return the digest of compiled code: what it does, not where it was written."""
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    inner = [_code(constant).encode() for constant in code.co_consts if isinstance(constant, CodeType)]
    return _hash(code.co_code, code.co_exceptiontable, repr((shape, names)).encode(), *inner)


def _constants(code: CodeType, text: str | None) -> Iterator[Any]:
    """Give the constants of a function and of those inside it, the docstring left out."""
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield from _constants(constant, None)
        elif place or text is None or constant != text:
            yield constant


def _loaded(code: CodeType) -> Iterator[str]:
    """Give the names of globals that code loads, that of functions inside it as well."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and isinstance(step.argval, str):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _loaded(constant)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _home(value: Any) -> str | None:
    """Return the module of a function of Python; what `exec` made has none."""
    module: str | None = value.__module__ if isinstance(value, FunctionType) else None
    return None if module == "builtins" else module


def _library(module: str | None) -> bool:
    """Return whether a module belongs to Python or to an installed package."""
    if module is None:
        return False
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "builtins":
        return top != "__main__"
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None) or getattr(sys.modules.get(top), "__file__", None)
    return file is not None and any(folder in file for folder in _INSTALLED)


def _module(module: ModuleType) -> str:
    """Return what a module is known by: its name, and the version of a library."""
    if not _library(module.__name__):
        return f"module {module.__name__}"
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    return f"module {module.__name__} {getattr(top, '__version__', '')}".rstrip()


def _named(value: Any) -> str:
    """Return the full name of a function or class of a library, with its version."""
    module = getattr(value, "__module__", None) or builtins.__name__
    version = getattr(sys.modules.get(module.partition(".")[0]), "__version__", "")
    return f"{module}.{getattr(value, '__qualname__', type(value).__qualname__)} {version}"


def difference(then: Mapping[str, str], now: Mapping[str, str]) -> Set[str]:
    """Return the names of parts that are not the same.

    >>> sorted(difference({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}))
    ['b', 'c']
    """
    return {name for name in then.keys() | now.keys() if then.get(name) != now.get(name)}
