"""Difference in means, Lin's adjustment, and CUPED."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from apologylab.inference.answer import Answer, Fit, OfMeans, Scan
from apologylab.inference.blocks import blocks, unable
from apologylab.inference.estimators.cuped import cuped
from apologylab.inference.estimators.cuped_pooled import cuped_pooled
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.lin import fit_cells, lin, unadjustable
from apologylab.inference.moments import Cell, Errors, Fitted, Moments, Request, pool_strata

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.design.estimators import Asked
    from apologylab.inference.arm_means import ArmMeans


def _errors(asked: Asked) -> Errors:
    return cast("Errors", asked.word("errors"))


def _plain(scan: Scan) -> Mapping[str, Fit]:
    question, fits = scan.question, {}
    for outcome in question.outcomes:
        each = scan.of(outcome.name)
        if scan.asked.word("strata") == "pooled":
            each = pool_strata(each)
        refused = unable(each, question.arms, question.weights)
        kept = _kept(question.arms, refused)
        means = difference_in_means(each, kept, _errors(scan.asked)) if kept else None
        fits[outcome.name] = Fit(means, refused, _of_blocks(each))
    return fits


def _of_blocks(moments: Moments) -> str:
    """The path of means over blocks."""
    number = len(blocks(moments.cells))
    return f", post-stratified over {number} blocks" if number > 1 else ""


def _adjusted(
    formula: Callable[[Moments, Sequence[str]], ArmMeans], scan: Scan
) -> Mapping[str, Fit]:
    """Adjusted means that need no second pass."""
    question, fits = scan.question, {}
    for outcome in question.outcomes:
        each = scan.of(outcome.name)
        refused = _unadjustable(each, scan)
        kept = _kept(question.arms, refused)
        fits[outcome.name] = Fit(formula(each, kept) if kept else None, refused, _of_blocks(each))
    return fits


def _unadjustable(moments: Moments, scan: Scan) -> dict[str, str]:
    arms = scan.question.arms
    return unadjustable(moments, arms) | unable(moments, arms, scan.question.weights)


def _lin(scan: Scan) -> Mapping[str, Fit]:
    question, errors = scan.question, _errors(scan.asked)
    moments = {outcome.name: scan.of(outcome.name) for outcome in question.outcomes}
    refused = {outcome: _unadjustable(each, scan) for outcome, each in moments.items()}
    fitted = {
        outcome: Fitted(Request(outcome, question.covariates), fit_cells(each, kept), errors)
        for outcome, each in moments.items()
        if (kept := _kept(question.arms, refused[outcome]))
    }
    variances = scan.source.hc_variances(list(fitted.values())) if fitted else []
    fits = {outcome: Fit(None, why) for outcome, why in refused.items()}
    for (outcome, each), variance in zip(fitted.items(), variances, strict=True):
        fits[outcome] = _adjusted_means(moments[outcome], each, variance, refused[outcome])
    return fits


def _kept(arms: Sequence[str], refused: Mapping[str, str]) -> list[str]:
    return [arm for arm in arms if arm not in refused]


def _adjusted_means(
    moments: Moments,
    fitted: Fitted,
    variance: Mapping[Cell, float],
    refused: Mapping[str, str],
) -> Fit:
    lone = {
        cell.arm: f"a covariate singles out one unit in {cell.arm}: no {fitted.errors} variance"
        for cell, number in variance.items()
        if not np.isfinite(number)
    }
    kept = [arm for arm in dict.fromkeys(cell.arm for cell in fitted.fits) if arm not in lone]
    means = lin(moments, kept, fitted.fits, variance, fitted.errors) if kept else None
    path = f", {fitted.errors} errors from a second pass{_of_blocks(moments)}"
    return Fit(means, {**refused, **lone}, path)


ANSWERS: Mapping[str, Answer] = {
    "difference_in_means": OfMeans(
        fit=_plain,
        error=lambda asked: "" if _errors(asked) == "HC2" else f", {_errors(asked)} errors",
        cleaned_of=lambda _: (),
    ),
    "lin": OfMeans(fit=_lin, cleaned_of=lambda question: question.covariates),
    "cuped": OfMeans(fit=partial(_adjusted, cuped)),
    "cuped_pooled": OfMeans(
        fit=partial(_adjusted, cuped_pooled), error=lambda _: ", one theta for all arms"
    ),
}
