"""One fact of a customer's life in words, for those who work here; agents say less than this."""

from __future__ import annotations

from datetime import tzinfo
from functools import singledispatch
from typing import TYPE_CHECKING, Final

from apologylab.design.experiment import SILENCE
from apologylab.design.money import Money
from apologylab.record.facts import (
    KINDS,
    Assignment,
    Attempt,
    Contact,
    Correction,
    CustomerSnapshot,
    Delivery,
    Fact,
    FallbackReport,
    Fault,
    Forgotten,
    Goodwill,
    Incident,
    Liability,
    Merged,
    Order,
    Redemption,
    Remedy,
    Resolution,
    SurveyAnswer,
)
from apologylab.record.later_facts import DueMoved
from apologylab.service.achieved import span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.remedy.letter import Letter

ORDER: Final = tuple(KINDS.values())
"""What happens at one moment is told in the order in which it comes about."""
STATES: Final[Mapping[str, str]] = {
    "sent": "sent through {}",
    "failed": "not delivered through {}",
    "suppressed": "not sent",
    "in_doubt": "in doubt: {} hung up before it said whether it took it",
    "would_send": "nothing to send, and nothing would have stopped it",
    "would_suppress": "nothing to send, and it would have been stopped",
}
REASONS: Final[Mapping[str, str]] = {
    "forgotten": "the customer was forgotten",
    "fallback_given": "the caller had given the fallback",
    "opted_out": "the customer had opted out",
    "refunded": "the customer had been compensated already",
    "contacted": "the customer had been in touch about it",
    "killed": "sending had been stopped by hand",
    "too_late": "it was too late by then",
    "not_resolved": "it was not resolved in time",
    "no_visit": "the customer did not come by in time",
}
"""Why something did not leave, in words; others stand as they were written."""
WHY_MOVED: Final[Mapping[str, str]] = {
    "late": "we heard of it late",
    "quiet_hours": "quiet hours",
    "zone_missing": "in a zone that nobody told us",
    "zone_unknown": "in a zone that we do not know",
}


def clock(moment: datetime, zone: tzinfo) -> str:
    """A time as people of ``zone`` write it, to the minute.

    >>> from datetime import UTC, datetime
    >>> clock(datetime(2026, 7, 1, 9, 30, tzinfo=UTC), UTC)
    '2026-07-01 09:30'
    """
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def words(kind: str) -> str:
    """A name as people say it.

    >>> words("late_ride")
    'late ride'
    """
    return kind.replace("_", " ")


def said(remedy: Remedy, letter: Letter | None) -> str:
    """That a remedy says something, and what it gives; ``letter`` is None if it is gone."""
    parts = []
    if letter is not None:
        about = f" under “{letter.subject}”" if letter.subject else ""
        by = f" as {remedy.sender}" if remedy.sender else ""
        parts.append(f"says ({remedy.locale}){by}{about}")
    elif remedy.text:
        parts.append("its text was deleted")
    if remedy.compensation:
        parts.append(f"gives {remedy.compensation}, {_money(remedy.amount, remedy.currency)}")
    if remedy.arm == SILENCE and not remedy.text:
        parts.append("says and gives nothing")
    return "; ".join(parts) or "its text could not be written"


def when(remedy: Remedy, zone: tzinfo) -> str:
    """What a remedy waits for, or what moved it, in words; empty where nothing does."""
    if remedy.awaits:
        until = clock(remedy.due_at, zone)
        return f"waits for the {words(remedy.awaits).removeprefix('next ')} until {until}"
    if not remedy.shift_s or not remedy.shifted_by:
        return ""
    why = ", ".join(WHY_MOVED.get(each, words(each)) for each in remedy.shifted_by.split())
    return f"due {span(remedy.shift_s / 60)} later than meant: {why}"


@singledispatch
def tell(fact: Fact, _zone: tzinfo) -> str:
    """``fact`` in words, times in the zone."""
    raise TypeError(type(fact).__name__)


@tell.register
def _(fact: Incident, _zone: tzinfo) -> str:
    about = [f"order {fact.order}"] if fact.order else []
    about += [f"cause {fact.cause}"] if fact.cause else []
    return _listed(words(fact.kind), [*about, *_pairs(fact.fields)])


@tell.register
def _(fact: Assignment, zone: tzinfo) -> str:
    where = f"{fact.experiment} version {fact.version}, phase {fact.phase}"
    if fact.reason == "RANDOMISED":
        how = fact.because if fact.because.startswith("sticky") else "by chance"
        due = f"; due {clock(fact.due_at, zone)}" if fact.due_at else ""
        return f"{fact.arm}, drawn {how} with probability {fact.propensity:.4g} in {where}{due}"
    if fact.reason == "OVERRIDE":
        return f"{fact.arm}, asked for by hand in {where}"
    because = f", {fact.because}" if fact.because else ""
    return f"not drawn, {fact.reason}{because}; gets {fact.arm}; in {where}"


@tell.register
def _(fact: DueMoved, zone: tzinfo) -> str:
    came, due = clock(fact.came_at, zone), clock(fact.due_at, zone)
    return f"what it awaited, {words(fact.awaited)}, came {came}: due {due}"


@tell.register
def _(fact: Delivery, _zone: tzinfo) -> str:
    state = STATES.get(fact.state, fact.state).format(fact.channel)
    return f"{state}: {REASONS.get(fact.because, fact.because)}" if fact.because else state


@tell.register
def _(fact: Attempt, zone: tzinfo) -> str:
    then = f"again {clock(fact.again_at, zone)}" if fact.again_at else "a person has to decide"
    return f"attempt {fact.number} through {fact.channel}: {fact.because}; {then}"


@tell.register
def _(fact: Liability, _zone: tzinfo) -> str:
    return f"{fact.compensation}, {_money(fact.amount, fact.currency)}: {fact.state}"


@tell.register
def _(fact: Order, _zone: tzinfo) -> str:
    listed = _money(fact.list_amount, fact.currency)
    parts = [f"{_money(fact.paid_amount, fact.currency)} paid"]
    parts += ["with our coupon"] if fact.our_coupon else []
    returned = fact.returned_amount
    parts += [f"{_money(returned, fact.currency)} returned"] if returned else []
    return f"{listed} at list price, {', '.join(parts)}"


@tell.register
def _(fact: Redemption, _zone: tzinfo) -> str:
    return f"{fact.compensation} used, {_money(fact.amount, fact.currency)}"


@tell.register
def _(fact: Contact, _zone: tzinfo) -> str:
    return f"{words(fact.kind)}, by us" if fact.by == "company" else words(fact.kind)


@tell.register
def _(fact: Goodwill, _zone: tzinfo) -> str:
    by = f", by {fact.by}" if fact.by else ""
    why = f": {words(fact.reason)}" if fact.reason else ""
    money = _money(fact.amount, fact.currency)
    return f"{words(fact.kind)}, {money}, outside the experiment{by}{why}"


@tell.register
def _(fact: Resolution, _zone: tzinfo) -> str:
    took = f" by {words(fact.took)}" if fact.took else ""
    return f"{'resolved' if fact.resolved else 'not resolved'}{took}"


@tell.register
def _(fact: Fault, _zone: tzinfo) -> str:
    return f"of {words(fact.by)}"


@tell.register
def _(fact: SurveyAnswer, _zone: tzinfo) -> str:
    score = "no score" if fact.score is None else f"{fact.score:g}"
    return f"{words(fact.question)}: {score}"


@tell.register
def _(fact: CustomerSnapshot, zone: tzinfo) -> str:
    parts = [f"customer since {clock(fact.since, zone)}"] if fact.since else []
    parts += [f"consent {fact.consent}"] if fact.consent else []
    return ", ".join([*parts, *_pairs(fact.fields)]) or "nothing known"


@tell.register
def _(fact: FallbackReport, _zone: tzinfo) -> str:
    proposed = f"; proposed was {fact.proposed}" if fact.proposed else ""
    return f"the caller got no answer in time and gave {fact.given}{proposed}"


@tell.register
def _(fact: Forgotten, _zone: tzinfo) -> str:
    return f"{fact.customer}: texts deleted, {fact.because}"


@tell.register
def _(fact: Merged, _zone: tzinfo) -> str:
    because = f": {fact.because}" if fact.because else ""
    return f"{fact.customer} and {fact.into} are one customer{because}"


@tell.register
def _(fact: Correction, _zone: tzinfo) -> str:
    right = ", ".join(_pairs(fact.fields))
    return f"{words(fact.fact)} {fact.corrects} was wrong, {fact.because}: {right}"


def _listed(head: str, parts: list[str]) -> str:
    return f"{head} ({', '.join(parts)})" if parts else head


def _pairs(fields: Mapping[str, object]) -> list[str]:
    return [f"{name} {value}" for name, value in fields.items()]


def _money(amount: int, currency: str | None) -> str:
    return str(Money(amount, currency or ""))
