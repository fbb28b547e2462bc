"""Difference in means and Lin's adjustment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.answer import Answer, Fit, OfMeans, Scan
from apologylab.inference.blocks import unable
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.lin import fit_cells, lin, unadjustable
from apologylab.inference.moments import Cell, Fitted, Moments, Request

if TYPE_CHECKING:
    from collections.abc import Sequence


def _plain(scan: Scan) -> Mapping[str, Fit]:
    question, fits = scan.question, {}
    for outcome in question.outcomes:
        each = scan.of(outcome.name)
        refused = unable(each, question.arms, question.weights)
        kept = [arm for arm in question.arms if arm not in refused]
        fits[outcome.name] = Fit(difference_in_means(each, kept) if kept else None, refused)
    return fits


def _lin(scan: Scan) -> Mapping[str, Fit]:
    question = scan.question
    moments = {outcome.name: scan.of(outcome.name) for outcome in question.outcomes}
    refused = {
        outcome: unadjustable(each, question.arms) | unable(each, question.arms, question.weights)
        for outcome, each in moments.items()
    }
    fitted = {
        outcome: Fitted(Request(outcome, question.covariates), fit_cells(each, kept))
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
        cell.arm: f"a covariate singles out one unit in {cell.arm}: no HC2 variance"
        for cell, number in variance.items()
        if not np.isfinite(number)
    }
    kept = [arm for arm in dict.fromkeys(cell.arm for cell in fitted.fits) if arm not in lone]
    means = lin(moments, kept, fitted.fits, variance) if kept else None
    return Fit(means, {**refused, **lone})


ANSWERS: Mapping[str, Answer] = {
    "difference_in_means": OfMeans(fit=_plain),
    "lin": OfMeans(fit=_lin),
}
