"""The pytest plugin: a fixture ``gradcheck`` that fails with the table of wrong entries as its message.

pytest loads every plugin that is installed, so this module imports nothing of secant until the fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from secant import GradientCheck

__all__ = ["gradcheck"]


@pytest.fixture
def gradcheck() -> Callable[..., GradientCheck]:
    """Return a function that checks a gradient as ``secant.check_gradient`` does, and fails the test unless it agrees.

    ``gradcheck(f, grad, x, **options)`` returns the check; ``cannot_tell="skip"`` or ``"pass"`` says what to do where
    f's values do not suffice, instead of failing.
    """

    def checked(
        f: Any, grad: Any, x: Any, *, cannot_tell: Literal["fail", "skip", "pass"] = "fail", **options: Any
    ) -> GradientCheck:
        __tracebackhide__ = True
        import secant

        if cannot_tell not in ("fail", "skip", "pass"):
            raise secant.InputError(f"`cannot_tell` must be 'fail', 'skip' or 'pass'; got {cannot_tell!r}")
        found = secant.check_gradient(f, grad, x, **options)
        if found.verdict is secant.CheckVerdict.CANNOT_TELL and cannot_tell != "fail":
            if cannot_tell == "skip":
                pytest.skip(found.message)
        elif not found.ok:
            pytest.fail(found.message, pytrace=False)
        return found

    return checked
