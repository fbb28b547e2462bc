"""Send every arm in every locale to one's own address, through the channels that customers get.

It runs in a ledger of its own, so no customer, budget or outcome hears of it. The incident, the
draw by override, the pinned text, the queue and the channel are the real ones; only the clock is
set to each remedy's due time, what a remedy awaits is told to have come, and what leaves says that
it is a test: in the subject, in ``purpose``, and in the name of what is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from apologylab.design.experiment import SILENCE
from apologylab.design.routes import address_fields, channels, format_of, wrong_address
from apologylab.errors import InputError
from apologylab.record.facts import Delivery, Resolution
from apologylab.record.later_facts import Visit
from apologylab.service.assign import assign
from apologylab.service.channel import TEST
from apologylab.service.channel_around import ChannelAround
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.preview import (
    ADDRESSES,
    begin,
    drawn_arms,
    forced,
    forced_incident,
    refuse_panel,
    sample_fields,
)

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.design.routes import Format
    from apologylab.record.facts import Fact, Remedy
    from apologylab.remedy.fragments import Fragments
    from apologylab.service.assign import Answer
    from apologylab.service.channel import Channel, Outgoing, Sent
    from apologylab.service.ports import Clock, Ledger
    from apologylab.service.running import Running

WAITING: Final = "the channel could not take it: try again, or see `apologylab doctor`"
WAITS: Final = timedelta(minutes=1)
"""After a due time a rehearsal's worker looks."""


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What became of one arm in one locale."""

    arm: str
    locale: str
    channel: str
    state: str
    because: str


@dataclass(frozen=True, eq=False)
class Testing(ChannelAround):
    """``inner``, except that all it sends says that it is a test."""

    inner: Channel

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Send each as a test."""
        return self.inner.send([as_test(each) for each in batch])


def as_test(each: Outgoing) -> Outgoing:
    """``each`` as a test of its arm and locale; the words of its text are not touched."""
    said = f" {each.subject}" if each.subject else ""
    given = f"{TEST}-{each.compensation}" if each.compensation else None
    where = f"{each.arm}, {each.locale}" if each.locale else each.arm
    return replace(each, subject=f"[{TEST} {where}]{said}", compensation=given, purpose="test")


def addressed(experiment: Experiment, to: Sequence[str]) -> dict[str, str]:
    """The sample incident's field of each address -> the one of ``to`` that fits it.

    Raises:
        InputError: none fits a channel, or one of ``to`` fits none.
    """
    needed = {name: format_of(name) for name in address_fields(experiment).values()}
    fields = {name: _fitting(to, kind) for name, kind in needed.items()}
    for name, found in fields.items():
        if found is None:
            raise InputError(
                f"no --to is an address for the incident's field {name}",
                do=f"add --to with one, like {ADDRESSES[needed[name]]}",
            )
    if unused := [each for each in to if each not in fields.values()]:
        raise InputError(
            f"--to {unused[0]!r} fits no channel of {experiment.name}",
            do=f"its channels are {', '.join(channels(experiment))}; leave it out or correct it",
        )
    return {name: found for name, found in fields.items() if found is not None}


def _fitting(to: Sequence[str], kind: Format) -> str | None:
    return next((each for each in to if wrong_address(each, kind) is None), None)


def rehearse(  # noqa: PLR0913 - what is sent, to whom, through what, and when
    ledger: Ledger,
    outlets: Mapping[str, Channel],
    experiment: Experiment,
    fragments: Fragments,
    *,
    to: Sequence[str],
    at: datetime,
    fields: Mapping[str, object] | None = None,
) -> tuple[Rehearsed, ...]:
    """Send every arm that says or gives something, in every locale, to the addresses ``to``.

    Args:
        ledger: a new one that is not the customers'.
        outlets: the experiment's channels by name.
        experiment: as it is on disk.
        fragments: its messages.
        to: addresses, one for each format that the channels need.
        at: when the sample incident happens.
        fields: of the sample incident, beside those that are made up.

    Raises:
        InputError: an address is missing, or fits no channel.
        StateError: the experiment describes a file of finished outcomes, or its caller delivers.
        DeclarationError: a text is missing or wrong.
    """
    refuse_panel(experiment)
    sample = {**sample_fields(experiment, at), **(fields or {}), **addressed(experiment, to)}
    running = forced(experiment, fragments)
    begin(ledger, running, at)
    cases = [
        (arm, locale)
        for locale in experiment.messages.locales
        for arm in drawn_arms(experiment)
        if arm.name != SILENCE
    ]
    told = [forced_incident(experiment, arm, locale, sample, at=at) for arm, locale in cases]
    answers = assign(ledger, running, told, now=at)
    remedies = [each.remedy for each in answers if each.remedy]
    _let_come(ledger, remedies, at)
    _leave(ledger, {name: Testing(each) for name, each in outlets.items()}, running, remedies)
    ended = {each.key: each for each in ledger.read(Delivery)}
    return tuple(
        _ended((arm.name, locale), answer, ended, running)
        for (arm, locale), answer in zip(cases, answers, strict=True)
    )


def _let_come(ledger: Ledger, remedies: Sequence[Remedy], at: datetime) -> None:
    """Record right after it what remedies await: a visit, or that the incident was resolved."""
    then = at + timedelta(seconds=1)
    awaiting = [each for each in remedies if each.awaits]
    facts: list[Fact] = [
        *(_visit(each, then) for each in awaiting if each.awaits == "next_visit"),
        *(_resolution(each, then) for each in awaiting if each.awaits == "resolution"),
    ]
    with ledger.transaction(recorded_at=then) as work:
        work.append(facts)


def _visit(remedy: Remedy, at: datetime) -> Visit:
    return Visit(key=remedy.key, occurred_at=at, customer=remedy.customer)


def _resolution(remedy: Remedy, at: datetime) -> Resolution:
    return Resolution(
        key=remedy.key,
        occurred_at=at,
        incident=remedy.assignment.removeprefix(f"{remedy.experiment}/"),
        customer=remedy.customer,
        resolved=True,
        took="rehearsal",
    )


def _leave(
    ledger: Ledger,
    outlets: Mapping[str, Channel],
    running: Running,
    remedies: Sequence[Remedy],
) -> None:
    """Dispatch at each due time, and once more after all of them, through every channel."""
    times = sorted({each.due_at for each in remedies})
    for moment in (*times, *(each + timedelta(days=7) for each in times[-1:])):
        worker = Worker(
            holder="rehearsal", clock=_stopped(moment + WAITS), chance=lambda: 0.5, seconds=None
        )
        for name, channel in outlets.items():
            only = name if len(outlets) > 1 else None
            dispatch_once(ledger, channel, running, worker, only=only)


def _stopped(moment: datetime) -> Clock:
    return lambda: moment


def _ended(
    case: tuple[str, str],
    answer: Answer,
    ended: Mapping[str, Delivery],
    running: Running,
) -> Rehearsed:
    arm, locale = case
    remedy, assignment = answer.remedy, answer.assignment
    declared = running.experiment.delivery.channel
    found = ended.get(remedy.key) if remedy else None
    refused = assignment.because if assignment is not None and remedy is None else ""
    return Rehearsed(
        arm=arm,
        locale=locale,
        channel=(remedy.channel if remedy else None) or declared,
        state=found.state if found else "not sent",
        because=found.because if found else refused or answer.because or WAITING,
    )
