"""Sums of slabs, and of outcomes that only later units lack."""

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.moments import Cell, Request, cell_means
from apologylab.inference.slabs import Totals, by_cell, far_off, part

A = Cell(1, 1, "a", "")
NAMES = ("y", "x")


def totals(*batches):
    """Batches of (y, x), all in one cell, added in their order."""
    found = Totals(whole=np.zeros((1, 3, 3)))
    for columns in batches:
        code = np.zeros(len(columns[0]), dtype=np.intp)
        for slab in by_cell([np.array(c) for c in columns], code, 1, np.zeros(2)):
            found.add(part(slab, [1]))
    return found


def test_an_outcome_that_only_later_units_lack_keeps_the_earlier_ones():
    found = totals(([1.0, 2.0], [5.0, 6.0]), ([np.nan, 4.0], [7.0, 8.0]), ([9.0], [1.0]))
    moments = found.moments(Request("y", ("x",)), NAMES, [A], np.zeros(2))
    assert moments.n.tolist() == [4]
    np.testing.assert_array_equal(moments.sums, [[16.0, 20.0]])
    np.testing.assert_array_equal(moments.products[0], [[102.0, 58.0], [58.0, 126.0]])
    (alone,) = panel(
        {"y": np.array([1.0, 2.0, np.nan, 4.0, 9.0]), "x": np.array([5.0, 6.0, 7.0, 8.0, 1.0])},
        arm=["a"] * 5,
    ).moments([Request("y", ("x",))])
    np.testing.assert_allclose(cell_means(moments), cell_means(alone))


def test_an_infinite_outcome_is_refused():
    with pytest.raises(InputError, match="infinity"):
        totals(([1.0, np.inf], [1.0, 2.0])).moments(Request("y"), NAMES, [A], np.zeros(2))


def test_what_lies_far_off_is_named_with_its_mean():
    rng = np.random.default_rng(1)
    columns = {"y": rng.normal(size=50), "x": 1e6 + rng.normal(size=50)}
    found = totals(tuple(columns.values())).moments(Request("y", ("x",)), NAMES, [A], np.zeros(2))
    assert far_off(found) == {"x": pytest.approx(columns["x"].mean(), rel=1e-12)}
