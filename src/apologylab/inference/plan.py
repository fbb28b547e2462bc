"""From a question to estimates: one scan of the panel, and a second pass for HC2.

:func:`fit` asks the source; :func:`estimates` reads the fits. The two are apart because a decision
needs the fits themselves: one covariance of all arm means, for simultaneous intervals (R34).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.design.contrasts import weighed
from apologylab.errors import InputError, NotEstimable
from apologylab.inference.blocks import unable
from apologylab.inference.checks import balance_request
from apologylab.inference.estimators.blocked import blocked
from apologylab.inference.estimators.clustered import clustered
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.lin import fit_cells, lin, unadjustable
from apologylab.inference.moments import Fitted, Moments, MomentsSource, Request, select
from apologylab.inference.multiplicity import bounds, holm, p_value
from apologylab.inference.power import smallest_detectable
from apologylab.inference.results import Estimate, Refusal
from apologylab.inference.scheme_checks import Drawing
from apologylab.inference.sets import too_few

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.moments import Cell
    from apologylab.inference.sets import SetTotals

EstimatorName = Literal["difference_in_means", "lin", "blocked", "clustered"]
Adjustment = Literal["holm", "none"]
ContrastKind = Literal["arm", "factor", "contrast"]
DESCRIPTIVE = "descriptive"
BY_SET = {"blocked": blocked, "clustered": clustered}
"""Estimators whose errors are between blocks or clusters (R27)."""
ERRORS: Mapping[EstimatorName, str] = {
    "blocked": ", error between blocks",
    "clustered": ", error between clusters",
}
FAMILIES: Mapping[ContrastKind, str] = {
    "arm": "arms against the reference",
    "factor": "main effects of factors",
    "contrast": "named contrasts",
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One outcome as it is reported: its column, its role in the plan, its unit of measure."""

    name: str
    role: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a panel.

    Attributes:
        outcomes: what is compared; ``name`` is the panel's column.
        arm_contrasts: arms against the reference. Each of the three kinds is a family of its own.
        factor_contrasts: main effects.
        named_contrasts: the plan's own.
        weights: phase -> arm -> planned integer weight, of the phases that enrolled. An arm with
            weight 0 in one of them is refused.
        assigned: arm -> units randomised to it, whether or not they are mature.
        covariates: columns measured before the draw, for Lin's adjustment.
        estimators: the plan's first.
        alpha: of each family, and of each pointwise interval.
        adjust: how the p-values of a family are adjusted.
        look: the number of this look (R31); 0 where the experiment has ended.
        drawing: how the arms were drawn, which the sample-ratio checks follow (R3).

    Raises:
        InputError: no outcome, ``lin`` without covariates, a column with two parts to play, or an
            alpha that is no error rate.
    """

    outcomes: tuple[Measured, ...]
    arm_contrasts: tuple[Contrast, ...]
    factor_contrasts: tuple[Contrast, ...] = ()
    named_contrasts: tuple[Contrast, ...] = ()
    weights: Mapping[int, Mapping[str, int]]
    assigned: Mapping[str, int]
    covariates: tuple[str, ...] = ()
    estimators: tuple[EstimatorName, ...] = ("difference_in_means",)
    alpha: float = 0.05
    adjust: Adjustment = "holm"
    look: int = 0
    drawing: Drawing = field(default_factory=Drawing)

    def __post_init__(self) -> None:
        if "lin" in self.estimators and not self.covariates:
            raise InputError(
                "Lin's adjustment was asked for without covariates",
                do="name covariates measured before the draw, or ask for difference_in_means",
            )
        if not self.outcomes:
            raise InputError("no outcome was asked for", do="name at least one")
        columns = (*(outcome.name for outcome in self.outcomes), *self.covariates)
        if twice := sorted({name for name in columns if columns.count(name) > 1}):
            raise InputError(
                f"{', '.join(twice)} is asked for twice",
                do="give each column one part: an outcome, or a covariate measured before the draw",
            )
        if not 0 < self.alpha < 1:
            raise InputError(f"alpha is {self.alpha}", do="give an error rate, such as 0.05")

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that some phase names, in their order."""
        return tuple(dict.fromkeys(arm for phase in self.weights.values() for arm in phase))

    @property
    def contrasts(self) -> tuple[tuple[ContrastKind, Contrast], ...]:
        """All contrasts with their kinds."""
        return (
            *(("arm", contrast) for contrast in self.arm_contrasts),
            *(("factor", contrast) for contrast in self.factor_contrasts),
            *(("contrast", contrast) for contrast in self.named_contrasts),
        )


class Fit(NamedTuple):
    """What one estimator made of one outcome: arm means, and the arms it refused with why."""

    means: ArmMeans | None
    refused: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Fits:
    """All fits of a question.

    Attributes:
        moments: of each outcome with the covariates.
        by: (outcome, estimator) -> fit.
        covariates: moments of the covariates over all units, if there are any.
        sets: of each outcome, where units were drawn together.
    """

    moments: Mapping[str, Moments]
    by: Mapping[tuple[str, EstimatorName], Fit]
    covariates: Moments | None = None
    sets: Mapping[str, SetTotals] = field(default_factory=dict)

    def of(self, outcome: str, estimator: EstimatorName) -> ArmMeans:
        """The arm means of one outcome.

        Raises:
            NotEstimable: no arm has one; the message says why.
        """
        means, refused = self.by[outcome, estimator]
        if means is None:
            raise NotEstimable(f"{outcome}: {'; '.join(dict.fromkeys(refused.values()))}")
        return means


def fit(source: MomentsSource, question: Question) -> Fits:
    """Fit every outcome by every estimator: one scan, and one second pass for ``lin``.

    Units in arms that no phase of the question names are left out.
    """
    requests = [Request(outcome.name, question.covariates) for outcome in question.outcomes]
    alone = [balance_request(question.covariates)] if question.covariates else []
    found = source.moments([*requests, *alone])
    moments = {
        request.outcome: select(each, [cell.arm in question.arms for cell in each.cells])
        for request, each in zip(requests, found[: len(requests)], strict=True)
    }
    sets: dict[str, SetTotals] = {}
    if BY_SET.keys() & set(question.estimators):
        sets = {each.outcome: each for each in source.set_totals(tuple(moments))}
    by: dict[tuple[str, EstimatorName], Fit] = {}
    for estimator in question.estimators:
        if estimator in BY_SET:
            fits = _fit_sets(sets, question, estimator)
        elif estimator == "lin":
            fits = _fit_lin(source, moments, question)
        else:
            fits = _fit_plain(moments, question)
        by |= {(outcome, estimator): each for outcome, each in fits.items()}
    return Fits(moments=moments, by=by, covariates=found[-1] if alone else None, sets=sets)


def _fit_sets(
    sets: Mapping[str, SetTotals], question: Question, estimator: EstimatorName
) -> dict[str, Fit]:
    fits = {}
    for outcome, each in sets.items():
        of_one_arm = estimator == "clustered"
        refused = too_few(each, question.arms, question.weights, of_one_arm=of_one_arm)
        kept = [arm for arm in question.arms if arm not in refused]
        fits[outcome] = Fit(BY_SET[estimator](each, kept) if kept else None, refused)
    return fits


def _fit_plain(moments: Mapping[str, Moments], question: Question) -> dict[str, Fit]:
    fits = {}
    for outcome, each in moments.items():
        refused = unable(each, question.arms, question.weights)
        kept = [arm for arm in question.arms if arm not in refused]
        fits[outcome] = Fit(difference_in_means(each, kept) if kept else None, refused)
    return fits


def _fit_lin(
    source: MomentsSource, moments: Mapping[str, Moments], question: Question
) -> dict[str, Fit]:
    refused = {
        outcome: unadjustable(each, question.arms) | unable(each, question.arms, question.weights)
        for outcome, each in moments.items()
    }
    fitted = {
        outcome: Fitted(Request(outcome, question.covariates), fit_cells(each, kept))
        for outcome, each in moments.items()
        if (kept := [arm for arm in question.arms if arm not in refused[outcome]])
    }
    variances = source.hc2_variances(list(fitted.values())) if fitted else []
    fits = {outcome: Fit(None, why) for outcome, why in refused.items()}
    for (outcome, each), variance in zip(fitted.items(), variances, strict=True):
        fits[outcome] = _adjusted_means(moments[outcome], each, variance, refused[outcome])
    return fits


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


def estimates(fits: Fits, question: Question) -> tuple[tuple[Estimate, ...], tuple[Refusal, ...]]:
    """Every contrast of every outcome by every estimator, or why not.

    p-values and intervals are from Student's t with the estimator's degrees of freedom; intervals
    are pointwise, p is adjusted within its family.
    """
    found: list[Estimate] = []
    refusals: list[Refusal] = []
    for outcome, kind, contrast, estimator in _questions(question):
        try:
            found.append(_estimate(fits, question, outcome, kind, contrast, estimator))
        except NotEstimable as error:
            refusals.append(
                Refusal(
                    outcome=outcome.name,
                    treatment=contrast.treatment,
                    reference=contrast.reference,
                    estimator=estimator,
                    because=error.what,
                )
            )
    return _adjusted(found, question), tuple(refusals)


def _questions(
    question: Question,
) -> Iterator[tuple[Measured, ContrastKind, Contrast, EstimatorName]]:
    for outcome in question.outcomes:
        for kind, contrast in question.contrasts:
            for estimator in question.estimators:
                yield outcome, kind, contrast, estimator


def _estimate(
    fits: Fits,
    question: Question,
    outcome: Measured,
    kind: ContrastKind,
    contrast: Contrast,
    estimator: EstimatorName,
) -> Estimate:
    """One estimate; long because it is one line a field."""
    refused = fits.by[outcome.name, estimator].refused
    if why := [refused[arm] for arm, _ in contrast.cells if arm in refused]:
        raise NotEstimable(why[0])
    means = fits.of(outcome.name, estimator)
    reading = means.read(contrast)
    low, high = bounds(reading, question.alpha)
    level = 1 - question.alpha
    phases = sorted({cell.phase for cell in fits.moments[outcome.name].cells})
    n = dict(zip(means.arms, means.n.tolist(), strict=True))
    return Estimate(
        outcome=outcome.name,
        role=outcome.role,
        unit=outcome.unit,
        treatment=contrast.treatment,
        reference=contrast.reference,
        reference_mean=reading.reference_mean,
        estimand=_estimand(outcome.name, kind, contrast, phases, estimator),
        estimator=estimator,
        point=reading.point,
        std_error=reading.std_error,
        df=reading.df,
        ci_low=low,
        ci_high=high,
        level=level,
        interval_kind=f"pointwise {100 * level:g}%, Student's t{ERRORS.get(estimator, '')}",
        p_value=p_value(reading),
        p_adjusted=None,
        family=f"{outcome.role} outcomes, {FAMILIES[kind]}",
        look=question.look,
        phase="+".join(str(phase) for phase in phases),
        n_assigned=sum(question.assigned.get(arm, 0) for arm, _ in contrast.cells),
        n_treatment=sum(n[arm] for arm, weight in contrast.cells if weight > 0),
        n_reference=sum(n[arm] for arm, weight in contrast.cells if weight < 0),
        smallest_detectable=smallest_detectable(reading.std_error, alpha=question.alpha),
        kind=kind,
        name=contrast.name,
        cells=contrast.cells,
    )


def _estimand(
    outcome: str,
    kind: ContrastKind,
    contrast: Contrast,
    phases: Sequence[int],
    estimator: EstimatorName,
) -> str:
    who = "customers, drawn by cluster" if estimator == "clustered" else "units"
    pooled = "" if len(phases) == 1 else ", phases weighted by their units"
    cells = "" if kind == "arm" else f" ({weighed(contrast.cells)})"
    return (
        f"mean {outcome} over all enrolled {who}, intention to treat{pooled}: "
        f"{contrast.treatment} minus {contrast.reference}{cells}"
    )


def _adjusted(found: Sequence[Estimate], question: Question) -> tuple[Estimate, ...]:
    """The same estimates, each p adjusted within its family, whose size its label prints."""
    families: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, estimate in enumerate(found):
        families[estimate.family, estimate.estimator].append(i)
    done = list(found)
    for members in families.values():
        tested = question.adjust == "holm" and found[members[0]].role != DESCRIPTIVE
        p = holm([found[i].p_value for i in members])
        for i, adjusted in zip(members, p.tolist(), strict=True):
            size = f"{len(members)} test{'s' * (len(members) > 1)}"
            done[i] = replace(
                found[i],
                p_adjusted=adjusted if tested else None,
                family=f"{found[i].family}: {size}, {'Holm' if tested else 'not adjusted'}",
            )
    return tuple(done)
