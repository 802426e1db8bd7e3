"""What an earlier answer tells of a point close by, fed by hand: what bears it out, and what does not."""

import math

import numpy as np
import pytest

from secant.core.kept import Bends
from secant.core.ladder import Line, taken
from secant.core.near import Foretold, foretold, judged, nearby
from secant.core.operators import gradient, lines
from secant.core.request import Reply, Request, run
from secant.core.verdicts import Verdict

NUMBERS = (2.0, 1e-16, 0.01, 1e-3, 1e-3, 1e-5, 0.1, 0.0)  # slope, noise, second, cubic, third, fifth, reach, strayed


def bends(*rows, x=(1.0,), fun=(1.0,)):
    return Bends(np.array(x), fun, "", None, np.array([rows]).transpose(2, 0, 1) if len(x) > 1 else rows[0])


def prior(x=1.0, numbers=NUMBERS):
    found = foretold(bends(numbers), np.array([x])).priors[0][0]
    assert found is not None
    return found


class Paid:
    """An evaluator that counts."""

    def __init__(self, f) -> None:
        self.f, self.count, self.lanes = f, 0, []

    def __call__(self, request: Request) -> Reply:
        lanes = [0] * len(request.t) if request.lane is None else np.asarray(request.lane).tolist()
        values = []
        for lane, t in zip(lanes, np.asarray(request.t).tolist(), strict=True):
            x = request.base.copy()
            if request.directions is None:
                x[lane] += t
            else:
                x += t * request.directions[lane]
            values.append(self.f(x))
        self.count += len(values)
        self.lanes += [lane for lane, t in zip(lanes, request.t, strict=True) if t]
        return Reply(values) if type(request.t) is tuple else Reply(np.array(values).reshape(-1, 1))


# --- what is foretold -----------------------------------------------------------------------------------


def test_f_and_its_slope_are_foretold() -> None:
    told = foretold(bends(NUMBERS), np.array([1.01]))
    assert told.fun == pytest.approx((1.02,))
    assert told.priors[0][0].value == pytest.approx(2.02)  # the second derivative is 2 * 0.01 / 0.1**2
    line = Line(1.01, 1.01)
    assert told.holds([1.0201], line)
    assert not told.holds([1.025], line)
    assert told.holds([1.025], Line(1.01, 1.01, noise=1e-3))
    assert not told.holds([math.nan], line)


def test_what_is_foretold_wears_off() -> None:
    strays = [foretold(bends((*NUMBERS[:7], s)), np.array([1.0 + 1e-3])).priors[0][0] for s in (0.0, 0.5, 0.74, 1.3)]
    assert [stray is not None for stray in strays] == [True, True, True, False]
    assert strays[0].growth < strays[1].growth < strays[2].growth
    assert foretold(bends(NUMBERS), np.array([1.5])).priors[0][0] is None


def test_lines_wear_off_at_different_places() -> None:
    x = np.ones(40)
    told = foretold(bends(*[(*NUMBERS[:7], 1.0)] * 40, x=x), x)
    assert 10 <= sum(each is None for each in told.priors[0]) <= 30


def test_how_far_x_may_stray_goes_by_the_terms() -> None:
    # The series of 1 / (1 - x) about 0 ends at 1: terms at a tenth of that fall by a hundred every two orders.
    spans = [prior(numbers=(*NUMBERS[:4], 1e-3, fifth, *NUMBERS[6:])).span for fifth in (1e-3, 1e-4, 1e-5, 0.0)]
    assert spans == pytest.approx([0.5, 0.25 * math.sqrt(10.0), 2.5, 4.0])
    assert prior(numbers=(*NUMBERS[:4], 1e-16, 1e-16, *NUMBERS[6:])).span == 4.0  # nothing but noise


def test_entries_of_which_nothing_is_known() -> None:
    blank = (math.nan,) * 8
    still = foretold(bends(NUMBERS, blank, x=(1.0, 1.0)), np.array([1.001, 1.0]))
    assert still.priors[0][0] is not None
    assert still.priors[0][1] is None
    assert not still.holds([2.0], Line(1.0, 1.0))
    moved = foretold(bends(NUMBERS, blank, x=(1.0, 1.0)), np.array([1.0, 1.001]))
    assert moved.priors[0][0].strayed == pytest.approx(0.001 / (1.001 / 16.0))
    assert moved.holds([2.0], Line(1.0, 1.0))  # who knows
    assert foretold(bends(NUMBERS, blank, x=(1.0, 1.0)), np.array([1.0, 2.0])).priors[0][0] is None


def test_lines_may_be_picked() -> None:
    x = np.arange(1.0, 5.0)
    rows = [(slope, *NUMBERS[1:]) for slope in x.tolist()]
    told = foretold(bends(*rows, x=x), x, [2, 0])
    assert [each.value for each in told.priors[0]] == [3.0, 1.0]
    assert told.alone(0, 1).priors == ((told.priors[0][1],),)


# --- pairs -----------------------------------------------------------------------------------------------


def pairs_of(f, x, *steps):
    line = Line(x, abs(x))
    return [(h, f(x + taken(line, h)), f(x - taken(line, h))) for h in steps]


def cubic(x, slope=2.0, second=2.0, third=1.0, fourth=0.0):
    d = x - 1.0
    return 1.0 + slope * d + 0.5 * second * d**2 + third * d**3 + fourth * d**4


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("f", "fits"),
    [
        (cubic, True),
        (lambda x: cubic(x, second=2.04), True),
        (lambda x: cubic(x, second=3.0), False),
        (lambda x: cubic(x, second=-2.0), False),
        (lambda x: cubic(x, slope=2.01), False),
        (lambda x: cubic(x) + (1e-6 if x > 1.0 else 0.0), False),
        (lambda x: cubic(x) if x > 1.0 else math.nan, False),
        (lambda x: math.inf if x > 1.0 else cubic(x), False),
    ],
)
def test_pairs_that_bear_it_out(f, fits, count) -> None:
    steps = (2.0**-10, 2.0**-11)[:count]
    found = judged(Line(1.0, 1.0), 1.0, 2.0**-53, prior(), pairs_of(f, 1.0, *steps))
    assert (found is not None) == fits
    if found is not None:
        assert abs(found.value - 2.0) <= found.error
        assert (found.verdict, found.evaluations) == (Verdict.OK, 1 + 2 * count)


@pytest.mark.parametrize(
    "f", [lambda x: cubic(x, third=30.0), lambda x: cubic(x, third=-30.0), lambda x: cubic(x, fourth=1e3)]
)
def test_a_second_pair_tells_when_terms_have_grown(f) -> None:
    assert judged(Line(1.0, 1.0), 1.0, 2.0**-53, prior(), pairs_of(f, 1.0, 2.0**-6, 2.0**-7)) is None


def test_bars_grow_with_the_way() -> None:
    pairs = pairs_of(cubic, 1.0, 2.0**-10)
    errors = [
        judged(Line(1.0, 1.0), 1.0, 2.0**-53, prior(numbers=(*NUMBERS[:7], strayed)), pairs).error
        for strayed in (0.0, 0.3, 0.7)
    ]
    assert errors[0] < errors[1] < errors[2]


def test_what_two_pairs_saw_is_handed_on() -> None:
    found = judged(Line(1.0, 1.0), 1.0, 2.0**-53, prior(), pairs_of(cubic, 1.0, 2.0**-7, 2.0**-8))
    assert found.bend[:3] == pytest.approx((0.01, 1e-3, 1e-3), rel=1e-3)
    assert found.bend[3] == pytest.approx(1e-5, rel=1e-2)
    assert found.bend[4:] == (0.1, 0.0)


# --- lines -----------------------------------------------------------------------------------------------

BASE = np.linspace(1.0, 2.0, 9)
PROBLEMS = [Line(x, x) for x in BASE.tolist()]


def waves(x):
    return float(sum(math.sin((i + 1.0) * t) for i, t in enumerate(x)))


def seen(f=waves, base=BASE):
    """What a gradient tells of a point."""
    found = run(gradient(base, [Line(x, x) for x in base.tolist()]), Paid(f))
    table = np.array([[(s.value, s.noise, *s.bend) for s in found.slopes[0]]]).transpose(2, 0, 1)
    return Bends(base, found.outputs, "", None, table)


def test_four_evaluations_a_line() -> None:
    paid = Paid(waves)
    found = run(nearby(BASE, PROBLEMS, foretold(seen(base=BASE * 1.0002), BASE)), paid)
    assert paid.count == 1 + 4 * 9
    truth = np.array([(i + 1.0) * math.cos((i + 1.0) * t) for i, t in enumerate(BASE)])
    assert np.mean(np.abs(found.value - truth) <= found.error) > 0.85
    assert np.all(np.abs(found.value - truth) <= 2.0 * found.error)
    assert np.all(found.error <= 1e-10)
    assert found.outputs == (waves(BASE),)


def test_lines_that_are_not_borne_out_are_alone_in_what_they_pay() -> None:
    def creased(x):
        return waves(x) + abs(x[4] - BASE[4])

    told = foretold(seen(base=BASE * 1.0002), BASE)
    paid = Paid(creased)
    found = run(nearby(BASE, PROBLEMS, told), paid)
    assert [slope.verdict is Verdict.KINK for slope in found.slopes[0]] == [i == 4 for i in range(9)]
    expected = run(lines(BASE, PROBLEMS), Paid(creased)).slopes[0][4]
    assert (found.slopes[0][4].value, found.slopes[0][4].error) == (expected.value, expected.error)
    assert paid.count == 1 + 4 * 9 + expected.evaluations - 1
    assert paid.lanes.count(4) == 4 + expected.evaluations - 1


def test_where_nothing_is_borne_out_it_is_a_gradient() -> None:
    told = foretold(seen(base=BASE * 1.0002), BASE)
    other = lambda x: waves(x) + 1.0  # noqa: E731
    whole, fresh = Paid(other), Paid(other)
    found = run(nearby(BASE, PROBLEMS, told, whole=True), whole)
    assert repr(found) == repr(run(gradient(BASE, PROBLEMS), fresh))
    assert whole.count == fresh.count


@pytest.mark.parametrize("most", range(1, 120, 7))
def test_a_budget_is_kept(most) -> None:
    for f in (waves, lambda x: waves(x) + abs(x[4] - BASE[4]), lambda x: waves(x) + 1.0):
        paid = Paid(f)
        told = foretold(seen(base=BASE * 1.0002), BASE)
        run(nearby(BASE, PROBLEMS, told, most=most), paid)
        assert paid.count <= most


def test_nothing_told_is_nothing_borne_out() -> None:
    told = Foretold(((None,) * 9,), (waves(BASE),), (math.inf,))
    assert repr(run(nearby(BASE, PROBLEMS, told), Paid(waves))) == repr(run(lines(BASE, PROBLEMS), Paid(waves)))
