"""What is given along and what is kept: `f0=`, `seed=`, `keep_samples=`."""

import math
from functools import partial

import numpy as np
import pytest

import secant

X = np.linspace(0.5, 2.0, 30)


def rows(x):
    return np.exp(np.sin(x))


def total(x):
    return rows(x).sum()


class Counted:
    """A function that remembers where it was evaluated, and what came of it."""

    def __init__(self, f) -> None:
        self.f, self.points, self.values = f, [], []

    def __call__(self, x, **how):
        self.points.append(np.copy(x))
        self.values.append(self.f(x, **how))
        return self.values[-1]


WAYS = [
    {},
    {"method": "forward"},
    {"rtol": 1e-6},
    {"step": 1e-3},
    {"step": 1e-3, "method": "forward"},
    {"method": "complex"},
    {"noise": secant.Noise(0.0, 1e-9)},
    {"noise": secant.Noise(1e-12, 1e-9), "step": 1e-3},
    {"bounds": (0.0, 3.0)},
]
QUESTIONS = [
    (secant.derivative, np.exp, 1.0, ()),
    (secant.derivative, lambda x: np.array([np.sin(x), np.cos(x)]), 1.0, ()),
    (secant.gradient, total, X, ()),
    (secant.gradient, total, X[:3], ()),
    (secant.gradient, total, X[:3].astype(np.float32), ()),
    (secant.directional, rows, X, (np.linspace(-1.0, 1.0, 30),)),
]


# --- f0 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", WAYS, ids=str)
@pytest.mark.parametrize(("question", "f", "x", "further"), QUESTIONS)
def test_f0_saves_the_evaluation_and_nothing_else(question, f, x, further, how) -> None:
    if how.get("method") == "complex" and np.asarray(x).dtype == np.float32:
        return
    plain, known = Counted(f), Counted(f)
    expected = question(plain, x, *further, **how)
    found = question(known, x, *further, f0=f(x), **how)
    for name in ("value", "error", "verdicts", "step"):
        assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=name != "verdicts")
    at_x = sum(np.array_equal(point, x) for point in plain.points)
    assert at_x == (0 if "step" in how and "method" not in how else 1)
    assert not any(np.array_equal(point, x) for point in known.points)
    assert found.evaluations == len(known.points) == len(plain.points) - at_x
    price = secant.price(question, f, x, *further, f0=f(x), **how)
    assert price.at_most >= found.evaluations
    assert price.evaluations == secant.price(question, f, x, *further, **how).evaluations - at_x


@pytest.mark.parametrize("most", range(1, 45))
def test_f0_and_a_budget(most) -> None:
    watched = Counted(total)
    found = secant.gradient(watched, X[:3], f0=total(X[:3]), max_evaluations=most)
    assert found.evaluations == len(watched.points) <= most
    assert secant.gradient(total, X[:3], max_evaluations=most + 1).error.sum() == found.error.sum()


def test_f0_of_random_functions_is_held_against_them() -> None:
    draw = np.random.default_rng(5)
    found = secant.derivative(lambda x: math.sin(x) + 1e-5 * draw.normal(), 1.0, f0=math.sin(1.0))
    assert "it is random" in found.message


@pytest.mark.parametrize("question", [secant.derivative, secant.gradient, partial(secant.price, secant.derivative)])
@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        ("one", secant.InputTypeError, "`f0` must be a real or complex number"),
        ({}, secant.InputTypeError, "`f0` must be a real or complex number"),
        ([[], [1.0]], secant.InputTypeError, "`f0` must be a real or complex number"),
        (math.nan, secant.InputError, "`f0` must be finite; got nan"),
        (np.array(np.inf), secant.InputError, "`f0` must be finite; got array"),
    ],
)
def test_f0_is_a_finite_value(question, bad, error, text) -> None:
    watched = Counted(math.sin)
    with pytest.raises(error, match=text):
        question(watched, 1.0, f0=bad)
    assert not watched.points


@pytest.mark.parametrize("on_error", ["domain", "raise", "mark"])
@pytest.mark.parametrize("f0", [[1.0, 2.0], np.ones((1, 2))])
def test_f0_of_another_shape_is_found_out(f0, on_error) -> None:
    for question, x in ((secant.derivative, 1.0), (secant.gradient, X)):
        watched = Counted(lambda x: float(np.sum(np.sin(x))))
        with pytest.raises(secant.InputError, match=r"`f0` must have the shape of f's values, \(\); got \("):
            question(watched, x, f0=f0, on_error=on_error)
        assert len(watched.points) == 1


def test_f0_that_is_real_of_a_function_that_is_not() -> None:
    with pytest.raises(secant.InputError, match="`f0` must be complex, as f's values are; got a real number"):
        secant.derivative(lambda x: np.exp(1j * x), 1.0, f0=1.0)
    found = secant.derivative(lambda x: x**0.5, 1e-3, f0=1e-3**0.5)  # complex below 0
    assert abs(found.value - 0.5 * 1e-3**-0.5) <= found.error


def test_f0_of_an_earlier_answer() -> None:
    for question, f, x in ((secant.derivative, rows, 1.0), (secant.gradient, lambda x: total(x).reshape(1, 1), X)):
        first = question(f, x)
        again = question(f, x, f0=first.fun)
        assert again.evaluations == first.evaluations - 1
        assert np.array_equal(again.value, first.value)


# --- seed ---------------------------------------------------------------------------------------------


def monte_carlo(x, seed=None):
    draw = np.random.default_rng(seed).normal(size=100)
    return float(np.mean(np.sin(np.sum(x) + draw)))


def test_a_seed_makes_a_random_f_a_function() -> None:
    assert not secant.derivative(monte_carlo, 1.0).ok
    found = secant.derivative(monte_carlo, 1.0, seed=7)
    assert found.ok
    draw = np.random.default_rng(7).normal(size=100)
    assert abs(found.value - np.mean(np.cos(1.0 + draw))) <= found.error
    assert secant.derivative(monte_carlo, 1.0, seed=8).value != found.value


@pytest.mark.parametrize("seed", [0, 7, np.int64(3)])
def test_every_point_gets_the_same_seed(seed) -> None:
    seen = []

    def f(x, scale, *, seed):
        seen.append(seed)
        return float(scale * np.sum(np.sin(x)))

    secant.derivative(f, 1.0, seed=seed, args=(2.0,))
    secant.gradient(f, X[:3], seed=seed, args=(2.0,))
    secant.directional(f, X[:3], np.ones(3), seed=seed, args=(2.0,))
    secant.grad(f, seed=seed)(X[:3], 2.0)
    secant.gradient_descent(f, X[:3], iterations=3, seed=seed, args=(2.0,))
    secant.price(secant.gradient, f, X[:3], seed=seed, args=(2.0,))
    assert set(seen) == {seed}
    assert {type(each) for each in seen} == {int}


def test_who_takes_a_seed() -> None:
    for f in (monte_carlo, lambda x, **how: x * how["seed"], lambda x, seed: x * seed):
        secant.derivative(f, 1.0, seed=3)
    for f in (math.sin, lambda x: x, lambda x, seed, /: x * seed):
        with pytest.raises(secant.InputTypeError, match="`seed` needs an f that takes `seed=`"):
            secant.derivative(f, 1.0, seed=3)


@pytest.mark.parametrize("bad", [-1, 1.0, "1", True])
def test_a_seed_is_a_natural_number(bad) -> None:
    with pytest.raises((secant.InputError, secant.InputTypeError), match="`seed` must be an integer of at least 0"):
        secant.derivative(monte_carlo, 1.0, seed=bad)


# --- samples ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", WAYS, ids=str)
@pytest.mark.parametrize(("question", "f", "x", "further"), QUESTIONS)
def test_samples_are_all_that_was_paid_for(question, f, x, further, how) -> None:
    if how.get("method") == "complex" and np.asarray(x).dtype == np.float32:
        return
    watched = Counted(f)
    found = question(watched, x, *further, keep_samples=True, **how)
    samples = found.samples
    assert found.evaluations == len(samples) == len(watched.points)
    assert np.array_equal(samples.values, np.array(watched.values))
    base, axes = np.atleast_1d(np.float64(x)).reshape(-1), np.eye(np.size(x))
    if question is secant.directional:
        axes = np.array(further)
    if samples.directions is not None:
        assert question is secant.gradient
        axes = np.concatenate([axes, samples.directions])
    moved = base + axes[samples.lane] * (samples.t * np.where(samples.imaginary, 1j, 1.0))[:, None]
    points = np.array([np.reshape(point, -1) for point in watched.points])
    # The step is rounded to x's own dtype, and so is the point.
    assert np.allclose(points, moved, rtol=4.0 * np.finfo(np.asarray(x).dtype).eps, atol=1e-300)
    assert samples.imaginary.any() == (how.get("method") == "complex")
    again = secant.from_json(found.to_json()).samples
    assert np.array_equal(again.values, samples.values)
    assert np.array_equal(again.t, samples.t)
    assert secant.from_json(samples.to_json()).lane.tolist() == samples.lane.tolist()


def test_samples_of_a_part_name_entries_of_the_whole() -> None:
    found = secant.gradient(lambda p: p["a"] * p["b"].sum(), {"a": 2.0, "b": X[:3]}, wrt="b", keep_samples=True)
    assert set(found.samples.lane[found.samples.t != 0.0]) == {1, 2, 3} | set(range(4, 6))
    assert found.samples.directions.shape == (2, 4)
    assert not found.samples.directions[:, 0].any()


def test_samples_hold_what_is_not_finite_and_a_repetition() -> None:
    found = secant.derivative(lambda x: math.log(x - 0.95), 1.0, keep_samples=True)
    assert np.isnan(found.samples.values).any()
    draw = np.random.default_rng(5)
    found = secant.derivative(lambda x: math.sin(x) + 1e-5 * draw.normal(), 1.0, keep_samples=True)
    assert np.count_nonzero(found.samples.t == 0.0) == 2
    assert len(found.samples) == found.evaluations


def test_samples_up_to_where_it_was_cut_short() -> None:
    calls = []

    def f(x):
        calls.append(x)
        if len(calls) == 100:
            raise KeyboardInterrupt
        return float(total(x))

    found = secant.gradient(f, X, keep_samples=True)
    assert len(found.samples) == 99
    assert np.array_equal(found.samples.values, [total(x) for x in calls[:99]])


def test_samples_only_when_asked_for() -> None:
    assert secant.derivative(math.sin, 1.0).samples is None
    found = secant.derivative(math.sin, 1.0, keep_samples=True)
    assert str(found.samples) == f"{found.evaluations} samples"
    for bad in (1, "yes", None):
        with pytest.raises(secant.InputTypeError, match="`keep_samples` must be True or False"):
            secant.derivative(math.sin, 1.0, keep_samples=bad)
