"""The leverage series: exact where it answers, and it answers only where it may."""

import re

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.lin import fit_cells
from apologylab.inference.hc import DISCOUNT
from apologylab.inference.leverage_series import (
    SMALL,
    largest_leverage,
    power_columns,
    power_request,
    power_sums,
    series_variance,
)
from apologylab.inference.moments import Fitted, Request, merge
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

KINDS = ("HC0", "HC1", "HC2", "HC3")


def lognormal(rng, n, cv):
    s = np.sqrt(np.log(1 + cv**2))
    return np.exp(s * rng.normal(size=n))


def source(n, x, seed=1):
    rng = np.random.default_rng(seed)
    y = 2 + 0.5 * x + rng.standard_t(4, n) * (1 + 0.2 * np.abs(x))
    return panel({"y": y, "x": x}, arm=np.where(np.arange(n) % 2, "b", "a").tolist())


def asked(estimator, covariates=("x",)):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={1: {"a": 1, "b": 1}},
        assigned={},
        covariates=covariates,
        estimators=(estimator,),
    )


def answer(of, estimator, covariates=("x",)):
    question = asked(estimator, covariates)
    ((one,), refused) = estimates(fit(of, question), question)
    assert refused == ()
    return one


@pytest.mark.parametrize("errors", KINDS)
@pytest.mark.parametrize("shape", ["normal", "gamma", "far"])
def test_where_it_answers_it_is_the_second_pass(errors, shape):
    rng = np.random.default_rng(3)
    n = 60_000
    x = {
        "normal": rng.normal(size=n),
        "gamma": 50 * rng.gamma(1.0, size=n),
        "far": rng.normal(2.8, 1.0, n),
    }[shape]
    of = source(n, x)
    exact = answer(of, f"lin(errors={errors})")
    quick = answer(of, f"lin(errors={errors}, leverage=series)")
    assert "one scan" in quick.interval_kind
    assert "second pass" in exact.interval_kind
    assert quick.point == exact.point
    assert quick.std_error == pytest.approx(exact.std_error, rel=1e-9)


@pytest.mark.parametrize("n", [50, 2_500, 187_500])
@pytest.mark.parametrize("errors", ["HC2", "HC3"])
def test_a_heavy_tail_takes_the_second_pass(n, errors):
    """Lognormal of coefficient of variation 10: the result is exact at every size, or says why."""
    of = source(n, lognormal(np.random.default_rng(n), n, 10.0))
    exact = answer(of, f"lin(errors={errors})")
    quick = answer(of, f"lin(errors={errors}, leverage=series)")
    assert (quick.std_error, quick.ci_low) == (exact.std_error, exact.ci_low)
    assert re.search(r"second pass \(the largest leverage may be [\d.]+\)", quick.interval_kind)


def test_there_the_truncated_series_would_be_wrong():
    """What the bound guards against: ratios far from 1 at n = 50, some variances negative."""
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        of = source(100, lognormal(rng, 100, 10.0), seed)
        fits, sums, exact = pieces(of, "HC2")
        for cell, fitted in fits.items():
            assert largest_leverage(fitted, sums[cell]) > SMALL
            ratios.append(series_variance(fitted, sums[cell], "HC2") / exact[cell])
    assert min(ratios) < 0.9
    assert max(np.abs(np.array(ratios) - 1)) > 0.1


def pieces(of, errors):
    """Fits, sums of powers and the exact variances by cell."""
    moments = of.moments([Request("y", ("x",))])[0]
    fits = fit_cells(moments, ("a", "b"))
    widened = of.derive(power_columns("y", "x", errors))
    powers = widened.moments([power_request("y", "x", errors)])[0]
    sums = dict(zip(powers.cells, power_sums(powers), strict=True))
    (exact,) = of.hc_variances([Fitted(Request("y", ("x",)), fits, errors)])
    return fits, sums, exact


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("n", [100, 3_000])
def test_no_units_leverage_is_above_the_bound(cv, n):
    of = source(n, lognormal(np.random.default_rng(n), n, cv))
    fits, sums, _ = pieces(of, "HC2")
    x = of.columns["x"]
    for i, cell in enumerate(of.cells):
        z = np.column_stack([np.ones(n // 2), x[of.code == i] - fits[cell].centre[0]])
        h = np.einsum("ni,ij,nj->n", z, fits[cell].gram_inverse, z)
        assert h.max() <= largest_leverage(fits[cell], sums[cell]) * (1 + 1e-9)


@pytest.mark.parametrize("errors", KINDS)
def test_sums_of_powers_are_those_of_the_units(errors):
    of = source(400, np.random.default_rng(5).normal(1.0, 2.0, 400))
    of.columns["y"][::9] = np.nan
    _, sums, _ = pieces(of, errors)
    top = 4 + 8 * (DISCOUNT[errors] > 0)
    for i, cell in enumerate(of.cells):
        mine = (of.code == i) & ~np.isnan(of.columns["y"])
        x, y = of.columns["x"][mine], of.columns["y"][mine]
        for power_y in range(3):
            for power_x in range(top + 1 - power_y):
                expected = (x**power_x * y**power_y).sum()
                close = pytest.approx(expected, rel=1e-9, abs=1e-9 * (x**top).sum())
                assert sums[cell][power_x, power_y] == close


def test_sums_of_powers_merge_as_moments_do():
    """So a cohort's errors need no second look at its units (R25)."""
    x = np.random.default_rng(6).normal(size=3_000)
    whole = source(3_000, x)
    first, second = (
        panel(
            {name: column[part] for name, column in whole.columns.items()},
            arm=[whole.cells[code].arm for code in whole.code[part]],
        )
        for part in (slice(0, 1_100), slice(1_100, 3_000))
    )
    request, made = power_request("y", "x", "HC2"), power_columns("y", "x", "HC2")
    merged = merge(*(part.derive(made).moments([request])[0] for part in (first, second)))
    expected = power_sums(whole.derive(made).moments([request])[0])
    np.testing.assert_allclose(power_sums(merged), expected, rtol=1e-10, atol=1e-7)


@pytest.mark.parametrize(
    ("x", "covariates", "why"),
    [
        (np.random.default_rng(7).normal(9.0, 1.0, 4_000), ("x",), "x lies too far from 0"),
        (np.random.default_rng(8).normal(size=4_000), ("x", "x2"), "in one covariate"),
    ],
)
def test_where_it_cannot_answer_it_says_why(x, covariates, why):
    of = source(4_000, x)
    of = panel(
        {**of.columns, "x2": np.sin(of.columns["x"] * 9)},
        arm=[of.cells[code].arm for code in of.code],
    )
    quick = answer(of, "lin(leverage=series)", covariates)
    assert why in quick.interval_kind
    assert quick.std_error == answer(of, "lin", covariates).std_error


def test_an_outcome_far_from_zero_takes_the_second_pass():
    of = source(4_000, np.random.default_rng(9).normal(size=4_000))
    far = panel(
        {"x": of.columns["x"], "y": of.columns["y"] + 1e9},
        arm=[of.cells[code].arm for code in of.code],
    )
    quick = answer(far, "lin(leverage=series)")
    assert "y lies too far from 0" in quick.interval_kind
    assert quick.std_error == pytest.approx(answer(of, "lin").std_error, rel=1e-6)


def test_an_outcome_that_x_nearly_foretells_takes_the_second_pass():
    """Residuals of 1e-4 of a spread of 1 about a mean of 900: powers were off by 3 parts in 1,000.

    The outcome's own spread says nothing of that.
    """
    rng = np.random.default_rng(3)
    x = rng.normal(2.9, 1.0, 200_000)
    y = 900 + x + 1e-4 * rng.normal(size=len(x))
    of = panel({"y": y, "x": x}, arm=np.where(np.arange(len(x)) % 2, "b", "a").tolist())
    quick, exact = answer(of, "lin(leverage=series)"), answer(of, "lin")
    assert "y lies too far from 0" in quick.interval_kind
    assert quick.std_error == exact.std_error
