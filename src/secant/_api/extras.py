"""Packages that only some questions need, imported when one of those is asked."""

from __future__ import annotations

from typing import Any


def scipy_sparse() -> Any:
    """Return ``scipy.sparse``; where it is missing, the ImportError says how to get it."""
    try:
        import scipy.sparse
    except ImportError as error:
        error.add_note("sparse Jacobians need scipy: pip install 'secant[sparse]'")
        raise
    return scipy.sparse
