"""The questions as a person asks them: values, bars, verdicts, structures."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import secant
from secant import Verdict
from strategies import entries, rooms
from zoo import BROKEN, ZOO


def bowl(x):
    return float(np.sum(np.square(x)))


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_derivative(animal) -> None:
    est = secant.derivative(animal.f, animal.x)
    assert abs(est.value - animal.truth) <= 2.0 * est.error
    assert est.evaluations <= 40
    assert est.fun == animal.f(animal.x)
    assert secant.from_json(est.to_json()).to_json() == est.to_json()


@pytest.mark.parametrize("animal", BROKEN, ids=lambda animal: animal.name)
def test_derivatives_that_are_not_ok(animal) -> None:
    est = secant.derivative(animal.f, animal.x)
    assert (est.verdict, est.verdicts, list(est.details)) == (animal.verdict, animal.verdict, [""])
    assert str(animal.verdict) in est.message
    assert animal.verdict.remedy in est.message
    assert math.isnan(est.value) if math.isnan(animal.truth) else abs(est.value - animal.truth) <= est.error
    assert secant.from_json(est.to_json()).to_json() == est.to_json()
    with pytest.raises(secant.VerdictError):
        est.raise_for_verdict()


@pytest.mark.parametrize(
    ("f", "x", "value"),
    [
        (lambda x: 0.01 * x**2 + 0.1 * x, 5, 0.1999999999990898),
        (lambda x: 0.01 * x**2 + 0.1 * x, 10, 0.2999999999986347),
        (lambda x: x * x + 4.0**2.0, 3.0, 6.00000000000378),
        (lambda x: 3.0**2.0 + x * x, 4.0, 7.999999999999119),
    ],
)
def test_the_notes_own_bits(f, x, value) -> None:
    est = secant.derivative(f, x, method="central", step=1e-4)
    assert est.value == value
    assert (est.verdict, est.error, est.evaluations) == (Verdict.UNRESOLVED, math.inf, 2)


@given(st.floats(-1e3, 1e3), st.floats(1e-12, 1.0))
def test_fixed_steps_have_the_bits_of_the_formula(x, h) -> None:
    def f(x):
        return 0.01 * x**2 + 0.1 * x

    assert secant.derivative(f, x, step=h).value == (f(x + h) - f(x - h)) / (2 * h)
    assert secant.derivative(f, x, step=h, method="central").value == (f(x + h) - f(x - h)) / (2 * h)
    assert secant.derivative(f, x, step=h, method="forward").value == (f(x + h) - f(x)) / h
    assert secant.derivative(f, x, step=h, method="backward").value == (f(x) - f(x - h)) / h


def test_a_fixed_step_is_added_in_the_precision_of_x() -> None:
    x, h = np.float32(3.0), np.float32(1e-4)
    right, left = float((x + h) ** 2 + 16), float((x - h) ** 2 + 16)
    assert secant.derivative(lambda x: x**2 + 16, x, step=1e-4).value == (right - left) / 2e-4 != 6.0


def test_a_formula_of_ones_own_has_its_own_bits() -> None:
    five, h = secant.stencil((-2, -1, 0, 1, 2)), 1e-3
    w, d = five.weights, five.denominator
    total = w[0] * math.sin(1.0 - 2 * h) + w[1] * math.sin(1.0 - h) + w[2] * math.sin(1.0)
    total = total + w[3] * math.sin(1.0 + h) + w[4] * math.sin(1.0 + 2 * h)
    est = secant.derivative(math.sin, 1.0, method=five, step=h)
    assert est.value == total / (d * h)
    assert abs(est.value - math.cos(1.0)) < 1e-12


def test_a_fixed_step_lost_beside_x_is_named() -> None:
    est = secant.derivative(lambda x: x * x, 5.0, method="forward", step=1e-49)
    assert est.value == 0.0
    assert "lost in rounding" in est.message


def test_structures_come_back() -> None:
    tree = {"w": np.array([[1.0, 2.0, 3.0]]), "b": (0.5, [np.float32(2.0)]), "n": None}

    def f(p):
        return float((p["w"] ** 2).sum() + 3.0 * p["b"][0] + float(p["b"][1][0]) ** 2)

    est = secant.gradient(f, tree)
    assert est.value["w"].shape == est.error["w"].shape == (1, 3)
    assert np.allclose(est.value["w"], [[2.0, 4.0, 6.0]], rtol=1e-10)
    assert est.value["b"][0] == pytest.approx(3.0)
    assert est.value["n"] is None
    assert est.verdicts["b"][0] is Verdict.OK


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float16, np.float32, np.float64])
def test_every_real_dtype(dtype) -> None:
    x = np.array([3, 4], dtype=dtype)
    est = secant.gradient(bowl, x)
    assert est.value.dtype == (np.float64 if np.issubdtype(dtype, np.integer) else dtype)
    assert np.all(np.abs(est.value - [6.0, 8.0]) <= est.error + 1e-12)
    assert x.tolist() == [3, 4]


def test_arrays_and_complex_numbers_as_values() -> None:
    est = secant.derivative(lambda x: np.array([[math.sin(x), abs(x - 1.0)]]), 1.0)
    assert est.value.shape == est.error.shape == est.verdicts.shape == (1, 2)
    assert est.verdicts.tolist() == [[Verdict.OK, Verdict.KINK]]
    assert (est.verdict, list(est.details)) == (Verdict.KINK, ["[0, 1]"])
    assert est.fun.tolist() == [[math.sin(1.0), 0.0]]
    wave = secant.derivative(lambda x: np.exp(1j * x), 0.3)
    assert abs(wave.value - 1j * np.exp(0.3j)) <= 2.0 * wave.error
    assert wave.fun == np.exp(0.3j)
    waves = secant.derivative(lambda x: np.exp(1j * x * np.arange(3)), 0.3)
    assert np.all(np.abs(waves.value - 1j * np.arange(3) * np.exp(0.3j * np.arange(3))) <= 2.0 * waves.error)
    assert waves.fun.shape == waves.value.shape == waves.error.shape == waves.verdicts.shape == (3,)


def test_every_output_is_as_good_as_alone() -> None:
    functions = [math.sin, lambda x: abs(x - 1.0), lambda x: 7.0, lambda x: math.sin(300.0 * x), math.floor]
    together = secant.derivative(lambda x: np.array([f(x) for f in functions]), 1.0)
    for f, value, error, verdict in zip(functions, together.value, together.error, together.verdicts, strict=True):
        alone = secant.derivative(f, 1.0)
        assert repr((alone.value, alone.error, alone.verdict)) == repr((float(value), float(error), verdict))


def creased(x):
    return float(np.sin(x[0]) * x[1] + np.exp(x[2]) * x[0] - abs(x[1] - 2.0) + x[3] ** 3)


@pytest.mark.parametrize("second", [1.2, 2.0])
@pytest.mark.parametrize("how", [{}, {"rtol": 1e-8}, {"noise": 1e-9}, {"max_step": 1e-2}, {"step": 1e-4}])
def test_entries_of_a_gradient_are_the_derivatives_alone(second, how) -> None:
    x = np.array([0.3, second, -0.4, 2.0])
    est = secant.gradient(creased, x, **how)
    for i in range(x.size):

        def along(t, i=i):
            moved = x.copy()
            moved[i] = t
            return creased(moved)

        alone = secant.derivative(along, float(x[i]), **how)
        assert (est.value[i], est.error[i], est.verdicts[i]) == (alone.value, alone.error, alone.verdict)
    if not how:
        assert est.verdicts[1] is (Verdict.KINK if second == 2.0 else Verdict.OK)


@pytest.mark.parametrize("budget", [1, 2, 5, 8, 13, 20, 21, 22, 40, 60, 100])
def test_no_more_calls_than_allowed_and_all_are_counted(budget) -> None:
    for x in (np.array([0.3, 1.2, -0.4, 2.0]), np.array([0.3, 2.0, -0.4, 0.0])):
        calls = []

        def f(point, calls=calls):
            calls.append(point.copy())
            return creased(point)

        est = secant.gradient(f, x, max_evaluations=budget)
        assert len(calls) == est.evaluations <= budget
        assert est.ok or est.verdict in {Verdict.UNRESOLVED, Verdict.KINK}
    assert secant.gradient(creased, x, max_evaluations=5).verdict is Verdict.UNRESOLVED


@pytest.mark.parametrize("outputs", [5, 30])
def test_outputs_share_one_budget(outputs) -> None:
    w = 10.0 ** np.linspace(0.0, 4.0, outputs)
    for budget in range(1, 41):
        calls = []

        def f(x, calls=calls):
            calls.append(x)
            return np.sin(w * x) + np.abs(x - 1.0)

        assert secant.derivative(f, 1.0, max_evaluations=budget).evaluations == len(calls) <= budget


@pytest.mark.parametrize("how", [{}, {"bounds": (0.0, None)}, {"noise": secant.Noise(0.0, 1e-9)}, {"rtol": 1e-3}])
def test_a_whole_gradient_has_one_budget(how) -> None:
    """Whatever it is: f at x, every entry, the look off the axes and the repetition at x come out of it."""
    x = np.linspace(0.5, 2.0, 8)
    x[3] = 0.0
    rng = np.random.default_rng(2)
    for f in (lambda x: float(np.exp(x).sum()), creased, lambda x: float(np.sin(x).sum() + 1e-4 * rng.normal())):
        for budget in (1, 5, 8, 9, 17, 24, 33, 50, 72, 100, 150, 300):
            points = []

            def counted(point, f=f, points=points):
                points.append(tuple(point))
                return f(point)

            est = secant.gradient(counted, x, max_evaluations=budget, **how)
            assert len(points) == est.evaluations <= budget
            # Nothing is asked for twice but, of a noisy f, its value at x.
            assert len(points) - len(set(points)) <= (est.verdict is Verdict.NOISY or "noisy" in set(est.verdicts.flat))
            assert np.isfinite(est.value).sum() == min(8, budget - 1) or budget > 9


def test_what_a_gradient_says_when_evaluations_are_short() -> None:
    def f(x):
        return float(np.exp(np.sin(x)).sum())

    x = np.linspace(0.5, 2.0, 30)
    truth = np.cos(x) * np.exp(np.sin(x))
    none = secant.gradient(f, x, max_evaluations=20)
    assert np.isnan(none.value).sum() == 11
    assert "no evaluation was left" in none.details["[25]"].note
    half = secant.gradient(f, x, max_evaluations=31)
    assert np.all(np.abs(half.value - truth) <= 1e-3)
    assert "nothing tells how far off" in half.details["[0]"].note
    for budget, digits, bar in ((61, 1e-7, 1e-2), (121, 1e-8, 1e-4), (241, 1e-8, 1e-4)):
        est = secant.gradient(f, x, max_evaluations=budget)
        assert est.verdict is Verdict.UNRESOLVED
        assert np.all(np.abs(est.value - truth) <= np.minimum(est.error, digits))
        assert np.max(est.error) <= bar
    assert "a single pair" in secant.gradient(f, x, max_evaluations=61).message


def test_a_fixed_step_costs_what_it_costs() -> None:
    x, f = np.ones(3), lambda x: float(x @ x)
    for how, least in (({}, 6), ({"method": "forward"}, 4), ({"f0": 3.0}, 6), ({"method": "forward", "f0": 3.0}, 3)):
        assert secant.gradient(f, x, step=1e-4, max_evaluations=least, **how).evaluations == least
        with pytest.raises(secant.InputError, match=f"`max_evaluations` must be at least {least} here with `step`"):
            secant.gradient(f, x, step=1e-4, max_evaluations=least - 1, **how)
    assert secant.gradient(lambda x: 1.0, x, step=1e-4, max_evaluations=6).evaluations == 6


@given(arrays(float, array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.floats(-3, 3)), st.data())
def test_f_that_raises_at_any_evaluation_leaves_x_as_it_was(x, data) -> None:
    at = data.draw(st.integers(1, 14 * x.size))
    inplace, aliased = data.draw(st.booleans()), data.draw(st.booleans())
    before, calls = x.tobytes(), []

    def f(point):
        calls.append(0)
        if len(calls) == at:
            raise KeyError("in between")
        return float(np.sum(np.sin(x if aliased else point)))

    try:
        secant.gradient(f, x, inplace=inplace)
    except KeyError:
        assert len(calls) == at
    else:
        assert len(calls) < at
    assert x.tobytes() == before


@given(
    arrays(float, 3, elements=entries),
    arrays(float, 3, elements=rooms),
    arrays(float, 3, elements=rooms),
    st.sampled_from([{}, {"max_step": 1e-3}, {"method": "forward"}, {"method": "backward"}]),
)
def test_bounds_hold_for_every_entry(x, down, up, how) -> None:
    low, high = x - down, x + up
    seen = []

    def f(point):
        seen.append(point.copy())
        return float(np.sum(np.exp(point)))

    est = secant.gradient(f, x, bounds=(low, high), **how)
    assert all(np.all((low <= point) & (point <= high)) for point in seen)
    if "max_step" in how:
        assert all(np.all(np.abs(point - x) <= 1e-3) for point in seen)
    known = np.isfinite(est.value)
    assert np.all(np.abs(est.value - np.exp(x))[known] <= 10.0 * est.error[known])


def test_the_ends_of_a_domain_are_named_however_f_tells_them() -> None:
    def raising(x):
        if x < 0.0:
            raise ValueError("outside")
        return math.log1p(x)

    for f, how in (
        (raising, {}),
        (lambda x: math.log1p(x) if x >= 0.0 else math.nan, {}),
        (lambda x: math.log1p(x) if x >= 0.0 else -math.inf, {}),
        (math.log1p, {"bounds": (0.0, None)}),
    ):
        est = secant.derivative(f, 0.0, **how)
        assert est.verdict is Verdict.AT_BOUND
        assert abs(est.value - 1.0) <= est.error < 1e-10
        assert secant.derivative(f, 0.5, **how).verdict is Verdict.OK
    with pytest.raises(ValueError, match="outside"):
        secant.derivative(raising, 0.0, on_error="raise")
    marked = secant.derivative(raising, 0.0, on_error="mark")
    assert (marked.verdict, math.isnan(marked.value)) == (Verdict.FAILED, True)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_nothing_hides_the_callers_floating_point_settings_from_f(n) -> None:
    seen = []

    def f(x):
        seen.append(np.geterr())
        return float(np.exp(np.sin(x)).sum())

    with np.errstate(all="raise", under="call"):
        expected = np.geterr()
        assert secant.gradient(f, np.linspace(0.5, 2.0, n), on_error="raise").ok
        assert np.geterr() == expected
    assert all(settings == expected for settings in seen)


@pytest.mark.parametrize(
    ("f", "x", "verdict", "words"),
    [
        (abs, 0.0, Verdict.KINK, ["slope -1 on the left", "1 on the right"]),
        (lambda x: max(x, 0.0), 0.0, Verdict.KINK, ["slope 0 on the left", "1 on the right"]),
        (math.floor, 2.0, Verdict.JUMP, ["1"]),
        (math.cbrt, 0.0, Verdict.UNDEFINED, ["power 0.33"]),
        (math.log1p, 0.0, Verdict.OK, []),
        (lambda x: math.sin(1000.0 * x), 1.0, Verdict.OK, []),
    ],
)
def test_what_the_verdicts_say(f, x, verdict, words) -> None:
    est = secant.derivative(f, x)
    assert est.verdict is verdict
    assert all(word in est.message for word in words)
    assert est.ok == (verdict is Verdict.OK)


def test_a_fast_wave_is_right_or_unresolved_with_any_budget() -> None:
    """A bar may be missed by a little now and then, as the rounding of 1000 x falls; it may never be far off."""
    off = []
    for w, x in itertools.product((1000.0, 317.3, 12345.6), (1.0, 0.3, 2.7)):
        truth = w * math.cos(w * x)
        for budget in range(7, 41):
            est = secant.derivative(lambda x, w=w: math.sin(w * x), x, max_evaluations=budget)
            off.append(0.0 if est.verdict is Verdict.UNRESOLVED else abs(est.value - truth) / est.error)
    assert max(off) <= 10.0
    assert sum(share > 1.0 for share in off) <= 0.02 * len(off)
    assert round(secant.derivative(lambda x: math.sin(1000.0 * x), 1.0).value, 3) == 562.379


@pytest.mark.parametrize("w", [1e4, 1e5, 1e6])
def test_a_wave_is_not_called_noise_for_want_of_evaluations(w) -> None:
    for budget in range(7, 27):
        est = secant.derivative(lambda x: math.sin(w * x), 1.0, max_evaluations=budget)
        assert est.verdict is Verdict.UNRESOLVED or abs(est.value - w * math.cos(w)) <= 2.0 * est.error
    est = secant.derivative(lambda x: math.sin(1e4 * x), 1.0, max_evaluations=21)
    assert "noise from a fast wave" in est.message
    assert est.error > 1e3


def test_noise_has_its_level_in_the_details() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        est = secant.derivative(lambda x, rng=rng: math.sin(x) + 1e-3 * rng.normal(), 1.0)
        assert est.verdict is Verdict.NOISY
        assert 1e-3 / 3.0 <= est.details[""].noise <= 3e-3
        assert abs(est.value - math.cos(1.0)) <= 2.0 * est.error


def test_a_tolerance_that_is_stated_widens_the_bar_to_cover_it() -> None:
    """A solver stopped early is smooth, and its slope is not the one that is meant: only ``noise=`` can tell."""
    tolerance = 1e-5

    def f(x):
        return math.sin(x) + tolerance * math.cos(20.0 * x)

    blind, told = secant.derivative(f, 1.0), secant.derivative(f, 1.0, noise=tolerance)
    assert abs(blind.value - math.cos(1.0)) > blind.error
    assert abs(told.value - math.cos(1.0)) <= told.error < 1e-2


def test_one_sided_by_request_is_ok() -> None:
    for method, slope in (("forward", 1.0), ("backward", -1.0)):
        est = secant.derivative(abs, 0.0, method=method)
        assert (round(est.value, 12), est.verdict) == (slope, Verdict.OK)


def test_bounds_are_kept_and_one_sided_slopes_named() -> None:
    seen = []

    def f(x):
        seen.append(x)
        return math.exp(x)

    est = secant.derivative(f, 1.0, bounds=(1.0, None))
    assert min(seen) >= 1.0
    assert est.verdict is Verdict.AT_BOUND
    assert abs(est.value - math.e) <= est.error < 1e-9
    box = np.array([0.0, 2.0])
    est = secant.gradient(bowl, np.array([0.0, 1.0]), bounds=(0.0, box + 0.5))
    assert est.verdicts.tolist() == [Verdict.AT_BOUND, Verdict.OK]


def test_independent_and_what_is_not() -> None:
    est = secant.gradient(lambda x: 7.0, np.ones(3))
    assert est.verdict is Verdict.INDEPENDENT
    assert "inplace=True" in est.message
    assert est.value.tolist() == [0.0, 0.0, 0.0]
    flat = secant.derivative(lambda x: 7.0, 1.0)
    assert (flat.value, flat.verdict) == (0.0, Verdict.OK)
    assert secant.gradient(lambda x: x[0] ** 2, np.array([0.0, 1.0])).verdict is Verdict.OK
    assert secant.gradient(bowl, np.zeros(2), step=1e-4).verdict is Verdict.UNRESOLVED


@pytest.mark.parametrize("how", [{"max_step": 1e-8}, {"bounds": (1.0 - 1e-8, 1.0 + 1e-8)}])
def test_steps_too_small_to_move_f_are_no_proof_of_independence(how) -> None:
    est = secant.gradient(lambda x: 1.0 + 1e-10 * float(x.sum()), np.ones(2), **how)
    assert est.verdict is not Verdict.INDEPENDENT
    assert np.all(np.abs(est.value - 1e-10) <= est.error)


def test_failures_of_f() -> None:
    def f(x):
        if x[1] > 2.0:
            raise KeyError("no such mesh")
        return float(x @ x)

    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(KeyError, match="no such mesh") as caught:
        secant.gradient(f, x)
    assert any("[1]" in note for note in caught.value.__notes__)
    est = secant.gradient(f, x, on_error="mark")
    assert [str(v) for v in est.verdicts] == ["ok", "failed", "ok"]
    assert np.allclose(est.value[[0, 2]], [2.0, 6.0])
    assert math.isnan(est.value[1])


def test_directional_is_the_gradient_along_v() -> None:
    x, v = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -2.0])
    est = secant.directional(lambda x: math.sin(x[0]) * x[1] + x[2] ** 3, x, v)
    truth = np.array([math.cos(0.3) * -1.2, math.sin(0.3), 12.0]) @ v
    assert abs(est.value - truth) <= 2.0 * est.error < 1e-10
    tree = secant.directional(lambda p: p["a"] * p["b"], {"a": 3.0, "b": 4.0}, {"a": 1.0, "b": -1.0})
    assert tree.value == pytest.approx(1.0)


def uneven(p):
    return float(np.sin(p["w"]).sum() * p["b"][0] + np.exp(p["b"][1] * 0.3) + p["w"][0, 1] ** 3)


@given(arrays(float, (2, 2), elements=entries), st.tuples(entries, entries), st.integers(0, 2**31))
def test_directions_of_trees_agree_with_their_gradients(w, b, seed) -> None:
    draw = np.random.default_rng(seed)
    v = {"w": draw.normal(size=(2, 2)), "b": tuple(draw.normal(size=2).tolist())}
    x = {"w": w, "b": b}
    slope, est = secant.directional(uneven, x, v), secant.gradient(uneven, x)
    expected = float((est.value["w"] * v["w"]).sum() + np.dot(est.value["b"], v["b"]))
    bar = float((est.error["w"] * np.abs(v["w"])).sum() + np.dot(est.error["b"], np.abs(v["b"])))
    assert abs(slope.value - expected) <= 3.0 * (slope.error + bar) + 1e-14 * abs(expected)
    assert slope.fun == est.fun == uneven(x)


@pytest.mark.parametrize("power", [-40, -8, 8, 16])
def test_a_longer_direction_scales_the_answer_to_the_last_bit(power) -> None:
    x, v, scale = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -2.0]), 2.0**power
    plain = secant.directional(lambda x: math.sin(x[0]) * x[1] + x[2] ** 3, x, v)
    long = secant.directional(lambda x: math.sin(x[0]) * x[1] + x[2] ** 3, x, scale * v)
    assert (long.value, long.error) == (scale * plain.value, scale * plain.error)


def test_directions_of_a_function_with_many_values() -> None:
    x, v = np.array([0.3, -1.2]), np.array([2.0, 1.0])
    est = secant.directional(lambda x: np.array([x[0] * x[1], np.exp(x[0]), 5.0]), x, v)
    assert np.all(np.abs(est.value - [2.0 * -1.2 + 0.3, 2.0 * math.exp(0.3), 0.0]) <= 2.0 * est.error)


def test_grad_is_what_optimizers_take() -> None:
    slope = secant.grad(lambda x, a: a * bowl(x))
    assert np.allclose(slope(np.array([1.0, 2.0]), 3.0), [6.0, 12.0])
    x, how = np.array([1.0, 2.0]), {"rtol": 1e-6, "max_evaluations": 30}
    assert np.array_equal(secant.grad(bowl, **how)(x), secant.gradient(bowl, x, **how).value)
    assert secant.grad(lambda p: p["a"] * p["b"])({"a": 3.0, "b": 4.0}) == pytest.approx({"a": 4.0, "b": 3.0})
    assert math.isnan(secant.grad(math.floor)(2.0))


def test_steps_study() -> None:
    study = secant.steps(math.exp, 1.0, truth=math.e)
    assert study.steps[0] == 1e-49
    assert study.values[0] == 0.0
    assert 1e-6 < study.best < 1e-4
    assert set(study.marks) == {"10e-50", "1e-4", "secant"}
    assert abs(study.estimate.value - math.e) < np.nanmin(study.errors)


def test_estimates_read_well() -> None:
    est = secant.derivative(lambda x: 3.0 * x, 2.0)
    assert str(est).startswith("3")
    assert float(est) == est.value
    assert np.asarray(est) == est.value
    assert est.raise_for_verdict() is est
    with pytest.raises(secant.VerdictError, match="slope -1 on the left") as caught:
        secant.derivative(abs, 0.0).raise_for_verdict()
    assert caught.value.result.verdict is Verdict.KINK
    assert json.loads(est.to_json())["secant"] == 1
    many = str(secant.gradient(bowl, np.ones(40)))
    assert "28 more entries" in many
    many.encode("ascii")


def test_f_is_never_handed_the_callers_memory() -> None:
    x, kept = {"w": np.ones((2, 3)), "b": np.zeros(2)}, []

    def f(p):
        kept.append(p)
        return float(p["w"].sum() * p["b"].sum())

    x["w"].flags.writeable = x["b"].flags.writeable = False
    est = secant.gradient(f, x)
    assert np.allclose(est.value["b"], 6.0)
    assert not any(np.shares_memory(p[name], x[name]) for p in kept for name in x)
    assert all(p.keys() == x.keys() for p in kept)


def test_the_caller_is_never_written_to() -> None:
    x = np.arange(6.0).reshape(2, 3)[:, ::-1]
    before = x.copy()

    def vandal(x):
        total = float((x**2).sum())
        x[...] = -1.0
        return total

    est = secant.gradient(vandal, x)
    assert np.array_equal(x, before)
    assert np.allclose(est.value, 2.0 * before)


def test_descents_of_the_notes() -> None:
    start = np.array([-3.0, 4.0])
    for lr, end, verdict in (
        (0.1, "[-6.11110793e-10  8.14814391e-10]", "converged"),
        (10.0, "[-2.58983747e+13 -1.29524862e+12]", "lr too large"),
        (1e-10, "[-2.99999994  3.99999992]", "lr too small"),
    ):
        run = secant.gradient_descent(bowl, start, lr, 100, method="central", step=1e-4)
        assert (str(run.x), run.verdict) == (end, verdict)
        own = secant.gradient_descent(bowl, start, lr, 100)
        assert own.verdict == verdict
        assert secant.from_json(run.to_json()).verdict == verdict
    assert start.tolist() == [-3.0, 4.0]


def test_a_descent_tells_its_limit_and_its_stall() -> None:
    run = secant.gradient_descent(bowl, np.array([-3.0, 4.0]), 10.0, 100, method="central", step=1e-4)
    assert "stable below 1.0" in run.message
    assert "90 of 100 steps do nothing" in run.message
    assert [event.iteration for event in run.events if event.kind == "lost in rounding"] == [9, 10]
    steep = secant.gradient_descent(lambda x: x[0] ** 2 + 0.01 * x[1] ** 2, np.array([0.001, 5.0]), 2.0, 100)
    slow = secant.gradient_descent(bowl, np.array([-3.0, 4.0]), 1e-10, 100)
    assert "a rate of 0.5 arrives in about one step" in slow.message
    limits = [event.facts["limit"] for event in steep.events if "limit" in event.facts]
    assert all(limit <= 1.2 for limit in limits)


@pytest.mark.parametrize("x", [10.0 ** (k / 8.0) for k in range(-32, 1)])
def test_half_precision_beside_zero(x: float) -> None:
    """Where f's rounding hides all but large steps, these have to agree with one another."""
    at = np.float16(x)
    found = secant.derivative(lambda t: np.sin(t) + np.float16(1.0), at)
    assert abs(float(found.value) - np.cos(float(at))) <= 3.0 * float(found.error)
