"""Standing moments: units are added and taken off again, and nothing is left of them (R25).

A late fact changes one unit: its old row is subtracted and its new one added. In doubles a
subtraction leaves rounding behind: of one unit of 1e9 among small ones, more than all others sum
to. So sums are pairs of doubles whose sum has 30 digits, made by error-free additions and products
(Dekker 1971, Numerische Mathematik 18; Knuth, The Art of Computer Programming 2, 4.2.2).

What a unit lacks is counted, so that it can be taken off as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.moments import Cell, Counts, Floats, Moments, Request
from apologylab.inference.slabs import Codes, refuse_infinite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AT_ONCE = 16_384
"""Units whose products are made at once."""
SPLIT = 134_217_729.0
"""2^27 + 1: splits a double into two halves whose products are exact (Veltkamp)."""


class Pair(NamedTuple):
    """A number as the sum of two doubles, ``low`` below the rounding of ``high``."""

    high: Floats
    low: Floats


def two_sum(a: Floats, b: Floats) -> Pair:
    """a + b and what its rounding left out, exactly (Knuth).

    >>> total = two_sum(np.array([1e16]), np.array([1.0]))
    >>> total.high[0], total.low[0]
    (np.float64(1e+16), np.float64(1.0))
    """
    total = a + b
    part = total - a
    return Pair(total, (a - (total - part)) + (b - part))


def two_product(a: Floats, b: Floats) -> Pair:
    """a b and what its rounding left out, exactly (Dekker)."""
    made = a * b
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return Pair(made, ((a1 * b1 - made) + a1 * b2 + a2 * b1) + a2 * b2)


def _halves(a: Floats) -> tuple[Floats, Floats]:
    big = SPLIT * a
    high = big - (big - a)
    return high, a - high


def plus(a: Pair, b: Pair) -> Pair:
    """a + b to 30 digits, element by element."""
    high, low = two_sum(a.high, b.high)
    return _tidy(high, low + a.low + b.low)


def _tidy(high: Floats, low: Floats) -> Pair:
    total = high + low
    return Pair(total, low - (total - high))


def total(each: Pair) -> Pair:
    """The sum over the first axis, halving it again and again; 0 of nothing."""
    if not len(each.high):
        shape = each.high.shape[1:]
        return Pair(np.zeros(shape), np.zeros(shape))
    while len(each.high) > 1:
        half = len(each.high) // 2
        odd = Pair(each.high[2 * half :], each.low[2 * half :])
        made = plus(
            Pair(each.high[:half], each.low[:half]),
            Pair(each.high[half : 2 * half], each.low[half : 2 * half]),
        )
        each = Pair(np.concatenate([made.high, odd.high]), np.concatenate([made.low, odd.low]))
    return Pair(each.high[0], each.low[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """Moments of one request over units that come and go.

    Attributes:
        request: the outcome and its covariates, k columns together.
        cells: g keys, sorted; some may have no unit left.
        n: (g,) units that have the outcome.
        lacking: (g, k) of those, units that lack the column.
        sums: (g, k).
        products: (g, k, k).
    """

    request: Request
    cells: tuple[Cell, ...]
    n: Counts
    lacking: Counts
    sums: Pair
    products: Pair

    @property
    def columns(self) -> tuple[str, ...]:
        """The outcome, then the covariates."""
        return (self.request.outcome, *self.request.covariates)

    def moments(self) -> Moments:
        """The moments of the units that are there now, about the columns' means.

        Raises:
            InputError: the outcome holds an infinity.
        """
        kept = self.n > 0
        n = self.n[kept].astype(np.float64)
        refuse_infinite(self.request.outcome, self.products.high[kept, 0, 0])
        sums = Pair(self.sums.high[kept], self.sums.low[kept])
        products = Pair(self.products.high[kept], self.products.low[kept])
        lacks = self.lacking[kept] > 0
        known = n.sum() - self.lacking[kept].sum(axis=0)
        shift = sums.high.sum(axis=0) / np.maximum(known, 1.0)
        moved, squares = _about(shift, n, sums, products)
        return Moments(
            columns=self.columns,
            cells=tuple(cell for cell, keep in zip(self.cells, kept, strict=True) if keep),
            shift=shift,
            n=self.n[kept],
            sums=np.where(lacks, np.nan, moved),
            products=np.where(lacks[:, :, None] | lacks[:, None, :], np.nan, squares),
        )


def nothing(request: Request) -> Standing:
    """No unit yet."""
    k = 1 + len(request.covariates)
    return Standing(
        request=request,
        cells=(),
        n=np.zeros(0, np.int64),
        lacking=np.zeros((0, k), np.int64),
        sums=Pair(np.zeros((0, k)), np.zeros((0, k))),
        products=Pair(np.zeros((0, k, k)), np.zeros((0, k, k))),
    )


def change(
    standing: Standing,
    columns: Mapping[str, Floats],
    cells: Sequence[Cell],
    code: Codes,
    sign: int,
) -> Standing:
    """Add units (``sign`` 1) or take them off (-1).

    Args:
        standing: what is there.
        columns: name -> (m,) floats of the units; ``nan`` is missing.
        cells: keys of the units.
        code: (m,) index into ``cells`` of each unit.
        sign: 1 or -1.

    Raises:
        InputError: units are taken off that are not there.
    """
    if not len(code):
        return standing
    wider = _with_cells(standing, [cells[i] for i in np.unique(code)])
    numbers = np.stack([columns[name] for name in standing.columns], axis=1)
    has = ~np.isnan(numbers[:, 0])
    parts = [np.flatnonzero(has & (code == i)) for i in range(len(cells))]
    made = wider
    for cell, rows in zip(cells, parts, strict=True):
        for start in range(0, rows.size, AT_ONCE):
            taken = numbers[rows[start : start + AT_ONCE]]
            made = _in_cell(made, made.cells.index(cell), taken, sign)
    if (made.n < 0).any() or (made.lacking < 0).any():
        raise InputError("units are taken off that were never added", do="sum the panel anew")
    return made


def _in_cell(standing: Standing, at: int, numbers: Floats, sign: int) -> Standing:
    """Change one cell by units that have the outcome, (m, k)."""
    lacks = np.isnan(numbers)
    x = np.where(lacks, 0.0, numbers)
    own = total(Pair(sign * x, np.zeros_like(x)))
    product = two_product(x[:, :, None], x[:, None, :])
    squares = total(Pair(sign * product.high, sign * product.low))
    n, lacking = standing.n.copy(), standing.lacking.copy()
    n[at] += sign * len(x)
    lacking[at] += sign * lacks.sum(axis=0)
    return Standing(
        request=standing.request,
        cells=standing.cells,
        n=n,
        lacking=lacking,
        sums=_put(standing.sums, at, own),
        products=_put(standing.products, at, squares),
    )


def _put(pair: Pair, at: int, added: Pair) -> Pair:
    high, low = pair.high.copy(), pair.low.copy()
    high[at], low[at] = plus(Pair(high[at], low[at]), added)
    return Pair(high, low)


def _with_cells(standing: Standing, more: Sequence[Cell]) -> Standing:
    """The same with room for more cells."""
    if set(more) <= set(standing.cells):
        return standing
    cells = tuple(sorted({*standing.cells, *more}))
    rows = [cells.index(cell) for cell in standing.cells]

    def wide(old: Any) -> Any:
        new = np.zeros((len(cells), *old.shape[1:]), dtype=old.dtype)
        new[rows] = old
        return new

    return Standing(
        request=standing.request,
        cells=cells,
        n=wide(standing.n),
        lacking=wide(standing.lacking),
        sums=Pair(wide(standing.sums.high), wide(standing.sums.low)),
        products=Pair(wide(standing.products.high), wide(standing.products.low)),
    )


def _about(shift: Floats, n: Floats, sums: Pair, products: Pair) -> tuple[Floats, Floats]:
    """Sums and products about a shift s: S - n s, and P - s S' - S s' + n s s', in pairs."""
    moved = plus(sums, _minus(two_product(n[:, None], shift[None, :])))
    outer = two_product(shift[:, None], shift[None, :])
    one = _times(Pair(sums.high[:, :, None], sums.low[:, :, None]), shift[None, None, :])
    other = _times(Pair(sums.high[:, None, :], sums.low[:, None, :]), shift[None, :, None])
    all_ = _times(Pair(outer.high[None], outer.low[None]), n[:, None, None])
    squares = plus(plus(plus(products, _minus(one)), _minus(other)), all_)
    return moved.high + moved.low, squares.high + squares.low


def _minus(a: Pair) -> Pair:
    return Pair(-a.high, -a.low)


def _times(a: Pair, b: Floats) -> Pair:
    """a b to 30 digits."""
    high, low = two_product(a.high, b)
    return _tidy(high, low + a.low * b)
