"""All the answers that one phase of an experiment can give, built once (R1).

The draw then only chooses among them, so it makes nothing per unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from apologylab.assignment.assignment import Assignment
from apologylab.assignment.hashing import cut_points
from apologylab.design.arms import arms, weights
from apologylab.design.duration import parse_duration
from apologylab.design.experiment import SILENCE, TIMING
from apologylab.design.moments import moment
from apologylab.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.assignment.assignment import Reason
    from apologylab.design.experiment import Experiment, Holdout, Layer, PlannedPhase

NotDrawn = Literal["INELIGIBLE", "HOLDOUT", "CLOSED", "FALLBACK"]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What can be drawn: item i belongs to the words from ``cuts[i - 1]`` up to ``cuts[i]``."""

    cuts: tuple[bytes, ...]
    items: tuple[str, ...]


def entry_share(experiment: Experiment, phase: int) -> float:
    """Share of the eligible units that enter in ``phase``."""
    return _allocation(experiment, phase).entry


def arm_weights(experiment: Experiment, phase: int) -> Mapping[str, int]:
    """Positive weights of ``phase`` by arm, in declared order."""
    names = tuple(arm.name for arm in arms(experiment))
    declared = weights(_allocation(experiment, phase).weights, names)
    return {name: weight for name, weight in declared.items() if weight > 0}


def _allocation(experiment: Experiment, phase: int) -> PlannedPhase:
    from apologylab.design.experiment import PlannedPhase

    first = experiment.allocation
    phases = (PlannedPhase(weights=first.weights, entry=first.entry), *first.phases)
    if not 1 <= phase <= len(phases):
        raise StateError(
            f"{experiment.name} has no phase {phase}",
            do=f"it declares {len(phases)}: add an entry to allocation.phases",
        )
    return phases[phase - 1]


def drawn_arms(experiment: Experiment, phase: int) -> Drawn:
    """The arms of ``phase`` with their boundaries."""
    positive = arm_weights(experiment, phase)
    return Drawn(cuts=cut_points(tuple(positive.values())), items=tuple(positive))


def shadow_delays(experiment: Experiment) -> Drawn:
    """The levels of timing that silence draws from (R10)."""
    levels = experiment.factors.get(TIMING, ())
    declared = weights(experiment.allocation.timing or "equal", levels)
    positive = {level: weight for level, weight in declared.items() if weight > 0}
    return Drawn(cuts=cut_points(tuple(positive.values())), items=tuple(positive))


def arm_answers(
    experiment: Experiment, arm: str, *, phase: int, reason: Reason
) -> tuple[Assignment, ...]:
    """The answers that give ``arm``: one, but for silence one a shadow delay."""
    if reason == "OVERRIDE":
        propensity, because = None, f"overrides name this unit for {arm}"
    else:
        positive = arm_weights(experiment, phase)
        total = sum(positive.values())
        propensity, because = positive[arm] / total, f"drawn, weight {positive[arm]} in {total}"
    blank = _blank(experiment, phase)
    return tuple(
        blank._replace(
            arm=arm,
            reason=reason,
            because=because,
            propensity=propensity,
            delay_s=_delay_s(experiment, level),
            timing=level,
        )
        for level in _levels(experiment, arm)
    )


def unplaced(experiment: Experiment, phase: int) -> Assignment:
    """The answer to a unit that enters and whose arm only the ledger's counts can tell (R3)."""
    because = f"allocation.scheme: {experiment.allocation.scheme}, which needs the ledger"
    return _blank(experiment, phase)._replace(reason="RANDOMISED", because=because)


def _levels(experiment: Experiment, arm: str) -> tuple[str | None, ...]:
    """Levels of timing that ``arm`` can have; None where the experiment varies no timing."""
    if TIMING not in experiment.factors:
        return (None,)
    if arm == SILENCE:
        return shadow_delays(experiment).items
    return tuple(found.levels[TIMING] for found in arms(experiment) if found.name == arm)


def _delay_s(experiment: Experiment, level: str | None) -> int | None:
    """Its delay after the incident or after what it awaits; None of one before what is expected."""
    if level is None:
        return None
    found = moment(experiment, level)
    return None if found.after == "expected" else int(parse_duration(found.delay).total_seconds())


def not_drawn(
    experiment: Experiment, reason: NotDrawn, because: str, *, phase: int = 1
) -> Assignment:
    """The answer to a unit that is not drawn: what ``[otherwise]`` declares (R17)."""
    declared = experiment.otherwise
    arm = getattr(declared, reason) if declared is not None else "today"
    return _blank(experiment, phase)._replace(arm=arm, reason=reason, because=because)


def held_out(experiment: Experiment, holdout: Holdout, phase: int) -> Assignment:
    """The answer to a customer of the holdout (R9)."""
    because = f"holdout {holdout.salt}: among the {holdout.share:g} kept out of the programme"
    return not_drawn(experiment, "HOLDOUT", because, phase=phase)


def is_whole(layer: Layer) -> bool:
    """Whether the slice holds everyone, so that nothing is to be drawn."""
    return layer.start == 0 and layer.end == 1


def outside_layer(experiment: Experiment, layer: Layer, phase: int) -> Assignment:
    """The answer to a customer of another slice."""
    because = f"layer {layer.name}: outside the slice from {layer.start:g} to {layer.end:g}"
    return not_drawn(experiment, "INELIGIBLE", because, phase=phase)


def not_entered(experiment: Experiment, phase: int) -> Assignment:
    """The answer to a unit that the ramp leaves out."""
    because = f"allocation.entry: not among the {entry_share(experiment, phase):g} that enter"
    return not_drawn(experiment, "INELIGIBLE", because, phase=phase)


def _blank(experiment: Experiment, phase: int) -> Assignment:
    held = experiment.holdout
    return Assignment(
        arm="",
        propensity=None,
        reason="FALLBACK",
        experiment=experiment.name,
        version=experiment.version,
        phase=phase,
        delay_s=None,
        entry=entry_share(experiment, phase),
        holdout=held.share if held is not None else 0.0,
        because="",
    )
