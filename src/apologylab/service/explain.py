"""Explain a customer's life with us: what was drawn and why, what was said, given and became of it.

Everything is told from the facts of that customer alone; nothing of others, nothing guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.errors import NotFoundError
from apologylab.record.columns import kind_of
from apologylab.record.facts import (
    Assignment,
    Attempt,
    Delivery,
    Fact,
    Forgotten,
    Goodwill,
    Incident,
    Liability,
    Redemption,
    Remedy,
)
from apologylab.service.assign_recorded import PASSED_ON
from apologylab.service.held import owed
from apologylab.service.redeeming import matches
from apologylab.service.saying import Answered, sentences
from apologylab.service.telling import ORDER, said, tell
from apologylab.service.traces import traces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from apologylab.service.ports import Ledger
    from apologylab.service.traces import Traces


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened: the kind of fact, its key, its incident, and what it says."""

    at: datetime
    kind: str
    key: str
    incident: str | None
    words: str


@dataclass(frozen=True, kw_only=True)
class Life:
    """What a ledger knows of one customer, oldest first.

    ``ids`` are all ids of theirs. ``may_say`` are the sentences that an agent may say to them.
    """

    ids: tuple[str, ...]
    events: tuple[Event, ...]
    may_say: tuple[str, ...]
    forgotten: datetime | None


def explain(ledger: Ledger, ids: Sequence[str], *, zone: tzinfo, now: datetime) -> Life:
    """The life of the customer whom ``ids`` name; times in words are those of ``zone``.

    Raises:
        NotFoundError: no fact is about such a customer.
    """
    found = traces(ledger, ids)
    if not found.counts:
        raise NotFoundError(
            f"no fact is about customer {ids[0]}", do="give the id as it was recorded"
        )
    gone = found.of(Forgotten)
    return Life(
        ids=found.ids,
        events=tuple(_events(ledger, found, zone)),
        may_say=tuple(sentences(_answered(found), forgotten=gone, zone=zone, now=now)),
        forgotten=gone[-1].occurred_at if gone else None,
    )


def _events(ledger: Ledger, found: Traces, zone: tzinfo) -> list[Event]:
    facts = [fact for all_ in found.facts.values() for fact in all_]
    ordered = sorted(facts, key=lambda fact: (fact.occurred_at, ORDER.index(type(fact))))
    return [
        Event(
            at=fact.occurred_at,
            kind=kind_of(type(fact)),
            key=fact.key,
            incident=_incident(fact),
            words=_remedy(ledger, fact) if isinstance(fact, Remedy) else tell(fact, zone),
        )
        for fact in ordered
    ]


def _incident(fact: Fact) -> str | None:
    """The key of the incident that ``fact`` is, or is about."""
    if isinstance(fact, Incident):
        return fact.key
    if isinstance(fact, Remedy | Delivery | Attempt | Liability):
        return fact.assignment.removeprefix(f"{fact.experiment}/")
    return getattr(fact, "incident", None)


def _remedy(ledger: Ledger, fact: Remedy) -> str:
    return said(fact, ledger.text(fact.text) if fact.text else None)


def _answered(found: Traces) -> list[Answered]:
    """Each incident with its answers, one an experiment, and what is about them; oldest first."""
    remedies = {each.key: each for each in found.of(Remedy)}
    deliveries = {each.key: each for each in found.of(Delivery)}
    given = owed(found.of(Liability))
    used = {each.owed for each in matches(list(given.values()), found.of(Redemption))}
    return [
        Answered(
            incident=incident,
            assignment=answer,
            remedy=remedies.get(answer.key) if answer else None,
            delivery=deliveries.get(answer.key) if answer else None,
            owed=(compensation := given.get(answer.key) if answer else None),
            is_used=compensation is not None and compensation in used,
            goodwill=[each for each in found.of(Goodwill) if each.incident == incident.key],
        )
        for incident in sorted(found.of(Incident), key=lambda each: (each.occurred_at, each.key))
        for answer in _answers(found, incident.key)
    ]


def _answers(found: Traces, incident: str) -> list[Assignment | None]:
    """The answers to an incident that count: those that turned it away only if no other does."""
    given = [each for each in found.of(Assignment) if each.incident == incident]
    settled = [each for each in given if each.reason != PASSED_ON]
    return [*(settled or given[:1])] or [None]
