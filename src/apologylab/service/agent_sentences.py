"""The sentences that an agent may say to a customer: true, plain, and no more than theirs.

They name no experiment, no arm, no probability and nobody else. Where chance decided, they say so:
whoever asks why a friend got a coupon is owed the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apologylab.design.experiment import SILENCE
from apologylab.design.money import Money
from apologylab.service.choosing import UNCHOSEN
from apologylab.service.telling import clock, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from apologylab.record.facts import (
        Assignment,
        Delivery,
        Forgotten,
        Goodwill,
        Incident,
        Remedy,
    )
    from apologylab.service.held import Owed

CHANCE: Final = (
    "What we offer after such a failure differs, and chance decided; it says nothing about you."
)
USUAL: Final = "Our usual help applies to it."
HELD_OUT: Final = (
    "No apology was sent automatically: chance put you among those to whom we send none."
)
WHY: Final[Mapping[str, str]] = {
    "opted_out": "because you had asked us not to",
    "refunded": "because you had been compensated already",
    "contacted": "because you had been in touch about it",
    "fallback_given": "because our usual help had been given",
    "forgotten": "because you had asked us to delete your data",
}
"""The reasons of a suppressed remedy that are the customer's own; others are ours."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One incident, its answer and what became of it; None and empty where there is nothing."""

    incident: Incident
    assignment: Assignment | None
    remedy: Remedy | None
    delivery: Delivery | None
    owed: Owed | None
    is_used: bool
    goodwill: Sequence[Goodwill]


def sentences(
    answered: Sequence[Answered], *, forgotten: Sequence[Forgotten], zone: tzinfo, now: datetime
) -> list[str]:
    """What may be said, one paragraph an incident, oldest first."""
    found = [
        " ".join([_opening(each, zone), _answer(each, zone, now), *_gifts(each, zone)])
        for each in answered
    ]
    if forgotten:
        day = f"{forgotten[-1].occurred_at.astimezone(zone):%Y-%m-%d}"
        found.append(f"On {day} we deleted the texts that we kept about you, as was asked.")
    return found or ["We have no record of a failure that hit you."]


def _opening(each: Answered, zone: tzinfo) -> str:
    return f"About the {words(each.incident.kind)} of {clock(each.incident.occurred_at, zone)}:"


def _answer(each: Answered, zone: tzinfo, now: datetime) -> str:
    reason = each.assignment.reason if each.assignment else ""
    if reason == "HOLDOUT":
        return HELD_OUT
    if reason not in ("RANDOMISED", "OVERRIDE"):
        return USUAL
    told = [_what_became(each, zone), *_money(each, zone, now)]
    if reason == "RANDOMISED":
        told.append(CHANCE)
    return " ".join(told)


def _what_became(each: Answered, zone: tzinfo) -> str:
    if each.remedy is None or each.remedy.arm == SILENCE:
        return "No apology was sent automatically."
    thing, delivery = _thing(each.remedy, each.owed), each.delivery
    if delivery is None:
        return f"We mean to send you {thing}; it has not left yet."
    at = clock(delivery.occurred_at, zone)
    if delivery.state == "sent":
        return f"We sent you {thing} on {at}."
    if delivery.state == "in_doubt":
        return f"We tried to send you {thing} on {at} and cannot tell whether it arrived."
    if delivery.state == "failed":
        return f"We tried to send you {thing} on {at}, and it could not be delivered."
    return f"We had meant to send you {thing} and did not{_because(delivery)}."


def _because(delivery: Delivery) -> str:
    why = WHY.get(delivery.because)
    return f", {why}" if why else ""


def _thing(remedy: Remedy, owed: Owed | None) -> str:
    """What was to be sent: an apology, and what it gives."""
    gift = ""
    if owed is not None and (owed.menu or owed.reserved.state == "chosen"):
        gift = "a choice of compensations"
    elif remedy.compensation:
        gift = f"a compensation of {Money(remedy.amount, remedy.currency or '')}"
    if remedy.text is None:
        return gift or "an apology"
    return f"a message with {gift}" if gift else "an apology"


def _gifts(each: Answered, zone: tzinfo) -> list[str]:
    """What somebody gave by hand."""
    return [
        f"On {clock(gift.occurred_at, zone)} we gave you a {words(gift.kind)} "
        f"of {Money(gift.amount, gift.currency)}."
        for gift in each.goodwill
    ]


def _money(each: Answered, zone: tzinfo, now: datetime) -> list[str]:
    """Where the compensation stands, once it was given."""
    owed = each.owed
    if owed is None or each.delivery is None or each.delivery.state != "sent":
        return []
    return [*_chosen(owed), *_use(each, owed, zone, now)]


def _chosen(owed: Owed) -> list[str]:
    first = owed.reserved
    if first.state != "chosen":
        return []
    what = f"a compensation of {Money(first.amount, first.currency)}"
    if first.because == UNCHOSEN:
        return [f"You did not choose in time, so it became {what}."]
    return [f"You chose {what}."]


def _use(each: Answered, owed: Owed, zone: tzinfo, now: datetime) -> list[str]:
    if owed.terms is not None and owed.terms.at_once:
        return []
    if each.is_used or owed.state == "redeemed":
        return ["It has been used."]
    if owed.state == "revoked":
        return ["It was taken back."]
    used = "chosen from" if owed.menu else "used"
    if owed.ends is None:
        return [f"It can be {used}."]
    can = "could" if owed.state == "expired" or owed.ends <= now else "can"
    return [f"It {can} be {used} until {clock(owed.ends, zone)}."]
