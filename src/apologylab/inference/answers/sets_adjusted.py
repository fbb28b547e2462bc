"""Blocks and clusters with covariates: one slope, then what each set adds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.answer import Answer, Fit, OfMeans
from apologylab.inference.derived import Linear
from apologylab.inference.estimators.blocked import blocked
from apologylab.inference.estimators.clustered import clustered
from apologylab.inference.estimators.common_slope import common_slope, no_slope
from apologylab.inference.moments import pooled_means
from apologylab.inference.sets import too_few

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apologylab.inference.answer import Scan
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.sets import SetTotals


def _fit(
    formula: Callable[[SetTotals, Sequence[str]], ArmMeans], scan: Scan, *, of_one_arm: bool
) -> Mapping[str, Fit]:
    question, fits = scan.question, {}
    for outcome, raw in scan.sets.items():
        refused = too_few(raw, question.arms, question.weights, of_one_arm=of_one_arm)
        kept = [arm for arm in question.arms if arm not in refused]
        if kept and (why := no_slope(scan.of(outcome), kept, len(np.unique(raw.code)))):
            refused, kept = dict.fromkeys(question.arms, why), []
        means = formula(_adjusted(scan, outcome, kept), kept) if kept else None
        fits[outcome] = Fit(means and replace(means, outcome=outcome), refused)
    return fits


def _adjusted(scan: Scan, outcome: str, arms: Sequence[str]) -> SetTotals:
    """Totals by set of y* = y - theta' (x - xbar)."""
    moments = scan.of(outcome)
    theta = common_slope(moments, arms)
    away = zip(scan.question.covariates, (-theta).tolist(), strict=True)
    column = f"{outcome}, adjusted"
    made = Linear(terms=((outcome, 1.0), *away), constant=float(theta @ pooled_means(moments)[1:]))
    (totals,) = scan.source.derive({column: made}).set_totals([column])
    return totals


ANSWERS: Mapping[str, Answer] = {
    "blocked_cuped": OfMeans(
        fit=partial(_fit, blocked, of_one_arm=False),
        error=lambda _: ", one theta, error between blocks",
        sets=True,
    ),
    "clustered_cuped": OfMeans(
        fit=partial(_fit, clustered, of_one_arm=True),
        error=lambda _: ", one theta, error between clusters (CR2)",
        sets=True,
        who="customers, drawn by cluster",
    ),
}
