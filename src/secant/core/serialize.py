"""Results as JSON text, and back.

Rules:

* The text says what it is: ``{"secant": 1, "type": "Estimate", ...}``; 1 is the version of the schema.
  Another version, type or field is an error, never a guess.
* Every bit of a number comes back (a NaN's payload excepted): Python writes floats so that they read
  back the same; those that are not finite are the strings ``"nan"``, ``"inf"`` and ``"-inf"``.
* An array is ``{"shape": [2, 3], "dtype": "float32", "data": [...]}``, row by row, complex numbers as
  pairs; a NumPy number is ``{"dtype": "float32", "number": 0.5}``, a complex one ``{"complex": [0.5, 1.0]}``.
* A sparse matrix is ``{"csr": [shape, indptr, indices, data]}``, the last three arrays.
* Arrays of other libraries become NumPy's of the same dtype, those of bfloat16 float32.
* A list is a list, a tuple ``{"tuple": [...]}``, a dict ``{"dict": {...}}`` (or ``{"items": [[key, value],
  ...]}`` when a key is not text). A namedtuple and a dataclass become the dict of their fields: their
  class is not looked up by name, because a text must not choose what code runs.
* Other text among numbers is a verdict.
* Nothing is evaluated and nothing is unpickled: a text, however hostile, gives a result or an InputError.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from math import isfinite, prod
from typing import Any, NoReturn, TypeAlias, get_args

import numpy as np

from secant.core.checked import CheckedEntry, GradientCheck
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.kept import Bends, Samples
from secant.core.leaves import Csr, as_array, is_sparse
from secant.core.measures import Noise, Price
from secant.core.results import Descent, Estimate, Event, Slope, StepStudy
from secant.core.verdicts import CheckVerdict, DescentVerdict, Verdict

#: Version of the schema that is written, and the only one that is read.
VERSION = 1

Result: TypeAlias = (
    Estimate | Descent | StepStudy | Slope | Event | Noise | Price | Samples | GradientCheck | CheckedEntry | Bends
)

_DTYPES = (
    *("float64", "float32", "float16", "complex128", "complex64"),
    *("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"),
)

_VERDICTS = {str(verdict): verdict for verdict in Verdict}

_DESCENT_VERDICTS = {str(verdict): verdict for verdict in DescentVerdict}

_CHECK_VERDICTS = {str(verdict): verdict for verdict in CheckVerdict}

_NOT_FINITE = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}

#: Most axes that NumPy gives an array.
_AXES = 64


def to_json(result: Result) -> str:
    """Return a result as JSON text.

    Raises
    ------
    InputTypeError : for anything but a result of secant, or a result that holds what JSON cannot say.

    >>> to_json(Slope(0.5, 0.0, Verdict.OK))[:44]
    '{"secant": 1, "type": "Slope", "value": 0.5,'
    """
    name = type(result).__name__
    if _CLASSES.get(name) is not type(result):
        raise InputTypeError(f"`result` must be one of {', '.join(_CLASSES)}; got {kind_of(result)}")
    return json.dumps({"secant": VERSION, "type": name} | _put_result(result), allow_nan=False)


def from_json(text: str) -> Result:
    """Return the result that a text holds.

    Raises
    ------
    InputTypeError : when the text is not a str.
    InputError : for text that ``to_json`` of this version does not write; it says where.

    >>> from_json(to_json(Slope(0.5, float("inf"), Verdict.KINK))).verdict is Verdict.KINK
    True
    """
    if not isinstance(text, str):
        raise InputTypeError(f"`text` must be a str; got {kind_of(text)}")
    try:
        found = json.loads(text, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"`text` must be JSON as secant writes it: {error}") from None
    if not isinstance(found, dict) or "secant" not in found:
        raise InputError('`text` must be a JSON object with the field "secant"')
    version, name = found.pop("secant"), found.pop("type", None)
    if type(version) is not int or version != VERSION:
        raise InputError(f"`text` is of schema version {version!r:.40}; this secant reads version {VERSION}")
    if not isinstance(name, str) or name not in _CLASSES:
        raise InputError(f"`text` must hold one of {', '.join(_CLASSES)}; got {name!r:.40}")
    try:
        result: Result = _take_result(name, found, name)
        return result
    except RecursionError:
        raise InputError("`text` is nested too deeply") from None


# --- numbers ------------------------------------------------------------------------------------------


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text:.40} is beyond the range of a float")
    return value


def _put_float(value: Any) -> float | str:
    try:
        number = float(value)
    except TypeError:
        raise InputTypeError(f"a result must hold a real number here; got {kind_of(value)}") from None
    return number if isfinite(number) else str(number)


def _take_float(found: Any, where: str) -> float:
    if isinstance(found, str):
        if found in _NOT_FINITE:
            return _NOT_FINITE[found]
    elif isinstance(found, float | int) and not isinstance(found, bool):
        try:
            return float(found)
        except OverflowError:
            pass
    return _bad(where, "a number", found)


def _take_int(found: Any, where: str) -> int:
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    return _bad(where, "an integer", found)


def _take_str(found: Any, where: str) -> str:
    return found if isinstance(found, str) else _bad(where, "text", found)


def _bad(where: str, needed: str, found: Any) -> NoReturn:
    raise InputError(f"`text`: {where} must be {needed}; got {found!r:.40}")


# --- arrays -------------------------------------------------------------------------------------------


def _put_array(array: Any) -> dict[str, Any]:
    if array.dtype == object:
        words = array.reshape(-1).tolist()
        if not all(isinstance(word, Verdict) for word in words):
            raise InputTypeError("a result must hold numbers and verdicts; got an array of other objects")
        return {"shape": list(array.shape), "dtype": "verdict", "data": [str(word) for word in words]}
    return {"shape": list(array.shape), "dtype": _known(array.dtype), "data": _put_numbers(array)}


def _known(dtype: np.dtype[Any]) -> str:
    if dtype.name not in _DTYPES:
        raise InputTypeError(f"a result must hold numbers of a plain dtype; got {dtype}")
    return str(dtype.name)


def _put_numbers(array: Any) -> list[Any]:
    """Return an array's numbers row by row; complex ones as pairs."""
    flat = array.reshape(-1)
    if flat.dtype.kind == "c":
        flat = np.stack([flat.real, flat.imag], axis=-1).reshape(-1)
    numbers: list[Any] = flat.tolist()
    return numbers if flat.dtype.kind != "f" or np.isfinite(flat).all() else [_put_float(item) for item in numbers]


def _take_array(found: dict[str, Any], where: str) -> Any:
    shape, dtype, data = found["shape"], found["dtype"], found["data"]
    if not isinstance(shape, list) or len(shape) > _AXES:
        _bad(f"{where}.shape", f"a list of at most {_AXES} lengths", shape)
    if any(type(length) is not int or length < 0 for length in shape):
        _bad(f"{where}.shape", "a list of lengths", shape)
    if dtype == "verdict" and isinstance(data, list):
        flat = np.empty(len(data), dtype=object)
        flat[:] = [_take_verdict(word, f"{where}.data") for word in data]
    else:
        flat = _take_numbers(dtype, data, where)
    if prod(shape) != flat.size:
        _bad(f"{where}.data", f"a list for the shape {shape}", data)
    try:
        return flat.reshape(shape)
    except (ValueError, OverflowError):
        return _bad(f"{where}.shape", "a shape that an array can have", shape)


def _take_numbers(dtype: Any, data: Any, where: str) -> Any:
    """Return a flat array of numbers, each exactly the one written."""
    if dtype not in _DTYPES:
        _bad(f"{where}.dtype", f"one of {', '.join(_DTYPES)}, verdict", dtype)
    if not isinstance(data, list):
        _bad(f"{where}.data", "a list", data)
    kind = np.dtype(dtype).kind
    if kind in "iub":
        wanted = bool if kind == "b" else int
        if all(type(item) is wanted for item in data):
            try:
                return np.array(data, dtype=dtype)
            except OverflowError:
                pass
        _bad(f"{where}.data", f"a list of {dtype}", data)
    if kind == "c" and len(data) % 2:
        _bad(f"{where}.data", "a list of pairs", data)
    wide = np.array([_take_float(item, f"{where}.data") for item in data], dtype=np.float64)
    with np.errstate(all="ignore"):
        narrow = wide.astype({"complex128": "float64", "complex64": "float32"}.get(dtype, dtype))
    if not np.array_equal(wide, narrow, equal_nan=True):
        _bad(f"{where}.data", f"a list of {dtype}", data)
    return narrow.view(dtype) if kind == "c" else narrow


# --- trees of numbers and verdicts ----------------------------------------------------------------------


def _put_tree(node: Any) -> Any:
    if node is None or isinstance(node, bool):
        return node
    if isinstance(node, Verdict):
        return str(node)
    if is_sparse(node):
        return {"csr": [list(node.shape), *(_put_array(part) for part in (node.indptr, node.indices, node.data))]}
    node = as_array(node)
    if isinstance(node, np.ndarray):
        return _put_array(node)
    if isinstance(node, np.generic):
        numbers = _put_numbers(np.asarray(node))
        return {"dtype": _known(node.dtype), "number": numbers if len(numbers) > 1 else numbers[0]}
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return _put_float(node)
    if isinstance(node, complex):
        return {"complex": [_put_float(node.real), _put_float(node.imag)]}
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return _put_dict({name: getattr(node, name) for name in node._fields})
    if isinstance(node, list | deque):
        return [_put_tree(item) for item in node]
    if isinstance(node, tuple):
        return {"tuple": [_put_tree(item) for item in node]}
    if isinstance(node, Mapping):
        return _put_dict(node)
    if is_dataclass(node) and not isinstance(node, type):
        return _put_dict({field.name: getattr(node, field.name) for field in fields(node)})
    raise InputTypeError(f"a result must hold numbers, arrays and trees of them; got {kind_of(node)}")


def _put_dict(node: Mapping[Any, Any]) -> dict[str, Any]:
    if all(type(key) is str for key in node):
        return {"dict": {key: _put_tree(item) for key, item in node.items()}}
    return {"items": [[_put_key(key), _put_tree(item)] for key, item in node.items()]}


def _put_key(key: Any) -> Any:
    if type(key) is tuple:
        return {"tuple": [_put_key(part) for part in key]}
    if key is None or type(key) in (str, int, bool) or (type(key) is float and isfinite(key)):
        return key
    raise InputTypeError(f"the key of a dict must be text, a number, None, or a tuple of them; got {key!r:.40}")


def _take_tree(found: Any, where: str) -> Any:
    if found is None or isinstance(found, bool | int | float):
        return found
    if isinstance(found, str):
        return _NOT_FINITE[found] if found in _NOT_FINITE else _take_verdict(found, where)
    if isinstance(found, list):
        return [_take_tree(item, f"{where}[{i}]") for i, item in enumerate(found)]
    names = set(found)
    if names == {"shape", "dtype", "data"}:
        return _take_array(found, where)
    if names == {"dtype", "number"}:
        number = found["number"]
        numbers = _take_numbers(found["dtype"], number if isinstance(number, list) else [number], where)
        return numbers[0] if numbers.size == 1 else _bad(f"{where}.number", "one number", number)
    if names == {"csr"} and isinstance(found["csr"], list) and len(found["csr"]) == 4:
        shape, *parts = found["csr"]
        made = Csr.checked(shape, *(_take_tree(part, f"{where}.csr") for part in parts))
        return made or _bad(f"{where}.csr", "the parts of a sparse matrix", shape)
    if names == {"complex"} and isinstance(found["complex"], list) and len(found["complex"]) == 2:
        return complex(*(_take_float(part, where) for part in found["complex"]))
    if names == {"tuple"} and isinstance(found["tuple"], list):
        return tuple(_take_tree(item, f"{where}[{i}]") for i, item in enumerate(found["tuple"]))
    if names == {"dict"} and isinstance(found["dict"], dict):
        return {key: _take_tree(item, f"{where}[{key!r}]") for key, item in found["dict"].items()}
    if names == {"items"} and isinstance(found["items"], list):
        return dict(_take_item(item, where) for item in found["items"])
    return _bad(where, "a number, an array, or a tree of them", found)


def _take_item(found: Any, where: str) -> tuple[Any, Any]:
    if not isinstance(found, list) or len(found) != 2:
        _bad(where, "a key and what it leads to", found)
    key = _take_key(found[0], where)
    return key, _take_tree(found[1], f"{where}[{key!r}]")


def _take_key(found: Any, where: str) -> Any:
    if found is None or isinstance(found, str | int | float):
        return found
    if isinstance(found, dict) and set(found) == {"tuple"} and isinstance(found["tuple"], list):
        return tuple(_take_key(part, where) for part in found["tuple"])
    return _bad(where, "a dict with keys of text, numbers, None, or tuples of them", found)


# --- results, field by field ----------------------------------------------------------------------------


def _one_of(words: Mapping[str, Any], what: str) -> Callable[[Any, str], Any]:
    """Return how one of the members of an enumeration is read."""

    def taken(found: Any, where: str) -> Any:
        member = words.get(found) if isinstance(found, str) else None
        return member if member is not None else _bad(where, what, found)

    return taken


_take_verdict = _one_of(_VERDICTS, "a verdict")


def _take_bool(found: Any, where: str) -> bool:
    return found if isinstance(found, bool) else _bad(where, "true or false", found)


def _put_facts(facts: Mapping[str, float]) -> dict[str, Any]:
    return {name: _put_float(fact) for name, fact in facts.items()}


def _take_facts(found: Any, where: str) -> dict[str, float]:
    if not isinstance(found, dict):
        _bad(where, "an object of numbers", found)
    return {name: _take_float(fact, f"{where}[{name!r}]") for name, fact in found.items()}


def _put_slopes(slopes: Mapping[str, Slope]) -> dict[str, Any]:
    return {path: _put_result(slope) for path, slope in slopes.items()}


def _take_slopes(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        _bad(where, "an object of slopes", found)
    return {path: _take_result("Slope", slope, f"{where}[{path!r}]") for path, slope in found.items()}


def _put_list(results: tuple[Any, ...]) -> list[Any]:
    return [_put_result(result) for result in results]


def _list_of(take: Callable[[Any, str], Any], what: str) -> Callable[[Any, str], tuple[Any, ...]]:
    """Return how a list is read, item by item."""

    def taken(found: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(found, list):
            _bad(where, f"a list of {what}", found)
        return tuple(take(item, f"{where}[{i}]") for i, item in enumerate(found))

    return taken


def _put_result(result: Any) -> dict[str, Any]:
    table = _FIELDS[type(result).__name__]
    return {name: put(getattr(result, name)) for name, (put, _) in table.items()}


def _take_result(name: str, found: Any, where: str) -> Any:
    table = _FIELDS[name]
    if not isinstance(found, dict) or set(found) != set(table):
        _bad(where, f"an object with the fields {', '.join(table)}", found)
    return _CLASSES[name](**{field: take(found[field], f"{where}.{field}") for field, (_, take) in table.items()})


_Field: TypeAlias = tuple[Callable[[Any], Any], Callable[[Any, str], Any]]


def _kept(name: str) -> _Field:
    """Return how a part of a result that may be missing is written and read."""
    take: Callable[[Any, str], Any] = lambda found, where: None if found is None else _take_result(name, found, where)  # noqa: E731
    return lambda part: None if part is None else _put_result(part), take


_TREE: _Field = (_put_tree, _take_tree)
_FLOAT: _Field = (_put_float, _take_float)
_INT: _Field = (int, _take_int)
_STR: _Field = (str, _take_str)
_VERDICT: _Field = (str, _take_verdict)
_DESCENT: _Field = (str, _one_of(_DESCENT_VERDICTS, "the verdict of a descent"))
_CHECK: _Field = (str, _one_of(_CHECK_VERDICTS, "the verdict of a check"))
_BOOL: _Field = (bool, _take_bool)
_PATHS: _Field = (list, _list_of(_take_str, "text"))
_EVENTS: _Field = (_put_list, _list_of(lambda found, where: _take_result("Event", found, where), "events"))
_ENTRIES: _Field = (_put_list, _list_of(lambda found, where: _take_result("CheckedEntry", found, where), "entries"))
_FACTS: _Field = (_put_facts, _take_facts)

_CLASSES: dict[str, Any] = {cls.__name__: cls for cls in get_args(Result)}

#: The schema: how each field is written and read. A test holds it to the classes' own fields.
_FIELDS: dict[str, dict[str, _Field]] = {
    "Estimate": {"value": _TREE, "error": _TREE, "verdicts": _TREE, "verdict": _VERDICT, "evaluations": _INT}
    | {"details": (_put_slopes, _take_slopes), "fun": _TREE, "step": _TREE, "samples": _kept("Samples")}
    | {"stopped": _STR, "matrix": _TREE, "matrix_error": _TREE, "note": _STR, "bends": _kept("Bends")},
    "Descent": {"x": _TREE, "fun": _FLOAT, "evaluations": _INT, "iterations": _INT, "verdict": _DESCENT}
    | {"events": _EVENTS, "path": _TREE, "values": _TREE, "lr": _FLOAT, "note": _STR, "stopped": _STR}
    | {"gradient": _kept("Estimate")},
    "StepStudy": {"steps": _TREE, "values": _TREE, "errors": _TREE}
    | {"estimate": (_put_result, lambda found, where: _take_result("Estimate", found, where))}
    | {"best": _FLOAT, "marks": _FACTS},
    "Slope": {"value": _FLOAT, "error": _FLOAT, "verdict": _VERDICT, "evaluations": _INT, "noise": _FLOAT}
    | {"step": _FLOAT, "reach": _FLOAT, "left": _FLOAT, "right": _FLOAT, "jump": _FLOAT, "note": _STR, "advice": _STR}
    | {"bend": _TREE},
    "Event": {"kind": _DESCENT, "iteration": _INT, "last": _INT, "text": _STR, "facts": _FACTS},
    "GradientCheck": {"verdict": _CHECK, "wrong": _TREE, "paths": _PATHS, "table": _ENTRIES, "hint": _STR}
    | {"reason": _STR, "evaluations": _INT, "would_have_caught": _FLOAT, "direction": _FLOAT, "size": _INT}
    | {"stopped": _STR},
    "CheckedEntry": {"index": _INT, "path": _STR, "yours": _FLOAT, "ours": _FLOAT, "bar": _FLOAT}
    | {"wrong": _BOOL, "seen": _STR},
    "Samples": {"lane": _TREE, "t": _TREE, "values": _TREE, "imaginary": _TREE, "directions": _TREE},
    "Bends": {"x": _TREE, "fun": _TREE, "places": _STR, "v": _TREE, "table": _TREE},
    "Noise": {"absolute": _TREE, "relative": _TREE, "evaluations": _INT, "note": _STR},
    "Price": {"entries": _INT, "evaluations": _INT, "at_most": _INT}
    | {"call": _FLOAT, "seconds": _FLOAT, "seconds_at_most": _FLOAT},
}
