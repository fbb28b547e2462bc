"""Lin's adjustment: equal to the regression it stands for, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.lin import fit_cells, lin, unadjustable
from apologylab.inference.moments import Fitted, Request

VS = against(["b"], "a")[0]
ARMS = ("a", "b")


def fit(source: ArraySource, covariates: tuple[str, ...], arms: tuple[str, ...]) -> ArmMeans:
    request = Request("y", covariates)
    moments = source.moments([request])[0]
    fits = fit_cells(moments, arms)
    (variance,) = source.hc_variances([Fitted(request, fits)])
    return lin(moments, arms, fits, variance)


def test_an_outcome_that_is_linear_in_the_covariate_is_adjusted_exactly() -> None:
    """y = 3 + 2 b + x (1 + b) + e: with the covariate's part gone, only e is left."""
    rng = np.random.default_rng(1)
    n, x = 400, rng.gamma(2.0, 10.0, 400)
    b, e = rng.integers(0, 2, n), 0.01 * rng.normal(size=n)
    y = 3 + 2 * b + x * (1 + b) + e
    source = panel({"y": y, "x": x}, arm=np.where(b, "b", "a").tolist())
    reading = fit(source, ("x",), ARMS).read(VS)
    assert reading.point == pytest.approx(2 + x.mean(), abs=0.005)
    assert reading.std_error < 0.0012


def test_the_residual_of_the_normal_equations_is_zero() -> None:
    rng = np.random.default_rng(2)
    columns = {name: rng.normal(size=90) for name in ("y", "x", "z")}
    arm = rng.choice(["a", "b"], 90)
    moments = panel(columns, arm=arm.tolist()).moments([Request("y", ("x", "z"))])[0]
    for cell, found in fit_cells(moments, ARMS).items():
        mine = arm == cell.arm
        z = np.column_stack(
            [np.ones(mine.sum()), columns["x"][mine] - columns["x"].mean(),
             columns["z"][mine] - columns["z"].mean()]
        )  # fmt: skip
        np.testing.assert_allclose(z.T @ (columns["y"][mine] - z @ found.beta), 0, atol=1e-12)
        np.testing.assert_allclose(found.gram_inverse @ (z.T @ z), np.eye(3), atol=1e-12)


def test_covariates_are_centred_over_all_arms() -> None:
    """So an arm's mean does not change with the arm it is compared with (R29)."""
    rng = np.random.default_rng(3)
    arm, x = np.repeat(["a", "b", "c"], 50), rng.normal(size=150)
    source = panel({"y": x + rng.normal(size=150), "x": x}, arm=arm.tolist())
    found = fit_cells(source.moments([Request("y", ("x",))])[0], ("a", "b", "c"))
    np.testing.assert_allclose([one.centre[0] for one in found.values()], [x.mean()] * 3)


def test_a_covariate_that_says_nothing_changes_little() -> None:
    rng = np.random.default_rng(4)
    y, x = rng.normal(size=4_000), rng.normal(size=4_000)
    source = panel({"y": y, "x": x}, arm=rng.choice(["a", "b"], 4_000).tolist())
    adjusted = fit(source, ("x",), ARMS).read(VS)
    plain = difference_in_means(source.moments([Request("y")])[0], ARMS).read(VS)
    assert adjusted.point == pytest.approx(plain.point, abs=0.1 * plain.std_error)
    assert adjusted.std_error == pytest.approx(plain.std_error, rel=0.01)


def test_moving_or_scaling_a_covariate_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=300)
    y, arm = x + rng.normal(size=300), rng.choice(["a", "b"], 300).tolist()
    one = fit(panel({"y": y, "x": x}, arm=arm), ("x",), ARMS).read(VS)
    other = fit(panel({"y": y, "x": 1e4 * x - 1e7}, arm=arm), ("x",), ARMS).read(VS)
    assert other.point == pytest.approx(one.point, rel=1e-8)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-8)


def test_degrees_of_freedom_are_those_of_the_whole_regression() -> None:
    rng = np.random.default_rng(6)
    columns = {name: rng.normal(size=120) for name in ("y", "x", "z")}
    source = panel(
        columns, arm=np.repeat(["a", "b", "c"], 40).tolist(), phase=np.tile([1, 2], 60).tolist()
    )
    assert fit(source, ("x", "z"), ("a", "b", "c")).df == 120 - 2 * 3 * 3


@pytest.mark.parametrize(
    ("x", "z", "why"),
    [
        ([1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 6, 5], "covariate x does not vary in b, phase 1"),
        ([1, 2, 3, 4, 5, 6], [2, 4, 6, 8, 10, 12.0], "covariates x, z are collinear in b"),
        ([1, 2, 4], [3, 2, 5], "3 units are too few for 2 slopes in b"),
    ],
)
def test_slopes_that_cannot_be_estimated_are_refused(
    x: list[float], z: list[float], why: str
) -> None:
    rng = np.random.default_rng(7)
    n = len(x)
    columns = {
        "y": rng.normal(size=10 + n),
        "x": np.concatenate([rng.normal(size=10), x]),
        "z": np.concatenate([rng.normal(size=10), z]),
    }
    source = panel(columns, arm=["a"] * 10 + ["b"] * n)
    reasons = unadjustable(source.moments([Request("y", ("x", "z"))])[0], ARMS)
    assert list(reasons) == ["b"]
    assert why in reasons["b"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_covariate_that_a_unit_lacks_refuses_every_arm(value: float) -> None:
    """The others' means would be about an xbar that is not known."""
    rng = np.random.default_rng(8)
    x = np.append(rng.normal(size=19), value)
    with np.errstate(invalid="ignore"):
        source = panel({"y": rng.normal(size=20), "x": x}, arm=["a"] * 10 + ["b"] * 10)
        reasons = unadjustable(source.moments([Request("y", ("x",))])[0], ARMS)
    why = "covariate x is missing or not finite for some units of b"
    assert reasons == {"a": why, "b": why}
