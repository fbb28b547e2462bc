"""Start an experiment and move it to its next phase (R6, R32)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.assignment.answers import arm_weights, entry_share
from apologylab.design.fingerprint import fingerprint
from apologylab.design.follow_ups import queues
from apologylab.errors import StateError
from apologylab.record.facts import Closed, PhaseBegan, Started
from apologylab.remedy.brands import only_applied
from apologylab.remedy.fragments import BRAND, ORDER
from apologylab.remedy.wording import Wording
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.declare import neighbours, refuse_around
from apologylab.service.running import (
    closing,
    enrolment,
    pin_place,
    pinned_messages,
    refuse_edited,
)
from apologylab.service.sign_off import refuse_unsigned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Catalogue, Ledger, Transaction

PROGRAM: Final = "apologylab"
"""Who changes something, where nobody says who."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What ``start`` or ``stop`` found and did.

    ``did``: started, phase, stopped, drained, killed, or nothing (it was so already). ``halted`` is
    drain or kill, if it was ended so far.
    """

    experiment: str
    version: int
    phase: int
    fingerprint: str
    did: str
    closed: str | None
    halted: str | None = None


def start(
    ledger: Ledger,
    catalogue: Catalogue,
    name: str,
    *,
    now: datetime,
    phase: int | None = None,
    by: str = PROGRAM,
) -> Begun:
    """Start ``name``: pin its declaration and messages and open phase 1; or begin ``phase``.

    Doing it again changes nothing. Starting a higher version ends enrolment in the one before. A
    phase begins enrolment anew after a budget or a stop closed the one before it.

    Raises:
        DeclarationError: the declaration has mistakes, in itself, its messages or beside its
            neighbours; it holds the findings.
        StateError: it was edited while running, was drained or killed, ``phase`` is not the next
            declared, or somebody has not signed off its words, or that they are asked no longer
            (in a simulated ledger nobody must).
    """
    experiment = catalogue.experiment(name)
    _refuse_panel(experiment)
    messages = catalogue.fragments(experiment)
    Wording(experiment, messages)
    languages = catalogue.languages(experiment.messages.locales)
    refuse_around(experiment, messages, neighbours(catalogue, experiment), languages)
    pinned = _pinned(experiment, catalogue.source(name), messages, now)
    wanted = _Wanted(experiment, pinned, catalogue.read)
    return again(partial(_start, ledger, wanted, now, phase, by))


class _Wanted(NamedTuple):
    """A version to start, and what reads those before it."""

    experiment: Experiment
    pinned: Started
    read: Callable[[str], Experiment]


def _start(ledger: Ledger, wanted: _Wanted, now: datetime, phase: int | None, by: str) -> Begun:
    experiment, pinned, read = wanted
    with ledger.transaction(recorded_at=now) as work:
        work.lock([lock_name(experiment.name)])
        version = _begin_version(work, wanted, now)
        if version == "started" and not ledger.identity.simulated:
            refuse_unsigned(work, experiment, pinned_messages(pinned), read)
        moved = None if phase is None else _begin_phase(work, experiment, phase, now)
        found = report(work, pinned, moved or version)
        if found.did != "nothing":
            what = "start" if version == "started" else "phase"
            note(work, experiment=experiment.name, what=what, by=by, detail=_detail(found), now=now)
        if moved and experiment.budget is not None:
            work.seal(experiment.name, None)
        return found


def _detail(found: Begun) -> dict[str, object]:
    return {"version": found.version, "phase": found.phase, "fingerprint": found.fingerprint}


def lock_name(name: str) -> str:
    """The lock of an experiment: its start and its end wait for the batches under way."""
    return f"experiment/{name}"


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
        messages=to_pin(messages),
    )


def to_pin(messages: Mapping[tuple[str, str, str], str]) -> dict[str, str]:
    """Everything that a text is made of, by place; of a brand only what changes texts (R6)."""
    pinned = {
        key: only_applied(source) if key[0] == BRAND else source
        for key, source in sorted(messages.items())
    }
    return {pin_place(key): source for key, source in pinned.items() if source is not None}


def _begin_version(work: Transaction, wanted: _Wanted, now: datetime) -> str:
    experiment, pinned, read = wanted
    begun = work.find(Started, experiment=experiment.name)
    if begun and begun[-1].version >= experiment.version:
        refuse_edited(experiment, begun[-1])
        _refuse_other_messages(pinned, begun[-1])
        return "nothing"
    if begun:
        _refuse_other_hands(work, experiment, read(begun[-1].declaration))
        _end_version(work, begun[-1], experiment.version, now)
    work.append([pinned, phase_began(experiment, 1, now)])
    return "started"


def _refuse_other_hands(work: Transaction, wanted: Experiment, before: Experiment) -> None:
    """What waits is delivered by whom its own version says, and by nobody else as well (R15)."""
    was, now = before.delivery.by, wanted.delivery.by
    if was == now:
        return
    if waiting := sum(work.undelivered(each) for each in queues(wanted.name)):
        raise StateError(
            f"{waiting:,} remedies of {wanted.name} wait that version {before.version} drew for "
            f'by = "{was}", and version {wanted.version} says by = "{now}"',
            do="let them be delivered or report them first, or start it under another name",
        )


def _refuse_other_messages(wanted: Started, pinned: Started) -> None:
    """A language's order of parts is no edit: a later release may bring another (R6)."""
    places = {*wanted.messages.items()} ^ {*pinned.messages.items()}
    changed = sorted({place for place, _ in places if not place.startswith(ORDER)})
    if not changed:
        return
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
        work.append([closing(before.experiment, before.version, phase, because, now)])


def _begin_phase(
    work: Transaction, experiment: Experiment, phase: int, now: datetime
) -> str | None:
    """Begin ``phase``, the next one declared; None if it runs already."""
    stands = enrolment(work, experiment.name, experiment.version)
    current = stands.phase
    if phase == current:
        return None
    if stands.halted is not None:
        raise StateError(
            f"{experiment.name} version {experiment.version} was ended by {stands.halted}",
            do=f"raise `version` to {experiment.version + 1} and start it",
        )
    declared = len(experiment.allocation.phases) + 1
    if phase != current + 1 or phase > declared:
        next_phase = f"begin phase {current + 1}" if current < declared else "declare another phase"
        raise StateError(
            f"{experiment.name} is in phase {current} of {declared} and cannot begin {phase}",
            do=next_phase,
        )
    work.append([phase_began(experiment, phase, now)])
    return "phase"


def phase_began(experiment: Experiment, phase: int, now: datetime) -> PhaseBegan:
    """The fact that ``phase`` began, with the shares it was declared with (R6)."""
    return PhaseBegan(
        key=f"{experiment.name}/{experiment.version}/{phase}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        phase=phase,
        entry=entry_share(experiment, phase),
        weights=dict(arm_weights(experiment, phase)),
    )


def report(work: Transaction, pinned: Started, did: str) -> Begun:
    """Where the version that is ``pinned`` stands."""
    stands = enrolment(work, pinned.experiment, pinned.version)
    return Begun(
        experiment=pinned.experiment,
        version=pinned.version,
        phase=stands.phase,
        fingerprint=pinned.fingerprint,
        did=did,
        closed=stands.closed,
        halted=stands.halted,
    )
