"""Leaves of answers as plain numbers: arrays of other libraries, and sparse matrices, for who does not know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Dtypes of other libraries that NumPy has too; numbers of the others (bfloat16) fit into float32.
_SHARED = ("float64", "float32", "float16", "complex128", "complex64")


def as_array(leaf: Any) -> Any:
    """Return an array of another library as NumPy's, from wherever it lives; anything else as it is.

    Their ``tolist`` is all that is used, so that no library need be known here.

    >>> as_array(2.0), as_array(None)
    (2.0, None)
    """
    if isinstance(leaf, np.ndarray | np.generic) or not (hasattr(leaf, "tolist") and hasattr(leaf, "dtype")):
        return leaf
    name = str(leaf.dtype).removeprefix("torch.")
    return np.array(leaf.tolist(), dtype=name if name in _SHARED else "float32").reshape(tuple(leaf.shape))


def is_sparse(leaf: Any) -> bool:
    """Return whether a leaf is a sparse matrix in CSR form, as SciPy has it or as it is read back."""
    return hasattr(leaf, "indptr")


@dataclass(frozen=True, slots=True)
class Csr:
    """A sparse matrix as it is written and read where SciPy is not known.

    >>> Csr((1, 3), np.array([0, 1]), np.array([2]), np.array([0.5])).nnz
    1
    """

    shape: tuple[int, ...]
    indptr: Any
    indices: Any
    data: Any

    @property
    def nnz(self) -> int:
        """The number of entries."""
        return int(self.data.size)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def toarray(self) -> Any:
        """Return the matrix with its zeros."""
        full = np.zeros(self.shape, dtype=self.data.dtype)
        full[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return full

    @staticmethod
    def checked(shape: Any, indptr: Any, indices: Any, data: Any) -> Csr | None:
        """Return the matrix of these parts, wherever they come from; None when they do not make one.

        >>> Csr.checked([1, 3], np.array([0, 1]), np.array([3]), np.array([0.5])) is None
        True
        """
        if not isinstance(shape, list) or len(shape) != 2 or any(type(each) is not int or each < 0 for each in shape):
            return None
        parts = (indptr, indices, data)
        if not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
            return None
        if indptr.dtype.kind != "i" or indices.dtype.kind != "i" or data.dtype.kind not in "fc":
            return None
        if indptr.size != shape[0] + 1 or indptr[0] != 0 or not indptr[-1] == indices.size == data.size:
            return None
        if (np.diff(indptr) < 0).any() or ((indices < 0) | (indices >= shape[1])).any():
            return None
        return Csr((shape[0], shape[1]), indptr, indices, data)
