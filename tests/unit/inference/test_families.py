"""Families of rows: which correction, which interval beside it, and what is printed."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.design.plan import Adjust
from apologylab.errors import InputError, NotEstimable
from apologylab.inference.arrays import panel
from apologylab.inference.many.joint import Side, correlation, joint_request, residuals
from apologylab.inference.many.max_t import Group, critical_values, step_down
from apologylab.inference.many.p_values import benjamini_hochberg, benjamini_yekutieli, harmonic
from apologylab.inference.many.simultaneous import jointly_simultaneous
from apologylab.inference.many.words import FROM_P, JOINT, RESAMPLED, SAYS
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

ARMS = ("silence", "a", "b", "c")
OUTCOMES = ("visits", "spend", "contacts")


def source(n=800, *, seed=1, effect=0.0, missing=False):
    rng = np.random.default_rng(seed)
    arm = np.array(ARMS)[rng.integers(0, 4, n)]
    x = rng.normal(size=n)
    root = np.linalg.cholesky([[1, 0.7, -0.2], [0.7, 1, 0.1], [-0.2, 0.1, 1]])
    y = rng.normal(size=(n, 3)) @ root.T + x[:, None] * [1.0, 0.5, 0.0]
    y = y + effect * (arm == "b")[:, None]
    columns = {name: y[:, i] for i, name in enumerate(OUTCOMES)} | {"x": x}
    if missing:
        columns["contacts"][::5] = np.nan
    phase = rng.integers(1, 3, n).tolist()
    return panel(columns, arm=arm.tolist(), phase=phase)


def question(**changes):
    asked = Question(
        outcomes=tuple(Measured(name=name, role="primary", unit="") for name in OUTCOMES),
        arm_contrasts=against(ARMS, "silence"),
        weights={phase: dict.fromkeys(ARMS, 1) for phase in (1, 2)},
        assigned={},
        covariates=("x",),
        estimators=("difference_in_means",),
    )
    return replace(asked, **changes)


def rows(of=None, **changes):
    asked = question(**changes)
    panel_of = source() if of is None else of
    found, refused = estimates(fit(panel_of, asked), asked)
    assert not refused
    return found


def test_the_correlation_over_outcomes_is_that_of_the_stacked_units():
    """Against c' Sigma d with Sigma of all arms, phases and outcomes from the units themselves."""
    data, asked = source(), question(adjust="max_t")
    fits = fit(data, asked)
    known = residuals(fits.together, OUTCOMES, ())
    contrast = against(ARMS, "silence")
    sides, influence = [], []
    for outcome in OUTCOMES:
        means = fits.of(outcome, "difference_in_means")
        for each in contrast:
            weights = dict(each.cells)
            sides.append(Side(means, means.weights(each)))
            adds = np.zeros(len(data.code))
            for i, cell in enumerate(data.cells):
                mine = data.code == i
                phase = np.isin(
                    data.code, [j for j, o in enumerate(data.cells) if o.phase == cell.phase]
                )
                y = data.columns[outcome][mine]
                scale = (mine.sum() / (mine.sum() - 1)) ** 0.5 / mine.sum() * phase.mean()
                adds[mine] = weights.get(cell.arm, 0.0) * (y - y.mean()) * scale
            influence.append(adds)
    expected = np.array(influence) @ np.array(influence).T
    sd = np.sqrt(expected.diagonal())
    np.testing.assert_allclose(
        correlation(sides, known), expected / np.outer(sd, sd), rtol=1e-9, atol=1e-12
    )


def test_under_lin_the_correlation_is_of_what_x_leaves():
    data = source()
    (together,) = data.moments([joint_request(OUTCOMES, ("x",))])
    for cell, found in residuals(together, OUTCOMES, ("x",)).by_cell.items():
        mine = data.code == data.cells.index(cell)
        z = np.column_stack([np.ones(mine.sum()), data.columns["x"][mine]])
        y = np.column_stack([data.columns[name][mine] for name in OUTCOMES])
        left = y - z @ np.linalg.lstsq(z, y, rcond=None)[0]
        np.testing.assert_allclose(found, np.corrcoef(left, rowvar=False), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("estimator", ["difference_in_means", "lin"])
def test_max_t_reads_all_outcomes_together(estimator):
    found = rows(adjust="max_t", estimators=(estimator,))
    by_holm = rows(adjust="holm", estimators=(estimator,))
    by_bonferroni = rows(adjust="bonferroni", estimators=(estimator,))
    for one, holm, bonferroni in zip(found, by_holm, by_bonferroni, strict=True):
        assert one.p_value == holm.p_value
        assert one.p_value <= one.p_adjusted <= holm.p_adjusted * 1.01
        assert one.family.endswith("arms against the reference: 9 tests, step-down max-t")
        assert one.interval_kind.startswith("95% simultaneous over 9, single-step max-t, Student")
        assert holm.ci_low > one.ci_low > bonferroni.ci_low
    gain = [(b.ci_high - b.ci_low) / (a.ci_high - a.ci_low)
            for a, b in zip(found, by_bonferroni, strict=True)]  # fmt: skip
    assert min(gain) > 1.01


def test_the_interval_of_dunnett_excludes_0_where_p_is_small():
    for seed in range(3):
        for row in rows(source(seed=seed, effect=0.3), adjust="dunnett"):
            assert (row.p_adjusted < 0.05) == (row.ci_low > 0 or row.ci_high < 0)


def test_one_outcome_and_its_arms_are_dunnetts_exactly():
    asked = question(adjust="max_t", outcomes=question().outcomes[:1])
    fits = fit(source(), asked)
    found, _ = estimates(fits, asked)
    means = fits.of("visits", "difference_in_means")
    sides = [Side(means, means.weights(each)) for each in asked.arm_contrasts]
    together = (Group((0, 1, 2), correlation(sides, None)),)
    t = np.array([row.point / row.std_error for row in found])
    df = np.array([row.df for row in found])
    np.testing.assert_allclose([row.p_adjusted for row in found], step_down(t, df, together))
    reach = [(row.ci_high - row.point) / row.std_error for row in found]
    np.testing.assert_allclose(reach, critical_values(df, together, 0.05))


def test_outcomes_that_some_units_lack_are_summed_by_bonferroni():
    """An upper bound whatever the correlation is: never below what is known of all."""
    found = rows(source(missing=True), adjust="max_t")
    assert all("(2 groups by Bonferroni)" in row.interval_kind for row in found)
    whole = rows(source(), adjust="max_t")
    complete = [each for each in zip(found, whole, strict=True) if each[0].outcome != "contacts"]
    assert all(some.ci_low <= all_of.ci_low for some, all_of in complete)


@pytest.mark.parametrize("lacking", OUTCOMES)
def test_it_does_not_matter_which_outcome_some_units_lack(lacking):
    """Fewer units of one outcome than of the other go together less than those that have both."""
    of = source()
    columns = {**of.columns, lacking: of.columns[lacking].copy()}
    columns[lacking][::3] = np.nan
    found = rows(replace(of, columns=columns), adjust="max_t")
    assert all("(2 groups by Bonferroni)" in row.interval_kind for row in found)


def test_an_outcome_that_an_arm_lacks_altogether_is_not_read_with_others():
    of = source()
    columns = {**of.columns, "visits": of.columns["visits"].copy()}
    columns["visits"][np.array([cell.arm == "b" for cell in of.cells])[of.code]] = np.nan
    asked = question(adjust="max_t")
    found, refused = estimates(fit(replace(of, columns=columns), asked), asked)
    assert {(row.outcome, row.treatment) for row in refused} == {("visits", "b")}
    assert len(found) == 8


def test_means_of_pooled_strata_are_summed_by_bonferroni():
    """Their errors are by phase, and how outcomes go together is known by stratum."""
    of = source()
    strata = [cell._replace(stratum="gold") for cell in of.cells]
    half = replace(
        of,
        cells=tuple(sorted([*of.cells, *strata])),
        code=2 * of.code + (np.arange(len(of.code)) % 2),
    )
    found = rows(half, adjust="max_t", estimators=("difference_in_means(strata=pooled)",))
    assert all("(3 groups by Bonferroni)" in row.interval_kind for row in found)


def test_errors_that_arms_share_are_summed_by_bonferroni():
    """Of Lin's means over the population the covariates' own error is in every outcome."""
    found = rows(adjust="max_t", estimators=("lin(over=population)",))
    assert all("(3 groups by Bonferroni)" in row.interval_kind for row in found)


def test_a_family_of_one_is_not_corrected():
    asked = {"outcomes": question().outcomes[:1], "arm_contrasts": against(ARMS[:2], "silence")}
    for word in ("max_t", "dunnett", "bonferroni", "holm", "benjamini_hochberg"):
        (row,) = rows(adjust=word, **asked)
        (plain,) = rows(adjust="none", **asked)
        assert row.p_adjusted == pytest.approx(plain.p_value, rel=1e-9)
        assert (row.ci_low, row.ci_high) == pytest.approx((plain.ci_low, plain.ci_high), rel=1e-9)


@pytest.mark.parametrize(
    ("word", "adjust", "cost"),
    [
        ("benjamini_hochberg", benjamini_hochberg, 1.0),
        ("benjamini_yekutieli", benjamini_yekutieli, harmonic(9)),
    ],
)
def test_what_a_rate_selects_has_wider_intervals(word, adjust, cost):
    found = rows(source(effect=0.5), adjust=word)
    p = adjust([row.p_value for row in found])
    chosen = int((p <= 0.05).sum())
    assert 0 < chosen < 9
    for row, adjusted in zip(found, p, strict=True):
        assert row.p_adjusted == adjusted
        level = 0.05 * chosen / (9 * cost) if adjusted <= 0.05 else 0.05
        reach = stats.t.ppf(1 - level / 2, row.df) * row.std_error
        assert row.ci_high == pytest.approx(row.point + reach, rel=1e-9)
        said = f"{chosen} of 9 selected" in row.interval_kind
        assert said == (adjusted <= 0.05)


def test_descriptive_outcomes_are_not_tested():
    asked = tuple(replace(each, role="descriptive") for each in question().outcomes)
    for word in ("max_t", "bonferroni", "benjamini_hochberg"):
        for row in rows(adjust=word, outcomes=asked):
            assert row.p_adjusted is None
            assert row.family.endswith("not adjusted")
            assert row.interval_kind.startswith("pointwise")


@pytest.mark.parametrize("word", ["romano_wolf", "list_shaikh_xu", "westfall_young"])
def test_resamples_agree_with_the_joint_distribution(word):
    """3,000 draws of 800 units: to four Monte Carlo errors and 3% for the units being few."""
    limit = rows(source(effect=0.2), adjust="max_t")
    drawn = rows(source(effect=0.2), adjust=word)
    for one, other in zip(limit, drawn, strict=True):
        p = one.p_adjusted
        assert other.p_adjusted == pytest.approx(p, abs=4 * (p * (1 - p) / 3000) ** 0.5 + 0.03)
        width = (other.ci_high - other.ci_low) / (one.ci_high - one.ci_low)
        assert width == pytest.approx(1, abs=0.05)
        assert "3,000 draws" in other.family
    again = rows(source(effect=0.2), adjust=word)
    assert [row.p_adjusted for row in again] == [row.p_adjusted for row in drawn]


@pytest.mark.parametrize("seed", range(4))
def test_no_adjusted_p_is_below_its_own_p(seed):
    """One test alone: draws say now a little less, now a little more than Student's t."""
    one = (Measured(name="visits", role="primary", unit=""),)
    alone = {"outcomes": one, "arm_contrasts": against(("silence", "a"), "silence")}
    (row,) = rows(source(seed=seed), adjust="romano_wolf", **alone)
    assert row.p_adjusted >= row.p_value


def test_lin_is_resampled_too_and_what_is_not_says_so():
    limit = rows(adjust="max_t", estimators=("lin",))
    drawn = rows(adjust="romano_wolf", estimators=("lin",))
    for one, other in zip(limit, drawn, strict=True):
        assert other.p_adjusted == pytest.approx(one.p_adjusted, abs=0.06)
    for row in rows(adjust="romano_wolf", estimators=("cuped",)):
        assert row.family.endswith("no resamples of this estimator, Holm")


def test_too_many_units_are_not_permuted(monkeypatch):
    monkeypatch.setattr("apologylab.inference.many.redrawn.MOST_PERMUTED", 100)
    with pytest.raises(NotEstimable, match="too many to permute"):
        rows(adjust="westfall_young")


def test_an_arm_that_cannot_be_read_still_counts():
    asked = question()
    means = fit(source(), asked).of("visits", "difference_in_means")
    family = against((*ARMS, "gone"), "silence")
    (first, *_) = jointly_simultaneous(means, family, alpha=0.05)
    (alone, *_) = jointly_simultaneous(means, family[:3], alpha=0.05)
    assert first.kind == "simultaneous over 4 (max-t)"
    assert first.high - first.low > alone.high - alone.low
    assert jointly_simultaneous(means, family[3:], alpha=0.05) == ()


def test_every_word_is_said_and_others_are_refused():
    assert set(SAYS) == set(get_args(Adjust))
    assert set(FROM_P) | JOINT | RESAMPLED | {"none"} == set(SAYS)
    with pytest.raises(InputError, match="adjust is 'tukey'"):
        question(adjust="tukey")
