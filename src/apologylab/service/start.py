"""Start an experiment, move it to its next phase, and stop it (R5, R6, R32)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.assignment.answers import arm_weights, entry_share
from apologylab.design.fingerprint import fingerprint
from apologylab.errors import InputError, StateError
from apologylab.record.facts import Closed, PhaseBegan, Started
from apologylab.remedy.wording import Wording
from apologylab.service.declare import neighbours, refuse_around
from apologylab.service.running import enrolment, pin_place, refuse_edited

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Catalogue, Ledger, Transaction


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What ``start`` or ``stop`` found and did.

    ``did``: started, phase, nothing (it was so already), or stopped.
    """

    experiment: str
    version: int
    phase: int
    fingerprint: str
    did: str
    closed: str | None


def start(
    ledger: Ledger, catalogue: Catalogue, name: str, *, now: datetime, phase: int | None = None
) -> Begun:
    """Start ``name``: pin its declaration and messages and open phase 1; or begin ``phase``.

    Doing it again changes nothing. Starting a higher version ends enrolment in the one before.

    Raises:
        DeclarationError: the declaration has mistakes, in itself, its messages or beside its
            neighbours; it holds the findings.
        StateError: it was edited while running, is closed, or ``phase`` is not the next declared.
    """
    experiment = catalogue.experiment(name)
    _refuse_panel(experiment)
    messages = catalogue.fragments(experiment)
    Wording(experiment, messages)
    refuse_around(experiment, messages, neighbours(catalogue, experiment))
    pinned = _pinned(experiment, catalogue.source(name), messages, now)
    with ledger.transaction(recorded_at=now) as work:
        did = _begin_version(work, experiment, pinned, now)
        if phase is not None:
            did = _begin_phase(work, experiment, phase, now) or did
        return _report(work, pinned, did)


def stop(ledger: Ledger, name: str, *, because: str, now: datetime) -> Begun:
    """Stop enrolling units, for good in this phase; what is due is still sent (R5).

    It asks the ledger only, so that a declaration that was edited or lost keeps nothing running.

    Raises:
        StateError: it is not started.
        InputError: ``because`` is empty.
    """
    if not because.strip():
        raise InputError("it is not said why it is stopped", do="results will show the reason")
    with ledger.transaction(recorded_at=now) as work:
        begun = work.find(Started, experiment=name)
        if not begun:
            raise StateError(f"{name} is not started", do="name an experiment that runs")
        pinned = begun[-1]
        before = enrolment(work, name, pinned.version)
        if before.closed is None:
            work.append([_closed(name, pinned.version, before.phase, because, now)])
        return _report(work, pinned, "stopped" if before.closed is None else "nothing")


def _refuse_panel(experiment: Experiment) -> None:
    if experiment.panel is not None:
        raise StateError(
            f"{experiment.name} describes a file of finished outcomes and cannot be started",
            do=f"run `apologylab analyse {experiment.name} --panel FILE`",
        )


def _pinned(
    experiment: Experiment,
    text: str,
    messages: Mapping[tuple[str, str, str], str],
    now: datetime,
) -> Started:
    return Started(
        key=f"{experiment.name}/{experiment.version}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        fingerprint=fingerprint(experiment),
        declaration=text,
        messages={pin_place(key): source for key, source in sorted(messages.items())},
    )


def _begin_version(
    work: Transaction, experiment: Experiment, pinned: Started, now: datetime
) -> str:
    begun = work.find(Started, experiment=experiment.name)
    if begun and begun[-1].version >= experiment.version:
        refuse_edited(experiment, begun[-1])
        _refuse_other_messages(pinned, begun[-1])
        return "nothing"
    if begun:
        _end_version(work, begun[-1], experiment.version, now)
    work.append([pinned, _phase_began(experiment, 1, now)])
    return "started"


def _refuse_other_messages(wanted: Started, pinned: Started) -> None:
    if wanted.messages == pinned.messages:
        return
    places = {*wanted.messages.items()} ^ {*pinned.messages.items()}
    changed = sorted({place for place, _ in places})
    raise StateError(
        f"{pinned.experiment} version {pinned.version} runs and its messages were edited "
        f"({', '.join(changed)})",
        do=f"undo the edit, or raise `version` to {pinned.version + 1} and start it",
    )


def _end_version(work: Transaction, before: Started, version: int, now: datetime) -> None:
    """A version that is followed enrols no more."""
    named = {"experiment": before.experiment, "version": before.version}
    phase = max(fact.phase for fact in work.find(PhaseBegan, **named))
    if not work.find(Closed, phase=phase, **named):
        because = f"version {version} was started"
        work.append([_closed(before.experiment, before.version, phase, because, now)])


def _begin_phase(
    work: Transaction, experiment: Experiment, phase: int, now: datetime
) -> str | None:
    """Begin ``phase``, the next one declared; None if it runs already."""
    current = enrolment(work, experiment.name, experiment.version).phase
    if phase == current:
        return None
    declared = len(experiment.allocation.phases) + 1
    if phase != current + 1 or phase > declared:
        next_phase = f"begin phase {current + 1}" if current < declared else "declare another phase"
        raise StateError(
            f"{experiment.name} is in phase {current} of {declared} and cannot begin {phase}",
            do=next_phase,
        )
    work.append([_phase_began(experiment, phase, now)])
    return "phase"


def _phase_began(experiment: Experiment, phase: int, now: datetime) -> PhaseBegan:
    return PhaseBegan(
        key=f"{experiment.name}/{experiment.version}/{phase}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        phase=phase,
        entry=entry_share(experiment, phase),
        weights=dict(arm_weights(experiment, phase)),
    )


def _closed(name: str, version: int, phase: int, because: str, now: datetime) -> Closed:
    return Closed(
        key=f"{name}/{version}/{phase}",
        occurred_at=now,
        experiment=name,
        version=version,
        phase=phase,
        because=because,
    )


def _report(work: Transaction, pinned: Started, did: str) -> Begun:
    stands = enrolment(work, pinned.experiment, pinned.version)
    return Begun(
        experiment=pinned.experiment,
        version=pinned.version,
        phase=stands.phase,
        fingerprint=pinned.fingerprint,
        did=did,
        closed=stands.closed,
    )
