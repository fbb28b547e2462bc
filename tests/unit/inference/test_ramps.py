"""A ramp beside a trend: what pools its phases as they are sees the trend as an effect (R26).

One in ten is treated in the first phase and half in the second, whose outcomes are 5 higher; the
remedy changes nothing. Pooled as they are the arms differ by more than 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.results import Estimate, Refusal
from apologylab.inference.slice_checks import interference

SEED = 20_261
WEIGHTS = {1: {"none": 9, "note": 1}, 2: {"none": 1, "note": 1}}


def ramp(
    rng: np.random.Generator, *, causes: int = 300, each: int = 20, span: int = 30
) -> ArraySource:
    """A cause comes back after ``span`` others, in the next phase as well where that is short."""
    cause = np.repeat(np.arange(causes), each)
    phase = np.where(cause < causes // 2, 1, 2)
    noted = rng.random(len(cause)) < np.where(phase == 1, 0.1, 0.5)
    y = rng.normal(size=len(cause)) + 5 * (phase == 2)
    columns = {
        "y": y,
        "cause": cause % span,
        "incident_number": np.ones(len(y)),
        "customer_number": np.arange(len(y)),
    }
    arm = np.where(noted, "note", "none").tolist()
    return panel(columns, arm=arm, phase=phase.tolist())


def ask(
    source: ArraySource, estimator: str, weights: Mapping[int, Mapping[str, int]] = WEIGHTS
) -> tuple[tuple[Estimate, ...], tuple[Refusal, ...]]:
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("none", "note"), "none"),
        weights=weights,
        assigned={},
        estimators=(estimator,),
    )
    return estimates(fit(source, question), question)


@pytest.mark.parametrize("regime", ["first_only", "sticky"])
def test_repeats_weigh_each_phase_by_its_planned_shares(regime: str) -> None:
    """The truth is 0; the seed is fixed, and four standard errors are kept."""
    found, _ = ask(ramp(np.random.default_rng(SEED)), f"repeats(regime={regime})")
    assert found
    for row in found:
        assert row.std_error is not None
        assert abs(row.point) < 4 * row.std_error < 0.8


def test_repeats_refuse_an_arm_that_a_phase_does_not_draw() -> None:
    closed = {1: {"none": 1, "note": 0}, 2: {"none": 1, "note": 1}}
    _, (refused,) = ask(ramp(np.random.default_rng(SEED)), "repeats(regime=first_only)", closed)
    assert refused.because == "note is not drawn in phase 1"


@pytest.mark.parametrize("estimator", ["missing_bounds(low=-9, high=20)", "lee_bounds"])
def test_bounds_do_not_leave_out_a_phase_that_lost_all_its_outcomes(estimator: str) -> None:
    """They are of all enrolled units: those of the second phase might have any effect."""
    source = ramp(np.random.default_rng(SEED))
    gone = np.array([cell.phase == 2 for cell in source.cells])[source.code]
    y = np.where(gone, np.nan, source.columns["y"])
    columns = {**source.columns, "y": y, "y:lost": gone.astype(float)}
    found, (refused,) = ask(replace(source, columns=columns), estimator)
    assert not found
    assert refused.because == "no unit of phase 2 has y"


def test_the_effect_within_a_cause_compares_arms_within_phases() -> None:
    (row,), _ = ask(ramp(np.random.default_rng(SEED), each=60), "by_cause")
    told = [value for name, value in row.details if name.startswith("effect in the")]
    assert len(told) == 5
    assert all(abs(float(str(value).split()[0])) < 0.6 for value in told)


def test_no_interference_is_smelled_in_a_trend() -> None:
    """p is uniform; Kolmogorov-Smirnov at 1e-4."""
    rng = np.random.default_rng(SEED)
    p = []
    for _ in range(200):
        (by_cause,) = ramp(rng, causes=80, each=4, span=80).set_totals(["y"], by="cause")
        found = interference(by_cause, "none", of="cause").p_value
        assert found is not None
        p.append(found)
    assert stats.kstest(p, "uniform").pvalue > 1e-4
