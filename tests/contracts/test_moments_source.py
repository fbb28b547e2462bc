"""The contract of ``Source``: every engine gives the numbers of a two-pass computation.

Engines stand in ``conftest.py``. The random panels have fixed seeds; nothing here is a
statistical test, so there is no false-alarm rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from apologylab.errors import InputError
from apologylab.inference.estimators.lin import fit_cells
from apologylab.inference.moments import (
    Cell,
    CellFit,
    Errors,
    Fitted,
    Moments,
    Request,
    cell_covariances,
    cell_means,
)
from apologylab.inference.source import Source

Columns = Mapping[str, np.ndarray]
Make = Callable[..., Source]


def random_panel(
    seed: int, n: int, *, location: float = 0.0
) -> tuple[dict[str, np.ndarray], dict[str, list[object]]]:
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, 3.0, n)
    columns = {
        "spend": location + rng.normal(size=n) + 0.1 * x,
        "visits": rng.poisson(0.3, n).astype(float),
        "x": x,
        "tenure": location + rng.normal(size=n),
    }
    keys = {
        "phase": rng.integers(1, 3, n).tolist(),
        "arm": rng.choice(["silence", "basic", "ünïcode+usd5@1h"], n).tolist(),
        "stratum": rng.choice(["", "north"], n).tolist(),
    }
    return columns, keys


def rows_of(
    columns: Columns, keys: Mapping[str, Sequence[object]], names: Sequence[str], cell: Cell
) -> np.ndarray:
    mine = [
        key == cell[1:] for key in zip(keys["phase"], keys["arm"], keys["stratum"], strict=True)
    ]
    rows = np.stack([columns[name] for name in names], axis=1)[np.array(mine)]
    return rows[~np.isnan(rows[:, 0])]


def two_pass(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance in extended precision."""
    long = rows.astype(np.longdouble)
    mean = long.mean(axis=0)
    d = long - mean
    return mean, d.T @ d / (len(rows) - 1)


@pytest.mark.parametrize("location", [0.0, -37.5, 1e9])
def test_means_and_covariances_are_those_of_two_passes(make: Make, location: float) -> None:
    columns, keys = random_panel(1, 4_000, location=location)
    names = ("spend", "x", "tenure")
    moments = make(columns, **keys).moments([Request("spend", ("x", "tenure"))])[0]
    assert len(moments.cells) == 12
    for i, cell in enumerate(moments.cells):
        rows = rows_of(columns, keys, names, cell)
        mean, covariance = two_pass(rows)
        assert moments.n[i] == len(rows)
        np.testing.assert_allclose(cell_means(moments)[i], mean.astype(float), rtol=1e-12)
        scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance))).astype(float)
        error = np.abs(cell_covariances(moments)[i] - covariance.astype(float)) / scale
        assert error.max() < 1e-10


def test_every_request_is_answered_in_its_order(make: Make) -> None:
    columns, keys = random_panel(2, 500)
    requests = [Request("visits"), Request("spend", ("x",)), Request("x", ("visits", "spend"))]
    found = make(columns, **keys).moments(requests)
    assert [moments.columns for moments in found] == [
        ("visits",),
        ("spend", "x"),
        ("x", "visits", "spend"),
    ]


def test_cells_are_sorted_and_carry_all_keys(make: Make) -> None:
    columns, keys = random_panel(3, 500)
    moments = make(columns, **keys).moments([Request("visits")])[0]
    assert all(a < b for a, b in pairwise(moments.cells))
    assert Cell(1, 2, "ünïcode+usd5@1h", "north") in moments.cells
    assert int(moments.n.sum()) == 500


def test_a_unit_without_the_outcome_is_left_out_of_that_request_only(make: Make) -> None:
    columns, keys = random_panel(4, 600)
    spend = columns["spend"].copy()
    spend[::3] = np.nan
    gapped = {**columns, "spend": spend}
    with_gaps, whole = make(gapped, **keys).moments(
        [Request("spend", ("x",)), Request("visits", ("x",))]
    )
    assert int(with_gaps.n.sum()) == 400
    assert int(whole.n.sum()) == 600
    for i, cell in enumerate(with_gaps.cells):
        mean, _ = two_pass(rows_of(gapped, keys, ("spend", "x"), cell))
        np.testing.assert_allclose(cell_means(with_gaps)[i], mean.astype(float), rtol=1e-12)


def test_outcomes_with_gaps_and_without_are_right_in_any_order_of_asking(make: Make) -> None:
    """A source that learns of gaps from one scan is right in that scan and in the next."""
    columns, keys = random_panel(8, 600)
    columns["spend"][::3] = np.nan
    source = make(columns, **keys)
    requests = [Request("visits", ("x",)), Request("spend", ("x",)), Request("spend")]
    for asked in (requests, requests[::-1], requests[:1]):
        for request, moments in zip(asked, source.moments(asked), strict=True):
            for i, cell in enumerate(moments.cells):
                names = (request.outcome, *request.covariates)
                mean, _ = two_pass(rows_of(columns, keys, names, cell))
                np.testing.assert_allclose(cell_means(moments)[i], mean.astype(float), rtol=1e-12)


def test_a_missing_covariate_shows_as_nan_in_its_cell_only(make: Make) -> None:
    x = np.array([1.0, np.nan, 3.0, 4.0])
    source = make(
        {"y": np.array([1.0, 2.0, 3.0, 5.0]), "x": x},
        arm=["a", "a", "b", "b"],
        phase=[1] * 4,
        stratum=[""] * 4,
    )
    moments = source.moments([Request("y", ("x",))])[0]
    assert np.isnan(moments.sums[0, 1])
    assert np.isnan(moments.products[0, 0, 1])
    np.testing.assert_allclose(cell_means(moments)[:, 0], [1.5, 4.0])
    np.testing.assert_allclose(cell_means(moments)[1], [4.0, 3.5])


def test_a_cell_in_which_no_unit_has_the_outcome_is_absent(make: Make) -> None:
    source = make(
        {"y": np.array([1.0, 2.0, np.nan])}, arm=["a", "a", "b"], phase=[1] * 3, stratum=[""] * 3
    )
    assert [cell.arm for cell in source.moments([Request("y")])[0].cells] == ["a"]


def test_a_panel_without_the_outcome_anywhere_has_no_cells(make: Make) -> None:
    source = make({"y": np.array([np.nan])}, arm=["a"], phase=[1], stratum=[""])
    moments = source.moments([Request("y")])[0]
    assert moments.cells == ()
    assert moments.products.shape == (0, 1, 1)


def test_zeros_are_values(make: Make) -> None:
    """R19: no order is 0, not missing."""
    y = np.array([0.0, 0.0, 0.0, 8.0])
    source = make({"y": y}, arm=["a"] * 4, phase=[1] * 4, stratum=[""] * 4)
    moments = source.moments([Request("y")])[0]
    assert moments.n.tolist() == [4]
    assert cell_means(moments)[0, 0] == 2.0


def test_an_unknown_column_is_refused(make: Make) -> None:
    columns, keys = random_panel(5, 50)
    with pytest.raises(InputError, match="spent"):
        make(columns, **keys).moments([Request("spent")])


def expected_variance(rows: np.ndarray, fit: CellFit, discount: int = 1) -> float:
    """The corner of G^-1 (sum e^2 / (1 - h)^d z z') G^-1, in extended precision."""
    long = rows.astype(np.longdouble)
    z = np.column_stack([np.ones(len(rows)), long[:, 1:] - fit.centre])
    e = (long[:, 0] - fit.beta[0]) - z[:, 1:] @ fit.beta[1:].astype(np.longdouble)
    inverse = fit.gram_inverse.astype(np.longdouble)
    h = np.einsum("ni,ij,nj->n", z, inverse, z)
    meat = ((e**2 / (1 - h) ** discount)[:, None] * z).T @ z
    return float((inverse @ meat @ inverse)[0, 0])


def fits_of(moments: Moments) -> dict[Cell, CellFit]:
    return fit_cells(moments, sorted({cell.arm for cell in moments.cells}))


@pytest.mark.parametrize("location", [0.0, 1e9])
@pytest.mark.parametrize(("errors", "discount"), [("HC0", 0), ("HC1", 0), ("HC2", 1), ("HC3", 2)])
def test_the_second_pass_is_exact(
    make: Make, location: float, errors: Errors, discount: int
) -> None:
    columns, keys = random_panel(6, 3_000, location=location)
    columns["spend"][::50] = np.nan
    requests = [Request("spend", ("x", "tenure")), Request("visits", ("x", "tenure"))]
    source = make(columns, **keys)
    fitted = [
        Fitted(request, fits_of(moments), errors)
        for request, moments in zip(requests, source.moments(requests), strict=True)
    ]
    variances = source.hc_variances(fitted)
    for (request, fits, _), variance in zip(fitted, variances, strict=True):
        assert sorted(variance) == sorted(fits)
        assert len(fits) == 12
        for cell, fit in fits.items():
            rows = rows_of(columns, keys, (request.outcome, *request.covariates), cell)
            expected = expected_variance(rows, fit, discount)
            assert variance[cell] == pytest.approx(expected, rel=1e-10)


def test_the_second_pass_answers_for_the_cells_asked_only(make: Make) -> None:
    columns, keys = random_panel(7, 500)
    request = Request("visits", ("x",))
    source = make(columns, **keys)
    fits = fits_of(source.moments([request])[0])
    chosen = {cell: fit for cell, fit in fits.items() if cell.arm == "basic" and cell.phase == 2}
    few, full = source.hc_variances([Fitted(request, chosen), Fitted(request, fits)])
    assert sorted(few) == sorted(chosen)
    assert sorted(full) == sorted(fits)
    (alone,) = source.hc_variances([Fitted(request, chosen)])
    for cell in chosen:
        assert few[cell] == pytest.approx(full[cell], rel=1e-12)
        assert alone[cell] == pytest.approx(full[cell], rel=1e-12)


def test_outcomes_that_different_units_lack_have_their_own_second_pass(make: Make) -> None:
    """Even where their leverages are equal: one unit of x = 1 lacks y, another lacks z."""
    x = np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    y = np.array([1.0, np.nan, 2.0, 4.0, 3.0, 9.0])
    z = np.array([2.0, 5.0, np.nan, 7.0, 4.0, 1.0])
    source = make({"y": y, "z": z, "x": x}, arm=["a"] * 6, phase=[1] * 6, stratum=[""] * 6)
    requests = [Request("y", ("x",)), Request("z", ("x",))]
    cell = Cell(1, 1, "a", "")
    fitted = [
        Fitted(request, fits_of(moments))
        for request, moments in zip(requests, source.moments(requests), strict=True)
    ]
    np.testing.assert_allclose(*(each.fits[cell].gram_inverse for each in fitted), rtol=1e-12)
    for (request, fits, _), variance, column in zip(
        fitted, source.hc_variances(fitted), (y, z), strict=True
    ):
        rows = np.stack([column, x], axis=1)[~np.isnan(column)]
        expected = expected_variance(rows, fits[cell])
        assert variance[cell] == pytest.approx(expected, rel=1e-10), request


@pytest.mark.parametrize("errors", ["HC0", "HC2", "HC3"])
def test_a_unit_that_decides_its_own_fit_makes_the_variance_nan(make: Make, errors: Errors) -> None:
    y = np.array([1.0, 2.0, 4.0, 9.0, 1.0, 0.0, 3.0, 5.0])
    x = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    source = make({"y": y, "x": x}, arm=["a"] * 4 + ["b"] * 4, phase=[1] * 8, stratum=[""] * 8)
    request = Request("y", ("x",))
    fits = fits_of(source.moments([request])[0])
    (variance,) = source.hc_variances([Fitted(request, fits, errors)])
    assert np.isnan(variance[Cell(1, 1, "a", "")])
    assert np.isfinite(variance[Cell(1, 1, "b", "")])


def test_a_unit_without_the_outcome_decides_nothing(make: Make) -> None:
    """Its leverage would be 1, and its covariate is missing besides."""
    y = np.array([1.0, 2.0, 4.0, 9.0, np.nan, np.nan])
    x = np.array([0.0, 1.0, 0.0, 1.0, 1e6, np.nan])
    source = make({"y": y, "x": x}, arm=["a"] * 6, phase=[1] * 6, stratum=[""] * 6)
    request = Request("y", ("x",))
    fits = fits_of(source.moments([request])[0])
    cell = Cell(1, 1, "a", "")
    (variance,) = source.hc_variances([Fitted(request, fits)])
    rows = np.stack([y, x], axis=1)[:4]
    assert variance[cell] == pytest.approx(expected_variance(rows, fits[cell]), rel=1e-10)


def test_totals_of_sets_are_counted_unit_by_unit(make: Make) -> None:
    """By set and cell, over the units that have the outcome; sums about any shift."""
    columns, keys = random_panel(17, 500, location=1e6)
    columns["spend"][::7] = np.nan
    numbers = [i // 9 for i in range(500)]
    (found,) = make(columns, **keys, drawn_set=numbers).set_totals(["spend"])
    expected: dict[tuple[int, Cell], list[float]] = {}
    for i, y in enumerate(columns["spend"]):
        if not np.isnan(y):
            cell = Cell(1, keys["phase"][i], keys["arm"][i], keys["stratum"][i])  # type: ignore[arg-type]
            expected.setdefault((numbers[i], cell), []).append(float(y))
    rows = {
        (int(code), found.cells[cell]): (int(n), total + n * found.shift)
        for code, cell, n, total in zip(found.code, found.cell, found.n, found.total, strict=True)
    }
    assert len(rows) == len(found.n)
    assert {key: n for key, (n, _) in rows.items()} == {k: len(y) for k, y in expected.items()}
    for key, values in expected.items():
        assert rows[key][1] == pytest.approx(sum(values), rel=1e-12)


def test_totals_of_sets_need_sets(make: Make) -> None:
    columns, keys = random_panel(18, 10)
    with pytest.raises(InputError, match="drawn"):
        make(columns, **keys).set_totals(["spend"])


def test_a_panel_without_units_has_no_cells(make: Make) -> None:
    empty = np.empty(0)
    source = make(
        {"y": empty, "x": empty},
        arm=pa.array([], pa.string()),
        phase=pa.array([], pa.int64()),
        stratum=pa.array([], pa.string()),
    )
    plain, joint = source.moments([Request("y"), Request("y", ("x",))])
    assert plain.cells == joint.cells == ()
    assert joint.products.shape == (0, 2, 2)


def test_a_unit_that_lacks_a_covariate_leaves_no_variance(make: Make) -> None:
    """Nothing is skipped in silence, though a fit of its cell is given."""
    y = np.array([1.0, 2.0, 4.0, 9.0, 5.0])
    x = np.array([0.0, 1.0, 0.0, 1.0, 3.0])
    request, keys = Request("y", ("x",)), {"arm": ["a"] * 5}
    fits = fits_of(make({"y": y, "x": x}, **keys).moments([request])[0])
    x[4] = np.nan
    (variance,) = make({"y": y, "x": x}, **keys).hc_variances([Fitted(request, fits)])
    assert np.isnan(variance[Cell(1, 1, "a", "")])
