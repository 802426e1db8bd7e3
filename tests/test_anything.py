"""Whatever f, x and the options are: no error from inside, no point out of bounds, no budget overrun, a bar or none.

Functions of every temper (huge, tiny, broken, random, rounded) at points of every size; drawn once, from a seed.
"""

import math
import random

import numpy as np
import pytest

import secant


def tempers(rng):
    a, b, c = 10 ** rng.uniform(-12, 12), rng.uniform(-3, 3), 10 ** rng.uniform(-300, 300)
    noise = random.Random(rng.random())
    return b, [
        lambda x: a * math.sin(x / a) + b,
        lambda x: c * x * x,
        lambda x: math.exp(a * x),
        lambda x: math.log(abs(x) * a),
        lambda x: 1 / (x - b),
        lambda x: abs(x - b) * a,
        lambda x: math.floor(a * x),
        lambda x: round(math.sin(x), 3),
        lambda x: math.sqrt(x - b),
        lambda x: math.inf if x > b else x,
        lambda x: math.nan if noise.random() < 0.1 else x,
        lambda x: noise.gauss(0, a),
        lambda x: x + noise.gauss(0, 1e-6),
        lambda x: x**7 * c,
        lambda x: (x > b) * a,
        lambda x: math.tanh(a * (x - b)),
        lambda x: 5e-324 * x,
        lambda x: 1.7e308 * math.sin(x),
        lambda x: math.cbrt(x - b),
        lambda x: abs(x - b) ** 0.3,
        lambda x: 0.0,
        lambda x: max(0, x - b) ** 2,
        lambda x: math.sin(a / x),
    ]


def draw(rng, b):
    x = rng.choice(
        [
            0.0,
            b,
            rng.uniform(-5, 5),
            10 ** rng.uniform(-300, 300) * rng.choice([-1, 1]),
            b + 10 ** rng.uniform(-15, 0),
            np.float32(rng.uniform(-3, 3)),
            np.float16(rng.uniform(-3, 3)),
            5e-324,
            rng.randrange(-5, 5),
        ]
    )
    near, far = rng.choice([0.0, 1e-16, 1e-3, math.inf]), rng.choice([0.0, 1e-9, 1.0, math.inf])
    options = {
        "method": rng.choice(["forward", "backward", "central"]),
        "max_evaluations": rng.randrange(1, 60),
        "rtol": 10 ** rng.uniform(-14, 0),
        "noise": 10 ** rng.uniform(-20, 5),
        "max_step": 10 ** rng.uniform(-30, 5),
        "bounds": (float(x) - near, float(x) + far),
    }
    return x, {name: value for name, value in options.items() if rng.random() < 0.2}


@pytest.mark.parametrize("seed", range(12))
def test_anything(seed) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        b, functions = tempers(rng)
        for f in functions:
            x, how = draw(rng, b)
            answer(f, x, how)


def answer(f, x, how) -> None:
    low, high = how.get("bounds", (-math.inf, math.inf))
    seen = []

    def watched(point):
        seen.append(point)
        return f(point)

    try:
        with np.errstate(all="ignore"):
            est = secant.derivative(watched, x, **how)
    except (ArithmeticError, ValueError) as error:
        notes = getattr(error, "__notes__", [])
        assert len(seen) == 1, "f may fail at x only"
        assert any("while evaluating f at x" in note for note in notes)
        return
    assert all(low <= point <= high for point in seen)
    assert len(seen) == est.evaluations <= how.get("max_evaluations", 40)
    assert est.error >= 0.0
    assert math.isfinite(est.value) or est.error == math.inf
    assert secant.from_json(est.to_json()).verdict is est.verdict
    str(est).encode("ascii")
