"""The formulas that the guide names, against estimatr and clubSandwich (12 digits printed)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.estimators.cluster_robust import cluster_robust
from apologylab.inference.estimators.two_stage import two_stage

TEXT = (Path(__file__).parent / "r" / "regressions.txt").read_text()
LINES = [line.split() for line in TEXT.splitlines()]
ROW = np.arange(1, 91.0)
ONE = np.ones(90)
Z = (ROW % 3 == 0) * 1.0
X = np.sin(ROW * ROW)
D = (np.cos(ROW * 1.3) + 1.2 * Z > 0.3) + 0.1 * X
CLUSTER = np.floor(np.sqrt(ROW))
Y = 2 + 0.7 * D + X + 2 * np.cos(ROW * ROW * 0.7) + np.sin(CLUSTER)


def fitted(what, kind, *, far=0.0):
    """The fit by our own formulas; the regressor d moved ``far`` off, and y as well."""
    x, z = np.column_stack([ONE, D + far, X]), np.column_stack([ONE, Z, X])
    if what == "lm":
        return cluster_robust(Y + far, x, CLUSTER, kind)
    return two_stage(Y + far, x, z, kind, CLUSTER)


@pytest.mark.parametrize(("what", "kind"), sorted({(row[0], row[1]) for row in LINES}))
def test_errors_and_degrees_of_freedom_are_rs(what, kind):
    printed = np.array([row[2:] for row in LINES if row[:2] == [what, kind]], dtype=float)
    assert printed.shape == (3, 3)
    fit = fitted(what, kind)
    found = [(b, fit.std_error(c), fit.df(c)) for b, c in zip(fit.beta, np.eye(3), strict=True)]
    np.testing.assert_allclose(found, printed, rtol=2e-11)


@pytest.mark.parametrize(("what", "kind"), [("lm", "CR2"), ("iv", "CR2"), ("iv", "HC2")])
def test_regressors_far_from_0_cost_no_digit_that_is_shown(what, kind):
    """At 1e8 doubles hold 8 digits behind the point; squaring them would leave none."""
    near, far, d = fitted(what, kind), fitted(what, kind, far=1e8), np.array([0.0, 1.0, 0.0])
    assert far.std_error(d) == pytest.approx(near.std_error(d), rel=1e-6)
    assert far.df(d) == pytest.approx(near.df(d), rel=1e-6)
    assert far.beta[1] == pytest.approx(near.beta[1], rel=1e-6)


@pytest.mark.parametrize("kind", ["CR3", "stata", "cr2", "HC4"])
def test_errors_that_are_not_known_are_refused(kind):
    with pytest.raises(InputError, match=kind):
        fitted("lm", kind)
    with pytest.raises(InputError, match=kind):
        fitted("iv", kind)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_missing_is_refused(value):
    y, x = np.where(ROW == 7, value, Y), np.column_stack([ONE, D])
    with pytest.raises(InputError, match="missing or infinite"):
        cluster_robust(y, x, CLUSTER)
    with pytest.raises(InputError, match="missing or infinite"):
        cluster_robust(Y, np.where(ROW[:, None] == 7, value, x), CLUSTER)
    with pytest.raises(InputError, match="missing or infinite"):
        two_stage(y, x, x)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2"])
def test_arms_of_one_cluster_each_have_no_error(kind):
    x = np.column_stack([ONE, ROW > 40]).astype(float)
    fit = cluster_robust(Y, x, ROW > 40, kind)
    with pytest.raises(NotEstimable, match="nothing varies between clusters"):
        fit.std_error(np.array([0.0, 1.0]))


def test_a_row_that_decides_a_coefficient_has_no_hc2():
    x = np.column_stack([ONE, ROW == 1]).astype(float)
    with pytest.raises(NotEstimable, match="one row alone decides"):
        two_stage(Y, x, x, "HC2")
    assert np.isfinite(two_stage(Y, x, x, "HC1").covariance).all()
