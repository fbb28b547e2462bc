"""Complier effects against R's estimatr, linearmodels and Stata; 12 digits printed, 1e-8 asserted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.design.contrasts import against
from apologylab.errors import InputError, NotEstimable
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.complier import complier
from apologylab.inference.estimators.two_stage import two_stage
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

HERE = Path(__file__).parent
LINES = [line.split() for line in (HERE / "r" / "compliance.txt").read_text().splitlines()]
PEERS = [line.split() for line in (HERE / "peers" / "compliance.txt").read_text().splitlines()]
ROW = np.arange(1, 241)
Z = (ROW % 2).astype(float)
D = (np.sin(ROW * ROW) + 1.1 * Z > 0.4).astype(float)
Y = 3 + 0.7 * D + 2 * np.cos(ROW * ROW) + np.sin(ROW * ROW)
X = np.cos(5 * ROW)
ONE = np.ones(240)
CLUSTER = np.floor(np.sqrt(ROW)).astype(int)


def printed(what, kind):
    return np.array([row[3:] for row in LINES if row[:2] == [what, kind]], dtype=float)


@pytest.mark.parametrize(
    ("what", "kind"), sorted({(row[0], row[1]) for row in LINES if row[0] in ("plain", "adjusted")})
)
def test_two_stages_are_estimatrs(what, kind):
    expected = printed(what, kind)
    assert len(expected) == 2 + (what == "adjusted")
    more = [X] if what == "adjusted" else []
    x, z = np.column_stack([ONE, D, *more]), np.column_stack([ONE, Z, *more])
    found = two_stage(Y, x, z, kind, CLUSTER)
    np.testing.assert_allclose(found.beta, expected[:, 0], rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), expected[:, 1], rtol=1e-8)


@pytest.mark.parametrize("kind", ["HC0", "HC1"])
def test_two_stages_are_linearmodels(kind):
    expected = np.array([row[2:] for row in PEERS if row[0] == kind], dtype=float)
    found = two_stage(Y, np.column_stack([ONE, X, D]), np.column_stack([ONE, X, Z]), kind)
    np.testing.assert_allclose(found.beta, expected[:, 0], rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), expected[:, 1], rtol=1e-8)


def asked(exposure="seen", phases=(1,)):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={phase: {"a": 1, "b": 1} for phase in phases},
        assigned={},
        estimators=(f"complier(exposure={exposure})",),
    )


def answers(columns, arm, question=None, **keys):
    question = question or asked()
    return estimates(fit(panel(columns, arm=arm, **keys), question), question)


def test_the_panels_answer_is_estimatrs_hc2():
    ((one,), refused) = answers({"y": Y, "seen": D}, ["b" if z else "a" for z in Z])
    assert not refused
    beta, error = printed("plain", "HC2")[1]
    assert one.point == pytest.approx(beta, rel=1e-9)
    assert one.std_error == pytest.approx(error, rel=1e-9)
    assert dict(one.details)["first-stage F"] == pytest.approx(
        printed("first", "F")[0, 0], rel=1e-9
    )


def test_anderson_and_rubins_test_is_estimatrs_t_at_every_value():
    """The interval holds b just where |t| of y - b d on z, with HC2 errors, is below t."""
    ((one,), _) = answers({"y": Y, "seen": D}, ["b" if z else "a" for z in Z])
    assert one.interval_kind.endswith("Anderson and Rubin, HC2")
    for row in LINES:
        if row[0] == "ar":
            assert (one.ci_low <= float(row[1]) <= one.ci_high) == (abs(float(row[3])) < 1.97)


@pytest.mark.parametrize("end", ["ci_low", "ci_high"])
def test_at_an_end_of_the_interval_statsmodels_p_is_alpha(end):
    """With the t distribution that the answer's own degrees of freedom give: Welch's, near 238."""
    ((one,), _) = answers({"y": Y, "seen": D}, ["b" if z else "a" for z in Z])
    own = sm.OLS(Y - getattr(one, end) * D, np.column_stack([ONE, Z])).fit(
        cov_type="HC2", use_t=True
    )
    assert own.pvalues[1] == pytest.approx(0.05, abs=2e-5)


def test_a_weak_first_stage_is_refused():
    rng = np.random.default_rng(1)
    d = (rng.uniform(size=240) < 0.5).astype(float)
    found, (why,) = answers({"y": Y, "seen": d}, ["b" if z else "a" for z in Z])
    assert not found
    assert "every effect" in why.because


def test_a_strong_first_stage_has_students_t():
    ((one,), _) = answers({"y": Y, "seen": Z * (ROW % 10 > 0)}, ["b" if z else "a" for z in Z])
    assert "Student's t, HC2" in one.interval_kind
    assert (one.ci_low + one.ci_high) / 2 == pytest.approx(one.point)
    assert "two-stage least squares" in one.estimand
    assert "intention to treat" not in one.estimand


def test_full_compliance_is_the_difference_in_means():
    ((one,), _) = answers({"y": Y, "seen": Z}, ["b" if z else "a" for z in Z])
    assert one.point == pytest.approx(Y[Z == 1].mean() - Y[Z == 0].mean(), rel=1e-12)


def test_an_exposure_that_some_lack_is_refused():
    seen = np.where(ROW == 7, np.nan, D)
    found, (why,) = answers({"y": Y, "seen": seen}, ["b" if z else "a" for z in Z])
    assert not found
    assert "missing" in why.because


def test_an_unknown_exposure_is_an_input_error():
    with pytest.raises(InputError, match="delivered"):
        answers({"y": Y}, ["b" if z else "a" for z in Z], asked("delivered"))


def test_phases_are_weighted():
    phase = np.where(ROW <= 100, 1, 2)
    question = asked(phases=(1, 2))
    ((one,), _) = answers(
        {"y": Y, "seen": D}, ["b" if z else "a" for z in Z], question, phase=phase.tolist()
    )

    def effect(v):
        return sum(
            (phase == p).mean()
            * (v[(phase == p) & (Z == 1)].mean() - v[(phase == p) & (Z == 0)].mean())
            for p in (1, 2)
        )

    assert one.point == pytest.approx(effect(Y) / effect(D), rel=1e-12)


def test_no_effect_of_assignment_on_exposure_has_no_answer():
    with pytest.raises(NotEstimable, match="every effect"):
        complier(np.array([1.0, 0.0]), np.eye(2), df=10, alpha=0.05)
