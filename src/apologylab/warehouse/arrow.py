"""Columns of Arrow batches as numpy arrays.

Arrow's own ``to_numpy`` would import pandas, which takes longer than a million rows do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats


def floats(column: Any) -> Floats:
    """A column of doubles, (n,), NULL as ``nan``; without NULLs it is the batch's own memory.

    >>> import pyarrow
    >>> floats(pyarrow.array([1.5, None, 2.0])[1:]).tolist()
    [nan, 2.0]
    """
    values: Floats = _values(column, np.float64)
    if not column.null_count:
        return values
    known: Floats = np.where(_known(column), values, np.nan)
    return known


def codes(column: Any) -> NDArray[np.int32]:
    """A column of 32-bit whole numbers, (n,), NULL as -1."""
    values = _values(column, np.int32)
    return np.where(_known(column), values, -1).astype(np.int32) if column.null_count else values


def _values(column: Any, kind: Any) -> Any:
    buffer = column.buffers()[1]
    if buffer is None or not len(column):
        return np.empty(0, dtype=kind)
    start = column.offset * np.dtype(kind).itemsize
    return np.frombuffer(buffer, dtype=kind, count=len(column), offset=start)


def _known(column: Any) -> NDArray[np.bool_]:
    """Which values are not NULL: Arrow's bits, the lowest first."""
    bits = np.unpackbits(np.frombuffer(column.buffers()[0], dtype=np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)].astype(np.bool_)
