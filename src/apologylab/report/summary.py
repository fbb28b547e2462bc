"""What a demonstration ends with: effects, verdict, money, size, and the truth beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.power import required_n
from apologylab.inference.table import aligned, headlines
from apologylab.report import numbers
from apologylab.report.page import true_effect, true_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.results import Estimate
    from apologylab.report.page import Dossier

ONE_PER_CENT = 0.01


def summary(dossier: Dossier, *, redeemed: float) -> str:
    """Text for a terminal; ``redeemed`` is what the coupons that were used cost the firm."""
    blocks = [
        _revenue(dossier),
        _verdict(dossier),
        _account(dossier, redeemed),
        _size(dossier),
    ]
    return "\n\n".join(blocks)


def _revenue(dossier: Dossier) -> str:
    shown = headlines(dossier.analysis)
    first = shown[0]
    mean = numbers.level(first.reference_mean, first.spread, first.unit)
    rows = [_effect(dossier, each) for each in shown]
    head = ("", "effect", "95% interval", "of the mean", "truth")
    lines = aligned([head, *rows], left=1)
    title = f"Effect on revenue ({first.outcome}; mean of {first.reference} {mean})"
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _effect(dossier: Dossier, each: Estimate) -> tuple[str, ...]:
    truth = true_effect(dossier, each.outcome, each.cells)
    return (
        each.treatment if each.kind == "arm" else each.name,
        numbers.effect(each.point, each.spread, each.unit),
        _interval(each.ci_low, each.ci_high, each.spread, each.unit),
        f"{numbers.signed(100 * each.point / each.reference_mean, 1)}%",
        "–" if truth is None else numbers.effect(truth, each.spread, each.unit),
    )


def _interval(low: float, high: float, std_error: float, unit: str) -> str:
    ends = (numbers.effect(end, std_error, unit) for end in (low, high))
    return " to ".join(ends)


def _verdict(dossier: Dossier) -> str:
    verdict = dossier.verdict
    if verdict is None:
        return "No verdict: the declaration has no decision rule."
    truths = true_values(dossier)
    rows = [
        (
            each.arm,
            numbers.effect(each.point, each.std_error, verdict.unit),
            _interval(each.ci_low, each.ci_high, each.std_error, verdict.unit),
            _or_dash(truths[each.arm], each.std_error, verdict.unit),
        )
        for each in verdict.values
    ]
    lines = aligned([("", "worth", "interval", "truth"), *rows], left=1) if rows else []
    title = f"Verdict: {verdict.verdict.upper()}"
    worth = f"Net value in {verdict.unit}, against {verdict.reference}"
    return "\n".join([title, verdict.sentence, "", worth, *(f"  {line}" for line in lines)])


def _or_dash(truth: float | None, std_error: float, unit: str) -> str:
    return "–" if truth is None else numbers.effect(truth, std_error, unit)


def _account(dossier: Dossier, redeemed: float) -> str:
    """What the test was worth against silence for everybody: as estimated, and in truth."""
    verdict = dossier.verdict
    if verdict is None or not verdict.values:
        return "What the test was worth: no value can be read."
    truths = true_values(dossier)
    units = [each.n for each in verdict.values]
    known = [truth for each in verdict.values if (truth := truths[each.arm]) is not None]
    rows = [
        ("coupons used", f"{redeemed:,.0f}"),
        ("net value, as estimated", _total(units, [each.point for each in verdict.values])),
    ]
    if len(known) == len(units):
        rows.append(("net value, in the truth of the world", _total(units, known)))
    title = f"What the test was worth, in {verdict.unit.split(' ')[0]}, against"
    lines = aligned(rows, left=1)
    return "\n".join(
        [f"{title} {verdict.reference} for everybody", *(f"  {line}" for line in lines)]
    )


def _total(units: Sequence[int], worth: Sequence[float]) -> str:
    return numbers.signed(sum(n * each for n, each in zip(units, worth, strict=True)), 0)


def _size(dossier: Dossier) -> str:
    shown = headlines(dossier.analysis)
    units = sum(arm.analysed for arm in dossier.analysis.flow)
    picked = [min(_of(shown, kind), key=_share) for kind in ("arm", "contrast") if _of(shown, kind)]
    rows = [
        (
            each.name,
            f"{100 * _share(each):.1f}%",
            f"{required_n(units, detectable=_share(each), effect=ONE_PER_CENT):,}",
        )
        for each in picked
    ]
    head = (f"with {units:,} units", "could see", "units to see 1%")
    lines = aligned([head, *rows], left=1)
    title = "The smallest effect on revenue that this size sees, four times in five"
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _of(estimates: Sequence[Estimate], kind: str) -> list[Estimate]:
    return [each for each in estimates if each.kind == kind]


def _share(estimate: Estimate) -> float:
    seen = estimate.smallest_detectable
    return float("inf") if seen is None else seen / estimate.reference_mean
