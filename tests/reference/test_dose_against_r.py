"""Curves over doses against R's lm, splines::ns, sandwich and isoreg, through the same code as
``analyse``. Twelve decimals are printed; 1e-9 allows for the spline's other basis.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats

import apologylab
from apologylab.errors import NotEstimable
from apologylab.inference.estimators.dose import (
    crossing,
    knots_among,
    least_squares,
    misfit,
    monotone,
    monotone_band,
    polynomial,
    polynomial_slope,
    spline,
    spline_slope,
)
from apologylab.inference.results import Analysis, Estimate

PRINTED = {
    line.split()[0]: np.array(line.split()[1:], dtype=float)
    for line in (Path(__file__).parent / "r" / "dose.txt").read_text("utf-8").splitlines()
}
DOSES = np.array([0, 2, 3, 5, 8, 10, 15])
AT = np.array([0, 1, 4, 7.5, 12, 15])


def data() -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(1, 701)
    dose = DOSES[(i * 17) % 13 % 7]
    y = ((i * 7919) % 1009) / 200 + 3 * np.log1p(dose) - 0.15 * dose + 0.3 * (dose == 3)
    return dose, y


@cache
def analysis(estimator: str) -> Analysis:
    dose, y = data()
    table = pa.table({"arm": [f"d{each}" for each in dose], "y": y})
    levels = {f"d{each}": {"coupon": int(each)} for each in DOSES}
    return apologylab.analyse(
        table, arm="arm", reference="d0", outcomes=["y"], levels=levels, estimators=[estimator]
    )


def rows(estimator: str) -> tuple[Estimate, ...]:
    return analysis(estimator).estimates


def levels() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dose, y = data()
    groups = [y[dose == each] for each in DOSES]
    return (
        np.array([each.mean() for each in groups]),
        np.array([each.var(ddof=1) / len(each) for each in groups]),
        np.array([len(each) for each in groups], dtype=float),
    )


@pytest.mark.parametrize("curve", ["linear", "quadratic", "spline"])
def test_curves_and_their_errors(curve: str) -> None:
    means, variances, n = levels()
    knots = knots_among(DOSES.astype(float), 4)

    def basis(x: np.ndarray) -> np.ndarray:
        return spline(x, knots) if curve == "spline" else polynomial(x, 1 + (curve == "quadratic"))

    weights = basis(AT) @ least_squares(basis(DOSES.astype(float)), n)
    np.testing.assert_allclose(weights @ means, PRINTED[curve], atol=1e-9)
    errors = np.sqrt(np.square(weights) @ variances)
    np.testing.assert_allclose(errors, PRINTED[f"{curve}_se"], atol=1e-9)


def test_the_rows_are_the_curve_s() -> None:
    """Ten or more: the end of the quadratic at 15 less its start at 0, and the line's slope."""
    end = rows("dose(curve=quadratic)")[5]
    assert end.treatment == "coupon=15"
    assert end.point == pytest.approx(PRINTED["quadratic"][5] - PRINTED["quadratic"][0], abs=1e-9)
    (line,) = rows("dose")
    assert line.point == pytest.approx((PRINTED["linear"][5] - PRINTED["linear"][0]) / 15, abs=1e-9)


def test_the_monotone_curve_is_isoreg_s() -> None:
    dose, y = data()
    wiggly = y + 2 * np.sin(dose)
    means = np.array([wiggly[dose == each].mean() for each in DOSES])
    np.testing.assert_allclose(monotone(means, levels()[2]), PRINTED["isotonic"], atol=1e-9)


def test_the_top_of_a_parabola_and_its_fieller_interval() -> None:
    """f' = b1 + 2 b2 x is 0 at -b1 / (2 b2), whose Fieller interval solves a quadratic."""
    found = rows("dose(curve=quadratic)")[-1]
    assert found.point == pytest.approx(PRINTED["top"][0], abs=1e-9)
    means, variances, n = levels()
    a = least_squares(polynomial(DOSES.astype(float), 2), n)
    b, v = a @ means, a * variances @ a.T
    t2 = 1.9634**2  # of all 690 degrees of freedom; Satterthwaite's are fewer
    roots = np.roots(
        [
            4 * (b[2] ** 2 - t2 * v[2, 2]),
            4 * (b[1] * b[2] - t2 * v[1, 2]),
            b[1] ** 2 - t2 * v[1, 1],
        ]
    )
    assert (found.ci_low, found.ci_high) == pytest.approx(sorted(roots), abs=0.01)


def test_the_slopes_are_the_derivatives() -> None:
    x, h = np.linspace(0.5, 14.5, 9), 1e-6
    knots = knots_among(DOSES.astype(float), 5)
    for f, slope in (
        (lambda z: polynomial(z, 2), lambda z: polynomial_slope(z, 2)),
        (lambda z: spline(z, knots), lambda z: spline_slope(z, knots)),
    ):
        np.testing.assert_allclose((f(x + h) - f(x - h)) / (2 * h), slope(x), atol=2e-4)


def test_misfit_is_the_wald_test_of_the_levels_off_the_line() -> None:
    """Against the chi-squared of any L - 2 independent contrasts that vanish on a line."""
    means, variances, n = levels()
    basis = polynomial(DOSES.astype(float), 1)
    found = misfit(basis, least_squares(basis, n), means, np.diag(variances))
    x = DOSES.astype(float)
    off = np.array(
        [[(x[j + 1] - x[j]), -(x[j + 1] - x[j - 1]), (x[j] - x[j - 1])] for j in range(1, 6)]
    )
    c = np.zeros((5, 7))
    for j in range(5):
        c[j, j : j + 3] = off[j]
    r = c @ means
    assert found is not None
    assert found.df == 5
    assert found.statistic == pytest.approx(r @ np.linalg.solve(c * variances @ c.T, r), rel=1e-8)
    saturated = spline(x, knots_among(x, 7))
    assert misfit(saturated, least_squares(saturated, n), means, np.diag(variances)) is None


def test_bands_of_monotone_curves() -> None:
    low, high = monotone_band(np.array([0.0, 2.0, 1.0]), np.array([5.0, 4.0, 6.0]))
    assert low.tolist() == [0, 2, 2]
    assert high.tolist() == [4, 4, 6]
    with pytest.raises(NotEstimable, match="no monotone curve"):
        monotone_band(np.array([3.0, 0.0]), np.array([4.0, 1.0]))
    found = rows("dose(curve=rising)")
    assert [each.p_value for each in found] == [None] * 6
    assert all(a.ci_low <= b.ci_low for a, b in pairwise(found))
    assert found[0].interval_kind.startswith("simultaneous 95% over 6")


def test_what_cannot_be_read_is_refused_with_why() -> None:
    (falling,) = analysis("dose(curve=falling)").refusals
    assert "no monotone curve" in falling.because
    (stays,) = analysis("dose(curve=spline)").refusals
    assert "stays above the marginal cost of 0" in stays.because
    (unknown,) = analysis("dose(factor=timing)").refusals
    assert "those are: coupon" in unknown.because
    (many,) = analysis("dose(curve=spline, knots=9)").refusals[:1]
    assert "7 doses do not carry a spline of 9 knots" in many.because
    with pytest.raises(NotEstimable, match="stays below"):
        crossing(np.arange(3.0), lambda x: (x + 1, np.ones_like(x)), 9.0)


def test_an_interval_that_reaches_the_last_dose_says_so() -> None:
    x = np.linspace(0, 4, 401)
    found = crossing(x, lambda x: (2 - x, np.full_like(x, 3.0)), 0.0)
    assert (found.low, found.high, found.open_low, found.open_high) == (0, 4, True, True)


@pytest.mark.parametrize(("curve", "cost"), [("quadratic", 0.1), ("spline", 0.3)])
def test_the_crossing_and_its_ends_solve_their_equations(curve: str, cost: float) -> None:
    """At the point the slope is the cost, at the ends it is t standard errors away from it."""
    found = rows(f"dose(curve={curve}, cost={cost})")[-1]
    means, variances, n = levels()
    x, knots = DOSES.astype(float), knots_among(DOSES.astype(float), 4)
    basis, slope = (
        (lambda z: polynomial(z, 2), lambda z: polynomial_slope(z, 2))
        if curve == "quadratic"
        else (lambda z: spline(z, knots), lambda z: spline_slope(z, knots))
    )
    a = least_squares(basis(x), n)

    def away(dose: float) -> float:
        """How many half-widths the slope lies from the cost."""
        c = slope(np.array([dose]))[0] @ a
        parts = c**2 * variances
        df = parts.sum() ** 2 / (parts**2 / (n - 1)).sum()
        reach = scipy.stats.t.ppf(0.975, df) * parts.sum() ** 0.5
        return float((c @ means - cost) / reach)

    assert away(found.point) == pytest.approx(0, abs=1e-9)
    assert away(found.ci_low) == pytest.approx(1, abs=1e-9)
    assert away(found.ci_high) == pytest.approx(-1, abs=1e-9)
