"""How estimators answer a question: as arm means that contrasts are read off, or by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from apologylab.inference.moments import Request

if TYPE_CHECKING:
    from apologylab.design.contrasts import Contrast
    from apologylab.design.estimators import Asked
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.derived import Derived
    from apologylab.inference.known import ByPhase
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate, Refusal
    from apologylab.inference.sets import SetTotals
    from apologylab.inference.source import Source


Details = Sequence[tuple[str, "str | float"]]
"""What one estimator alone has to say of a contrast, name and value."""


def nothing(contrast: Contrast) -> Details:  # noqa: ARG001 - one shape
    """No details."""
    return ()


class Fit(NamedTuple):
    """What one estimator made of one outcome: arm means, and the arms it refused with why.

    ``path`` follows the interval's kind and names how the errors were come by; ``details`` gives
    what else there is to say of a contrast.
    """

    means: ArmMeans | None
    refused: Mapping[str, str]
    path: str = ""
    details: Callable[[Contrast], Details] = nothing


class Scan(NamedTuple):
    """What an estimator of arm means works on.

    ``source`` has the estimator's derived columns; ``moments`` are those of its requests, without
    the arms that no phase of the question names; ``sets`` are each outcome's totals by block or
    cluster, for those that ask for them; ``columns`` are the derived columns themselves.
    """

    source: Source
    question: Question
    asked: Asked
    moments: Mapping[Request, Moments]
    sets: Mapping[str, SetTotals]
    columns: Mapping[str, Derived]

    def of(self, outcome: str) -> Moments:
        """The moments of an outcome with the question's covariates."""
        return self.moments[Request(outcome, self.question.covariates)]


def each_outcome(question: Question, asked: Asked) -> Sequence[Request]:  # noqa: ARG001 - one shape
    """Every outcome with the question's covariates: what most estimators need."""
    return [Request(outcome.name, question.covariates) for outcome in question.outcomes]


def no_columns(source: Source, question: Question, asked: Asked) -> Mapping[str, Derived]:  # noqa: ARG001
    """No derived columns."""
    return {}


def same_words(asked: Asked) -> str:  # noqa: ARG001
    """Nothing to add."""
    return ""


@dataclass(frozen=True, kw_only=True)
class OfMeans:
    """An estimator of arm means: outcome -> fit, all outcomes from the one scan.

    Attributes:
        fit: from the scan; it may ask the source for a second pass.
        requests: what it needs of the scan.
        columns: derived columns that its requests name.
        error: what follows the interval's kind, such as ", error between blocks".
        sets: whether it reads totals by block or cluster.
        who: whom the estimand is over.
        cleaned_of: covariates whose slopes within a cell are taken off its errors, so that the
            errors of two outcomes go together as those residuals do; None: not known.
        estimand: what stands for "mean" in the estimand, such as "mean of at most 50 of".
        unit: the unit of measure, from that of the outcome.
    """

    fit: Callable[[Scan], Mapping[str, Fit]]
    requests: Callable[[Question, Asked], Sequence[Request]] = each_outcome
    columns: Callable[[Source, Question, Asked], Mapping[str, Derived]] = no_columns
    error: Callable[[Asked], str] = same_words
    sets: bool = False
    estimand: Callable[[Asked], str] = lambda _: "mean"
    unit: Callable[[Asked, str], str] = lambda _, unit: unit
    who: str = "units"
    cleaned_of: Callable[[Question], tuple[str, ...]] | None = None


class Found(NamedTuple):
    """What an estimator that answers by itself found.

    ``followed`` are the units, phase -> arm -> n, of each time to an event that was read.
    """

    estimates: Sequence[Estimate] = ()
    refusals: Sequence[Refusal] = ()
    notes: Sequence[str] = ()
    followed: Sequence[tuple[str, ByPhase]] = ()


@dataclass(frozen=True, kw_only=True)
class OfPanel:
    """An estimator that asks the source by itself and answers in estimates, not in arm means."""

    answer: Callable[[Source, Question, Asked], Found]


class Read(NamedTuple):
    """What an estimator that reads another's arm means works on: by outcome, fits and moments."""

    question: Question
    asked: Asked
    fits: Mapping[str, Fit]
    moments: Mapping[str, Moments]


@dataclass(frozen=True, kw_only=True)
class OfFits:
    """An estimator that reads the arm means of another, whose text ``base`` gives."""

    base: Callable[[Asked], str]
    answer: Callable[[Read], Found]


Answer = OfMeans | OfFits | OfPanel
