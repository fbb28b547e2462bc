"""The effect of the delay achieved against AER's ivreg and estimatr's HC2, through ``analyse``.

Twelve decimals are printed; the weak case's ends are roots found to 1e-9.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.inference.estimators.delay import rates_differ
from apologylab.inference.results import Analysis

PRINTED = {
    line.split()[0]: np.array(line.split()[1:], dtype=float)
    for line in (Path(__file__).parent / "r" / "delay.txt").read_text("utf-8").splitlines()
}
ROW = np.arange(1, 481)
CONTENT = np.array(["words", "coupon"])[(ROW * 17) % 11 % 2]
ASSIGNED = np.array([1, 4, 24])[(ROW * 13) % 7 % 3]
LATE = ((ROW * 101) % 13) / 4
ACHIEVED = ASSIGNED * (0.8 + ((ROW * 29) % 11) / 20) + LATE
WEAK = 5 + 0.04 * ASSIGNED + ((ROW * 29) % 17) / 3
Y = 10 - 0.1 * ACHIEVED + 2 * (CONTENT == "coupon") - 0.5 * LATE + ((ROW * 7919) % 1009) / 300


def analysis(delay: np.ndarray, levels: dict[str, dict[str, object]] | None = None) -> Analysis:
    """With 60 units of silence, which was assigned no delay."""
    arm = [f"{c}@{a}" for c, a in zip(CONTENT, ASSIGNED, strict=True)] + ["silence"] * 60
    table = pa.table(
        {
            "arm": arm,
            "y": np.append(Y, np.zeros(60)),
            "hours": np.append(delay, np.full(60, np.nan)),
        }
    )
    named = {
        f"{c}@{a}": {"content": c, "timing": a} for c in ("words", "coupon") for a in (1, 4, 24)
    }
    return apologylab.analyse(
        table,
        arm="arm",
        reference="silence",
        outcomes=["y"],
        levels=named if levels is None else levels,
        estimators=["delay(column=hours)"],
    )


def test_point_error_and_first_stage() -> None:
    (row,) = analysis(ACHIEVED).estimates
    assert (row.point, row.std_error) == pytest.approx(PRINTED["hc2"], abs=1e-10)
    assert row.point == pytest.approx(PRINTED["ivreg"][0], abs=1e-10)
    assert dict(row.details)["first-stage F"] == pytest.approx(PRINTED["first"][0], abs=1e-6)
    assert row.df == 480 - 3
    assert "weighted average causal response" in str(analysis(ACHIEVED))


def test_a_weak_first_stage_has_anderson_and_rubin_s_interval() -> None:
    (row,) = analysis(WEAK).estimates
    assert (row.point, row.ci_low, row.ci_high) == pytest.approx(PRINTED["weak"], abs=1e-8)
    assert dict(row.details)["first-stage F"] == pytest.approx(PRINTED["weak_first"][0], abs=1e-8)
    assert "Anderson-Rubin" in row.interval_kind
    assert row.smallest_detectable is None


def because(found: Analysis) -> str:
    (refused,) = found.refusals
    assert not found.estimates
    return refused.because


def test_delivery_that_differs_by_timing_is_refused() -> None:
    lost = np.where((ASSIGNED == 24) & (ROW % 4 == 0), np.nan, ACHIEVED)
    assert "delivery rates differ between the delays by up to 2" in because(analysis(lost))
    everywhere = np.where(ROW % 4 == 0, np.nan, ACHIEVED)
    assert analysis(everywhere).estimates


def test_arms_that_share_no_content_or_have_no_delay_are_refused() -> None:
    """Silence has no levels; a next visit is no delay; a lone delay has nothing beside it."""
    assert "no factor 'timing'" in because(analysis(ACHIEVED, {}))
    visit = {
        f"{c}@{a}": {"content": c, "timing": "next_visit" if a == 24 else a}
        for c in ("words", "coupon")
        for a in (1, 4, 24)
    }
    assert "such as a next visit" in because(analysis(ACHIEVED, visit))
    apart = {
        f"{c}@{a}": {"content": f"{c}{a}", "timing": a}
        for c in ("words", "coupon")
        for a in (1, 4, 24)
    }
    assert "no content was assigned two delays" in because(analysis(ACHIEVED, apart))
    assert "differ too little" in because(analysis(LATE))


def test_rates_are_compared_within_content_by_pearson() -> None:
    """scipy's chi2_contingency without correction, group by group."""
    from scipy.stats import chi2, chi2_contingency

    n, reached = np.array([100.0, 120, 90, 80]), np.array([80.0, 90, 85, 70])
    tables = [np.array([reached[g], n[g] - reached[g]]) for g in (slice(2), slice(2, 4))]
    statistic = sum(chi2_contingency(each, correction=False).statistic for each in tables)
    p, widest = rates_differ(np.array([0, 0, 1, 1]), n, reached)
    assert p == pytest.approx(chi2.sf(statistic, 2), rel=1e-12)
    assert widest == pytest.approx(85 / 90 - 70 / 80)
