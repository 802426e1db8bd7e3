"""`near=`: few evaluations where an earlier answer is borne out, and an ordinary derivative where it is not."""

import dataclasses
import math

import numpy as np
import pytest

import secant
from zoo import BROKEN, HARD, SMOOTH

X = np.linspace(0.5, 2.0, 30)


def wavy(x):
    return float(np.sin(x).prod() + np.exp(np.sin(x)).sum())


def slopes_of_wavy(x):
    sines = np.sin(x)
    return np.array([math.cos(t) * np.delete(sines, i).prod() for i, t in enumerate(x)]) + np.cos(x) * np.exp(sines)


class Counted:
    """A function that remembers where it was evaluated."""

    def __init__(self, f) -> None:
        self.f, self.points = f, []

    def __call__(self, x, *args):
        self.points.append(np.copy(x))
        return self.f(x, *args)


def same(found, expected) -> bool:
    parts = [(getattr(found, name), getattr(expected, name)) for name in ("value", "error", "step")]
    return np.array_equal(found.verdicts, expected.verdicts) and all(
        np.array_equal(got, wanted, equal_nan=True) for got, wanted in parts
    )


# --- what it is for -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rtol", [0.0, 1e-9])
@pytest.mark.parametrize("share", [1e-3, -1e-3, 1e-2])
def test_smooth_functions_cost_four_evaluations_or_two(rtol, share) -> None:
    digits, counts = [], []
    for animal in SMOOTH:
        earlier = secant.derivative(animal.f, animal.x * (1.0 + share) or share)
        watched = Counted(animal.f)
        found = secant.derivative(watched, animal.x, near=earlier, rtol=rtol)
        assert abs(found.value - animal.truth) <= found.error, animal.name
        assert found.evaluations == len(watched.points)
        counts.append(found.evaluations)
        size = abs(animal.truth) or 1.0
        digits.append(-math.log10(max(abs(found.value - animal.truth) / size, 1e-16)))
    assert np.median(counts) == (3 if rtol else 5)
    assert np.median(digits) >= (10.5 if rtol else 12.5)


@pytest.mark.parametrize("animal", [*HARD, *BROKEN], ids=lambda animal: animal.name)
def test_nothing_is_called_ok_that_is_not(animal) -> None:
    full = secant.derivative(animal.f, animal.x)
    for share in (1e-6, 1e-4, 1e-2, -1e-6, -1e-4, -1e-2):
        try:
            earlier = secant.derivative(animal.f, animal.x * (1.0 + share) or share)
        except ValueError:
            continue  # beyond the end of the domain
        found = secant.derivative(animal.f, animal.x, near=earlier)
        if found.evaluations > 6:
            assert same(found, full)
        elif np.isfinite(animal.truth):
            assert abs(found.value - animal.truth) <= 3.0 * found.error
            assert full.ok or not found.ok


@pytest.mark.parametrize("rtol", [0.0, 1e-7])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_a_walk(n, rtol) -> None:
    x = X[:n].copy()
    found = secant.gradient(wavy, x)
    counts, covered = [], []
    for _ in range(12):
        x = x - 4e-3 * found.value / np.max(np.abs(found.value))
        found = secant.gradient(wavy, x, near=found, rtol=rtol)
        counts.append(found.evaluations)
        covered += (np.abs(found.value - slopes_of_wavy(x)) <= found.error).tolist()
    assert np.median(counts) == 1 + n * (2 if rtol else 4)
    assert np.mean(covered) >= 0.97


def test_a_chain_gets_new_ladders_one_after_the_other() -> None:
    x = X.copy()
    found = secant.gradient(wavy, x)
    fresh = []
    for _ in range(60):
        x = x * (1.0 + 1e-2)
        found = secant.gradient(wavy, x, near=found)
        strayed = np.asarray(found.bends.table)[7, 0]
        fresh.append(int(np.count_nonzero(strayed == 0.0)))
    assert sum(fresh) >= x.size / 2
    assert max(fresh) <= x.size / 2
    assert fresh[0] == 0


def test_at_the_very_same_point() -> None:
    earlier = secant.gradient(wavy, X)
    found = secant.gradient(wavy, X, near=earlier)
    assert found.evaluations == 1 + 4 * X.size
    assert np.all(np.abs(found.value - earlier.value) <= found.error)


def test_sizes_do_not_matter() -> None:
    big, small = 2.0**40, 2.0**-64  # steps repeat themselves every eight octaves
    plain = secant.derivative(math.sin, 1.01, near=secant.derivative(math.sin, 1.0))
    f = lambda x: big * math.sin(x / small)  # noqa: E731
    found = secant.derivative(f, 1.01 * small, near=secant.derivative(f, small))
    assert found.evaluations == plain.evaluations
    assert (found.value, found.error) == (plain.value * big / small, plain.error * big / small)


# --- kinds of x and of f ---------------------------------------------------------------------------------


def test_trees_parts_of_them_and_lower_precision() -> None:
    def f(p):
        return float(np.sin(p["a"]).sum() * p["b"] + p["b"] ** 3)

    for dtype, digits in ((np.float64, 1e-11), (np.float32, 1e-3)):
        here = {"a": X[:3].astype(dtype), "b": dtype(3.0)}
        there = {"a": (X[:3] * 1.001).astype(dtype), "b": dtype(3.001)}
        found = secant.gradient(f, here, near=secant.gradient(f, there))
        assert found.evaluations == 1 + 4 * 4
        assert found.value["a"].dtype == dtype
        assert np.all(np.abs(found.value["a"] - np.cos(here["a"]) * 3.0) <= found.error["a"])
        assert np.all(found.error["a"] < digits)
        part = secant.gradient(f, here, wrt="a", near=secant.gradient(f, there, wrt="a"))
        assert part.evaluations == 1 + 4 * 3
        assert np.array_equal(part.value["a"], found.value["a"])
        whole = secant.gradient(f, here, near=secant.gradient(f, there, wrt="a"))  # b has to be seen anew
        assert 1 + 4 * 3 < whole.evaluations < secant.gradient(f, here).evaluations
        assert np.array_equal(whole.value["a"], found.value["a"])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.array([[np.sin(x), np.exp(x)], [x**3, np.log(x)]]),
        lambda x: np.exp(1j * x),
        lambda x: np.array([np.exp(1j * x), x * 1j]),
    ],
)
def test_several_outputs_and_complex_ones(f) -> None:
    found = secant.derivative(f, 1.5, near=secant.derivative(f, 1.502))
    expected = secant.derivative(f, 1.5)
    assert found.evaluations == 5
    assert np.all(np.abs(found.value - expected.value) <= found.error + expected.error)
    again = secant.derivative(f, 1.499, near=found)
    assert again.evaluations == 5


def test_along_a_direction() -> None:
    v = np.linspace(-1.0, 1.0, 30)
    found = secant.directional(wavy, X, v, near=secant.directional(wavy, X * 1.001, v))
    assert found.evaluations == 5
    assert abs(found.value - slopes_of_wavy(X) @ v) <= found.error < 1e-10


def test_f_at_the_point_may_be_known() -> None:
    watched = Counted(wavy)
    found = secant.gradient(watched, X, near=secant.gradient(wavy, X * 1.001), f0=wavy(X))
    assert found.evaluations == 4 * X.size == len(watched.points)
    assert not any(np.array_equal(point, X) for point in watched.points)


def test_a_text_of_it_will_do() -> None:
    for question, f, x in ((secant.derivative, math.sin, 1.0), (secant.gradient, wavy, X)):
        earlier = question(f, x * 1.001)
        assert same(question(f, x, near=secant.from_json(earlier.to_json())), question(f, x, near=earlier))


# --- what is not borne out -------------------------------------------------------------------------------


CHANGED = [
    ("another value", math.exp, lambda x: math.exp(x) + 1.0),
    ("another slope", math.exp, lambda x: math.exp(x) + x - 1.0),
    ("another bend", math.exp, lambda x: math.exp(x) + 0.3 * (x - 1.0) ** 2),
    ("a wave", math.exp, lambda x: math.exp(x) + 1e-3 * math.sin(300.0 * (x - 1.0))),
    ("noise", math.exp, lambda x: math.exp(x) + 1e-7 * math.sin(1e15 * (x - 1.0) * x)),
    ("a kink", math.exp, lambda x: math.exp(x) + 0.1 * abs(x - 1.0)),
    ("an end", math.exp, lambda x: math.exp(x) if x <= 1.0 else math.nan),
    ("steps", math.exp, lambda x: math.exp(x) if x == 1.0 else round(math.exp(x), 4)),
]


@pytest.mark.parametrize("rtol", [0.0, 1e-6])
@pytest.mark.parametrize(
    ("what", "before", "after"), CHANGED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_function_that_has_changed_is_differentiated_from_the_beginning(what, before, after, rtol) -> None:
    earlier = secant.derivative(before, 0.999)
    found, expected = (secant.derivative(after, 1.0, rtol=rtol, **how) for how in ({"near": earlier}, {}))
    assert same(found, expected)
    assert expected.evaluations <= found.evaluations <= expected.evaluations + 4
    assert secant.derivative(before, 1.0, near=earlier, rtol=rtol).evaluations == (3 if rtol else 5)


def test_only_the_entries_that_have_changed() -> None:
    here = np.array([0.5, 1.0, 1.0, 2.0])
    earlier = secant.gradient(lambda x: float(np.exp(x).sum()), here * 0.999)
    creased = lambda x: float(np.exp(x).sum() + 0.1 * abs(x[2] - 1.0))  # noqa: E731
    found = secant.gradient(creased, here, near=earlier)
    assert [str(word) for word in found.verdicts] == ["ok", "ok", "kink", "ok"]
    assert found.evaluations < 1 + 4 * 4 + 20
    assert np.all(np.abs(found.value - np.exp(here)) <= found.error)


@pytest.mark.parametrize("x", [2.0, 1e3, -1.0])
def test_a_point_that_is_not_near(x) -> None:
    earlier = secant.derivative(math.cos, 0.5)
    assert same(secant.derivative(math.cos, x, near=earlier), secant.derivative(math.cos, x))


def test_answers_that_tell_nothing() -> None:
    for earlier in (
        secant.derivative(abs, 0.0),
        secant.derivative(math.sin, 0.999, step=1e-3),
        secant.derivative(math.sin, 0.999, method="forward"),
        secant.derivative(np.sin, 0.999, method="complex"),
        secant.derivative(math.sin, 0.999, max_evaluations=3),
    ):
        assert same(secant.derivative(math.sin, 1.0, near=earlier), secant.derivative(math.sin, 1.0))


# --- other options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", range(1, 45))
def test_within_the_budget(most) -> None:
    kinked = lambda x: math.exp(x) + 0.1 * abs(x - 1.0)  # noqa: E731
    for f, x, earlier in (
        (math.exp, 1.0, secant.derivative(math.exp, 0.999)),
        (kinked, 1.0, secant.derivative(math.exp, 0.999)),
        (wavy, X[:3], secant.gradient(wavy, X[:3] * 1.001)),
        (wavy, X[:3], secant.gradient(wavy, X[:3] * 1.3)),
    ):
        watched = Counted(f)
        question = secant.gradient if np.ndim(x) else secant.derivative
        found = question(watched, x, near=earlier, max_evaluations=most)
        assert len(watched.points) == found.evaluations <= most
    if most >= 13:
        found = secant.gradient(wavy, X[:3], near=secant.gradient(wavy, X[:3] * 1.001), max_evaluations=most)
        assert found.ok
        assert found.evaluations == 13


def test_never_outside_the_bounds() -> None:
    watched = Counted(math.log)
    found = secant.derivative(watched, 1.0, near=secant.derivative(math.log, 1.001), bounds=(1.0 - 1e-4, 2.0))
    assert min(watched.points) >= 1.0 - 1e-4
    assert abs(found.value - 1.0) <= found.error
    watched = Counted(math.log)
    secant.derivative(watched, 1.0, near=secant.derivative(math.log, 1.001), max_step=1e-5)
    assert max(abs(point - 1.0) for point in watched.points) <= 1e-5
    at_bound = secant.derivative(math.log, 1.0, near=secant.derivative(math.log, 1.001), bounds=(1.0, 2.0))
    assert at_bound.verdict is secant.Verdict.AT_BOUND


def test_noise_that_is_stated_counts() -> None:
    f = lambda x: math.sin(x) + 1e-9 * math.sin(1e6 * x)  # noqa: E731
    earlier = secant.derivative(f, 1.001, noise=1e-9)
    found = secant.derivative(f, 1.0, near=earlier, noise=1e-9)
    assert found.evaluations == 5
    assert abs(found.value - math.cos(1.0)) <= found.error < 1e-6


def test_samples_and_a_second_look() -> None:
    earlier = secant.derivative(math.sin, 1.001)
    found = secant.derivative(math.sin, 1.0, near=earlier, keep_samples=True)
    assert len(found.samples) == found.evaluations == 5
    found = secant.derivative(math.sin, 1.0, near=earlier, scale=0.1)
    assert found.ok
    assert found.evaluations == 13
    other = secant.derivative(math.sin, 1.0, near=earlier, scale=np.sin)
    assert other.evaluations == 5 + secant.derivative(np.sin, 1.0).evaluations


def test_however_f_is_evaluated(tmp_path) -> None:
    def f(x):
        return float(np.exp(np.sin(x)).sum())

    earlier = secant.gradient(f, X * 1.001)
    expected = secant.gradient(f, X, near=earlier)
    assert same(secant.gradient(f, X, near=earlier, workers=map), expected)
    batches = secant.gradient(lambda x: np.exp(np.sin(x)).sum(axis=1), X, near=earlier, vectorized=True)
    assert batches.evaluations <= expected.evaluations + 1  # f at x alone and in a batch
    assert np.all(np.abs(batches.value - expected.value) <= batches.error + expected.error)
    journal = str(tmp_path / "near.journal")
    for _ in range(2):
        found = secant.gradient(f, X, near=earlier, journal=journal)
        assert same(found, expected)
    with pytest.raises(secant.InputError, match="another question"):
        secant.gradient(f, X, near=secant.gradient(f, X * 1.002), journal=journal)


@pytest.mark.parametrize("rtol", [0.0, 1e-7])
def test_its_price(rtol) -> None:
    earlier = secant.gradient(wavy, X * 1.001)
    price = secant.price(secant.gradient, wavy, X, near=earlier, rtol=rtol)
    assert price.evaluations == secant.gradient(wavy, X, near=earlier, rtol=rtol).evaluations
    far = secant.gradient(wavy, X + 1.0, near=earlier)
    assert far.evaluations <= price.at_most


# --- what it may be -------------------------------------------------------------------------------------


SINE = secant.derivative(math.sin, 1.0)
PAIR = secant.gradient(lambda x: x[0] * x[1], np.array([1.0, 2.0]))
ALONG = secant.directional(lambda x: x[0] * x[1], np.array([1.0, 2.0]), np.array([1.0, 1.0]))
TREE = secant.gradient(lambda p: p["a"] * p["b"], {"a": 1.0, "b": 2.0})


@pytest.mark.parametrize(
    ("question", "x", "further", "how", "error", "text"),
    [
        (secant.derivative, 1.0, (), {"near": 0.54}, secant.InputTypeError, "must be an Estimate of the same f at a"),
        (secant.gradient, X, (), {"near": X}, secant.InputTypeError, "must be an Estimate of the same f at a point"),
        (secant.derivative, 1.0, (), {"near": SINE, "step": 1e-4}, secant.InputError, "left out with a fixed `step`"),
        (secant.derivative, 1.0, (), {"near": SINE, "method": "forward"}, secant.InputError, "with `method='forward'`"),
        (secant.derivative, 1.0, (), {"near": SINE, "method": "complex"}, secant.InputError, "with `method='complex'`"),
        (secant.derivative, 1.0, (), {"near": SINE, "order": 2}, secant.InputError, "left out with `order=2`"),
        (secant.derivative, 1.0, (), {"near": PAIR}, secant.InputError, r"like `x`, a number; it is at \(2,\)"),
        (secant.gradient, X, (), {"near": PAIR}, secant.InputError, r"like `x`, \(30,\); it is at \(2,\)"),
        (secant.gradient, X[:2], (), {"near": SINE}, secant.InputError, r"like `x`, \(2,\); it is at a number"),
        (
            secant.gradient,
            {"a": 1.0, "c": 2.0},
            (),
            {"near": TREE},
            secant.InputError,
            r"like `x`, \['a'\] \(\), \['c'\] \(\); it is at \['a'\] \(\), \['b'\] \(\)",
        ),
        (secant.gradient, X[:2], (), {"near": ALONG}, secant.InputError, "must be by the entries of `x`, as this"),
        (secant.directional, X[:2], (X[:2],), {"near": PAIR}, secant.InputError, "must be along `v`, as this question"),
        (secant.directional, X[:2], (X[:2],), {"near": ALONG}, secant.InputError, "must be along the same `v`"),
    ],
)
def test_bad_ones_are_refused_before_anything_is_evaluated(question, x, further, how, error, text) -> None:
    watched = Counted(wavy)
    with pytest.raises(error, match=f"`near` .*{text}"):
        question(watched, x, *further, **how)
    if "step" not in how:
        with pytest.raises(error, match=f"`near` .*{text}"):
            secant.price(question, watched, x, *further, **how)
    assert not watched.points


def test_an_f_of_other_outputs_is_found_out() -> None:
    with pytest.raises(
        secant.InputError, match="`near` must be of an f with as many outputs; it tells of 1, and f has 2"
    ):
        secant.derivative(lambda x: np.array([x, x]), 1.0, near=SINE)


def test_bends_of_another_make_are_refused() -> None:
    for bends in (
        dataclasses.replace(PAIR.bends, table=np.ones((8, 1, 3))),
        dataclasses.replace(PAIR.bends, x=np.ones(3)),
        dataclasses.replace(PAIR.bends, fun=()),
    ):
        with pytest.raises(secant.InputError, match="`near` must tell of f in"):
            secant.gradient(wavy, X[:2], near=dataclasses.replace(PAIR, bends=bends))
