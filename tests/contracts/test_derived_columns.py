"""The contract of ``Source.derive`` and ``Source.collect``: the same columns from every engine.

What is derived is compared with plain loops over the rows, not with the code under test.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.derived import Capped, Linear, Product, Within
from apologylab.inference.moments import Cell, Request, cell_means

KEYS = {"phase": [1, 1, 2, 2, 2, 1], "arm": list("abbaba"), "stratum": ["", "n", "", "n", "", ""]}
X = np.array([3.0, -1.0, np.nan, 7.5, 2.0, 2.0])
Y = np.array([1.0, 0.0, 4.0, np.nan, -2.0, 1e4])
ROWS = [Cell(1, p, a, s) for p, a, s in zip(*KEYS.values(), strict=True)]
CASES = {
    "capped": (Capped(of="x", low=0.0, high=5.0), lambda x, _: min(max(x, 0.0), 5.0)),
    "capped above": (Capped(of="x", high=2.0), lambda x, _: min(x, 2.0)),
    "capped nowhere": (Capped(of="x"), lambda x, _: x),
    "within": (Within(of="x", low=2.0, high=7.5), lambda x, _: float(2.0 <= x < 7.5)),
    "within from": (Within(of="x", low=2.0), lambda x, _: float(x >= 2.0)),
    "within all": (Within(of="x"), lambda x, _: 1.0),
    "linear": (
        Linear(terms=(("x", 2.0), ("y", -0.1)), constant=0.3),
        lambda x, y: 0.3 + (2.0 * x - 0.1 * y),
    ),
    "constant": (Linear(terms=(), constant=4.0), lambda x, y: 4.0),
    "product": (
        Product(factors=(("x", 1.5, 2), ("y", 1.0, 1))),
        lambda x, y: (x - 1.5) ** 2 * (y - 1.0),
    ),
}


@pytest.fixture
def source(make):
    return make({"x": X, "y": Y}, **KEYS)


def written(rows):
    """Rows of numbers and cells as sorted texts: NaN is like NaN there."""
    return sorted(repr(tuple(row)) for row in rows)


@pytest.mark.parametrize("case", CASES)
def test_a_derived_column_is_made_row_by_row(source, case):
    how, by_hand = CASES[case]
    needs = {"x", "y"} if case in {"linear", "product"} else set()
    needs |= {"x"} if case != "constant" else set()
    (moments,) = source.derive({"z": how}).moments([Request("z")])
    expected = {}
    for cell, x, y in zip(ROWS, X.tolist(), Y.tolist(), strict=True):
        parts = {"x": x, "y": y}
        if not any(math.isnan(parts[name]) for name in needs):
            expected.setdefault(cell, []).append(by_hand(x, y))
    assert list(moments.cells) == sorted(expected)
    assert moments.n.tolist() == [len(expected[cell]) for cell in moments.cells]
    means = [sum(expected[cell]) / len(expected[cell]) for cell in moments.cells]
    np.testing.assert_allclose(cell_means(moments)[:, 0], means, rtol=1e-12, atol=1e-12)


def test_derived_columns_build_on_each_other_and_leave_the_source_as_it_was(source):
    richer = source.derive({"capped": Capped(of="x", high=3.0)})
    richest = richer.derive({"shifted": Linear(terms=(("capped", 1.0),), constant=-1.0)})
    (moments,) = richest.moments([Request("shifted")])
    assert moments.n.sum() == 5
    assert (moments.n @ cell_means(moments)[:, 0]).item() == pytest.approx(3 - 1 + 3 + 2 + 2 - 5)
    with pytest.raises(InputError, match="capped"):
        source.moments([Request("capped")])


def test_columns_derived_together_may_build_on_those_before_them(source):
    made = source.derive({"a": Capped(of="x", high=3.0), "b": Linear(terms=(("a", 2.0),))})
    a, b = made.moments([Request("a"), Request("b")])
    np.testing.assert_allclose(2 * cell_means(a), cell_means(b))


def test_a_taken_name_and_an_unknown_part_are_refused(source):
    with pytest.raises(InputError, match="'y'"):
        source.derive({"y": Capped(of="x")})
    with pytest.raises(InputError, match="'spent'"):
        source.derive({"z": Capped(of="spent")})


def test_the_units_are_handed_over_with_their_cells(source, gives_rows):
    if not gives_rows:
        with pytest.raises(NotEstimable, match="row"):
            source.collect(["x"])
        return
    units = source.collect(["y", "x"])
    assert set(units.columns) == {"x", "y"}
    cells = [units.cells[code] for code in units.code]
    found = zip(cells, units.columns["y"].tolist(), units.columns["x"].tolist(), strict=True)
    assert written(found) == written(zip(ROWS, Y.tolist(), X.tolist(), strict=True))


def test_an_unknown_column_is_not_handed_over(source, gives_rows):
    if not gives_rows:
        pytest.skip("this engine gives no rows away")
    with pytest.raises(InputError, match="spent"):
        source.collect(["spent"])


def test_what_is_handed_over_has_the_sets_and_the_derived_columns(make, gives_rows):
    if not gives_rows:
        pytest.skip("this engine gives no rows away")
    source = make({"x": X, "y": Y}, **KEYS, drawn_set=[4, 4, 5, 5, 6, 6])
    units = source.derive({"z": Within(of="x", low=2.0)}).collect(["z", "y"])
    assert units.drawn_set is not None
    inside = np.where(np.isnan(X), np.nan, X >= 2.0)
    found = zip(units.drawn_set.tolist(), units.columns["z"], units.columns["y"], strict=True)
    assert written(found) == written(zip([4, 4, 5, 5, 6, 6], inside, Y, strict=True))
    (totals,) = units.set_totals(["y"])
    assert totals.n.sum() == 5
