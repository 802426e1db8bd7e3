"""Second derivatives by pairs of directions: coverage, evaluations, budgets, and what has no second derivative."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from secant.core.hessians import PAIRS, curvatures
from secant.core.ladder import Line
from secant.core.request import run
from secant.core.verdicts import Verdict
from secant.evaluation.evaluator import Evaluator


def full(f, x, most=None, **how):
    """Return value, error and verdict of every entry, and the evaluations."""
    evaluator = Evaluator(f, np.asarray(x, dtype=float))
    base, n = evaluator.base, evaluator.base.size
    problems = [Line(v, abs(v), order=2, **{"budget": 60, "pairs": PAIRS, **how}) for v in base.tolist()]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    found = run(curvatures(base, problems, pairs, most=most), evaluator)
    value, error = np.zeros((n, n)), np.zeros((n, n))
    verdicts = np.empty((n, n), dtype=object)
    for (i, j), slope in zip([(i, i) for i in range(n)] + pairs, found.axes + found.mixed, strict=True):
        value[i, j] = value[j, i] = slope.value
        error[i, j] = error[j, i] = slope.error
        verdicts[i, j] = verdicts[j, i] = slope.verdict
    return value, error, verdicts, evaluator.evaluations


def rosenbrock(x):
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x.tolist()))


def rosenbrock_hessian(x):
    n = len(x)
    h = np.zeros((n, n))
    for i in range(n - 1):
        h[i, i] += 1200.0 * x[i] ** 2 - 400.0 * x[i + 1] + 2.0
        h[i, i + 1] = h[i + 1, i] = -400.0 * x[i]
        h[i + 1, i + 1] += 200.0
    return h


def log_sum_exp(x):
    return math.log(math.fsum(math.exp(v) for v in x.tolist()))


def log_sum_exp_hessian(x):
    p = np.exp(x) / np.exp(x).sum()
    return np.diag(p) - np.outer(p, p)


def bell(x):
    return math.exp(-0.2 * math.fsum(v * v for v in x.tolist()))


def bell_hessian(x):
    return math.exp(-0.2 * (x @ x)) * (0.16 * np.outer(x, x) - 0.4 * np.eye(len(x)))


def waves(x):
    return math.sin(x[0] * x[1]) + math.fsum(math.cos(a * b) for a, b in pairwise(x.tolist()))


def waves_hessian(x):
    n = len(x)
    h = np.zeros((n, n))
    for i in range(n - 1):
        a, b = x[i], x[i + 1]
        s, c = math.sin(a * b), math.cos(a * b)
        h[i, i] -= b * b * c
        h[i + 1, i + 1] -= a * a * c
        h[i, i + 1] = h[i + 1, i] = -s - a * b * c
    s, c = math.sin(x[0] * x[1]), math.cos(x[0] * x[1])
    h[0, 0] -= x[1] ** 2 * s
    h[1, 1] -= x[0] ** 2 * s
    h[0, 1] += c - x[0] * x[1] * s
    h[1, 0] = h[0, 1]
    return h


PROBLEMS = {
    "Rosenbrock": (rosenbrock, rosenbrock_hessian),
    "log-sum-exp": (log_sum_exp, log_sum_exp_hessian),
    "bell": (bell, bell_hessian),
    "waves": (waves, waves_hessian),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_ten_entries_cost_400_evaluations_and_are_known_to_ten_digits(name) -> None:
    f, truth = PROBLEMS[name]
    digits, covered, count = [], 0, 0
    for seed in range(6):
        x = np.random.default_rng(seed).uniform(-2, 2, 10)
        value, error, verdicts, evaluations = full(f, x)
        assert evaluations <= 420
        exact = truth(x)
        wrong = np.abs(value - exact)
        assert np.all(wrong <= 3.0 * error)
        assert set(verdicts.ravel()) <= {Verdict.OK, Verdict.NOISY}
        upper = np.triu_indices(10)
        covered += int((wrong <= error)[upper].sum())
        count += len(upper[0])
        digits += (-np.log10(np.maximum(wrong / np.abs(exact).max(), 1e-16)))[upper].tolist()
    assert covered >= 0.98 * count
    assert np.median(digits) >= 10.5
    assert np.quantile(digits, 0.1) >= 9.0


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_usual_count_is_below_400(name) -> None:
    counts = [full(PROBLEMS[name][0], np.random.default_rng(seed).uniform(-2, 2, 10))[3] for seed in range(6)]
    assert np.median(counts) <= 400


@pytest.mark.parametrize("level", [1e-3, 1e-6])
def test_noise_is_covered_and_named(level) -> None:
    covered = count = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, 4)
        value, error, verdicts, _ = full(lambda x, rng=rng: bell(x) + level * rng.standard_normal(), x)
        assert set(verdicts.ravel()) <= {Verdict.NOISY, Verdict.UNRESOLVED}
        finite = np.isfinite(error)
        covered += int((np.abs(value - bell_hessian(x)) <= error)[finite].sum())
        count += int(finite.sum())
    assert count >= 100
    assert covered >= 0.95 * count


@pytest.mark.parametrize("scale", [(1e-6, 1e6), (1e-150, 1e150), (1e8, 1e-8)])
def test_units_may_be_far_apart(scale) -> None:
    s = np.array(scale)
    x = np.array([0.7, 1.3]) * s

    def f(x):
        a, b = (x / s).tolist()
        return math.sin(a) * math.exp(b) + a * b * b

    value, error, verdicts, _ = full(f, x)
    a, b = 0.7, 1.3
    exact = np.array(
        [
            [-math.sin(a) * math.exp(b), math.cos(a) * math.exp(b) + 2 * b],
            [math.cos(a) * math.exp(b) + 2 * b, math.sin(a) * math.exp(b) + 2 * a],
        ]
    )
    assert np.all(verdicts == Verdict.OK)
    flat = value * s[:, None] * s
    assert np.all(np.abs(flat - exact) <= 2.0 * error * s[:, None] * s)
    assert np.all(error * s[:, None] * s < 1e-6)


def test_where_axes_see_nothing_pairs_do() -> None:
    """Along both axes f is constant, and its scale along neither."""
    value, error, verdicts, _ = full(lambda x: math.sin(30.0 * x[0] * x[1]), [0.0, 0.0])
    assert abs(value[0, 1] - 30.0) <= error[0, 1] < 1e-4
    assert np.all(verdicts == Verdict.OK)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: min(abs(x[0]), abs(x[1])),
        lambda x: math.hypot(x[0], x[1]) - abs(x[0]) - abs(x[1]),
        lambda x: math.sqrt(abs(x[0] * x[1])),
        lambda x: math.sin(1e7 * x[0] * x[1]),
    ],
)
def test_what_axes_do_not_see_is_not_claimed(f) -> None:
    """Constant along both axes, creased or too fast between them."""
    _, error, verdicts, _ = full(f, [0.0, 0.0])
    assert verdicts[0, 1].severity >= Verdict.UNRESOLVED.severity
    assert error[0, 1] > 0.3


@pytest.mark.parametrize(
    "f", [lambda x: abs(x[0]) + x[1] * x[0], lambda x: abs(x[0]) ** 1.5 * (1.0 + x[1]), lambda x: abs(x[0] - x[1])]
)
def test_an_axis_without_a_second_derivative_has_no_number(f) -> None:
    value, error, verdicts, _ = full(f, [0.0, 0.0])
    assert verdicts[0, 0] is Verdict.UNDEFINED
    assert np.isnan(value[0, 0])
    assert np.isnan(value[0, 1])
    assert error[0, 1] == np.inf
    assert verdicts[0, 1].severity >= Verdict.UNRESOLVED.severity


@pytest.mark.parametrize("most", [1, 2, 8, 20, 40, 60, 80])
def test_budgets_are_kept_and_what_they_leave_is_covered(most) -> None:
    x = np.array([0.3, -0.8, 1.1])
    value, error, verdicts, evaluations = full(bell, x, most=most)
    assert evaluations <= most
    wrong = np.abs(value - bell_hessian(x))
    usable = np.isin(verdicts.astype(str), ["ok", "noisy", "at bound"])
    assert np.all(wrong[usable] <= 3.0 * error[usable])
    assert np.all(np.isnan(value) | (wrong <= 3.0 * error))


def test_room_is_kept_to_both_sides() -> None:
    seen = []

    def f(x):
        seen.append(x.copy())
        return bell(x)

    x = np.array([0.3, -0.8])
    value, error, verdicts, _ = full(f, x, below=0.01, above=0.02, max_step=0.05)
    points = np.array(seen)
    assert np.all(points >= x - 0.01)
    assert np.all(points <= x + 0.02)
    assert np.all(np.abs(value - bell_hessian(x)) <= 2.0 * error)
    assert np.all(verdicts == Verdict.OK)


def test_one_side_will_do() -> None:
    x = np.array([0.3, -0.8, 0.5])
    value, error, verdicts, _ = full(bell, x, below=0.0)
    assert np.all(verdicts == Verdict.AT_BOUND)
    assert np.all(np.abs(value - bell_hessian(x)) <= 2.0 * error)
    assert np.all(error < 1e-4)


def test_a_product_takes_a_direction_for_an_axis() -> None:
    x, v = np.array([0.3, -0.8, 0.5]), np.array([1.0, 0.0, -2.0])
    evaluator = Evaluator(bell, x)
    problems = [Line(t, abs(t), order=2, budget=60) for t in x.tolist()]
    along = Line(0.0, 0.25, order=2, budget=60, resolution=1e-16, argument=0.5)
    pairs = [(i, 3) for i in range(3)]
    found = run(curvatures(x, problems, pairs, v, along), evaluator)
    exact = bell_hessian(x) @ v
    assert abs(found.axes[3].value - v @ exact) <= found.axes[3].error < 1e-9
    for slope, entry in zip(found.mixed, exact, strict=True):
        assert abs(slope.value - entry) <= slope.error < 1e-7


#: What f does beside a plane that misses x, u being the distance from it, and the second derivative by u.
BENDS = {
    "kink": (lambda u, w: max(u, 0.0), lambda u, w: 0.0),
    "fold": (lambda u, w: abs(u), lambda u, w: 0.0),
    "jump": (lambda u, w: float(u > 0.0), lambda u, w: 0.0),
    "step": (
        lambda u, w: math.tanh(u / w),
        lambda u, w: -2.0 * math.tanh(u / w) * (1.0 - math.tanh(u / w) ** 2) / w**2,
    ),
    "steep": (
        lambda u, w: w * float(np.logaddexp(0.0, u / w)),
        lambda u, w: 0.25 * (1.0 - math.tanh(0.5 * u / w) ** 2) / w,
    ),
    "square": (lambda u, w: max(u, 0.0) ** 2, lambda u, w: 2.0 * (u > 0.0)),
}


def beside(kind, seed):
    """Return a smooth function with something of a kind beside x, x, and the Hessian there."""
    rng = np.random.default_rng(seed)
    x, a, p = rng.normal(size=2) * 10.0 ** rng.uniform(-1, 1), rng.normal(size=2), rng.normal(size=2)
    d = rng.choice([-1.0, 1.0]) * 0.3 * 10.0 ** rng.uniform(-4, 0.5) * float(np.abs(a) @ np.abs(x))
    w, c = abs(d) * 10.0 ** rng.uniform(-3, 0), 10.0 ** rng.uniform(-2, 1)
    bend, second = BENDS[kind]

    def f(y):
        return math.sin(p @ y) + y[0] * y[1] + c * bend(float(a @ (y - x)) + d, w)

    smooth = np.array([[0.0, 1.0], [1.0, 0.0]]) - math.sin(p @ x) * np.outer(p, p)
    return f, x, smooth + c * second(d, w) * np.outer(a, a)


def product(f, x, v):
    """Return value, error and verdict of the entries of a product with a vector."""
    evaluator = Evaluator(f, x)
    problems = [Line(t, abs(t), order=2, budget=60, pairs=PAIRS) for t in x.tolist()]
    share = np.abs(x) / np.abs(v)
    along = Line(0.0, share.min(), order=2, budget=60, pairs=PAIRS, resolution=2.0**-52 * share.max())
    found = run(curvatures(x, problems, [(0, 2), (1, 2)], v, replace(along, argument=share.max())), evaluator).mixed
    return (np.array([getattr(slope, name) for slope in found]) for name in ("value", "error", "verdict"))


@pytest.mark.parametrize("kind", BENDS)
@pytest.mark.parametrize("which", ["Hessian", "product"])
def test_what_lies_beside_x_does_not_enter_mixed_derivatives(which, kind) -> None:
    """A kink, a jump or a steep bend in reach of the lines: what is claimed holds."""
    wrong, claimed, count = [], 0, 150
    for seed in range(count):
        f, x, exact = beside(kind, seed)
        if which == "Hessian":
            value, error, verdicts, _ = full(f, x)
        else:
            v = np.random.default_rng([seed, 1]).normal(size=2)
            exact = exact @ v
            value, error, verdicts = product(f, x, v)
        ok = verdicts == Verdict.OK
        claimed += bool(ok.all())
        if np.any(ok & (np.abs(value - exact) > 6.0 * error + 1e-9 * (1.0 + np.abs(exact)))):
            wrong.append(seed)
    assert len(wrong) <= 0.01 * count, wrong
    assert claimed >= 0.7 * count


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (lambda x: max(x[0] + x[1] - 2.0, 0.0), 0.0),
        (lambda x: math.sin(x[0]) * x[1] + max(x[0] + x[1] - 2.999, 0.0), math.cos(1.0)),
    ],
)
def test_a_kink_beyond_the_steps_that_count_leaves_no_trace(f, exact) -> None:
    value, error, verdicts, _ = full(f, [1.0, 2.0])
    assert np.all(verdicts == Verdict.OK)
    assert abs(value[0, 1] - exact) <= error[0, 1] < 1e-5
