"""CUPED: its point is Lin's, its variance that of the adjusted outcome, arms share xbar."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.cuped import cuped, theta
from apologylab.inference.estimators.cuped_pooled import cuped_pooled
from apologylab.inference.estimators.lin import fit_cells, lin
from apologylab.inference.moments import Request

ARMS = ("a", "b", "c")


def units(n=600, seed=1):
    rng = np.random.default_rng(seed)
    x, z = rng.gamma(2.0, size=n), rng.normal(size=n)
    arm = rng.choice(ARMS, n, p=[0.6, 0.3, 0.1])
    y = x * (1 + (arm == "b") + 2 * (arm == "c")) - z + rng.standard_t(4, n)
    return {"y": y, "x": x, "z": z}, arm


def source(columns, arm, phase=None):
    return panel(columns, arm=arm.tolist(), phase=phase)


def moments_of(of, covariates):
    return of.moments([Request("y", covariates)])[0]


@pytest.mark.parametrize("covariates", [("x",), ("x", "z")])
@pytest.mark.parametrize("phases", [1, 2])
def test_its_means_are_lins(covariates, phases):
    columns, arm = units()
    phase = [1 + i % phases for i in range(len(arm))]
    moments = moments_of(source(columns, arm, phase), covariates)
    fits = fit_cells(moments, ARMS)
    by_lin = lin(moments, ARMS, fits, dict.fromkeys(moments.cells, 1.0))
    np.testing.assert_allclose(cuped(moments, ARMS).means, by_lin.means, rtol=1e-12)


def test_with_two_arms_its_variance_is_that_of_the_outcome_less_theta_x():
    """But for the divisor, n - 1 - k against n - 1."""
    columns, arm = units(4_000)
    mine = arm != "c"
    y, x, arm = columns["y"][mine], columns["x"][mine], arm[mine]
    reading = cuped(moments_of(source({"y": y, "x": x}, arm), ("x",)), ("a", "b")).read(
        against(["b"], "a")[0]
    )
    own = {name: (x[arm == name], y[arm == name]) for name in ("a", "b")}
    b0, b1 = (float(np.polyfit(*own[name], 1)[0]) for name in ("a", "b"))
    n0, n1 = (len(own[name][0]) for name in ("a", "b"))
    left = y - theta((b0, b1), (n0, n1)) * x
    expected = sum(left[arm == name].var(ddof=1) / len(own[name][0]) for name in ("a", "b"))
    assert reading.std_error == pytest.approx(expected**0.5, rel=2 / n1)
    assert reading.point == pytest.approx(left[arm == "b"].mean() - left[arm == "a"].mean())


@pytest.mark.parametrize("formula", ["cuped", "lin"])
def test_slopes_that_differ_add_their_part_to_every_contrast(formula):
    """d' C d / n over and above the arms' own parts, which slopes that agree do not have."""
    columns, arm = units()
    moments = moments_of(source(columns, arm), ("x", "z"))
    fits = fit_cells(moments, ARMS)
    slopes = {cell.arm: fit.beta[1:] for cell, fit in fits.items()}
    if formula == "lin":
        parts = dict.fromkeys(moments.cells, 0.25)
        whole = lin(moments, ARMS, fits, parts, over_population=True)
        x = np.column_stack([columns["x"], columns["z"]])
        covariance = np.cov(x.T)
    else:
        whole = cuped(moments, ARMS)
        each = [np.column_stack([columns["x"], columns["z"]])[arm == name] for name in ARMS]
        covariance = sum(len(x) * np.cov(x.T) for x in each) / len(arm)
    for contrast in against(["b", "c"], "a"):
        d = slopes[contrast.treatment] - slopes["a"]
        c = whole.weights(contrast)
        own = np.square(c) @ whole.variances[0]
        expected = own + d @ covariance @ d / len(arm)
        assert whole.read(contrast).std_error == pytest.approx(expected**0.5, rel=1e-10)
        assert c @ whole.covariance @ c == pytest.approx(expected, rel=1e-10)


def test_one_theta_for_all_arms_is_that_of_all_units():
    columns, arm = units()
    moments = moments_of(source(columns, arm), ("x", "z"))
    x = np.column_stack([columns["x"], columns["z"]])
    slope = np.linalg.lstsq(np.column_stack([np.ones(len(arm)), x]), columns["y"], rcond=None)[0]
    left = columns["y"] - (x - x.mean(axis=0)) @ slope[1:]
    found = cuped_pooled(moments, ARMS)
    for i, name in enumerate(ARMS):
        assert found.means[i] == pytest.approx(left[arm == name].mean(), rel=1e-10)
        expected = left[arm == name].var(ddof=1) / (arm == name).sum()
        assert found.variances[0, i] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("formula", [cuped, cuped_pooled])
def test_moving_or_scaling_a_covariate_changes_nothing(formula):
    columns, arm = units()
    one = formula(moments_of(source(columns, arm), ("x",)), ARMS)
    moved = columns | {"x": 1e3 * columns["x"] - 1e6}
    other = formula(moments_of(source(moved, arm), ("x",)), ARMS)
    np.testing.assert_allclose(other.means, one.means, rtol=1e-9)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-8)
