"""Estimators whose errors are between blocks or clusters (R27)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from apologylab.inference.answer import Answer, Fit, OfMeans, Scan
from apologylab.inference.estimators.blocked import blocked
from apologylab.inference.estimators.clustered import Errors, clustered
from apologylab.inference.sets import mixed, too_few

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.sets import SetTotals


def _clustered(scan: Scan) -> Mapping[str, Fit]:
    errors = cast("Errors", scan.asked.word("errors"))
    fits = _fit(partial(clustered, errors=errors), scan, of_one_arm=True)
    if errors == "CR2":
        return fits
    why = f"{errors} here is of clusters of one arm, and some have units in several: ask for CR2"
    arms = scan.question.arms
    return {
        outcome: Fit(None, dict.fromkeys(arms, why) | dict(fit.refused))
        if mixed(scan.sets[outcome], arms)
        else fit
        for outcome, fit in fits.items()
    }


def _fit(
    estimate: Callable[[SetTotals, Sequence[str]], ArmMeans], scan: Scan, *, of_one_arm: bool
) -> Mapping[str, Fit]:
    question, fits = scan.question, {}
    for outcome, each in scan.sets.items():
        refused = too_few(each, question.arms, question.weights, of_one_arm=of_one_arm)
        kept = [arm for arm in question.arms if arm not in refused]
        fits[outcome] = Fit(estimate(each, kept) if kept else None, refused)
    return fits


ANSWERS: Mapping[str, Answer] = {
    "blocked": OfMeans(
        fit=partial(_fit, blocked, of_one_arm=False),
        error=lambda _: ", error between blocks",
        sets=True,
    ),
    "clustered": OfMeans(
        fit=_clustered,
        error=lambda asked: f", error between clusters ({asked.word('errors')})",
        sets=True,
        who="customers, drawn by cluster",
    ),
}
