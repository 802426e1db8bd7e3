"""What is asked, for those who evaluate: its name and options, its budget, and what it usually costs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from secant._api.options import DEFAULT_BUDGET, HIGHER_BUDGET, Options
from secant.core import imaginary

#: Evaluations of one line beyond f at the point: usual, usual with an `rtol`, and both for a higher order.
USUAL, EARLY = 12, 8
USUAL_HIGHER, EARLY_HIGHER = 22, 12
#: The same `near` an earlier answer, half as many with an `rtol`.
WARM = 4


@dataclass(frozen=True, slots=True)
class Count:
    """Evaluations: usual, and the most."""

    usual: int
    most: int


def lines_count(chosen: Options, count: int, known: bool, warm: bool = False) -> Count:
    """Count the evaluations of lines side by side, f at the point among them unless it is ``known``.

    ``warm`` says that they start from an answer close by.
    """
    most = chosen.max_evaluations
    here = 0 if known else 1
    if chosen.method == "complex":
        least, top = here + count * imaginary.USUAL, here + count * imaginary.MOST
        return Count(least, max(least, min(top, most or top)))
    if chosen.formula is not None:
        moved = sum(offset != 0 for offset in chosen.formula.offsets)
        exact = count * moved + (here if moved < len(chosen.formula.offsets) else 0)
        return Count(exact, exact)
    full, early, budget = (
        (USUAL, EARLY, DEFAULT_BUDGET) if chosen.order == 1 else (USUAL_HIGHER, EARLY_HIGHER, HIGHER_BUDGET)
    )
    if warm:
        full, early = WARM, WARM // 2
    usual = here + count * (early if chosen.rtol else full)
    top = here + count * (budget - 1) if most is None else most
    return Count(min(usual, top), top)


def question(name: str, chosen: Options, *, times: int = 1, **others: Any) -> dict[str, Any]:
    """Return what is asked, as :func:`secant.evaluation.drivers.evaluating` takes it.

    ``times`` is the number of gradients in it; ``others`` are options besides the numerical ones.

    >>> from secant._api.options import PLAIN
    >>> asked = question("gradient", PLAIN, wrt=None)
    >>> asked["question"]["question"], asked["expected"](10), asked["budget"]
    ('gradient', 121, None)
    """
    parts = {field.name: getattr(chosen, field.name) for field in fields(Options)} | others
    known, warm = (others.get(name) is not None for name in ("f0", "near"))

    def expected(entries: int) -> int:
        return times * lines_count(chosen, 1 if "v" in others else entries, known, warm).usual

    return {
        "question": {"question": name, **parts},
        "budget": chosen.max_evaluations,
        "expected": None if name in ("hessian", "hvp") or name.startswith("check") else expected,  # nobody knows yet
    }
