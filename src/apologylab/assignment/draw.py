"""``compile_draw``: the draw as one pure function, unrecorded (R2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.assignment.judge import compile_judge
from apologylab.design.moments import expected_fields
from apologylab.errors import StateError

if TYPE_CHECKING:
    from apologylab.assignment.judge import Exposed, Judge
    from apologylab.design.experiment import Experiment


def compile_draw(
    experiment: Experiment, *, phase: int = 1, on_exposure: Exposed | None = None
) -> Judge:
    """A function ``draw(unit, context) -> Assignment``, a drawn arm with reason PREVIEW.

    ``on_exposure(unit, answer)`` gets every answer that enters an analysis: drawn, or held out.
    Recording what it gets makes the preview an assignment, the first row of a unit winning.

    Raises:
        StateError: eligibility needs the ledger (budget, ramp, cooldown, fault, cap on apologies,
            repeats beyond ``first_only``) or the clock (a failure that is expected), the ledger's
            counts draw (blocks, minimisation, clusters), the experiment is a panel, or it has no
            such phase.
    """
    refuse_ledger(experiment)
    return compile_judge(experiment, phase=phase, reason="PREVIEW", on_exposure=on_exposure)


def refuse_ledger(experiment: Experiment) -> None:
    """Refuse an experiment that cannot be drawn without its ledger (R2).

    Raises:
        StateError: it is one; the message names what needs the ledger.
    """
    if needs := ledger_needs(experiment):
        raise StateError(
            f"{experiment.name} cannot be drawn without its ledger: it declares {', '.join(needs)}",
            do="`apologylab assign NAME` and the hook ask it; with --propose, `apologylab assign` "
            "writes what the draw alone proposes",
        )


def refuse_scheme(experiment: Experiment) -> None:
    """Refuse an experiment of whose arms a hash of the unit alone says nothing (R3).

    Raises:
        StateError: it balances its arms by the ledger's counts, or draws clusters.
    """
    if needs := _scheme(experiment):
        raise StateError(
            f"{experiment.name} has no draw that a file could hold: it declares {', '.join(needs)}",
            do="`apologylab assign NAME` and the hook ask the ledger, which counts",
        )


def ledger_needs(experiment: Experiment) -> tuple[str, ...]:
    """What ``experiment`` declares that only the ledger can judge, as paths of its declaration."""
    repeats, allocation = experiment.repeats, experiment.allocation
    ramps = (allocation.units_per_day, *(each.units_per_day for each in allocation.phases))
    found = {
        "budget": experiment.budget is not None,
        "allocation.units_per_day": any(ramp is not None for ramp in ramps),
        "eligibility.cooldown_days": experiment.eligibility.cooldown_days is not None,
        "incident.fault": experiment.incident is not None and bool(experiment.incident.fault),
        "repeats.max_apologies": repeats is not None and repeats.max_apologies is not None,
        "timing.field": bool(expected_fields(experiment)),
        "repeats.next_incident": repeats is not None and repeats.next_incident != "first_only",
        "compensation by share or market": any(
            each.share is not None or len(each.by_market)
            for each in experiment.compensation.values()
        ),
    }
    return (*(path for path, declared in found.items() if declared), *_scheme(experiment))


def _scheme(experiment: Experiment) -> tuple[str, ...]:
    found = {
        f"allocation.scheme = {experiment.allocation.scheme}": (
            experiment.allocation.scheme != "independent"
        ),
        "unit = cluster": experiment.unit == "cluster",
    }
    return tuple(path for path, declared in found.items() if declared)
