"""Results as text and back: every bit returns, and no text does harm."""

import collections
import dataclasses
import json
import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from secant.core.checked import CheckedEntry, GradientCheck
from secant.core.errors import InputError, InputTypeError
from secant.core.leaves import Csr
from secant.core.measures import Noise, Price
from secant.core.results import Descent, Estimate, Event, Samples, Slope, StepStudy
from secant.core.serialize import _FIELDS, from_json, to_json
from secant.core.verdicts import CheckVerdict, DescentVerdict, Verdict

NAMES = "Estimate, Descent, StepStudy, Slope, Event, Noise, Price, Samples, GradientCheck, CheckedEntry"
DTYPES = ["f8", "f4", "f2", ">f8", "c16", "c8", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]

floats = st.floats()
plain = st.floats() | st.integers(-(2**80), 2**80) | st.complex_numbers() | st.none() | st.booleans()
texts = st.text(st.characters(), max_size=20)


def arrays() -> st.SearchStrategy[Any]:
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    drawn = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes))
    return drawn | drawn.map(lambda a: a.T) | hnp.arrays(object, shapes, elements=st.sampled_from(list(Verdict)))


scalars = hnp.arrays(st.sampled_from(DTYPES), (1,)).map(lambda a: a.astype(a.dtype.newbyteorder("="))[0])
keys = st.recursive(
    texts | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below, max_size=2).map(tuple),
    max_leaves=3,
)
trees = st.recursive(
    plain | arrays() | scalars | st.sampled_from(list(Verdict)),
    lambda below: (
        st.lists(below, max_size=3)
        | st.lists(below, max_size=3).map(tuple)
        | st.dictionaries(texts, below, max_size=3)
        | st.dictionaries(keys, below, max_size=3)
    ),
    max_leaves=6,
)
verdicts = st.sampled_from(list(Verdict))
counts = st.integers(0, 2**64)
slopes = st.builds(Slope, floats, floats, verdicts, counts, floats, floats, floats, floats, floats, floats, texts)
events = st.builds(
    Event, st.sampled_from(list(DescentVerdict)), counts, counts, texts, st.dictionaries(texts, floats, max_size=2)
)
samples = st.builds(Samples, arrays(), arrays(), arrays(), arrays(), arrays() | st.none())
estimates = st.builds(
    Estimate,
    trees,
    trees,
    trees,
    verdicts,
    counts,
    st.dictionaries(texts, slopes, max_size=2),
    trees,
    trees,
    samples | st.none(),
    texts,
)
descents = st.builds(
    Descent,
    trees,
    floats,
    counts,
    counts,
    st.sampled_from(list(DescentVerdict)),
    st.lists(events, max_size=2).map(tuple),
    trees,
    trees,
    floats,
    texts,
    texts,
)
prices = st.builds(Price, counts, counts, counts, floats, floats, floats)
noises = st.builds(Noise, floats, floats, counts, texts)
studies = st.builds(StepStudy, trees, trees, trees, estimates, floats, st.dictionaries(texts, floats, max_size=2))
entries = st.builds(CheckedEntry, counts, texts, floats, floats, floats, st.booleans(), texts)
checks = st.builds(
    GradientCheck,
    st.sampled_from(list(CheckVerdict)),
    hnp.arrays(np.int64, st.integers(0, 3)),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(entries, max_size=2).map(tuple),
    texts,
    texts,
    counts,
    floats,
    floats,
    counts,
)
results = checks | entries | slopes | events | estimates | descents | studies | noises | prices | samples


def same(x: Any, y: Any) -> bool:
    """Whether two things are of one type and hold the same bits; NaN is NaN, whatever its payload."""
    if isinstance(x, np.ndarray | np.generic):
        if type(x) is not type(y) or x.dtype.newbyteorder("=") != y.dtype.newbyteorder("=") or x.shape != y.shape:
            return False
        if x.dtype == object:
            return all(a is b for a, b in zip(x.flat, y.flat, strict=True))
        return all(same(a, b) for a, b in zip(np.ravel(x).tolist(), np.ravel(y).tolist(), strict=True))
    if type(x) is not type(y):
        return False
    if isinstance(x, float):
        return x.hex() == y.hex()
    if isinstance(x, complex):
        return same(x.real, y.real) and same(x.imag, y.imag)
    if dataclasses.is_dataclass(x):
        return all(same(getattr(x, field.name), getattr(y, field.name)) for field in dataclasses.fields(x))
    if isinstance(x, dict):
        return len(x) == len(y) and all(same(a, b) for a, b in zip(x.items(), y.items(), strict=True))
    if isinstance(x, list | tuple):
        return len(x) == len(y) and all(same(a, b) for a, b in zip(x, y, strict=True))
    return bool(x == y)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "c16", "c8"])
def test_the_corners_of_floating_point_return(dtype) -> None:
    kind = np.finfo(dtype)
    corners = np.array([math.nan, math.inf, -math.inf, -0.0, kind.max, kind.smallest_subnormal, kind.eps, 0.1], dtype)
    for value in (corners, corners[::-1], *corners):
        assert same(from_json(to_json(holding(value))).value, value)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(results)
def test_what_is_written_is_read_back(result) -> None:
    text = to_json(result)
    assert same(from_json(text), result)
    assert to_json(from_json(text)) == text


@given(results)
def test_the_text_is_strict_json_on_one_line_of_ascii(result) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    text = to_json(result)
    found = json.loads(text, parse_constant=refuse)
    assert (found["secant"], found["type"]) == (1, type(result).__name__)
    assert text.isascii()
    assert "\n" not in text


@pytest.mark.parametrize(
    "cls", [Estimate, Descent, StepStudy, Slope, Event, Noise, Price, Samples, GradientCheck, CheckedEntry]
)
def test_the_schema_has_every_field(cls) -> None:
    assert list(_FIELDS[cls.__name__]) == [field.name for field in dataclasses.fields(cls)]


def holding(value: Any) -> Estimate:
    return Estimate(value, 0.0, Verdict.OK, Verdict.OK, 1)


def test_the_text_itself() -> None:
    """The format is a promise: files of today must be read tomorrow."""
    tree = {"w": np.array([[1.0, -0.0]], np.float32), "b": (math.nan, [np.float32(0.5)]), "z": 1j, "v": Verdict.KINK}
    slope = Slope(2.0, 0.5, Verdict.KINK, 7, left=1.0, right=3.0)
    value = json.loads(to_json(Estimate(tree, None, {3: 0.25}, Verdict.KINK, 7, {"['w']": slope})))
    assert value == {
        "secant": 1,
        "type": "Estimate",
        "value": {
            "dict": {
                "w": {"shape": [1, 2], "dtype": "float32", "data": [1.0, -0.0]},
                "b": {"tuple": ["nan", [{"dtype": "float32", "number": 0.5}]]},
                "z": {"complex": [0.0, 1.0]},
                "v": "kink",
            }
        },
        "error": None,
        "verdicts": {"items": [[3, 0.25]]},
        "verdict": "kink",
        "evaluations": 7,
        "details": {
            "['w']": {
                "value": 2.0,
                "error": 0.5,
                "verdict": "kink",
                "evaluations": 7,
                "noise": "nan",
                "step": "nan",
                "reach": "nan",
                "left": 1.0,
                "right": 3.0,
                "jump": "nan",
                "note": "",
                "advice": "",
            }
        },
        "fun": None,
        "step": None,
        "samples": None,
        "stopped": "",
        "matrix": None,
        "matrix_error": None,
        "note": "",
    }


def test_sparse_matrices() -> None:
    parts = [np.array([0, 1, 1, 3], np.int32), np.array([2, 0, 1], np.int32), np.array([0.5, math.nan, math.inf])]
    text = to_json(holding(Csr((3, 4), *parts)))
    assert json.loads(text)["value"]["csr"][:2] == [[3, 4], {"shape": [4], "dtype": "int32", "data": [0, 1, 1, 3]}]
    found = from_json(text).value
    assert isinstance(found, Csr)
    assert found.shape == (3, 4)
    for part, wanted in zip((found.indptr, found.indices, found.data), parts, strict=True):
        assert part.dtype == wanted.dtype
        assert np.array_equal(part, wanted, equal_nan=True)
    assert np.array_equal(found.toarray()[2, :2], [math.nan, math.inf], equal_nan=True)


class Pair(NamedTuple):
    left: float
    right: Any


@dataclasses.dataclass
class Weights:
    w: Any
    b: float


def test_named_tuples_and_dataclasses_become_dicts() -> None:
    value = from_json(to_json(holding(Pair(1.0, Weights(np.ones(2), 2.0))))).value
    assert same(value, {"left": 1.0, "right": {"w": np.ones(2), "b": 2.0}})
    ordered = from_json(to_json(holding([collections.OrderedDict(b=1.0, a=2.0), collections.deque([1.0])]))).value
    assert same(ordered, [{"b": 1.0, "a": 2.0}, [1.0]])


def test_the_methods_of_results() -> None:
    study = StepStudy(np.ones(1), np.ones(1), np.ones(1), holding(1.0), 0.5, {})
    descent = Descent(1.0, 2.0, 3, 4, DescentVerdict.BUDGET, (), np.ones(1), np.ones(1), 0.1)
    for result in (holding(2.0), study, descent):
        assert same(from_json(result.to_json()), result)


class Mine(Slope):
    pass


@pytest.mark.parametrize(
    "result, text",
    [
        (1.0, f"`result` must be one of {NAMES}; got a float"),
        (
            Mine(1.0, 1.0, Verdict.OK),
            f"`result` must be one of {NAMES}; got a Mine",
        ),
        (holding("ok"), "a result must hold numbers, arrays and trees of them; got a str"),
        (holding({1.0}), "a result must hold numbers, arrays and trees of them; got a set"),
        (holding(Weights), "a result must hold numbers, arrays and trees of them; got a type"),
        (holding(np.array([None])), "a result must hold numbers and verdicts; got an array of other objects"),
        (holding(np.array(["a"])), "a result must hold numbers of a plain dtype; got <U1"),
        (holding(np.longdouble(1)), f"a result must hold numbers of a plain dtype; got {np.dtype('g')}"),
        (
            holding({Verdict: 1.0}),
            "the key of a dict must be text, a number, None, or a tuple of them; got <enum 'Verdict'>",
        ),
        (holding({math.inf: 1.0}), "the key of a dict must be text, a number, None, or a tuple of them; got inf"),
        (Slope(1j, 0.0, Verdict.OK), "a result must hold a real number here; got a complex"),
    ],
)
def test_what_cannot_be_written(result, text) -> None:
    with pytest.raises(InputTypeError) as caught:
        to_json(result)
    assert str(caught.value) == text


GOOD = json.loads(to_json(holding(1.0)))
DEEP = "[" * 100_000 + "]" * 100_000


def changed(**fields: Any) -> str:
    return json.dumps({key: value for key, value in (GOOD | fields).items() if value is not ...})


def array(dtype: str, *data: Any) -> dict[str, Any]:
    return {"shape": [len(data)], "dtype": dtype, "data": list(data)}


ARRAY = (
    "one of float64, float32, float16, complex128, complex64, "
    "int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool"
)
BAD = [
    ("", "`text` must be JSON as secant writes it: Expecting value: line 1 column 1 (char 0)"),
    ("{", "`text` must be JSON as secant writes it: "),
    ("1", '`text` must be a JSON object with the field "secant"'),
    ("{}", '`text` must be a JSON object with the field "secant"'),
    ('{"secant": NaN}', "`text` must be JSON as secant writes it: NaN is not JSON"),
    ('{"secant": 1e999}', "`text` must be JSON as secant writes it: 1e999 is beyond the range of a float"),
    ('{"secant": ' + "9" * 5000 + "}", "`text` must be JSON as secant writes it: Exceeds the limit"),
    (changed(secant=2), "`text` is of schema version 2; this secant reads version 1"),
    (changed(secant=True), "`text` is of schema version True; this secant reads version 1"),
    (changed(secant="1"), "`text` is of schema version '1'; this secant reads version 1"),
    (
        changed(type="os.system"),
        f"`text` must hold one of {NAMES}; got 'os.system'",
    ),
    (
        changed(type=["Estimate"]),
        f"`text` must hold one of {NAMES}; got ['Estimate']",
    ),
    (changed(type=...), f"`text` must hold one of {NAMES}; got None"),
    (
        changed(fun=...),
        "`text`: Estimate must be an object with the fields value, error, verdicts, verdict, evaluations, ",
    ),
    (
        changed(more=1),
        "`text`: Estimate must be an object with the fields value, error, verdicts, verdict, evaluations, ",
    ),
    (changed(verdict="fine"), "`text`: Estimate.verdict must be a verdict; got 'fine'"),
    (changed(verdict=[]), "`text`: Estimate.verdict must be a verdict; got []"),
    (changed(evaluations=1.5), "`text`: Estimate.evaluations must be an integer; got 1.5"),
    (changed(evaluations=True), "`text`: Estimate.evaluations must be an integer; got True"),
    (changed(details=[]), "`text`: Estimate.details must be an object of slopes; got []"),
    (changed(details={"[0]": {}}), "`text`: Estimate.details['[0]'] must be an object with the fields value, error, "),
    (changed(value="import os"), "`text`: Estimate.value must be a verdict; got 'import os'"),
    (changed(value={}), "`text`: Estimate.value must be a number, an array, or a tree of them; got {}"),
    (
        changed(value=[1, {"set": []}]),
        "`text`: Estimate.value[1] must be a number, an array, or a tree of them; got {'set': []}",
    ),
    (changed(value={"dict": {"w": "x"}}), "`text`: Estimate.value['w'] must be a verdict; got 'x'"),
    (
        changed(value={"tuple": {}}),
        "`text`: Estimate.value must be a number, an array, or a tree of them; got {'tuple': {}}",
    ),
    *(
        (changed(value={"csr": bad}), "`text`: Estimate.value.csr must be the parts of a sparse matrix; got ")
        for bad in (
            [[1, 2], [0, 1], [0], [0.5]],
            [[1, 2], array("int64", 0, 1), array("int64", 2), array("float64", 0.5)],
            [[1, 2], array("int64", 0, 1), array("int64", -1), array("float64", 0.5)],
            [[1, 2], array("int64", 0, 2), array("int64", 1), array("float64", 0.5)],
            [[1, 2], array("int64", 0, 1), array("float64", 1.0), array("float64", 0.5)],
            [[2, 2], array("int64", 0, 1), array("int64", 1), array("float64", 0.5)],
            [[3, 2], array("int64", 0, 1, 0, 1), array("int64", 1), array("float64", 0.5)],
            [[2], array("int64", 0, 1), array("int64", 1), array("float64", 0.5)],
            ["x", array("int64", 0, 1), array("int64", 1), array("float64", 0.5)],
        )
    ),
    (changed(value={"complex": [1]}), "`text`: Estimate.value must be a number, an array, or a tree of them; got "),
    (changed(value={"complex": [1, None]}), "`text`: Estimate.value must be a number; got None"),
    (changed(value={"items": [[1]]}), "`text`: Estimate.value must be a key and what it leads to; got [1]"),
    (
        changed(value={"items": [[[], 1]]}),
        "`text`: Estimate.value must be a dict with keys of text, numbers, None, or tuples",
    ),
    (
        changed(value={"dtype": "float32", "number": 0.1}),
        "`text`: Estimate.value.data must be a list of float32; got [0.1]",
    ),
    (changed(value={"dtype": "int8", "number": []}), "`text`: Estimate.value.number must be one number; got []"),
]


def array(shape: Any, dtype: Any, data: Any) -> str:
    return changed(value={"shape": shape, "dtype": dtype, "data": data})


BAD += [
    (array([2], "float64", [1.0]), "`text`: Estimate.value.data must be a list for the shape [2]; got [1.0]"),
    (array([-1], "float64", [1.0]), "`text`: Estimate.value.shape must be a list of lengths; got [-1]"),
    (array([True], "float64", [1.0]), "`text`: Estimate.value.shape must be a list of lengths; got [True]"),
    (array(1, "float64", [1.0]), "`text`: Estimate.value.shape must be a list of at most 64 lengths; got 1"),
    (array([1] * 65, "float64", [1.0]), "`text`: Estimate.value.shape must be a list of at most 64 lengths; got [1, 1"),
    (
        array([0, 10**30], "float64", []),
        "`text`: Estimate.value.shape must be a shape that an array can have; got [0, ",
    ),
    (array([1], "object", [1.0]), f"`text`: Estimate.value.dtype must be {ARRAY}, verdict; got 'object'"),
    (array([1], ["float64"], [1.0]), f"`text`: Estimate.value.dtype must be {ARRAY}, verdict; got ['float64']"),
    (array([1], "float64", {"0": 1.0}), "`text`: Estimate.value.data must be a list; got {'0': 1.0}"),
    (array([1], "float64", ["one"]), "`text`: Estimate.value.data must be a number; got 'one'"),
    (array([1], "float64", [10**400]), "`text`: Estimate.value.data must be a number; got 1000000"),
    (array([1], "float64", [True]), "`text`: Estimate.value.data must be a number; got True"),
    (array([1], "float64", [[1.0]]), "`text`: Estimate.value.data must be a number; got [1.0]"),
    (array([1], "float32", [1e300]), "`text`: Estimate.value.data must be a list of float32; got [1e+300]"),
    (array([1], "complex128", [1.0]), "`text`: Estimate.value.data must be a list of pairs; got [1.0]"),
    (array([1], "int8", [128]), "`text`: Estimate.value.data must be a list of int8; got [128]"),
    (array([1], "int8", [1.0]), "`text`: Estimate.value.data must be a list of int8; got [1.0]"),
    (array([1], "bool", [1]), "`text`: Estimate.value.data must be a list of bool; got [1]"),
    (array([1], "verdict", ["nan"]), "`text`: Estimate.value.data must be a verdict; got 'nan'"),
    (array([1], "verdict", "ok"), f"`text`: Estimate.value.dtype must be {ARRAY}, verdict; got 'verdict'"),
]


@pytest.mark.parametrize("text, message", BAD, ids=range(len(BAD)))
def test_bad_text_is_refused_in_words(text, message) -> None:
    with pytest.raises(InputError) as caught:
        from_json(text)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


def inside(value: str) -> str:
    return changed(value="here").replace('"here"', value)


@pytest.mark.parametrize("text", [DEEP, inside(DEEP), inside('{"tuple": [' * 20_000 + "]}" * 20_000)], ids=range(3))
def test_text_nested_too_deeply_is_refused(text) -> None:
    with pytest.raises(InputError) as caught:
        from_json(text)
    assert len(str(caught.value)) < 300


def test_only_text_is_read() -> None:
    for found, what in ((b"{}", "a bytes"), (None, "None"), ({"secant": 1}, "a dict")):
        with pytest.raises(InputTypeError, match=f"`text` must be a str; got {what}"):
            from_json(found)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["nan", "ok", "float64", "verdict", "int8", "failed"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["shape", "dtype", "data", "tuple", "dict", "items", "complex", "number", "value"]),
            below,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(results, junk, st.data())
def test_a_changed_text_is_a_result_or_an_input_error(result, foreign, data) -> None:
    """One node anywhere is replaced by another thing."""
    found = json.loads(to_json(result))
    at, key = found, data.draw(st.sampled_from(sorted(found)))
    while isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at)) if isinstance(at, dict) else st.integers(0, len(at) - 1))
    at[key] = foreign
    try:
        read = from_json(json.dumps(found))
    except InputError:
        return
    assert same(from_json(to_json(read)), read)


@given(st.text() | st.sampled_from(["null", "[]", '""', "NaN", '{"secant": {}}', '{"secant": 1, "type": "Slope"}']))
def test_any_text_is_an_input_error(text) -> None:
    with pytest.raises(InputError):
        from_json(text)
