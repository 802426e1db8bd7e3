"""Trees as flat vectors: the round trip, the paths, and what is refused and how."""

import collections
import dataclasses
import datetime as dt
import enum
import fractions
import subprocess
import sys
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from secant.core.errors import InputError, InputTypeError
from secant.core.verdicts import Verdict
from secant.evaluation.trees import Layout, flatten, leaves

REALS = ["f8", "f4", "f2", ">f8", "<f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1"]


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    w: Any
    b: Any = 0.0


@dataclasses.dataclass(eq=False)
class Derived:
    shared: ClassVar[str] = "not a field"
    w: Any
    size: int = dataclasses.field(init=False)
    b: Any = dataclasses.field(kw_only=True, default=None)

    def __post_init__(self) -> None:
        self.size = len(leaves(self.w))


def arrays() -> st.SearchStrategy[Any]:
    """Arrays of every real dtype and any shape, not always contiguous."""

    def build(dtype: str) -> st.SearchStrategy[Any]:
        kind = np.dtype(dtype)
        elements = None
        if kind.kind == "f":
            elements = st.floats(allow_nan=False, allow_infinity=False, width=8 * kind.itemsize)
        elif kind.itemsize == 8:
            elements = st.integers(0 if kind.kind == "u" else -(2**53), 2**53)
        drawn = hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), elements=elements)
        return drawn.flatmap(lambda a: st.sampled_from([a, a.T, a[..., ::-1] if a.ndim else a, np.asfortranarray(a)]))

    return st.sampled_from(REALS).flatmap(build)


numbers = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e3, 1e3, width=16).map(np.float16)
    | st.floats(-1e3, 1e3, width=32).map(np.float32)
    | st.floats(-1e3, 1e3).map(np.float64)
    | st.integers(-100, 100).map(np.int8)
)
single = numbers | arrays()


def nest(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.text("ab'[]0 ", max_size=3) | st.integers(0, 3)
    return (
        st.lists(below, max_size=3)
        | st.lists(below, max_size=3).map(tuple)
        | st.dictionaries(keys, below, max_size=3)
        | st.dictionaries(keys, below, max_size=3).map(collections.OrderedDict)
        | st.builds(Pair, below, below)
        | st.builds(Frozen, below, below)
        | st.builds(lambda w, b: Derived(w, b=b), below, below)
    )


def some(tree: Any) -> bool:
    return sum(np.size(leaf) for leaf in leaves(tree)) > 0


trees = st.recursive(single | st.none(), nest, max_leaves=8).filter(lambda tree: tree is not None and some(tree))


def same(x: Any, y: Any, integers_are_floats: bool = False) -> bool:
    """Whether two trees are of the same make and hold the same bits."""
    if isinstance(x, np.ndarray | np.generic):
        dtype = np.dtype(np.float64) if integers_are_floats and x.dtype.kind in "iu" else x.dtype.newbyteorder("=")
        array = isinstance(x, np.ndarray)
        return isinstance(y, np.ndarray) == array and y.dtype == dtype and x.shape == y.shape and same_bits(x, y, dtype)
    if isinstance(x, int | float):
        return type(y) is (float if integers_are_floats else type(x)) and same_bits(x, y, np.dtype(np.float64))
    if type(x) is not type(y):
        return False
    if x is None:
        return True
    if dataclasses.is_dataclass(x):
        names = [field.name for field in dataclasses.fields(x)]
        return all(same(getattr(x, n), getattr(y, n), integers_are_floats and n != "size") for n in names)
    if isinstance(x, dict):
        return list(x) == list(y) and all(same(x[key], y[key], integers_are_floats) for key in x)
    return len(x) == len(y) and all(same(a, b, integers_are_floats) for a, b in zip(x, y, strict=True))


def same_bits(x: Any, y: Any, dtype: Any) -> bool:
    return np.asarray(x, dtype=dtype).tobytes() == np.asarray(y, dtype=dtype).tobytes()


@given(trees)
def test_flatten_and_unflatten_are_inverse(x) -> None:
    vector, layout = flatten(x)
    assert vector.shape == (layout.size,)
    assert vector.dtype == np.float64
    assert same(x, layout.unflatten(vector), integers_are_floats=True)
    again, other = flatten(layout.unflatten(vector))
    assert again.tobytes() == vector.tobytes()
    assert (other.shapes, other.dtypes) == (layout.shapes, layout.dtypes)


@given(trees)
def test_every_entry_has_a_path_of_its_own_and_its_roundoff(x) -> None:
    vector, layout = flatten(x)
    assert len({layout.path(i) for i in range(layout.size)}) == layout.size
    eps = np.broadcast_to(layout.eps, layout.size)
    for i in range(layout.size):
        leaf = layout.leaf(i)
        assert leaf.start <= i < leaf.stop
        assert eps[i] == np.finfo(leaf.dtype).eps / 2
        rounder = layout.rounder(i)
        assert (rounder is None) == (leaf.dtype == np.float64)
        assert rounder is None or rounder(vector[i]) == vector[i]


@given(trees)
def test_unflatten_gives_memory_that_is_shared_with_nothing(x) -> None:
    vector, layout = flatten(x)
    first, second = layout.unflatten(vector), layout.unflatten(vector)
    mine = [leaf for leaf in [*leaves(x), *leaves(second), vector] if isinstance(leaf, np.ndarray)]
    for leaf in leaves(first):
        if isinstance(leaf, np.ndarray):
            assert leaf.flags.c_contiguous
            assert leaf.flags.writeable
            assert not any(np.may_share_memory(leaf, other) for other in mine)


def test_wrapped_results_share_no_memory() -> None:
    values = np.arange(4.0)
    first, second = flatten([np.ones(2), np.ones((1, 2))])[1].wrap(values, "error")
    first[:] = second[:] = 9.0
    assert values.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert first.base is None or first.base.size == 2


@given(trees, st.data())
def test_wrapped_results_sit_where_their_entries_do(x, data) -> None:
    _, layout = flatten(x)
    values = data.draw(hnp.arrays(np.float64, layout.size, elements=st.floats(-100.0, 100.0)))
    words = data.draw(st.lists(st.sampled_from(list(Verdict)), min_size=layout.size, max_size=layout.size))
    value, error, verdicts = layout.wrap(values, "value"), layout.wrap(values, "error"), layout.wrap(words, "verdict")
    at = 0
    for leaf, *results in zip(layout.leaves, leaves(value), leaves(error), opened(verdicts), strict=True):
        part = slice(leaf.start, leaf.stop)
        for result, dtype, wanted in zip(
            results, (leaf.dtype, np.float64, object), (values, values, words), strict=True
        ):
            if leaf.shape:
                assert (result.shape, result.dtype) == (leaf.shape, dtype)
                assert result.reshape(-1).tolist() == np.array(wanted[part], dtype=dtype).tolist()
            else:
                assert type(result) is (Verdict if dtype is object else float)
                assert result == wanted[at]
        at = leaf.stop


def opened(tree: Any) -> list[Any]:
    """The leaves of a tree of verdicts, in the order of the flat vector."""
    if isinstance(tree, Verdict | np.ndarray):
        return [tree]
    if isinstance(tree, collections.OrderedDict):
        return [leaf for key in tree for leaf in opened(tree[key])]
    if isinstance(tree, dict):
        ordered = (
            sorted(tree) if len({type(key) for key in tree}) == 1 else sorted(tree, key=lambda k: (str(type(k)), k))
        )
        return [leaf for key in ordered for leaf in opened(tree[key])]
    if dataclasses.is_dataclass(tree):
        return [leaf for field in dataclasses.fields(tree) for leaf in opened(getattr(tree, field.name))]
    return [] if tree is None else [leaf for item in tree for leaf in opened(item)]


@pytest.mark.parametrize(
    "x, paths",
    [
        (2.0, [""]),
        (np.array(2.0), [""]),
        (np.float32(2.0), [""]),
        (np.arange(3.0), ["[0]", "[1]", "[2]"]),
        (np.ones((2, 2)), ["[0, 0]", "[0, 1]", "[1, 0]", "[1, 1]"]),
        ([3.0, 4.0], ["[0]", "[1]"]),
        ({"w": np.ones((1, 2)), "b": 1.0}, ["['b']", "['w'][0, 0]", "['w'][0, 1]"]),
        ({"a": (1.0, [2.0, None]), 7: {}}, ["['a'][0]", "['a'][1][0]"]),
        (Pair(1.0, Frozen(np.ones(1), (2.0,))), [".left", ".right.w[0]", ".right.b[0]"]),
        ([Derived(1.0, b=np.array(2.0))], ["[0].w", "[0].b"]),
    ],
)
def test_paths_read_like_python(x, paths) -> None:
    _, layout = flatten(x)
    assert [layout.path(i) for i in range(layout.size)] == paths


def test_what_a_scalar_is() -> None:
    for x in (1, 1.0, np.float64(1.0), np.float16(1.0), np.array(1), np.array(1.0, np.float32)):
        assert flatten(x)[1].scalar
    for x in ([1.0], (1.0,), {"x": 1.0}, np.array([1.0])):
        assert not flatten(x)[1].scalar
    assert type(flatten(1)[1].unflatten(np.array([0.5]))) is float
    assert type(flatten(np.float32(1))[1].unflatten(np.array([0.5]))) is np.float32
    assert type(flatten(np.int64(1))[1].unflatten(np.array([0.5]))) is np.float64
    assert type(flatten(np.array(1))[1].unflatten(np.array([0.5]))) is np.ndarray


@pytest.mark.parametrize("dtype", ["f4", "f2"])
@given(value=st.floats(allow_nan=False), seed=st.integers(0, 2**16))
def test_the_rounder_rounds_as_numpy_does(dtype, value, seed) -> None:
    rounder = flatten(np.ones(2, dtype))[1].rounder(1)
    nearby = float(np.random.default_rng(seed).normal()) * 10.0
    for number in (value, nearby):
        with np.errstate(all="ignore"):
            assert same_bits(rounder(number), float(np.array(number).astype(dtype)), np.float64)


def test_rounding_to_the_leaves() -> None:
    vector, layout = flatten([np.float32(1.0), np.ones(1), np.ones(1, np.float16)])
    rounded = layout.rounded(vector + 0.1)
    assert rounded.tolist() == [float(np.float32(1.1)), 1.1, float(np.float16(1.1))]
    assert layout.rounded(np.array([1e300, 1e300, -1e300])).tolist() == [np.inf, 1e300, -np.inf]


def test_dataclasses_are_rebuilt_by_their_init_and_wrapped_without_it() -> None:
    @dataclasses.dataclass
    class Positive:
        w: Any
        double: Any = dataclasses.field(init=False)

        def __post_init__(self) -> None:
            if self.w <= 0.0:
                raise ValueError("w must be positive")
            self.double = 2.0 * self.w

    vector, layout = flatten(Positive(3.0))
    assert vector.tolist() == [3.0]
    assert layout.unflatten(np.array([4.0])).double == 8.0
    with pytest.raises(ValueError, match="must be positive"):
        layout.unflatten(np.array([-1.0]))
    slope = layout.wrap([-1.0])
    assert (slope.w, slope.double) == (-1.0, None)


def test_nothing_is_registered_with_optree() -> None:
    import optree

    flatten([Frozen(1.0, 2.0)])
    assert len(optree.tree_leaves(Frozen(1.0, 2.0))) == 1


def test_numbers_and_arrays_do_not_import_optree() -> None:
    code = (
        "import sys, numpy as np\n"
        "from secant.evaluation.trees import flatten, leaves\n"
        "for x in (1, 2.0, np.float32(3.0), np.ones((2, 2)), np.array(1.0)):\n"
        "    vector, layout = flatten(x)\n"
        "    layout.unflatten(vector); layout.wrap(vector); layout.path(0); leaves(x)\n"
        "assert 'optree' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "src"})


class Opaque:
    pass


class Arraylike:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.ones(2)


class Word(enum.Enum):
    A = 1


BARE = (
    "`x` must be a real number, an array of real numbers (of NumPy, PyTorch or JAX), or a tree (dict, list, tuple, "
    "dataclass) of them; got "
)
REFUSED = [
    (None, "None"),
    (True, "a bool (True), which cannot be moved by a small step: pass a float"),
    (np.True_, "a bool (True), which cannot be moved by a small step: pass a float"),
    ("3", "a str"),
    (b"3", "a bytes"),
    (1j, "a complex number: pass its real and imaginary parts as two entries"),
    (np.complex64(1j), "a complex number: pass its real and imaginary parts as two entries"),
    (np.ones(2, complex), "an array of dtype complex128: pass its real and imaginary parts as two arrays"),
    (np.ones(2, bool), "an array of dtype bool: convert it with `.astype(float)`"),
    (np.array([1.0, None]), "an array of dtype object: convert it with `.astype(float)`"),
    (np.array(["a"]), "an array of dtype <U1"),
    (np.ones(2, np.longdouble), f"an array of dtype {np.dtype('g')}: convert it with `.astype(float)`"),
    (np.longdouble(1), f"a NumPy scalar of dtype {np.dtype('g')}: convert it with `.astype(float)`"),
    (np.array(["2020-01-01"], "M8[D]"), "an array of dtype datetime64[D]"),
    (np.timedelta64(1, "s"), "a NumPy scalar of dtype timedelta64[s]"),
    (np.zeros(1, "f8,f8"), "an array of dtype [('f0', '<f8'), ('f1', '<f8')]"),
    (np.ma.masked_array([1.0], [False]), "a masked array: pass a plain array"),
    (dt.date(2020, 1, 1), "a datetime.date"),
    (fractions.Fraction(1, 3), "a fractions.Fraction"),
    ({1.0}, "a set"),
    (range(3), "a range"),
    (Opaque(), f"an {Opaque.__module__}.Opaque"),
    (Opaque, "a type"),
    (Frozen, "a type"),
    (Arraylike(), f"an {Arraylike.__module__}.Arraylike: convert it with `numpy.asarray`"),
    (Word.A, f"a {Word.__module__}.Word"),
    (collections.UserDict(a=1.0), "a collections.UserDict"),
]


@pytest.mark.parametrize("x, words", REFUSED, ids=lambda item: item if isinstance(item, str) else type(item).__name__)
def test_what_is_not_a_real_number_is_refused_with_its_path(x, words) -> None:
    words = words.replace("an tests", "a tests").replace("an test_", "a test_")
    with pytest.raises(InputTypeError) as caught:
        flatten(x)
    assert str(caught.value) == BARE + words
    if x is not None:
        with pytest.raises(InputTypeError) as caught:
            flatten({"w": [1.0, Frozen(x)]}, name="start")
        assert str(caught.value) == f"`start` must hold real numbers only; ['w'][1].w is {words}"


def test_a_matrix_is_refused() -> None:
    with pytest.warns(PendingDeprecationWarning):
        x = np.matrix([[1.0]])
    with pytest.raises(InputTypeError, match=r"got a numpy\.matrix: pass a plain array"):
        flatten(x)


@pytest.mark.parametrize(
    "x, words",
    [
        (np.nan, "`x` must be finite; it is nan"),
        (-np.inf, "`x` must be finite; it is -inf"),
        (np.float32("inf"), "`x` must be finite; it is inf"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), "`x` must be finite; [1, 1] is nan"),
        ({"b": 1.0, "w": [0.0, np.inf]}, "`x` must be finite; ['w'][1] is inf"),
        (10**400, "`x` must fit into a float; it is an integer of 1329 bits"),
        ([1.0, -(10**400)], "`x` must fit into a float; [1] is an integer of 1329 bits"),
        (np.empty((0, 3)), "`x` must have at least one entry; got an array of shape (0, 3)"),
        ([], "`x` must have at least one entry; got a list without numbers"),
        ({"a": None, "b": ()}, "`x` must have at least one entry; got a dict without numbers"),
        ((np.empty(0), None), "`x` must have at least one entry; got a tuple without numbers"),
    ],
)
def test_values_that_are_refused(x, words) -> None:
    with pytest.raises(InputError) as caught:
        flatten(x)
    assert str(caught.value) == words


def test_an_empty_leaf_beside_others_is_no_leaf_at_all() -> None:
    vector, layout = flatten({"a": np.empty((0, 2), np.float32), "b": 1.0, "c": np.empty(0)})
    assert vector.tolist() == [1.0]
    assert (layout.path(0), layout.eps) == ("['b']", 2.0**-53)
    assert layout.unflatten(vector)["a"].shape == (0, 2)
    assert isinstance(layout, Layout)


def test_subclasses_of_arrays_become_plain() -> None:
    class Mine(np.ndarray):
        pass

    x = np.arange(3.0).view(Mine)
    vector, layout = flatten(x)
    assert type(vector) is np.ndarray
    assert type(layout.unflatten(vector)) is np.ndarray


def test_a_large_integer_is_rounded_as_python_rounds_it() -> None:
    assert flatten(2**53 + 1)[0].tolist() == [float(2**53 + 1)]
    assert flatten(-(2**70))[0].tolist() == [-(2.0**70)]
