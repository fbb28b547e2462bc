"""Facts: what happened, appended and never updated (R18).

Every kind is one frozen dataclass; its fields are its columns, in order. Storage derives its
tables from them, ``record FILE --as KIND`` its template and checks, the panel its columns.

Common to all: ``key``, unique within the kind, makes an append idempotent; ``occurred_at`` says
when it happened in the world. When it was recorded and its place in commit order are the ledger's.
Money is integer minor units of ``currency``. Times are aware, in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from apologylab.record.fact import Fact as Fact  # noqa: PLC0414 - others import it from here
from apologylab.record.fact import Fields
from apologylab.record.later_facts import (
    AgentAnswer,
    Approval,
    Bounce,
    Choice,
    Commitment,
    CommitmentEnded,
    Complaint,
    DueMoved,
    SameIncident,
    SignedOff,
    SurveyDraw,
    Visit,
)


@dataclass(frozen=True, kw_only=True)
class Incident(Fact):
    """A service failure hit a customer."""

    customer: str
    kind: str
    order: str | None = None
    cause: str | None = None
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Assignment(Fact):
    """The stored answer to an incident: drawn or not, and why (R2, R3)."""

    experiment: str
    version: int
    phase: int
    unit: str
    customer: str
    incident: str
    arm: str
    reason: str
    propensity: float | None
    entry: float
    holdout: float
    because: str
    delay_s: int | None
    due_at: datetime | None
    first: bool
    """Whether this is the unit's first randomised incident, which enters the analysis (R7)."""
    stratum: str | None = None
    """Where the allocation is balanced within strata: the unit's own (R3)."""
    block: int | None = None
    """Which permuted block of its stratum the unit filled a place of, from 0 (R3)."""
    timing: str | None = None
    """The level of timing drawn; in silence, the one whose moment is a shadow (R10)."""


@dataclass(frozen=True, kw_only=True)
class Remedy(Fact):
    """What was pinned to an assignment: the rendered text's hash and what is given (R6, R21).

    The text itself stands in the table of texts under ``text``, a random id.
    """

    assignment: str
    experiment: str
    customer: str
    arm: str
    locale: str | None
    text: str | None
    text_sha256: str | None
    compensation: str | None
    amount: int
    currency: str | None
    due_at: datetime
    channel: str | None = None
    """Where the arm says so; else the experiment's (R15)."""
    address: str | None = None
    """The text that holds the customer's address on the channel (R21)."""
    sender: str | None = None
    shift_s: int | None = None
    """By how much ``due_at`` is later than the design intended, and ``shifted_by`` what (R12)."""
    shifted_by: str | None = None
    """Apart by spaces: late, quiet_hours; zone_missing, zone_unknown where the zone is a guess."""
    awaits: str | None = None
    """What brings ``due_at`` forward: resolution, next_visit; if it never comes, it is given up."""
    zone: str | None = None
    """Where quiet hours are declared: the IANA zone that they were judged in."""
    leave_by: datetime | None = None
    """From then on it is too late to send it; of one that awaits, see ``due_moved``."""


@dataclass(frozen=True, kw_only=True)
class Delivery(Fact):
    """What became of a remedy at its due time (R13, R15).

    ``state``: sent, failed, suppressed, in_doubt; for silence would_send or would_suppress.
    ``reference``: what the channel calls it, by which a bounce is known.
    """

    assignment: str
    experiment: str
    customer: str
    arm: str
    channel: str
    state: str
    because: str = ""
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class Attempt(Fact):
    """A channel could not take a remedy: it is tried ``again_at``, or by hand only if None."""

    assignment: str
    experiment: str
    customer: str
    channel: str
    number: int
    because: str
    again_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Liability(Fact):
    """A step in the life of a compensation (R14).

    ``state``: reserved, committed, chosen, redeemed, released, expired, revoked. ``charged``: the
    budgets that hold it and one use, apart by spaces, as written when it was reserved; None where
    that was not written down yet. ``expires_days``: how long it can be used once committed or
    chosen. ``terms``: what :mod:`apologylab.remedy.terms` reads; None of a plain coupon.
    """

    assignment: str
    experiment: str
    customer: str
    arm: str
    compensation: str
    state: str
    amount: int
    currency: str
    charged: str | None = None
    expires_days: int | None = None
    because: str | None = None
    terms: str | None = None


@dataclass(frozen=True, kw_only=True)
class Order(Fact):
    """An order at list price before our coupons, and what was paid; returns are taken off (R16)."""

    customer: str
    list_amount: int
    paid_amount: int
    currency: str
    our_coupon: bool = False
    returned_amount: int = 0


@dataclass(frozen=True, kw_only=True)
class Redemption(Fact):
    """A customer used a compensation; ``cost_amount`` is its cost to the firm."""

    customer: str
    compensation: str
    amount: int
    cost_amount: int
    currency: str
    order: str | None = None
    assignment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Contact(Fact):
    """A customer wrote or called; or, where ``by`` is company, we did."""

    customer: str
    kind: str
    incident: str | None = None
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Goodwill(Fact):
    """Anything given outside the experiment, in any arm (R16)."""

    customer: str
    kind: str
    amount: int
    currency: str
    incident: str | None = None
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resolution(Fact):
    """How an incident was resolved."""

    incident: str
    customer: str
    resolved: bool
    took: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault(Fact):
    """Whose fault it was: company, third_party, customer, unknown."""

    incident: str
    by: str


@dataclass(frozen=True, kw_only=True)
class SurveyAnswer(Fact):
    """A customer answered a question."""

    customer: str
    question: str
    score: float | None = None
    incident: str | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerSnapshot(Fact):
    """What is known of a customer at a moment: since when they are one, consent, flags."""

    customer: str
    since: datetime | None = None
    consent: str | None = None
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Feed(Fact):
    """The feed of facts ``fact`` is complete through ``through`` (R20)."""

    fact: str
    through: datetime


@dataclass(frozen=True, kw_only=True)
class Started(Fact):
    """An experiment was started: the definition and the messages that it pins (R6, R32).

    ``messages``: ``factor/level.locale`` -> the fragment's source.
    """

    experiment: str
    version: int
    fingerprint: str
    declaration: str
    messages: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PhaseBegan(Fact):
    """A stretch with one allocation began (R6)."""

    experiment: str
    version: int
    phase: int
    entry: float
    weights: Fields


@dataclass(frozen=True, kw_only=True)
class Closed(Fact):
    """Enrolment closed for all arms: budget, or by hand (R5)."""

    experiment: str
    version: int
    phase: int
    because: str


@dataclass(frozen=True, kw_only=True)
class Halted(Fact):
    """A version was ended by hand beyond closing enrolment (R5).

    ``how``: drain (nothing new is drawn, what is owed still leaves) or kill (nothing leaves).
    """

    experiment: str
    version: int
    how: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Look(Fact):
    """An arm contrast was computed on a running experiment (R31).

    ``readings``: under a plan of looks, contrast -> [information, share of the final information]:
    what later looks are corrected by; None where there was no such plan.
    """

    experiment: str
    version: int
    as_of: datetime
    contrasts: int
    planned: bool
    readings: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class FallbackReport(Fact):
    """A caller gave the fallback because we did not answer (R11)."""

    experiment: str
    unit: str
    customer: str
    incident: str
    proposed: str
    given: str


@dataclass(frozen=True, kw_only=True)
class Forgotten(Fact):
    """A customer's personal rows were deleted (R21)."""

    customer: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Merged(Fact):
    """Two ids turned out to be one customer: ``customer`` is ``into`` from now on (R8)."""

    customer: str
    into: str
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Change(Fact):
    """Somebody changed something by hand; a chain of hashes shows if one is altered or removed.

    ``key`` is the number in the chain, ``follows`` the ``sha256`` of the change before, empty for
    the first; ``sha256`` is over all other fields.
    """

    experiment: str | None
    what: str
    by: str
    detail: Fields
    follows: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Correction(Fact):
    """An earlier fact was wrong; analysis reads the last correction (R18)."""

    fact: str
    corrects: str
    because: str
    fields: Fields


_ALL: tuple[type[Fact], ...] = (
    Incident, Assignment, Remedy, DueMoved, Delivery, Attempt, Liability, Order, Redemption,
    Contact, Goodwill, Resolution, Fault, SurveyAnswer, CustomerSnapshot, Feed, Started, PhaseBegan,
    Closed, Halted, Look, FallbackReport, Forgotten, Merged, Change, Correction, Complaint,
    Visit, Approval, Choice, Commitment, CommitmentEnded, SurveyDraw, AgentAnswer, Bounce,
    SignedOff, SameIncident,
)  # fmt: skip


def _kind(fact: type[Fact]) -> str:
    """``CustomerSnapshot`` is ``customer_snapshot``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", fact.__name__).lower()


KINDS: Mapping[str, type[Fact]] = MappingProxyType({_kind(each): each for each in _ALL})
"""Every kind of fact by its name on the command line, in JSON and in the ledger."""
