"""Explain a customer's life with us: what was drawn and why, what was said, given and became of it.

Everything is told from the facts of that customer alone; nothing of others, nothing guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.design.follow_ups import incident_of
from apologylab.errors import NotFoundError
from apologylab.record.columns import kind_of
from apologylab.record.facts import (
    Assignment,
    Contact,
    Delivery,
    Fact,
    Forgotten,
    Goodwill,
    Incident,
    Liability,
    Redemption,
    Remedy,
    Resolution,
)
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.remedy.letter import opened
from apologylab.service.agent_sentences import Answered, sentences
from apologylab.service.assign_recorded import PASSED_ON
from apologylab.service.held import owed
from apologylab.service.redeeming import matches
from apologylab.service.telling import ORDER, said, when
from apologylab.service.telling_later import tell
from apologylab.service.traces import traces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from apologylab.remedy.letter import Letter
    from apologylab.service.ports import Ledger
    from apologylab.service.traces import Traces


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened: the kind of fact, its key, its incident, and what it says.

    ``letter`` is what the customer read or will read, as far as it is kept.
    """

    at: datetime
    kind: str
    key: str
    incident: str | None
    words: str
    letter: Letter | None = None


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
    letters = _letters(ledger, found)
    return [
        Event(
            at=fact.occurred_at,
            kind=kind_of(type(fact)),
            key=fact.key,
            incident=_incident(fact),
            words=_words(found, letters, fact, zone),
            letter=letters.get(fact.key) if isinstance(fact, Remedy) else None,
        )
        for fact in ordered
    ]


def _letters(ledger: Ledger, found: Traces) -> dict[str, Letter]:
    """Key of a remedy -> what it says, unless that was deleted."""
    bodies = {each.key: ledger.text(each.text) for each in found.of(Remedy) if each.text}
    return {key: opened(body) for key, body in bodies.items() if body is not None}


def _words(found: Traces, letters: Mapping[str, Letter], fact: Fact, zone: tzinfo) -> str:
    if isinstance(fact, Remedy):
        return "; ".join(filter(None, (said(fact, letters.get(fact.key)), when(fact, zone))))
    back = isinstance(fact, Contact | Complaint) and _reopens(found, fact)
    return tell(fact, zone) + ("; it was resolved, and is open again" if back else "")


def _reopens(found: Traces, fact: Contact | Complaint) -> bool:
    """Whether the customer came back after what was said to be resolved."""
    if isinstance(fact, Contact) and fact.by == "company":
        return False
    names = _names(found)
    about = names.get(fact.incident or "", fact.incident)
    before = [
        each
        for each in found.of(Resolution)
        if names.get(each.incident, each.incident) == about and each.occurred_at < fact.occurred_at
    ]
    return bool(before) and max(before, key=lambda each: each.occurred_at).resolved


def _names(found: Traces) -> dict[str, str]:
    """Operations' key -> the key of the incident that a complaint had opened."""
    return {each.key: each.incident for each in found.of(SameIncident)}


def _incident(fact: Fact) -> str | None:
    """The key of the incident that ``fact`` is, or is about."""
    if isinstance(fact, Incident):
        return fact.key
    assignment = getattr(fact, "assignment", None)
    if isinstance(assignment, str) and not isinstance(fact, Redemption):
        return incident_of(assignment, getattr(fact, "experiment", ""))
    return getattr(fact, "incident", None)


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
