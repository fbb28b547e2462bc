"""Lin's adjustment, its errors from a second pass or from the one scan."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from apologylab.inference.answer import Answer, Fit, OfMeans, each_outcome, nothing
from apologylab.inference.blocks import blocks, unable
from apologylab.inference.estimators.lin import fit_cells, lin, unadjustable
from apologylab.inference.leverage_series import (
    SMALL,
    largest_leverage,
    power_columns,
    power_request,
    power_sums,
    series_variance,
    terms,
    unfit,
)
from apologylab.inference.moments import Cell, Errors, Fitted, Request
from apologylab.inference.skewness import WARNING
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.design.estimators import Asked
    from apologylab.inference.answer import Details, Scan
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.derived import Derived
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Question
    from apologylab.inference.source import Source

FLATTERS = 1.2
"""How many times alpha an interval may miss by too many degrees of freedom before it is told."""


class _Found(NamedTuple):
    """Variances of the intercepts by cell, and how they were come by."""

    variance: Mapping[Cell, float]
    path: str


def _errors(asked: Asked) -> Errors:
    return cast("Errors", asked.word("errors"))


def _by_series(question: Question, asked: Asked) -> bool:
    """Whether the series was asked for and may be: it is in one covariate."""
    return asked.word("leverage") == "series" and len(question.covariates) == 1


def _requests(question: Question, asked: Asked) -> Sequence[Request]:
    whole = list(each_outcome(question, asked))
    if not _by_series(question, asked):
        return whole
    (x,), errors = question.covariates, _errors(asked)
    return whole + [power_request(each.name, x, errors) for each in question.outcomes]


def _columns(source: Source, question: Question, asked: Asked) -> Mapping[str, Derived]:  # noqa: ARG001
    made: dict[str, Derived] = {}
    if _by_series(question, asked):
        for each in question.outcomes:
            made |= power_columns(each.name, question.covariates[0], _errors(asked))
    return made


def _lin(scan: Scan) -> Mapping[str, Fit]:
    question = scan.question
    moments = {outcome.name: scan.of(outcome.name) for outcome in question.outcomes}
    refused = {
        outcome: unadjustable(each, question.arms) | unable(each, question.arms, question.weights)
        for outcome, each in moments.items()
    }
    fitted = {
        outcome: Fitted(
            Request(outcome, question.covariates), fit_cells(each, kept), _errors(scan.asked)
        )
        for outcome, each in moments.items()
        if (kept := [arm for arm in question.arms if arm not in refused[outcome]])
    }
    fits = {outcome: Fit(None, why) for outcome, why in refused.items()}
    for outcome, found in _variances(scan, fitted).items():
        fits[outcome] = _adjusted(
            moments[outcome],
            fitted[outcome],
            found,
            refused[outcome],
            asked=scan.asked,
            alpha=question.alpha,
        )
    return fits


def _variances(scan: Scan, fitted: Mapping[str, Fitted]) -> dict[str, _Found]:
    """By outcome: from the series where it holds, from one second pass for all others."""
    found: dict[str, _Found] = {}
    why = dict.fromkeys(fitted, "")
    if scan.asked.word("leverage") == "series":
        for outcome, each in fitted.items():
            made = _series(scan, each)
            if isinstance(made, _Found):
                found[outcome] = made
            else:
                why[outcome] = f" ({made})"
    left = {outcome: each for outcome, each in fitted.items() if outcome not in found}
    passed = scan.source.hc_variances(list(left.values())) if left else []
    for (outcome, each), variance in zip(left.items(), passed, strict=True):
        path = f", {each.errors} errors from a second pass{why[outcome]}"
        found[outcome] = _Found(variance, path)
    return found


def _series(scan: Scan, fitted: Fitted) -> _Found | str:
    """The variances from the one scan, or why they are not to be had there."""
    outcome, question = fitted.request.outcome, scan.question
    if len(question.covariates) != 1:
        return "the leverage series is in one covariate"
    if far := unfit(scan.of(outcome)):
        return far
    moments = scan.moments[power_request(outcome, question.covariates[0], fitted.errors)]
    sums = dict(zip(moments.cells, power_sums(moments), strict=True))
    variance = {
        cell: series_variance(fit, sums[cell], fitted.errors) for cell, fit in fitted.fits.items()
    }
    if not terms(fitted.errors):
        return _Found(variance, f", {fitted.errors} errors from the one scan")
    largest = max(largest_leverage(fit, sums[cell]) for cell, fit in fitted.fits.items())
    if not largest < SMALL:
        return f"the largest leverage may be {largest:.2g}"
    path = f"leverage series, largest leverage at most {largest:.2g}"
    return _Found(variance, f", {fitted.errors} errors from the one scan ({path})")


def _adjusted(
    moments: Moments,
    fitted: Fitted,
    found: _Found,
    refused: Mapping[str, str],
    *,
    asked: Asked,
    alpha: float,
) -> Fit:
    lone = {
        cell.arm: f"a covariate singles out one unit in {cell.arm}: no {fitted.errors} variance"
        for cell, number in found.variance.items()
        if not np.isfinite(number)
    }
    kept = [arm for arm in dict.fromkeys(cell.arm for cell in fitted.fits) if arm not in lone]
    formula = partial(lin, over_population=asked.word("over") == "population")
    means = formula(moments, kept, fitted.fits, found.variance, fitted.errors) if kept else None
    number = len(blocks(moments.cells))
    over = f", post-stratified over {number} blocks" if number > 1 else ""
    told = partial(_small_arms, means, alpha) if means else nothing
    return Fit(means, {**refused, **lone}, found.path + over, told)


def _small_arms(means: ArmMeans, alpha: float, contrast: Contrast) -> Details:
    """Whether n - p degrees of freedom are far too many for the contrast's own arms.

    Told where, by Satterthwaite's, the interval misses ``FLATTERS`` alpha or more.
    """
    c = means.weights(contrast)
    many, few = means.error(c)[1], replace(means, df=None).error(c)[1]
    missed = 2 * float(stdtr(few, -float(stdtrit(many, 1 - alpha / 2))))
    if not missed >= FLATTERS * alpha:
        return ()
    said = (
        f"its arms have {few:.1f} degrees of freedom where the regression counts {many:.0f}, so "
        f"that the interval covers some {100 * (1 - missed):.0f}%: read difference_in_means"
    )
    return ((WARNING, said),)


ANSWERS: Mapping[str, Answer] = {
    "lin": OfMeans(
        fit=_lin,
        requests=_requests,
        columns=_columns,
        error=lambda asked: "" if asked.word("over") == "enrolled" else ", over the population",
        cleaned_of=lambda question: question.covariates,
    )
}
