"""Estimators against statsmodels and scipy on random data; not statistical tests, fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.design.contrasts import Contrast, against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

ARMS = ("silence", "basic", "usd5", "both")
FACTOR = Contrast(
    name="coupon", treatment="coupon=usd5", reference="coupon=none",
    cells=(("silence", -0.5), ("basic", -0.5), ("usd5", 0.5), ("both", 0.5)),
)  # fmt: skip


def regression(
    y: np.ndarray, x: np.ndarray, cell: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Cell means at ``centre`` with their HC2 covariance, from one interacted OLS."""
    dummies = (cell[:, None] == np.unique(cell)).astype(float)
    d = x - centre
    slopes = [dummies * d[:, [j]] for j in range(x.shape[1])]
    design = np.column_stack([dummies, *slopes])
    fitted = sm.OLS(y, design).fit(cov_type="HC2")
    g = dummies.shape[1]
    return fitted.params[:g], fitted.cov_params()[:g, :g], fitted.df_resid


@pytest.mark.parametrize("covariates", [1, 3, 5])
def test_lin_is_the_interacted_regression_with_hc2(covariates: int) -> None:
    rng = np.random.default_rng(covariates)
    n = 700
    arm = rng.choice(ARMS, n, p=[0.5, 0.3, 0.1, 0.1])
    x = rng.gamma(1.5, 2.0, (n, covariates)) @ rng.normal(size=(covariates, covariates))
    y = x.sum(axis=1) * (1 + (arm == "both")) + rng.standard_t(3, n) * (1 + np.abs(x[:, 0]))
    names = tuple(f"x{j}" for j in range(covariates))
    source = panel({"y": y} | dict(zip(names, x.T, strict=True)), arm=arm.tolist())
    asked = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(ARMS, "silence"),
        factor_contrasts=(FACTOR,),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned=dict.fromkeys(ARMS, n),
        covariates=names,
        estimators=("lin",),
    )
    found, refused = estimates(fit(source, asked), asked)
    means, covariance, df = regression(y, x, arm, x.mean(axis=0))
    order = np.unique(arm).tolist()
    assert refused == ()
    assert len(found) == 4
    for estimate in found:
        c = np.array([dict(estimate.cells).get(name, 0.0) for name in order])
        assert estimate.point == pytest.approx(c @ means, rel=1e-10)
        assert estimate.std_error == pytest.approx((c @ covariance @ c) ** 0.5, rel=1e-10)
        assert estimate.df == df


def test_lin_over_phases_is_the_regression_with_phases_as_strata() -> None:
    """Each phase centred on its own means, its contrasts weighted by its share of units."""
    rng = np.random.default_rng(9)
    n = 900
    phase = np.repeat([1, 2, 3], [500, 300, 100])
    treated = rng.uniform(size=n) < np.array([0.05, 0.3, 0.5])[phase - 1]
    x = rng.normal(phase, 1.0, n)[:, None]
    y = phase + treated * phase + x[:, 0] + rng.normal(size=n)
    arm = np.where(treated, "basic", "silence")
    asked = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("silence", "basic"), "silence"),
        weights={p: {"silence": 1, "basic": 1} for p in (1, 2, 3)},
        assigned={},
        covariates=("x",),
        estimators=("lin",),
    )
    source = panel({"y": y, "x": x[:, 0]}, arm=arm.tolist(), phase=phase.tolist())
    (estimate,), _ = estimates(fit(source, asked), asked)
    centre = np.array([x[phase == p].mean() for p in (1, 2, 3)])[phase - 1][:, None]
    cell = np.array([f"{p}{t:d}" for p, t in zip(phase, treated, strict=True)])
    means, covariance, df = regression(y, x, cell, centre)
    share = np.array([500, 300, 100]) / 900
    c = np.ravel(np.column_stack([-share, share]))
    assert estimate.point == pytest.approx(c @ means, rel=1e-10)
    assert estimate.std_error == pytest.approx((c @ covariance @ c) ** 0.5, rel=1e-10)
    assert estimate.df == df
    assert estimate.phase == "1+2+3"
