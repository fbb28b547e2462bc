"""Buckets: the units that were drawn, in about a thousand groups, for a bootstrap of any size.

Whatever is a function of sums over units can be resampled by drawing buckets instead of units: the
buckets' sums are added as often as they were drawn. With G buckets of units that were drawn
independently the bootstrap's variance is that of the units' bootstrap to a relative error of about
sqrt(2 / G), 4% of the variance and 2% of the standard error with G = 1,009, and a draw costs G
additions however many units there are. Not for quantiles or extremes, which are no sums.

Source: Chamandy, Muralidharan, Najmi and Naidu 2012 (Google Technical Report 43157, "Estimating
uncertainty for massive data streams"), for buckets and for resampling what a unit adds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from apologylab.inference.moments import Cell, Floats, Moments

BUCKETS = 1_009
"""A prime, so that no period in the order of the units falls in with it."""
MARK = "#bucket "


def named(stratum: str, number: int) -> str:
    """The stratum of one bucket's cell.

    >>> named("gold", 12), parted("gold#bucket 12")
    ('gold#bucket 12', ('gold', 12))
    """
    return f"{stratum}{MARK}{number}"


def parted(stratum: str) -> tuple[str, int]:
    """The stratum and the bucket."""
    own, _, number = stratum.rpartition(MARK)
    return own, int(number)


class Bucketed(NamedTuple):
    """Moments by cell and bucket, about the moments' shift.

    ``n`` (g, buckets), ``sums`` (g, buckets, k), ``products`` (g, buckets, k, k).
    """

    cells: tuple[Cell, ...]
    n: Floats
    sums: Floats
    products: Floats


def in_buckets(moments: Moments, buckets: int) -> Bucketed:
    """The moments of a source's :meth:`~apologylab.inference.source.Source.bucketed`, laid out."""
    keys = [(cell._replace(stratum=own), at) for cell in moments.cells
            for own, at in (parted(cell.stratum),)]  # fmt: skip
    cells = tuple(sorted({cell for cell, _ in keys}))
    row = {cell: i for i, cell in enumerate(cells)}
    at = (np.array([row[cell] for cell, _ in keys]), np.array([number for _, number in keys]))
    k = len(moments.columns)
    n = np.zeros((len(cells), buckets))
    sums, products = np.zeros((*n.shape, k)), np.zeros((*n.shape, k, k))
    n[at], sums[at], products[at] = moments.n, moments.sums, moments.products
    return Bucketed(cells, n, sums, products)
