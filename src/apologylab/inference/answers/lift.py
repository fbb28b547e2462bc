"""Relative lift, read off another estimator's arm means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.answer import Answer, Found, OfFits
from apologylab.inference.askings import answered, means_for
from apologylab.inference.estimators.relative_lift import relative_lift
from apologylab.inference.rows import estimate

if TYPE_CHECKING:
    from apologylab.inference.answer import Read
    from apologylab.inference.estimators.relative_lift import Kind
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking

UNIT = "of the reference mean"
NAMES: Mapping[Kind, str] = {
    "delta": "delta method",
    "log": "delta method on the logarithm",
    "fieller": "Fieller",
}


def _lift(read: Read) -> Found:
    if not read.fits:
        raise InputError(
            f"{read.asked.text}: {read.asked.word('of')} gives no arm means",
            do="name an estimator of arm means, such as difference_in_means or lin",
        )
    return Found(*answered(read.question, read.asked.text, lambda each: [_estimate(read, each)]))


def _estimate(read: Read, asking: Asking) -> Estimate:
    outcome, contrast = asking.outcome.name, asking.contrast
    if contrast.order != 1:
        raise NotEstimable("a relative lift is that of an effect, not of an interaction")
    means = means_for(read.fits[outcome], contrast)
    kind = cast("Kind", read.asked.word("interval"))
    lift = relative_lift(means, means.weights(contrast), alpha=read.question.alpha, kind=kind)
    return estimate(
        asking._replace(outcome=replace(asking.outcome, unit=UNIT)),
        of=f"relative lift of mean ({read.asked.word('of')})",
        phases=sorted({cell.phase for cell in read.moments[outcome].cells}),
        n=dict(zip(means.arms, means.n.tolist(), strict=True)),
        point=lift.point,
        low=lift.low,
        high=lift.high,
        interval=f"Student's t, {NAMES[kind]}",
        reference_mean=lift.reference_mean,
        std_error=lift.std_error,
        df=lift.df,
        p_value=lift.p_value,
    )


ANSWERS: Mapping[str, Answer] = {
    "relative_lift": OfFits(base=lambda asked: asked.word("of"), answer=_lift)
}
