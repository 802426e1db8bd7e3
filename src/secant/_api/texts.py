"""Results read back from text: sparse matrices become SciPy's, as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from secant._api.extras import scipy_sparse
from secant.core import serialize
from secant.core.leaves import Csr
from secant.core.results import Estimate


def from_json(text: str) -> serialize.Result:
    """Return the result that a text holds, as ``to_json`` of any result wrote it.

    Raises
    ------
    InputTypeError : when the text is not a str.
    InputError : for text that ``to_json`` of this version does not write; it says where.

    >>> import math, secant
    >>> from_json(secant.derivative(math.sin, 1.0).to_json()).ok
    True
    """
    result = serialize.from_json(text)
    if isinstance(result, Estimate) and isinstance(result.value, Csr):
        names = ("value", "error", "step", "matrix", "matrix_error")
        return replace(result, **{name: _matrix(getattr(result, name)) for name in names})
    return result


def _matrix(leaf: Any) -> Any:
    if not isinstance(leaf, Csr):
        return leaf
    return scipy_sparse().csr_array((leaf.data, leaf.indices, leaf.indptr), shape=leaf.shape)
