"""The difference table against noise that was put there, and `noise=` with what was found."""

import math

import numpy as np
import pytest

import secant
from secant.core.noise import agreed, columns, lattice, measure, spacings
from secant.core.request import Reply, run
from zoo import HARD, SMOOTH

U = 2.0**-53


@pytest.mark.parametrize("size", [1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize("f", [math.sin, lambda x: 1e-3 * (x - 1.0), lambda x: x * x])
def test_noise_that_was_put_there_is_found(size, f) -> None:
    found = []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        noise = secant.noise(lambda x, draw=draw: f(x) + size * draw.normal(), 1.0)
        assert noise.relative == 0.0
        found.append(noise.absolute / size)
        assert 7 <= noise.evaluations <= 16
    # Six differences tell a standard deviation to within a factor of two or so; no draw is far off.
    assert 0.6 < np.median(found) < 1.4
    assert min(found) > 0.1
    assert max(found) < 4.0


@pytest.mark.parametrize("animal", SMOOTH, ids=lambda animal: animal.name)
def test_smooth_functions_have_their_rounding_only(animal) -> None:
    noise = secant.noise(animal.f, animal.x)
    assert noise.absolute == 0.0
    assert noise.relative < 8.0 * U
    assert 7 <= noise.evaluations <= 16
    if animal.name not in ("constant", "exp at 1e-16"):
        assert noise.relative > 0.2 * U


@pytest.mark.parametrize("animal", HARD, ids=lambda animal: animal.name)
def test_hard_functions_have_the_rounding_of_their_argument(animal) -> None:
    noise = secant.noise(animal.f, animal.x)
    known = U * (abs(animal.f(animal.x)) + abs(animal.x * animal.truth))
    assert noise.level(animal.f(animal.x)) <= 2.0 * known
    assert noise.evaluations <= 16


@pytest.mark.parametrize("digits", range(1, 13))
@pytest.mark.parametrize("x", [1.0, 1.234, -2.7])
def test_rounded_values(digits, x) -> None:
    q = 10.0**-digits
    noise = secant.noise(lambda x: round(math.sin(x), digits), x)
    assert 0.15 < noise.level(math.sin(x)) / q < 1.0
    assert noise.evaluations <= 16


def test_digits_cut_off_do_not_hide_behind_even_steps() -> None:
    # One row of even points in six falls on the lattice so evenly that its table sees a straight line.
    draw = np.random.default_rng(5)
    shares = []
    for x, digits in zip(draw.uniform(0.5, 3.0, 300).tolist(), draw.integers(3, 12, 300).tolist(), strict=True):
        noise = secant.noise(lambda x, digits=digits: round(math.exp(x), digits), x)
        assert noise.evaluations <= 16
        shares.append(noise.level(math.exp(x)) * 10.0**digits)
    assert min(shares) > 0.02
    assert np.quantile(shares, 0.02) > 0.1
    assert max(shares) < 1.0


def test_low_precision_is_found_out() -> None:
    for dtype, u in (("float32", 2.0**-24), ("float16", 2.0**-11)):
        kind = np.dtype(dtype).type
        for f in (lambda x, kind=kind: float(np.sin(kind(x))), lambda x, kind=kind: np.sin(kind(x))):
            noise = secant.noise(f, 1.0)
            assert noise.note == f"rounding of {dtype}"
            assert 0.2 * u < noise.relative < 2.0 * u
    hidden = secant.noise(lambda x: 1.0 + 0.3 * float(np.sin(np.float32(x)) * np.float32(2.2)), 1.0)
    assert hidden.note == "about the rounding of float32"


def test_arrays_trees_and_dtypes() -> None:
    wide = secant.noise(lambda x: float((x**2).sum()), np.arange(1000) + 1.0)
    assert wide.absolute == 0.0 < wide.relative < 8.0 * U
    single = secant.noise(lambda x: (x**2).sum(), np.arange(1, 6, dtype=np.float32))
    assert single.note == "rounding of float32"
    tree = {"w": np.ones((2, 3)), "b": 1e-9}
    first, second = (secant.noise(lambda p: float(p["w"].sum()) * p["b"], tree, seed=seed) for seed in (0, 1))
    assert first != second
    assert first == secant.noise(lambda p: float(p["w"].sum()) * p["b"], tree, seed=0)
    assert max(first.relative, second.relative) < 8.0 * U


def test_constants_corners_jumps_and_ends() -> None:
    assert secant.noise(lambda x: 7.0, 1.0).level(7.0) == 0.0
    for f, x in ((lambda x: 1.0 + abs(x), 0.0), (lambda x: x + abs(x - 1.0), 1.0), (lambda x: x + (x >= 1.0), 1.0)):
        noise = secant.noise(f, x)
        assert (noise.absolute, noise.note) == (0.0, "rounding of float64")
        assert noise.evaluations <= 16
    assert secant.noise(lambda x: math.sqrt(x - 1.0) + x, 1.0 + 1e-12).evaluations <= 16
    nowhere = secant.noise(lambda x: 1.0 if x == 1.0 else math.nan, 1.0)
    assert math.isnan(nowhere.absolute)
    assert "no finite values" in str(nowhere)


def test_a_fast_wave_is_not_noise() -> None:
    for w in (1e7, 1e8, 3e8):
        noise = secant.noise(lambda x, w=w: 2.0 + math.sin(w * x), 1.0)
        assert noise.level(2.0) < 4.0 * U * w


def test_the_table_by_hand() -> None:
    levels = columns([1.0, -1.0, 1.0, -1.0])
    assert [level for level, _ in levels] == pytest.approx([2.0 / 2**0.5, 4.0 / 6**0.5, 8.0 / 20**0.5])
    assert [changes for _, changes in levels] == [True, True, False]
    assert math.isnan(agreed([(1.0, False), (1.0, False), (1.0, True), (1.0, True)]))
    assert math.isnan(agreed([(1.0, True), (0.1, True), (0.9, True)]))
    assert lattice([0.0, 0.3, 0.9, 2.1]) == pytest.approx(0.3)
    assert lattice([0.0, 0.6, 1.5, 2.1]) == pytest.approx(0.3)
    assert lattice([1.0, 1.0 + 2 * U, 1.0 + 6 * U, 2.0]) == 0.0


def test_the_core_needs_no_function() -> None:
    asked = []

    def answer(request):
        asked.append(len(request.t))
        return Reply([(-1.0) ** round(t) for t in request.t])

    (noise,) = run(measure(np.zeros(1), spacings(np.zeros(1), U, 3), U), answer)
    assert asked == [7, 6]
    assert noise.evaluations == 13


@pytest.mark.parametrize(
    ("how", "words"),
    [({"seed": -1}, "`seed`"), ({"seed": 1.5}, "`seed`"), ({"on_error": "no"}, "`on_error`"), ({"args": 1}, "`args`")],
)
def test_bad_input(how, words) -> None:
    with pytest.raises(secant.SecantError, match=words):
        secant.noise(math.sin, 1.0, **how)
    with pytest.raises(secant.InputTypeError, match="real numbers for `noise`"):
        secant.noise(lambda x: np.array([x, 1j * x]), 1.0)


def test_a_noise_for_other_questions() -> None:
    level = 1e-6

    def f(x):
        return math.exp(x) + level * math.sin(1e9 * x)

    plain = secant.derivative(f, 1.0, noise=2.0 * level)
    assert secant.derivative(f, 1.0, noise=secant.Noise(2.0 * level)) == plain
    relative = secant.derivative(f, 1.0, noise=secant.Noise(level, level / f(1.0)))
    assert relative.evaluations == plain.evaluations  # f(x) tells the level, and is not asked for again
    assert float(relative) == pytest.approx(float(plain), abs=1e-12)
    x, v = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    noise = secant.Noise(0.0, 1e-6)
    for ask in (
        lambda **how: secant.gradient(math.prod, x, **how),
        lambda **how: secant.directional(math.prod, x, v, **how),
    ):
        assert ask(noise=noise).evaluations == ask(noise=noise.level(2.0)).evaluations
        assert np.array_equal(ask(noise=noise).error, ask(noise=noise.level(2.0)).error)
        assert ask(noise=noise, max_evaluations=20).evaluations <= 20
    walk = secant.gradient_descent(lambda x: float(x @ x), x, lr=0.1, iterations=5, noise=noise)
    assert walk.fun < 5.0
    assert secant.derivative(math.sin, 1.0, noise=noise, max_evaluations=1).evaluations == 1


@pytest.mark.parametrize(
    "noise", [secant.Noise(-1.0), secant.Noise(0.0, -1.0), secant.Noise(math.nan), secant.Noise(0.0, math.inf)]
)
def test_a_noise_that_is_none(noise) -> None:
    with pytest.raises(secant.InputError, match="`noise` must be a number of at least 0, or a Noise"):
        secant.derivative(math.sin, 1.0, noise=noise)
