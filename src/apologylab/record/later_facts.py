"""Facts about what comes after an apology: what was promised, chosen, answered and complained of.

They obey what :mod:`apologylab.record.facts` says of all; that module lists every kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from apologylab.record.fact import Fact, Fields


@dataclass(frozen=True, kw_only=True)
class Complaint(Fact):
    """A customer reported an incident; several may be about one.

    ``kind`` is one of the taxonomy of causes. ``told``: how often they had told it, this time
    included; ``escalated``: whether they asked for somebody higher. Without an ``incident``, intake
    finds the one that it is about, or opens it.
    """

    customer: str
    kind: str
    incident: str | None = None
    order: str | None = None
    department: str | None = None
    asked_for: str | None = None
    told: int | None = None
    escalated: bool | None = None
    lost_minutes: int | None = None
    lost_amount: int | None = None
    currency: str | None = None
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SameIncident(Fact):
    """What operations recorded under this key is ``incident``, which a complaint had opened.

    The other fields are the operations' own; nothing is counted or answered twice.
    """

    customer: str
    incident: str
    kind: str
    order: str | None = None
    cause: str | None = None
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Visit(Fact):
    """A customer came by: opened the app, the shop's door, the site."""

    customer: str
    place: str | None = None


@dataclass(frozen=True, kw_only=True)
class DueMoved(Fact):
    """What the remedy of the same key awaited has come ``came_at``: it is due ``due_at`` now.

    ``shift_s`` and ``shifted_by`` as a remedy's, counted from the moment that the design intended
    after what came.
    """

    assignment: str
    experiment: str
    customer: str
    awaited: str
    came_at: datetime
    due_at: datetime
    shift_s: int
    shifted_by: str | None = None
    leave_by: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Approval(Fact):
    """A person released a remedy that gives much, or refused it (``released`` false)."""

    assignment: str
    experiment: str
    customer: str
    released: bool
    reason: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Choice(Fact):
    """What a customer chose of a menu: the name of one of its compensations."""

    assignment: str
    experiment: str
    customer: str
    chosen: str


@dataclass(frozen=True, kw_only=True)
class Commitment(Fact):
    """A message that was sent promised ``what`` by ``until``; ``keeper`` keeps it."""

    assignment: str
    experiment: str
    customer: str
    level: str
    what: str
    keeper: str
    until: datetime
    incident: str | None = None


@dataclass(frozen=True, kw_only=True)
class CommitmentEnded(Fact):
    """The commitment of the same key was kept, or broken (``kept`` false)."""

    assignment: str
    experiment: str
    customer: str
    kept: bool
    because: str = ""
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class SurveyDraw(Fact):
    """Whether an enrolled unit is surveyed, drawn with probability ``share`` in every arm."""

    assignment: str
    experiment: str
    customer: str
    invited: bool
    share: float


@dataclass(frozen=True, kw_only=True)
class AgentAnswer(Fact):
    """What an agent did with a script: ``did`` is said, changed or skipped."""

    assignment: str
    experiment: str
    customer: str
    agent: str
    did: str
    parts: str = ""
    """The parts that were said, apart by spaces."""
    amount: int | None = None
    currency: str | None = None
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Bounce(Fact):
    """Something that a channel had taken came back; ``hard``: it would come back again."""

    assignment: str
    experiment: str
    customer: str
    channel: str
    hard: bool
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class SignedOff(Fact):
    """Somebody agreed to an experiment's words for a role; ``sha256`` is over all that it says."""

    experiment: str
    version: int
    role: str
    by: str
    sha256: str
