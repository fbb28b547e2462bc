"""What a declaration asks of a panel: outcomes, contrasts, weights and estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from apologylab.decision.value import currency
from apologylab.design.arms import arms, weights
from apologylab.design.blocks import places
from apologylab.design.contrasts import arm_contrasts, main_effects, parse_contrast
from apologylab.design.estimators import ESTIMATORS, parse_estimator
from apologylab.design.layout import layout
from apologylab.design.measures import parse_measure
from apologylab.design.times import END
from apologylab.design.weeks import week_columns
from apologylab.inference.question import Measured, Question, Returns
from apologylab.inference.scheme_checks import Drawing, Scheme
from apologylab.inference.survival.counts import Timed
from apologylab.inference.times import Lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.experiment import Experiment, Outcome
    from apologylab.design.times import Time


BY_SCHEME: Mapping[Scheme, str] = {"blocks": "blocked", "clusters": "clustered"}


def question(
    experiment: Experiment,
    *,
    covariates: Sequence[str],
    phases: Sequence[int] = (1,),
    look: int = 0,
    instead: Sequence[str] = (),
) -> Question:
    """The whole plan as one question; the units assigned are filled in when they are known.

    ``covariates`` are those of the panel, with the indicators of what some units lack (R22);
    ``instead`` are estimators that are asked for instead of the plan's.
    """
    contrasts = experiment.plan.contrasts.items()
    weights_of = phase_weights(experiment, phases)
    drawn = drawing(experiment, weights_of)
    return Question(
        outcomes=tuple(_measured(experiment, each) for each in experiment.outcomes),
        arm_contrasts=arm_contrasts(experiment),
        factor_contrasts=main_effects(experiment),
        named_contrasts=tuple(parse_contrast(name, text, experiment) for name, text in contrasts),
        weights=weights_of,
        assigned={},
        covariates=tuple(covariates),
        estimators=_with_missing(
            experiment,
            spelled(instead or experiment.plan.estimators)
            or (*estimators(covariates, drawn.scheme), *_of_declared(experiment, drawn.scheme)),
        ),
        missing=experiment.plan.missing,
        alpha=experiment.plan.alpha,
        adjust=experiment.plan.adjust,
        look=look,
        drawing=drawn,
        times=tuple(map(_lasting, experiment.times)),
        subgroups=experiment.plan.subgroups,
        layout=layout(experiment),
        superiority=experiment.plan.superiority,
        equivalence=experiment.plan.equivalence,
        returns=returns(experiment),
    )


def _of_declared(experiment: Experiment, scheme: Scheme) -> tuple[str, ...]:
    """What answers for times, weeks and subgroups where the plan names no estimators."""
    found: list[str] = []
    if experiment.times:
        others = any(time.names_of_ends for time in experiment.times)
        found += ["aalen_johansen" if others else "kaplan_meier", "cox"]
    if any(week_columns(outcome) for outcome in experiment.outcomes):
        found += ["by_week", "by_week(weeks=cumulative)"]
    if experiment.plan.subgroups:
        found.append("subgroups")
    return tuple(text for text in found if scheme in ESTIMATORS[text.split("(")[0]].schemes)


def _with_missing(experiment: Experiment, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The estimators, and the one of what is missing where the plan compares that."""
    wanted = experiment.plan.missing == "as_outcome" and "missing" not in asked
    return (*asked, "missing") if wanted else asked


def spelled(given: Sequence[str]) -> tuple[str, ...]:
    """Estimators in their shortest spelling, each once.

    Raises:
        InputError: there is none such.

    >>> spelled(["lin( errors = HC2 )", "lin"])
    ('lin',)
    """
    return tuple(dict.fromkeys(parse_estimator(text, ESTIMATORS).text for text in given))


def estimators(covariates: Sequence[str], scheme: Scheme = "independent") -> tuple[str, ...]:
    """Those whose errors are the scheme's (R3, R27), the plan's first.

    Lin's adjustment where there are covariates, and the plain difference always; under blocks and
    clusters only the estimator whose error is between them.

    >>> estimators(["history"]), estimators([], "blocks")
    (('lin', 'difference_in_means'), ('blocked',))
    """
    if scheme in BY_SCHEME:
        return (BY_SCHEME[scheme],)
    return ("lin", "difference_in_means") if covariates else ("difference_in_means",)


def drawing(experiment: Experiment, weights_of: Mapping[int, Mapping[str, int]]) -> Drawing:
    """How the arms of a declaration are drawn, for the checks that follow it."""
    declared = experiment.allocation
    if experiment.unit == "cluster":
        return Drawing(scheme="clusters")
    if declared.scheme != "blocks":
        return Drawing(scheme=declared.scheme, coin=declared.coin)
    held = {phase: places(each, declared.block_size) for phase, each in weights_of.items()}
    return Drawing(scheme="blocks", places=held)


def phase_weights(experiment: Experiment, phases: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """Phase -> arm -> planned weight, of the phases given."""
    names = tuple(arm.name for arm in arms(experiment))
    later = (each.weights for each in experiment.allocation.phases)
    declared = (experiment.allocation.weights, *later)
    return {phase: weights(declared[phase - 1], names) for phase in phases}


def returns(experiment: Experiment) -> Returns | None:
    """The outcomes that tell one visit from a customer won back, where they are declared."""
    declared = experiment.plan.returns
    return None if declared is None else Returns(declared.first, declared.full_price)


def _measured(experiment: Experiment, outcome: Outcome) -> Measured:
    return Measured(
        name=outcome.name,
        role=outcome.role,
        unit=unit_of(experiment, outcome),
        lower_is_better=outcome.lower_is_better,
        weeks=week_columns(outcome),
    )


def _lasting(time: Time) -> Lasting:
    return Lasting(
        name=time.name,
        role=time.role,
        unit=time.unit,
        timed=Timed(time.name, f"{time.name}{END}"),
        window=None if time.window_days is None else float(time.window_days),
        ends=time.names_of_ends,
    )


def unit_of(experiment: Experiment, outcome: Outcome) -> str:
    """The unit of measure: as declared, else what the measure gives."""
    if outcome.unit is not None:
        return outcome.unit
    if outcome.measure is None:
        return outcome.column or outcome.name
    measure = parse_measure(outcome.measure)
    if measure.kind == "any":
        return "share of customers"
    if measure.is_money:
        return currency(experiment)
    return f"{outcome.fact}s per customer" if measure.kind == "count" else str(measure.field)
