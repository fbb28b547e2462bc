"""Every contrast of every outcome, for estimators that answer by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.errors import NotEstimable
from apologylab.inference.rows import Asking, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.answer import Fit
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate, Refusal


def askings(question: Question, estimator: str) -> Iterator[Asking]:
    """One for each difference of each outcome, by the estimator of this text."""
    for outcome in question.outcomes:
        for kind, contrast in question.contrasts:
            if kind != "mean":
                yield Asking(question, outcome, kind, contrast, estimator)


def answered(
    question: Question, estimator: str, answer: Callable[[Asking], Sequence[Estimate]]
) -> tuple[list[Estimate], list[Refusal]]:
    """What ``answer`` gives of each asking; where it raises ``NotEstimable``, a refusal."""
    found: list[Estimate] = []
    refused: list[Refusal] = []
    for asking in askings(question, estimator):
        try:
            found += answer(asking)
        except NotEstimable as error:
            refused.append(refusal(asking, error.what))
    return found, refused


def means_for(fit: Fit, contrast: Contrast) -> ArmMeans:
    """The arm means that a contrast is read off.

    Raises:
        NotEstimable: an arm of the contrast was refused; the message says why.
    """
    if why := [fit.refused[arm] for arm, _ in contrast.cells if arm in fit.refused]:
        raise NotEstimable(why[0])
    if fit.means is None:
        raise NotEstimable("; ".join(dict.fromkeys(fit.refused.values())) or "no arm has a mean")
    return fit.means
