"""Noise of each output: what may be given, that each has its own, and what is measured."""

import math

import numpy as np
import pytest

import secant

SIZES = np.array([1e-2, 1e-5, 1e-9])


def never(*args):
    raise AssertionError("f was called")


def shaken(seed, sizes=SIZES):
    """Return an f of three outputs under Gaussian noise of given sizes."""
    draw = np.random.default_rng(seed)
    return lambda x: np.array([math.sin(x), math.exp(x), x**3]) + sizes * draw.normal(size=3)


TRUTH = np.array([math.cos(1.0), math.e, 3.0])


def test_each_output_has_its_own_noise() -> None:
    off = []
    for seed in range(60):
        est = secant.derivative(shaken(seed), 1.0, noise=SIZES)
        assert np.all(est.error <= 1e3 * SIZES)
        assert np.all(est.error >= SIZES)
        off += (np.abs(est.value - TRUTH) / est.error).tolist()
    assert sum(share <= 1.0 for share in off) >= 0.98 * len(off)
    assert max(off) <= 3.0


def test_an_output_alone_says_the_same() -> None:
    """Outputs share evaluations, and no output is disturbed by the noise of another."""

    def f(x):
        return np.array([math.sin(x), 1e3 * math.exp(-x), 1.0])

    est = secant.derivative(f, 0.7, noise=[1e-3, 1.0, 0.0])
    for k, level in enumerate((1e-3, 1.0, 0.0)):
        alone = secant.derivative(lambda x, k=k: f(x)[k], 0.7, noise=level)
        assert (est.value[k], est.error[k], est.verdicts[k]) == (alone.value, alone.error, alone.verdict)


@pytest.mark.parametrize(
    ("noise", "levels"),
    [
        (0.5, [[0.5, 0.5], [0.5, 0.5]]),
        ([0.5, 0.25], [[0.5, 0.25], [0.5, 0.25]]),
        ([[0.5], [0.25]], [[0.5, 0.5], [0.25, 0.25]]),
        (np.array([[0.5, 0.25], [0.125, 1.0]], dtype=np.float32), [[0.5, 0.25], [0.125, 1.0]]),
        (np.array(0.5), [[0.5, 0.5], [0.5, 0.5]]),
        ([[1]], [[1.0, 1.0], [1.0, 1.0]]),
        (secant.Noise([0.5, 0.0], [[0.0], [0.125]]), [[0.5, 0.0], [0.875, 0.5]]),
        (secant.Noise(0.0, 0.25), [[0.25, 0.5], [0.75, 1.0]]),
    ],
)
def test_noise_is_spread_over_the_outputs(noise, levels) -> None:
    """Of a straight line, where the bar says what the noise was."""

    def f(x):
        return np.array([[1.0, 2.0], [3.0, 4.0]]) + np.array([[5.0, 6.0], [7.0, 8.0]]) * x

    est = secant.derivative(f, 0.0, noise=noise)
    each = secant.derivative(f, 0.0, noise=np.array(levels))
    assert np.array_equal(est.error, each.error)
    assert np.all(np.abs(est.value - [[5.0, 6.0], [7.0, 8.0]]) <= est.error + 1e-14)
    quiet = np.array(levels) == 0.0
    assert np.all(est.error[quiet] < 1e-13)
    assert np.all(est.error[~quiet] > 1e-10)


@pytest.mark.parametrize("noise", [[1.0, 2.0], np.ones((2, 3)), np.ones((1, 3, 1))])
def test_noise_of_another_shape_is_refused_when_f_is_known(noise) -> None:
    calls = []

    def f(x):
        calls.append(x)
        return np.ones(3) * x

    with pytest.raises(secant.InputError, match=r"`noise` must be a number or have the shape of f's values, \(3,\)"):
        secant.derivative(f, 1.0, noise=noise)
    assert calls == [1.0]


@pytest.mark.parametrize(
    ("noise", "error", "words"),
    [
        ([1.0, -1.0], secant.InputError, "got -1 at [1]"),
        ([[1.0, math.inf]], secant.InputError, "got inf at [0, 1]"),
        (np.array(math.nan), secant.InputError, "got nan"),
        ([], secant.InputTypeError, "an array of shape (0,)"),
        (np.ones(2, dtype=bool), secant.InputTypeError, "dtype bool"),
        (np.ones(2, dtype=complex), secant.InputTypeError, "dtype complex128"),
        ([1.0, [2.0]], secant.InputTypeError, "one for each of f's values"),
        (secant.Noise([1.0, -1.0]), secant.InputError, "got -1 at [1]"),
        (secant.Noise(0.0, [math.nan]), secant.InputError, "got nan at [0]"),
    ],
)
def test_bad_noise_is_refused_before_f_is_called(noise, error, words) -> None:
    for ask in (
        lambda: secant.derivative(never, 1.0, noise=noise),
        lambda: secant.directional(never, np.ones(2), np.ones(2), noise=noise),
        lambda: secant.jacobian(never, np.ones(2), noise=noise),
    ):
        with pytest.raises(error, match="`noise` must be a number of at least 0") as caught:
            ask()
        assert words in str(caught.value)


def test_where_f_returns_one_number_so_is_the_noise() -> None:
    for ask in (
        lambda: secant.gradient(never, np.ones(2), noise=[1.0, 2.0]),
        lambda: secant.gradient_descent(never, np.ones(2), noise=np.ones(2)),
        lambda: secant.hessian(never, np.ones(2), noise=[1.0]),
        lambda: secant.gradient(never, np.ones(2), noise=secant.Noise(np.ones(1))),
    ):
        with pytest.raises(secant.InputTypeError, match="`noise` must be a number of at least 0, or a Noise"):
            ask()


def test_jacobians_have_noise_by_row() -> None:
    def f(x):
        return np.array([x @ x, np.sin(x).sum()])

    x = np.linspace(0.5, 2.0, 30)
    truth = np.array([2.0 * x, np.cos(x)])
    for count in (2, 30):  # few lines, and many side by side
        draw, sizes = np.random.default_rng(count), np.array([1e-6, 1e-3])
        part = x[:count]
        est = secant.jacobian(lambda x, d=draw, s=sizes: f(x) + s * d.normal(size=2), part, noise=sizes)
        assert np.mean(np.abs(est.value - truth[:, :count]) <= est.error) >= 0.96
        assert est.error[0].max() < 0.1 * est.error[1].min()
        alone = secant.gradient(lambda x: f(x)[0], part, noise=1e-6)
        quiet = secant.jacobian(f, part, noise=sizes)
        assert np.array_equal(quiet.error[0], alone.error)


def test_the_loudest_row_of_a_sparse_jacobian_counts_for_all() -> None:
    pytest.importorskip("scipy")

    def f(x):
        return np.array([x[0] ** 2, x[1] ** 3, x[2]])

    est = secant.jacobian(f, np.ones(3), sparsity=np.eye(3), noise=[1e-8, 1e-2, 0.0])
    loud = secant.jacobian(f, np.ones(3), sparsity=np.eye(3), noise=1e-2)
    assert np.array_equal(est.error.toarray(), loud.error.toarray())


def test_directions_and_the_complex_step() -> None:
    draw = np.random.default_rng(5)

    def f(x):
        return np.array([np.exp(x[1]), np.exp(x[0])])

    def noisy(x):
        return f(x) + [1e-4, 1e-8] * draw.normal(size=2)

    est = secant.directional(noisy, np.array([1.0, 1.0]), np.array([1.0, 1.0]), noise=[1e-4, 1e-8])
    assert np.all(np.abs(est.value - [math.e, math.e]) <= est.error)
    assert est.error[1] < 1e-2 * est.error[0]
    loose = secant.directional(f, np.ones(2), np.ones(2), method="complex", noise=[1e-4, 0.0])
    assert loose.error[0] > 1e-2
    assert loose.error[1] < 1e-9


def test_complex_values_carry_the_noise_of_both_parts() -> None:
    est = secant.derivative(lambda x: np.array([np.exp(1j * x), 1e6 * x + 0j]), 1.0, noise=[1e-3, 1e-9])
    assert est.error[0] > 1e-3
    assert est.error[1] < 1e-3


def test_the_noise_of_each_value_is_measured() -> None:
    levels = []
    for seed in range(20):
        found = secant.noise(shaken(seed), 1.0)
        assert found.absolute.shape == found.relative.shape == (3,)
        assert 7 <= found.evaluations <= 40
        levels.append(found.absolute / SIZES)
    assert np.all(np.abs(np.median(levels, axis=0) - 1.0) < 0.6)
    mixed = secant.noise(lambda x: np.array([[math.sin(x), np.float32(math.exp(x))], [7.0, math.nan]]), 1.0)
    assert mixed.relative[0, 0] < 1e-15 < mixed.relative[0, 1] < 1e-6
    assert (mixed.absolute[1, 0], mixed.relative[1, 0]) == (0.0, 0.0)
    assert math.isnan(mixed.absolute[1, 1])
    back = secant.from_json(mixed.to_json())
    assert np.array_equal(back.absolute, mixed.absolute, equal_nan=True)
    assert back.note == mixed.note
    assert str(mixed).isascii()


def test_outputs_are_measured_as_if_they_were_alone() -> None:
    def f(x):
        return np.array([math.sin(x), round(math.exp(x), 5), float(np.float32(x * x))])

    together = secant.noise(f, 0.3)
    for k in range(3):
        alone = secant.noise(lambda x, k=k: f(x)[k], 0.3)
        assert (together.absolute[k], together.relative[k]) == (alone.absolute, alone.relative)
        assert alone.evaluations <= together.evaluations


def test_what_was_measured_serves_as_noise() -> None:
    noise = secant.noise(shaken(1), 1.0)
    est = secant.derivative(shaken(2), 1.0, noise=noise)
    assert np.all(np.abs(est.value - TRUTH) <= 2.0 * est.error)
    assert np.allclose(noise.level(np.ones(3)), noise.absolute + noise.relative)
