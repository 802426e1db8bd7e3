"""`wrt=`: only what is asked for varies, and the answer is the whole gradient's there and silent elsewhere."""

from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import secant

Pair = namedtuple("Pair", "bias b")


@dataclass
class Net:
    bias: object
    b: object
    made: float = field(default=0.0, init=False)


def wave(x):
    return float(np.sin(x + np.arange(x.size).reshape(x.shape) * x.sum()).sum())


class Watched:
    """A function of an array that remembers which of its entries ever moved."""

    def __init__(self, x) -> None:
        self.x, self.moved, self.calls = x, np.zeros(x.shape, dtype=bool), 0

    def __call__(self, x) -> float:
        self.calls += 1
        self.moved |= x != self.x
        return wave(x)


X = np.linspace(0.5, 2.0, 12).reshape(3, 4)
INDICES = [
    (slice(1, 3), X[1:3]),
    (0, X[0]),
    (-1, X[-1]),
    ([0, 2], X[[0, 2]]),
    ([], X[[0, 0]][:0]),
    (np.array([2, 2, 0]), X[[0, 2]]),
    ((1, 2), X[1, 2:3]),
    ((slice(None), [0, 3]), X[:, [0, 3]]),
    ((..., 1), X[:, 1]),
    (X > 1.0, X[X > 1.0]),
    ((X > 1.0).tolist(), X[X > 1.0]),
    (np.zeros(X.shape, dtype=bool), X[:0]),
]


@pytest.mark.parametrize("how", [{}, {"step": 1e-4}, {"method": "forward"}, {"rtol": 1e-6}, {"max_evaluations": 150}])
@pytest.mark.parametrize(("wrt", "selected"), INDICES)
def test_an_array(wrt, selected, how) -> None:
    f = Watched(X)
    if not selected.size:
        with pytest.raises(secant.InputError, match="`wrt` must select at least one entry"):
            secant.gradient(f, X, wrt=wrt, **how)
        assert f.calls == 0
        return
    estimate = secant.gradient(f, X, wrt=wrt, **how)
    whole = secant.gradient(wave, X, **how)
    asked = np.zeros(X.shape, dtype=bool)
    asked[tuple(wrt) if isinstance(wrt, tuple) else wrt] = True
    assert np.array_equal(f.moved, asked)
    assert asked.sum() == np.unique(selected).size
    assert np.array_equal(np.isnan(estimate.error), ~asked)
    assert np.array_equal(np.isnan(estimate.value), ~asked)
    assert estimate.evaluations == f.calls <= how.get("max_evaluations", np.inf)
    # A budget that is short is spent on what is asked for, however little that is.
    assert estimate.evaluations < whole.evaluations or "max_evaluations" in how
    tolerance = estimate.error + whole.error + 1e-9
    assert np.all(np.abs(estimate.value - whole.value)[asked] <= tolerance[asked])
    rows = str(estimate).split("\n")
    assert len(rows) == asked.sum() + 1
    assert not any("nan" in row for row in rows[:-1])
    assert secant.from_json(estimate.to_json()).evaluations == f.calls


@given(hnp.arrays(bool, (3, 4)), st.sampled_from([np.float64, np.float32]))
def test_masks_give_the_bits_of_the_whole_gradient_with_a_fixed_step(mask, dtype) -> None:
    x = X.astype(dtype)
    if not mask.any():
        return
    some = secant.gradient(wave, x, step=2.0**-8, wrt=mask)
    whole = secant.gradient(wave, x, step=2.0**-8)
    assert np.array_equal(some.value[mask], whole.value[mask])
    assert some.value.dtype == whole.value.dtype == dtype


TREE = {"w": np.array([1.0, 2.0]), "b": 0.5, "unused": None}
TREES = [
    (TREE, "w", ["['w']"]),
    (TREE, ["w", "b"], ["['w']", "['b']"]),
    (TREE, ("b",), ["['b']"]),
    ({1: 1.0, 10: 2.0, (1, 2): 3.0}, 1, ["[1]"]),
    ({1: 1.0, 10: 2.0, (1, 2): 3.0}, (1, 2), ["[(1, 2)]"]),
    ([np.ones(2), 2.0, {"a": 1.0, "c": 2.0}], 2, ["[2]"]),
    ([np.ones(2), 2.0, {"a": 1.0, "c": 2.0}], [0, -1], ["[0]", "[2]"]),
    ((1.0, 2.0), np.int64(1), ["[1]"]),
    (Pair(np.ones(2), 1.0), "b", [".b"]),
    (Pair(np.ones(2), 1.0), [0, "b"], [".bias", ".b"]),
    (Net(np.ones(2), 1.0), "b", [".b"]),
    (Net(np.ones(2), {"u": 1.0}), "bias", [".bias"]),
]


def total(x) -> float:
    """A function of any tree: each leaf times another number."""
    from secant.evaluation.trees import flatten

    flat = flatten(x)[0]
    return float((np.sin(flat) * (1.0 + np.arange(flat.size))).sum())


@pytest.mark.parametrize(("x", "wrt", "prefixes"), TREES)
def test_a_tree(x, wrt, prefixes) -> None:
    from secant.evaluation.trees import flatten

    _, layout = flatten(x)
    estimate = secant.gradient(total, x, wrt=wrt)
    # The whole wrap, read back flat: dataclasses keep their own form.
    paths = [layout.path(i) for i in range(layout.size)]
    asked = [any(path == p or path.startswith((p + "[", p + ".")) for p in prefixes) for path in paths]
    flat_errors = np.concatenate([np.ravel(part) for part in leaves_of(estimate.error)])
    assert np.isnan(flat_errors).tolist() == [not a for a in asked]
    assert estimate.ok
    assert estimate.evaluations <= 1 + 40 * sum(asked)


def leaves_of(tree) -> list:
    from secant.evaluation.trees import leaves

    return leaves(tree)


def test_the_rest_has_no_say() -> None:
    def f(p):
        return abs(p["kink"]) + p["smooth"] ** 2

    x = {"kink": 0.0, "smooth": 3.0}
    assert secant.gradient(f, x).verdict is secant.Verdict.KINK
    estimate = secant.gradient(f, x, wrt="smooth")
    assert estimate.ok
    assert not estimate.details
    assert estimate.verdicts == {"kink": secant.Verdict.OK, "smooth": secant.Verdict.OK}
    assert "kink" not in str(estimate) + estimate.message
    assert estimate.raise_for_verdict() is estimate
    crease = secant.gradient(lambda x: min(abs(x[0]), abs(x[1])) + x[2] ** 2, np.array([0.0, 0.0, 1.0]), wrt=[0, 1])
    assert crease.verdict is secant.Verdict.KINK


def test_a_part_that_f_does_not_use_has_slope_zero() -> None:
    for how in ({}, {"step": 1e-4}):
        estimate = secant.gradient(lambda x: x[0] ** 2, np.ones(3), wrt=[1, 2], **how)
        assert np.array_equal(estimate.value[1:], [0.0, 0.0])
        assert estimate.verdict is not secant.Verdict.INDEPENDENT


def test_everything_is_the_whole_gradient() -> None:
    whole = secant.gradient(wave, X)
    for wrt in (..., slice(None), np.ones(X.shape, dtype=bool)):
        assert np.array_equal(secant.gradient(wave, X, wrt=wrt).value, whole.value)


def test_many_lanes_and_other_doors() -> None:
    x = np.linspace(1.0, 2.0, 200)
    estimate = secant.gradient(lambda x: float(np.exp(x).sum()), x, wrt=slice(50, 150))
    assert np.allclose(estimate.value[50:150], np.exp(x[50:150]), rtol=1e-12)
    assert np.isnan(secant.grad(lambda x: float(x @ x), wrt=0)(x)[1:]).all()
    assert secant.price(secant.gradient, wave, X, wrt=slice(0, 1), step=1e-4).evaluations == 8
    mine = X.copy()
    assert np.array_equal(
        secant.gradient(lambda _: wave(mine), mine, wrt=0, inplace=True).value,
        secant.gradient(wave, X, wrt=0).value,
        equal_nan=True,
    )


@pytest.mark.parametrize(
    ("x", "wrt", "words"),
    [
        (TREE, "v", r"`wrt` must name parts of `x`: 'w', 'b', 'unused'; got 'v'"),
        (TREE, ["w", "v"], "got 'v'"),
        (TREE, [], "selects none"),
        (TREE, "unused", "selects none"),
        (TREE, {"w": True}, "must name parts"),
        ([1.0, 2.0], 2, "must name parts of `x`: 0, 1; got 2"),
        ([1.0, 2.0], True, "got True"),
        ([1.0, 2.0], -3, "got -3"),
        (Net(1.0, 2.0), "made", "'bias', 'b'; got 'made'"),
        (X, 3, "out of bounds"),
        (X, "w", "must be a mask, integers or a slice"),
        (X, 0.5, "must be a mask, integers or a slice"),
        (X, [0.5], "must be a mask, integers or a slice"),
        (X, True, "must be a mask, integers or a slice"),
        (X, np.ones(5, dtype=bool), "boolean index"),
        (X, (0, 0, 0), "too many indices"),
        (3.0, 0, "single number"),
    ],
)
def test_bad_selections_are_told_before_f_is_called(x, wrt, words) -> None:
    def never(x):
        raise AssertionError("f was called")

    with pytest.raises(secant.SecantError, match=words):
        secant.gradient(never, x, wrt=wrt)
