"""What could be wrong with a result, in sentences, the gravest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.experiment import TIMING
from apologylab.inference.skewness import WARNING
from apologylab.inference.table import headlines
from apologylab.report import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.decision.verdict import Verdict
    from apologylab.design.experiment import Experiment
    from apologylab.inference.results import Analysis


class Worry(NamedTuple):
    """One thing that could be wrong; ``grave`` if a number on the page may not be trusted."""

    grave: bool
    says: str


def worries(
    experiment: Experiment,
    analysis: Analysis,
    verdict: Verdict | None,
    assumed: Sequence[str] = (),
) -> tuple[Worry, ...]:
    """Failed checks, departures from the plan, refusals, guardrails, limits of the design.

    So are numbers that were ``assumed``, if there is a verdict that rests on them.
    Notes say where the data end; they stand with the counts, unless they say why nothing is shown.
    """
    found = [
        *_failed(analysis),
        *(
            Worry(True, f"Departure from the plan: {each}")
            for each in analysis.deviations_from_plan
        ),
        *(
            Worry(
                True,
                f"{each.outcome}, {each.treatment} against {each.reference}: not "
                f"estimable, {each.because}",
            )
            for each in analysis.refusals
        ),
        *(Worry(True, note) for note in analysis.notes if note.startswith(WARNING)),
        *(Worry(True, each) for each in assumed if verdict),
        *_guardrails(verdict),
        *(
            Worry(False, note)
            for note in analysis.notes
            if not analysis.estimates and not note.startswith(WARNING)
        ),
        *_size(analysis),
        *_limits(experiment),
    ]
    return tuple(sorted(found, key=lambda worry: not worry.grave))


def _failed(analysis: Analysis) -> Iterator[Worry]:
    for check in analysis.checks:
        if check.passed is False:
            yield Worry(True, f"Check {check.name} failed: {check.says}")


def _guardrails(verdict: Verdict | None) -> Iterator[Worry]:
    for reading in verdict.guardrails if verdict else ():
        if reading.state != "safe":
            yield Worry(
                reading.state == "broken",
                f"Guardrail {reading.outcome} is {reading.state} in {reading.arm}.",
            )


def _size(analysis: Analysis) -> Iterator[Worry]:
    """The effect of an arm on the primary outcome below which this size is mostly blind."""
    arms = [each for each in headlines(analysis) if each.kind == "arm"]
    seen = [(least, each) for each in arms if (least := each.smallest_detectable) is not None]
    if seen:
        least, blind = max(seen, key=lambda pair: pair[0])
        size = numbers.effect(least, blind.spread, blind.unit).lstrip("+")
        yield Worry(
            False,
            f"Size: an effect of one arm on {blind.outcome} below {size} "
            f"{numbers.unit_of_effect(blind.unit)} would be missed more than one time in five.",
        )


def _limits(experiment: Experiment) -> Iterator[Worry]:
    timing = experiment.factors.get(TIMING, ())
    if len(timing) == 1:
        when = timing[0] if timing[0] in experiment.timing else f"{timing[0]} after the incident"
        yield Worry(
            False,
            f"Promptness was not varied here: every remedy was due {when}."
            " See the experiment delivery_timing.",
        )
    if experiment.panel is not None and experiment.panel.covariates:
        columns = ", ".join(experiment.panel.covariates)
        yield Worry(
            False,
            f"The file has no times: that {columns} come from before the draw is declared, "
            "not verified.",
        )
