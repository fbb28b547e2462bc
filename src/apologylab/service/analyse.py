"""Analyse an experiment: checks always, contrasts when the plan allows them (R31-R33)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.design.fingerprint import fingerprint
from apologylab.inference.sequential.rows import seen_by
from apologylab.service.conclude import About, conclude, withhold
from apologylab.service.early_mix import early_mix
from apologylab.service.looks import (
    about_look,
    append_look,
    append_planned,
    looks,
    unplanned,
    watch,
)
from apologylab.service.question import question
from apologylab.service.survey_notes import survey_notes
from apologylab.service.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.inference.question import Question
    from apologylab.inference.replay import Replays
    from apologylab.inference.results import Analysis, Estimate
    from apologylab.service.ports import Ledger, Panel
    from apologylab.service.timeline import Timeline


def about(experiment: Experiment, *, as_of: datetime, simulated: bool = False) -> About:
    """An experiment's name, version and fingerprint beside the date."""
    return About(
        experiment=experiment.name,
        version=experiment.version,
        fingerprint=fingerprint(experiment),
        as_of=as_of,
        simulated=simulated,
    )


def analyse_panel(
    experiment: Experiment,
    panel: Panel,
    *,
    now: datetime,
    instead: Sequence[str] = (),
    replays: Replays | None = None,
) -> Analysis:
    """Analyse a table of finished outcomes: it has ended, so no look is counted.

    ``instead`` are estimators that are asked for instead of the plan's, which is a departure;
    ``replays`` asks for the A/A replay.

    Raises:
        InputError: the table's rows are not what the declaration says, or there is no such
            estimator.
    """
    asked = question(experiment, covariates=panel.covariates, instead=instead)
    analysis = conclude(panel, asked, about(experiment, as_of=now), replays=replays)
    return replace(analysis, deviations_from_plan=_unplanned_estimators(experiment, panel, asked))


def _unplanned_estimators(experiment: Experiment, panel: Panel, asked: Question) -> tuple[str, ...]:
    """Estimators that were asked for and that the plan does not have (R32)."""
    planned = question(experiment, covariates=panel.covariates).estimators
    besides = [text for text in asked.estimators if text not in planned]
    return (f"estimators that the plan does not name: {', '.join(besides)}",) if besides else ()


def analyse(  # noqa: PLR0913 - what is asked, of what, and when
    experiment: Experiment,
    panel: Panel,
    ledger: Ledger,
    *,
    as_of: datetime,
    now: datetime,
    see_early: bool = False,
    instead: Sequence[str] = (),
    replays: Replays | None = None,
) -> Analysis:
    """Analyse a started experiment as of a date.

    Before the declared end contrasts are withheld, unless the plan has looks, which correct them,
    or ``see_early``, which does not; each look is appended.
    ``instead`` are estimators that are asked for instead of the plan's, which is a departure;
    ``replays`` asks for the A/A replay.

    Raises:
        StateError: the experiment was not started by ``as_of``.
    """
    moments_of = timeline(ledger, experiment, mark=ledger.mark(as_of))
    flow = panel.flow()
    ended = moments_of.ended(flow, as_of=as_of)
    before = looks(ledger, experiment)
    at = watch(experiment, before, flow, moments_of, as_of=as_of)
    asked = question(
        experiment,
        covariates=panel.covariates,
        phases=moments_of.phases,
        look=0 if ended and at is None else len(before) + 1,
        instead=instead,
    )
    asked = replace(asked, watch=at)
    head = about(experiment, as_of=as_of, simulated=ledger.identity.simulated)
    if ended or see_early or at is not None:
        analysis = conclude(panel, asked, head, replays=replays)
    else:
        analysis = withhold(flow, asked, head, when=_known_when(moments_of, as_of))
    if at is not None:
        said = about_look(experiment, at, analysis.estimates)
        mix = () if ended else early_mix(panel, asked, at)
        analysis = replace(analysis, looking=(*said, *mix))
    if not ended and (at is not None or see_early):
        shown = analysis.estimates
        _append(ledger, experiment, shown, planned=at is not None, as_of=as_of, now=now)
    if analysis.estimates:
        analysis = replace(analysis, notes=(*analysis.notes, *survey_notes(panel, asked)))
    departures = (
        *unplanned(looks(ledger, experiment)),
        *moments_of.endings,
        *_unplanned_estimators(experiment, panel, asked),
    )
    return replace(analysis, deviations_from_plan=departures)


def _known_when(moments_of: Timeline, as_of: datetime) -> str:
    """When contrasts will be shown, in words."""
    end = moments_of.declared_end
    if end is not None and as_of < end:
        return f"{end:%Y-%m-%d}"
    return "enrolment has closed and every unit is mature"


def _append(
    ledger: Ledger,
    experiment: Experiment,
    shown: Sequence[Estimate],
    *,
    planned: bool,
    as_of: datetime,
    now: datetime,
) -> None:
    """Append the look that an analysis of a running experiment was (R31)."""
    n = len(shown)
    if planned:
        seen = seen_by(shown)
        append_planned(ledger, experiment, seen, contrasts=n, as_of=as_of, now=now)
    else:
        append_look(ledger, experiment, contrasts=n, as_of=as_of, now=now, planned=False)
