"""Rows of a look: intervals and p that hold at all looks, over the plan's whole family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from apologylab.design.contrasts import against
from apologylab.design.layout import table_layout
from apologylab.errors import InputError, StateError
from apologylab.inference.arrays import panel
from apologylab.inference.many.p_values import holm
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.readings import Readings
from apologylab.inference.sequential.exact import (
    Share,
    difference_of_shares,
    log_mixture_of_shares,
    p_of_shares,
    share_interval,
)
from apologylab.inference.sequential.mixture import always_valid_p, best_rho, critical
from apologylab.inference.sequential.repeated import boundary, repeated_p
from apologylab.inference.sequential.rows import seen_by
from apologylab.inference.sequential.spending import Spending
from apologylab.inference.sequential.watch import Seen, Watch

ARMS = ("silence", "basic", "coupon")
N = 2_000
PLAIN = "difference_in_means"
STUDENT = 2e-3
"""Student's t of 4,000 degrees of freedom against the normal, at levels near 0.001."""


def source(n: int = N, *, seed: int = 1):
    rng = np.random.default_rng(seed)
    arm = np.repeat(ARMS, n)
    bump = 0.1 * (arm == "coupon")
    outcomes = {name: rng.normal(size=3 * n) + bump for name in ("spend", "visits")}
    return panel(outcomes, arm=arm.tolist())


def question(watch: Watch | None = None, **changes) -> Question:
    return Question(
        outcomes=tuple(
            Measured(name=each, role="primary", unit="USD") for each in ("spend", "visits")
        ),
        arm_contrasts=against(ARMS, "silence"),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned=dict.fromkeys(ARMS, N),
        watch=watch,
        **changes,
    )


def watch(**changes) -> Watch:
    plain = Watch(
        method="group_sequential",
        alpha=0.05,
        first_look=1_000,
        final=dict.fromkeys(ARMS, 4_000),
        planned=dict.fromkeys(ARMS, 4_000),
    )
    return replace(plain, **changes)


def read(asked: Question, n: int = N):
    found, refused = estimates(fit(source(n), asked), asked)
    return list(found), list(refused)


def fixed(n: int = N):
    return read(question(), n)[0]


def test_half_of_the_units_are_half_of_the_information():
    for each in seen_by(read(question(watch()))[0]).values():
        assert each.share == pytest.approx(0.5, abs=0.01)


def test_the_share_is_of_variances_and_not_of_counts():
    """Arm "coupon" stays as it is, so less than half of the variance is still to go."""
    final = {"silence": 4_000, "basic": 4_000, "coupon": N}
    seen = seen_by(read(question(watch(final=final)))[0])
    assert seen["spend | difference_in_means | coupon vs silence"].share == pytest.approx(
        0.75, abs=0.01
    )
    assert seen["spend | difference_in_means | basic vs silence"].share == pytest.approx(
        0.5, abs=0.01
    )


def test_a_first_look_is_the_boundary_over_the_family_and_holm_over_repeated_p():
    rows, refused = read(question(watch()))
    assert not refused
    told = []
    for row, plain in zip(rows, fixed(), strict=True):
        seen = seen_by([row])[f"{row.outcome} | {PLAIN} | {row.name}"]
        reach = boundary((seen.information,), (seen.share,), Spending(), 0.05 / 4)
        assert row.ci_high - row.point == pytest.approx(reach * row.std_error, rel=STUDENT)
        assert row.p_value == pytest.approx(
            repeated_p(row.point / row.std_error, [seen.information], [seen.share], Spending()),
            rel=1e-2,
        )
        assert row.p_value > plain.p_value
        assert row.ci_low < plain.ci_low
        assert row.ci_high > plain.ci_high
        assert row.smallest_detectable > plain.smallest_detectable
        assert "simultaneous over 4 (Bonferroni)" in row.interval_kind
        assert row.family.endswith("4 tests, Holm at all looks together")
        told.append(row.p_value)
    assert [row.p_adjusted for row in rows] == pytest.approx(holm(told).tolist())


def test_p_and_interval_agree_at_the_familys_level():
    """0 leaves the simultaneous interval exactly where p is below alpha over the family's size."""
    for row in read(question(watch()))[0]:
        assert (row.p_value < 0.05 / 4) == (row.ci_low > 0 or row.ci_high < 0)


def test_earlier_looks_come_from_the_ledger_and_cost():
    rows, _ = read(question(watch()))
    before = seen_by(rows)
    half = {name: Seen(each.information / 2, 0.25) for name, each in before.items()}
    later, _ = read(question(watch(earlier=(half,))))
    for row, first in zip(later, rows, strict=True):
        assert row.ci_high > first.ci_high
        seen = before[f"{row.outcome} | {PLAIN} | {row.name}"]
        reach = boundary(
            (seen.information / 2, seen.information), (0.25, seen.share), Spending(), 0.05 / 4
        )
        assert row.ci_high - row.point == pytest.approx(reach * row.std_error, rel=STUDENT)


@pytest.mark.parametrize("last", [False, True])
def test_a_look_shows_no_contrast_that_the_ledger_would_not_count(last):
    """Asked again at every look, each would be judged as if it were the first (R31)."""
    asked = question(watch(last=last))
    layout = table_layout({arm: {} for arm in ARMS})
    readings = Readings(question=asked, fits=fit(source(), asked), layout=layout)
    besides = against(("basic", "coupon"), "basic")
    if last:
        assert readings.read(besides, outcome="spend", estimator=None)[0]
        return
    with pytest.raises(StateError, match="the ledger would not count them"):
        readings.read(besides, outcome="spend", estimator=None)


def test_the_same_facts_seen_twice_are_one_look():
    rows, _ = read(question(watch()))
    again, _ = read(question(watch(earlier=(seen_by(rows),))))
    assert again == rows


def test_the_end_without_an_earlier_look_is_the_fixed_test_over_the_family():
    rows, _ = read(question(watch(last=True)))
    for row, plain in zip(rows, fixed(), strict=True):
        assert row.p_value == pytest.approx(plain.p_value, rel=1e-8)
        quantile = -float(ndtri(0.05 / 8))
        assert row.ci_high - row.point == pytest.approx(quantile * row.std_error, rel=2e-3)


def test_the_end_after_a_look_spends_what_is_left():
    rows, _ = read(question(watch()))
    seen = seen_by(rows)
    half = {name: Seen(each.information / 2, 0.5) for name, each in seen.items()}
    last, _ = read(question(watch(last=True, earlier=(half,)), adjust="none"))
    for row in last:
        reach = (row.ci_high - row.point) / row.std_error
        assert reach == pytest.approx(1.9686, abs=2e-3)  # rpact, asOF, two looks


def test_a_confidence_sequence_at_any_n():
    sequence = watch(method="confidence_sequence", final=dict.fromkeys(ARMS, 9_999))
    rho = best_rho(8_000, 0.05)
    for row in read(question(sequence))[0]:
        reach = critical(4_000, rho, 0.05 / 4)
        assert row.ci_high - row.point == pytest.approx(reach * row.std_error, rel=4e-3)
        z = row.point / row.std_error
        assert row.p_value == pytest.approx(float(always_valid_p(z, 4_000, rho)), rel=2e-2)


def test_too_few_units_are_not_shown_and_still_count():
    rows, refused = read(question(watch(first_look=2_001)))
    assert rows == []
    assert all("looks begin with 2,001 units in each arm" in each.because for each in refused)
    assert len(refused) == 4


def test_holm_counts_what_this_look_does_not_show():
    """Arm "basic" has too few units: two tests are shown and adjusted as two of four."""
    rng = np.random.default_rng(5)
    sizes = {"silence": 1_500, "basic": 500, "coupon": 1_500}
    arm = [name for name, n in sizes.items() for _ in range(n)]
    bump = 0.12 * np.array([name == "coupon" for name in arm])
    outcomes = {name: rng.normal(size=len(arm)) + bump for name in ("spend", "visits")}
    asked = question(watch())
    rows, refused = estimates(fit(panel(outcomes, arm=arm), asked), asked)
    assert {each.treatment for each in rows} == {"coupon"}
    assert {each.treatment for each in refused} == {"basic"}
    p = sorted(each.p_value for each in rows)
    assert sorted(each.p_adjusted for each in rows) == pytest.approx(
        [min(1, 4 * p[0]), min(1, max(4 * p[0], 3 * p[1]))]
    )
    assert 4 * p[0] < 1


def test_an_interval_that_no_boundary_corrects_waits_for_the_end():
    asked = question(watch(), estimators=(PLAIN, "quantile(at=0.5)"))
    rows, refused = read(asked)
    assert {each.estimator for each in rows} == {PLAIN}
    assert {each.estimator for each in refused} == {"quantile"}
    assert all("no boundary is known" in each.because for each in refused)


def test_descriptive_outcomes_are_neither_adjusted_nor_widened_over_a_family():
    asked = replace(
        question(watch()), outcomes=(Measured(name="spend", role="descriptive", unit="USD"),)
    )
    for row in read(asked)[0]:
        assert row.p_adjusted is None
        assert "simultaneous" not in row.interval_kind


@pytest.mark.parametrize(
    "make",
    [
        lambda: Spending(shape="often"),  # type: ignore[arg-type]
        lambda: Spending(shape="kim_demets", power=0),
        lambda: Spending().spent([0.5, 0.2], 0.05),
        lambda: Spending().spent([0.0, 1.0], 0.05),
        lambda: boundary((0.0, 1.0), (0.5, 1.0), Spending(), 0.05),
        lambda: best_rho(0, 0.05),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()


def shares(k: int, n: int, *, phases: int = 1):
    """``k`` of ``n`` come back in "coupon", half in the others."""
    y = [1.0] * k + [0.0] * (n - k) + ([1.0, 0.0] * n)[: 2 * n]
    arm = ["coupon"] * n + ["silence", "basic"] * n
    y[n:] = [float(i // 2 % 2) for i in range(2 * n)]
    phase = [1 + i % phases for i in range(3 * n)]
    return panel({"spend": np.array(y), "visits": np.array(y) * 2}, arm=arm, phase=phase)


def test_shares_hold_at_all_looks_by_themselves_and_need_no_first_look():
    asked = question(watch(first_look=1_000), estimators=("share_at_any_time",))
    rows, refused = estimates(fit(shares(80, 100), asked), asked)
    assert {each.outcome for each in rows} == {"spend"}
    assert all("not 0 or 1" in each.because for each in refused)
    (row,) = (each for each in rows if each.treatment == "coupon")
    plain, _ = difference_of_shares(Share(80, 100, 4_000), Share(50, 100, 4_000), 0.05 / 4)
    assert row.point == pytest.approx(0.3)
    assert row.ci_low == pytest.approx(plain)
    assert row.p_value == pytest.approx(p_of_shares(Share(80, 100, 4_000), Share(50, 100, 4_000)))
    assert row.p_adjusted == pytest.approx(min(1.0, 4 * row.p_value))
    assert "at all looks together, simultaneous over 4" in row.interval_kind


def test_shares_tuned_to_the_units_at_hand_do_not_say_that_they_hold_at_all_looks():
    asked = question(estimators=("share_at_any_time",))
    rows, _ = estimates(fit(shares(80, 100), asked), asked)
    assert {dict(row.details)["holds"].split(":")[0] for row in rows} == {"at one look"}


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (1, 1), (300, 1_000)])
@pytest.mark.parametrize("alpha", [0.3, 0.05, 1e-6])
def test_an_exact_interval_is_where_its_martingale_stays_below(k, n, alpha):
    share = Share(k, n, 500)
    low, high = share_interval(share, alpha)
    assert 0 <= low <= k / n <= high <= 1
    for edge in (low, high):
        if 0 < edge < 1:
            assert log_mixture_of_shares(share, edge) == pytest.approx(-np.log(alpha), rel=1e-6)


def test_p_of_shares_is_where_the_interval_parts():
    treated, untreated = Share(70, 100, 500), Share(40, 100, 500)
    p = p_of_shares(treated, untreated)
    assert difference_of_shares(treated, untreated, 1.001 * p)[0] > 0
    assert difference_of_shares(treated, untreated, 0.999 * p)[0] < 0
    assert p_of_shares(treated, treated) == 1.0
