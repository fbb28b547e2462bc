"""Every contrast of every outcome, for estimators that answer by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.rows import Asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.inference.question import Question


def askings(question: Question, estimator: str) -> Iterator[Asking]:
    """One for each contrast of each outcome, by the estimator of this text."""
    for outcome in question.outcomes:
        for kind, contrast in question.contrasts:
            yield Asking(question, outcome, kind, contrast, estimator)
