"""f that returns its value and the standard error of that: who may, what comes of it, and that bars hold."""

import collections
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import secant
from secant import Verdict

FUNCTIONS = [
    (math.sin, math.cos),
    (math.exp, math.exp),
    (lambda x: 1.0 / (1.0 + x * x), lambda x: -2.0 * x / (1.0 + x * x) ** 2),
    (lambda x: 1.0 + 2.0 * x + 3.0 * x * x, lambda x: 2.0 + 6.0 * x),
    (lambda x: 5.0 - 0.7 * x, lambda x: -0.7),
    (lambda x: math.log(2.0 + x * x), lambda x: 2.0 * x / (2.0 + x * x)),
]


def never(*args):
    raise AssertionError("f was called")


def sine(x):
    """Return a noisy sine, the same at every call, so that it can be compared."""
    draw = np.random.default_rng(abs(hash(float(x))) % 2**31)
    return math.sin(x) + 1e-3 * draw.normal(), 1e-3


def noisy(sizes, seed=0, f=math.sin):
    draw = np.random.default_rng(seed)
    return lambda x: (f(x) + sizes * draw.normal(size=np.shape(f(x))), sizes)


def shares(count, seed, errors, told, levels=(-8.0, -1.0)):
    """Return errors in bars, and estimates, of random functions under noise of a size that f tells."""
    rng, off, found = np.random.default_rng(seed), [], []
    for _ in range(count):
        f, slope = FUNCTIONS[rng.integers(len(FUNCTIONS))]
        x, level = rng.normal(), 10.0 ** rng.uniform(*levels)
        draw = np.random.default_rng(rng.integers(2**40))

        def values(y, f=f, x=x, level=level, draw=draw):
            size = errors(level, y - x, f(y))
            return f(y) + size * draw.normal(), told(size)

        est = secant.derivative(values, x, noise="returned")
        off.append(abs(est.value - slope(x)) / est.error)
        found.append(est)
    return np.array(off), found


@pytest.mark.parametrize(
    "errors",
    [
        lambda level, away, value: level,
        lambda level, away, value: level * abs(value),
        lambda level, away, value: level * (1.0 + 3.0 * abs(away)),
        lambda level, away, value: level * abs(away),
    ],
    ids=["constant", "relative", "growing", "vanishing"],
)
def test_bars_cover(errors) -> None:
    off, _ = shares(500, 3, errors, lambda size: size)
    assert np.mean(off <= 1.0) >= 0.98
    assert np.mean(off <= 3.0) >= 0.998


def test_errors_that_are_too_small_are_noticed_where_they_can_be() -> None:
    off, found = shares(500, 4, lambda level, away, value: level, lambda size: size / 3.0)
    assert np.mean(off <= 1.0) >= 0.96
    assert np.mean(off <= 3.0) >= 0.99
    assert np.mean([est.verdict is Verdict.NOISY for est in found]) >= 0.5
    assert any("that is more than the" in est.message for est in found)


def test_errors_of_zero() -> None:
    """True, they change nothing; a lie, and what is measured counts."""
    off, found = shares(500, 5, lambda level, away, value: 0.0, lambda size: 0.0)
    assert np.mean(off <= 1.0) >= 0.98
    assert {est.verdict for est in found} == {Verdict.OK}
    assert np.mean([est.evaluations for est in found]) < 16
    off, found = shares(200, 6, lambda level, away, value: level, lambda size: 0.0)
    assert np.mean(off <= 3.0) >= 0.98
    assert {est.verdict for est in found} <= {Verdict.NOISY, Verdict.UNRESOLVED}
    exact = secant.derivative(lambda x: (math.sin(x), 0), 1.0, noise="returned")
    plain = secant.derivative(math.sin, 1.0)
    assert (exact.value, exact.error, exact.evaluations) == (plain.value, plain.error, plain.evaluations)


def test_what_f_returns_is_what_is_told() -> None:
    draw = [np.random.default_rng(1) for _ in range(2)]
    told = secant.derivative(lambda x: math.sin(x) + 1e-3 * draw[0].normal(), 1.0, noise=1e-3)
    found = secant.derivative(lambda x: (math.sin(x) + 1e-3 * draw[1].normal(), 1e-3), 1.0, noise="returned")
    assert found == told


@pytest.mark.parametrize(
    "pair",
    [
        lambda x: [math.sin(x), 1e-3],
        lambda x: (np.float64(math.sin(x)), np.array(1e-3)),
        lambda x: collections.namedtuple("Mean", "value error")(math.sin(x), 1e-3),
        lambda x: (np.array(math.sin(x)), 1e-3),
    ],
)
def test_a_pair_is_any_sequence_of_two(pair) -> None:
    est = secant.derivative(pair, 1.0, noise="returned")
    assert est == secant.derivative(math.sin, 1.0, noise=1e-3)
    assert type(est.value) is float


def test_errors_that_grow_widen_bars() -> None:
    """In proportion, and with a word when they are far beyond the one at x."""

    def f(x, growth):
        return 3.0 * x, 1e-6 * (1.0 + growth * abs(x - 1.0))

    flat = secant.derivative(f, 1.0, noise="returned", args=(0.0,), max_step=0.25)
    some = secant.derivative(f, 1.0, noise="returned", args=(4.0,), max_step=0.25)
    much = secant.derivative(f, 1.0, noise="returned", args=(400.0,), max_step=0.25)
    assert flat.error < some.error < 3.0 * flat.error
    assert 20.0 * flat.error < much.error < 200.0 * flat.error
    assert (flat.verdict, some.verdict, much.verdict) == (Verdict.OK, Verdict.OK, Verdict.NOISY)
    assert "the standard error of f is up to" in much.message
    assert much.details[""].noise > 50e-6


def test_errors_away_from_x_count_where_there_is_none_at_x() -> None:
    est = secant.derivative(lambda x: (3.0 * x, 1e-3 if x != 1.0 else 0.0), 1.0, noise="returned", max_step=0.5)
    assert est.error > 1e-3
    assert est.verdict is Verdict.NOISY


def test_second_derivatives_widen_as_they_should() -> None:
    est = secant.derivative(
        lambda x: (x * x, 1e-6 if x != 1.0 else 0.0), 1.0, noise="returned", order=2, max_step=0.125
    )
    assert est.error > 1e-6 / 0.125**2
    assert abs(est.value - 2.0) <= est.error


def test_outputs_have_their_own() -> None:
    sizes = np.array([1e-2, 1e-6])

    def f(x):
        return np.array([math.sin(x), math.exp(x)])

    est = secant.derivative(noisy(sizes, 2, f), 1.0, noise="returned")
    again, third = noisy(sizes, 2, f), noisy(sizes, 2, f)
    told = secant.derivative(lambda x: again(x)[0], 1.0, noise=sizes)
    assert np.array_equal(est.value, told.value)
    assert np.array_equal(est.error, told.error)
    one = secant.derivative(lambda x: (third(x)[0], 1e-2), 1.0, noise="returned")
    assert one.error[1] > 1e2 * est.error[1]
    grown = secant.derivative(
        lambda x: (np.array([x, x]), [1e-6, 1e-6 + (x != 1.0)]), 1.0, noise="returned", max_step=0.25
    )
    assert grown.error[0] < 1e-4
    assert grown.error[1] > 1.0


def bowl(x):
    draw = np.random.default_rng(abs(hash(x.tobytes())) % 2**31)
    return float(np.sin(x).sum()) + 1e-4 * draw.normal(), 1e-4


@pytest.mark.parametrize("count", [1, 3, 40])
def test_gradients(count) -> None:
    x = np.linspace(0.1, 2.0, count)
    est = secant.gradient(bowl, x, noise="returned")
    told = secant.gradient(lambda x: bowl(x)[0], x, noise=1e-4)
    assert np.array_equal(est.value, told.value)
    assert np.array_equal(est.error, told.error)
    assert np.mean(np.abs(est.value - np.cos(x)) <= est.error) >= 0.97
    some = secant.gradient(bowl, x, noise="returned", wrt=[0])
    assert some.value[0] == est.value[0] or count == 1
    assert np.isnan(some.value[1:]).all()


def test_entries_are_widened_by_what_they_saw() -> None:
    """Also where only some entries vary, and in batches."""

    def f(x):
        return x[..., 0] + x[..., 1] + x[..., 2], 1e-6 * (1.0 + 1e3 * (x[..., 1] != 1.0))

    for how in ({}, {"vectorized": True}, {"wrt": [1, 2]}):
        est = secant.gradient(f, np.ones(3), noise="returned", max_step=0.25, **how)
        assert est.error[1] > 1e2 * est.error[2]
        assert est.verdicts[1] is Verdict.NOISY
        assert est.verdicts[2] is Verdict.OK


def test_jacobians_and_directions() -> None:
    draw, sizes = np.random.default_rng(3), np.array([1e-6, 1e-3])

    def f(x):
        return np.array([x @ x, np.sin(x).sum()]) + sizes * draw.normal(size=2), sizes

    x = np.linspace(0.5, 2.0, 20)
    est = secant.jacobian(f, x, noise="returned")
    assert est.value.shape == (2, 20)
    assert np.mean(np.abs(est.value - [2.0 * x, np.cos(x)]) <= est.error) >= 0.95
    assert est.error[0].max() < 0.1 * est.error[1].min()
    along = secant.directional(f, x, np.ones(20), noise="returned")
    assert np.all(np.abs(along.value - [2.0 * x.sum(), np.cos(x).sum()]) <= along.error)


def test_descents_take_the_error_of_each_point() -> None:
    def f(x):
        draw = np.random.default_rng(abs(hash(x.tobytes())) % 2**31)
        size = 1e-6 + 1e-3 * abs(x[0] - 1.0)
        return float(x @ x) + size * draw.normal(), size

    walk = secant.gradient_descent(f, np.array([3.0, 2.0]), lr=0.1, iterations=30, noise="returned")
    assert walk.fun < 0.1
    assert walk.values.shape == (31,)
    exact = secant.gradient_descent(lambda x: (float(x @ x), 0.0), np.array([3.0, 2.0]), lr=0.1, noise="returned")
    assert exact.verdict is secant.gradient_descent(lambda x: float(x @ x), np.array([3.0, 2.0]), lr=0.1).verdict
    with pytest.raises(secant.InputTypeError, match="must return one number"):
        secant.gradient_descent(lambda x: (x, 0.1), np.ones(2), noise="returned")


def test_batches() -> None:
    def f(x):
        return np.sin(x), np.full(np.shape(x), 1e-3)

    one = secant.derivative(lambda x: (math.sin(x), 1e-3), 1.0, noise="returned")
    for many in (f, lambda x: (np.sin(x), 1e-3)):
        est = secant.derivative(many, 1.0, noise="returned", vectorized=True)
        assert (est.value, est.error, est.verdict) == (one.value, one.error, one.verdict)
    points = secant.jacobian(lambda x: (x**2, np.full(len(x), 1e-3)), np.ones(3), noise="returned", vectorized=True)
    each = secant.jacobian(lambda x: (x**2, 1e-3), np.ones(3), noise="returned")
    assert np.allclose(points.error, each.error)


def test_workers_and_journals_change_nothing(tmp_path: Path) -> None:
    here = secant.derivative(sine, 1.0, noise="returned")
    assert secant.derivative(sine, 1.0, noise="returned", workers=2) == here
    with ThreadPoolExecutor(2) as pool:
        assert secant.derivative(sine, 1.0, noise="returned", workers=pool) == here
    path = tmp_path / "journal"
    assert secant.derivative(sine, 1.0, noise="returned", journal=path) == here
    size = path.stat().st_size
    again = secant.derivative(sine, 1.0, noise="returned", journal=path)
    assert (again.value, again.error, path.stat().st_size) == (here.value, here.error, size)
    with pytest.raises(secant.InputError, match="belongs to another question"):
        secant.derivative(sine, 1.0, journal=path)


def test_other_options() -> None:
    here = secant.derivative(sine, 1.0, noise="returned")
    known = secant.derivative(sine, 1.0, noise="returned", f0=sine(1.0))
    assert (known.value, known.error, known.evaluations) == (here.value, here.error, here.evaluations - 1)
    kept = secant.derivative(sine, 1.0, noise="returned", keep_samples=True)
    assert kept.samples.values.shape == (here.evaluations,)
    assert kept.samples.values[0] == sine(1.0)[0]
    cut = secant.derivative(sine, 1.0, noise="returned", deadline=1e-9)
    assert (cut.stopped, cut.evaluations) == ("deadline", 1)
    one = secant.derivative(sine, 1.0, noise="returned", bounds=(1.0, 2.0))
    assert one.verdict is Verdict.AT_BOUND
    assert abs(one.value - math.cos(1.0)) <= one.error
    assert secant.derivative(sine, 1.0, noise="returned", max_evaluations=7).evaluations <= 7

    def drawn(x, seed):
        return math.sin(x) + 1e-3 * np.random.default_rng(seed).normal(), 1e-3

    est = secant.derivative(drawn, 1.0, noise="returned", seed=3)
    assert abs(est.value - math.cos(1.0)) <= est.error
    assert np.allclose(secant.grad(bowl, noise="returned")(np.ones(2)), math.cos(1.0), atol=0.1)
    single = secant.derivative(lambda x: (np.sin(x), np.float32(0.0)), np.float32(1.0), noise="returned")
    plain = secant.derivative(np.sin, np.float32(1.0))
    assert (single.value, single.error) == (plain.value, plain.error)


def test_ends_of_domains() -> None:
    est = secant.derivative(lambda x: (x**1.5, 1e-9) if x >= 0 else (math.nan, math.nan), 0.0, noise="returned")
    assert est.verdict is Verdict.AT_BOUND
    # A complex value where f was real, and an exception, are ends as well.
    assert secant.derivative(lambda x: (x**1.5, 1e-9), 0.0, noise="returned").value == est.value
    assert secant.derivative(lambda x: (math.sqrt(x) * x, 1e-9), 0.0, noise="returned").verdict is Verdict.AT_BOUND
    lost = secant.derivative(lambda x: (math.nan, 0.1), 1.0, noise="returned")
    assert lost.verdict is Verdict.UNDEFINED
    with pytest.raises(ZeroDivisionError) as caught:
        secant.derivative(lambda x: (1.0 / x, 0.1), 0.0, noise="returned")
    assert caught.value.__notes__ == ["while evaluating f at x = 0.0"]


def test_prices() -> None:
    expected = secant.price(secant.derivative, math.sin, 1.0)
    found = secant.price(secant.derivative, sine, 1.0, noise="returned")
    assert (found.evaluations, found.at_most) == (expected.evaluations, expected.at_most)
    both = secant.price(secant.jacobian, lambda x: (x, 0.1), np.ones(2), noise="returned")
    assert both.at_most == secant.price(secant.jacobian, lambda x: x, np.ones(2)).at_most
    with pytest.raises(secant.InputError, match="`noise='returned'` is for derivative"):
        secant.price(secant.hessian, never, np.ones(2), noise="returned")
    with pytest.raises(secant.InputTypeError, match=r"it returned an array of shape \(2,\)"):
        secant.price(secant.gradient, lambda x: (x, 0.1), np.ones(2), noise="returned")


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x, "`f` must return a pair with `noise='returned'`: its value, and the standard error of that; got"),
        (lambda x: (x,), "got a tuple of length 1"),
        (lambda x: [x, 0.1, 0.2], "got a list of length 3"),
        (lambda x: np.array([x, 0.1]), "got an ndarray"),
        (lambda x: None, "got None"),
        (lambda x: (None, 0.1), "`f` returned None"),
        (lambda x: (x, None), "the standard error of `f` must be a real number, or an array of them; got None"),
        (lambda x: (x, "0.1"), "got a str"),
        (lambda x: (x, 1j), "got a complex"),
        (lambda x: (x, -0.1), "the standard error of `f` must be a finite number of at least 0; got -0.1"),
        (lambda x: (x, math.nan), "got nan"),
        (lambda x: (x, 0.1 if x == 1.0 else math.inf), "got inf"),
        (lambda x: (np.ones(2) * x, [0.1, -1.0]), "got -1.0"),
        (lambda x: (np.ones(2) * x, np.ones(3)), r"must be a number, or of its shape (2,); got shape (3,)"),
        (lambda x: (x, [0.1, 0.1]), "must be a number, or of its shape (); got shape (2,)"),
        (lambda x: (x * 1j, 0.1), "`f` must return real values with `noise='returned'`; got complex ones"),
        (lambda x: (np.zeros(2 if x == 1.0 else 3), 0.1), "values of one shape; got (3,) after (2,)"),
        (lambda x: ({"a": x}, 0.1), "got a dict"),
    ],
)
def test_what_is_no_pair_is_refused(f, words) -> None:
    with pytest.raises(secant.OutputError) as caught:
        secant.derivative(f, 1.0, noise="returned")
    assert words in str(caught.value)
    assert caught.value.__notes__[0].startswith("while evaluating f at x = 1")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: secant.derivative(never, 1.0, noise="returned", step=0.1), "a fixed `step`, which has no bar"),
        (lambda: secant.gradient(never, np.ones(2), noise="returned", method="complex"), "`method='complex'`"),
        (lambda: secant.derivative(never, 1.0, noise="returned", scale=0.1), "`scale` must be left out"),
        (
            lambda: secant.jacobian(never, np.ones(2), noise="returned", sparsity=np.eye(2)),
            "jacobian (without `sparsity`)",
        ),
        (lambda: secant.gradient(never, np.ones(2), noise="returned", vectorized="vmap"), "`vectorized='vmap'`"),
        (lambda: secant.derivative(secant.Recording(never), 1.0, noise="returned"), "a recording"),
        (lambda: secant.derivative(secant.MockEvaluator(never), 1.0, noise="returned"), "an evaluator"),
        (lambda: secant.hessian(never, np.ones(2), noise="returned"), "is for derivative, gradient, directional"),
        (lambda: secant.hvp(never, np.ones(2), np.ones(2), noise="returned"), "is for derivative, gradient"),
        (lambda: secant.check_gradient(never, never, np.ones(2), noise="returned"), "is for derivative, gradient"),
        (lambda: secant.derivative(never, 1.0, noise="Returned"), "`noise` must be a number of at least 0"),
        (lambda: secant.derivative(3.0, 1.0, noise="returned"), "`f` must be callable; got a float"),
    ],
)
def test_what_does_not_go_together_is_said_before_f_is_called(ask, words) -> None:
    with pytest.raises((secant.InputError, secant.InputTypeError)) as caught:
        ask()
    assert words in str(caught.value)


def test_what_is_known_is_a_pair_as_well() -> None:
    with pytest.raises(secant.OutputError, match="`f0` must be a pair with `noise='returned'`"):
        secant.derivative(sine, 1.0, noise="returned", f0=0.84)
