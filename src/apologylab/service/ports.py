"""The ports: what the use cases need of the world, as protocols. One contract suite each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from apologylab.design.experiment import Experiment
    from apologylab.inference.sets import Drawn, SetTotals
    from apologylab.inference.slice_checks import Sliced
    from apologylab.inference.source import Source
    from apologylab.record.facts import Fact, Remedy
    from apologylab.remedy.lint.language import Language
    from apologylab.service.asked import Asked
    from apologylab.service.beside import Beside

F = TypeVar("F", bound="Fact")
Clock = Callable[[], datetime]
"""Now, aware and in UTC (R38)."""
Progress = Callable[[int], None]
"""Told how many more items are done."""


@dataclass(frozen=True, kw_only=True)
class LedgerIdentity:
    """Stored when a ledger is created, and never changed.

    ``secret`` makes the ids of texts: nobody who does not know it can guess one (R21).
    """

    id: str
    environment: str
    simulated: bool
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What an append did: rows new, rows that stood already, keys that contradict what stands."""

    new: int
    same: int
    contradicting: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a budget has reserved in minor units and in uses, and the label it is sealed with."""

    reserved: int = 0
    uses: int = 0
    sealed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What a transaction adds to one budget, if before it no more than ``at_most`` stands there.

    ``uses_at_most`` bounds the uses alike; ``unless_sealed`` is a label that must not be on it. A
    batch that may need more than it takes asks for room for all of it, and adds what it took (R14).
    """

    budget: str
    amount: int = 0
    uses: int = 0
    at_most: int | None = None
    uses_at_most: int | None = None
    unless_sealed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A remedy that one worker may handle until its lease ends (R15).

    ``attempts`` failed before. ``handed`` says that a worker was about to give it to the channel
    and never told what came of it.
    """

    remedy: Remedy
    attempts: int
    handed: bool


@dataclass(frozen=True, kw_only=True)
class Postponed:
    """A claimed remedy goes back into the queue until ``again_at``; None makes it a dead letter.

    ``handed`` says that the channel may have taken it all the same: it stays handed over (R15).
    """

    key: str
    again_at: datetime | None
    because: str
    handed: bool = False


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What a remedy awaits has come at the time ``came_at``, or had come before it."""

    remedy: Remedy
    came_at: datetime


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A remedy that waits for a person; ``handed`` says that the channel may have taken it."""

    remedy: Remedy
    attempts: int
    because: str
    handed: bool = False


class Transaction(Protocol):
    """A unit of work on the ledger: all of it is stored, or nothing.

    Some ledgers let one transaction write at a time, others many at once. What must not change
    between reading it and the commit is locked first, in this order: names by :meth:`lock`, the
    shared ones before the others, all in one call each; budgets last. Whoever keeps that order
    never waits in a circle.
    """

    def lock(self, names: Sequence[str], *, shared: bool = False) -> None:
        """Keep others from ``names`` until the commit; ``shared`` keeps out only those who do not.

        A name is any text that stands for something: ``customer/c1``, ``experiment/late_ride``.
        They are taken in one order whatever theirs, so two batches never wait for each other.
        """
        ...

    def append(self, facts: Sequence[Fact]) -> Appended:
        """Append facts of any kinds; duplicates are skipped, contradictions reported."""
        ...

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """Facts of ``kind`` whose fields equal those given, in commit order."""
        ...

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """Facts of ``kind`` whose ``column`` is one of ``values``, in commit order; for batches."""
        ...

    def expect(self, asked: Sequence[Asked], budgets: Sequence[str] = ()) -> None:
        """What is asked next, of facts and of where ``budgets`` stand: read at once if far away."""
        ...

    def claim(  # noqa: PLR0913 - what, by whom, until when and how much
        self,
        experiment: str,
        *,
        holder: str,
        now: datetime,
        until: datetime,
        limit: int,
        due_by: datetime | None = None,
        channel: str | None = None,
        unnamed: str | None = None,
    ) -> list[Claimed]:
        """Take remedies due by ``now`` that nobody holds, longest due first (R13, R15).

        They are ``holder``'s until ``until``; after that anyone may claim them. Left out are those
        with a delivery, those postponed to later than ``now`` and dead letters. A remedy, its
        assignment and its delivery share one key. Workers that claim at once never get the same.
        With ``due_by``, it says instead of ``now`` what is due and what is postponed to later; a
        kill takes all that waits. Whether a lease is over, ``now`` says. With ``channel``, only
        those that leave through it; one that names no channel leaves through ``unnamed``.
        """
        ...

    def hand_over(self, keys: Sequence[str], *, holder: str) -> frozenset[str]:
        """Note that ``holder`` is about to give ``keys`` to the channel; those it still holds."""
        ...

    def postpone(self, waits: Sequence[Postponed], *, holder: str) -> frozenset[str]:
        """Count a failed attempt and let go of ``waits``; the keys that ``holder`` still held.

        What was handed over is not any more, unless its ``handed`` says that it stays so.
        """
        ...

    def put_off(self, until: Mapping[str, datetime], *, holder: str) -> None:
        """Let go of claimed remedies until then; no failure is counted, handed stays so."""
        ...

    def arrived(
        self, experiment: str, *, limit: int, among: Sequence[str] | None = None
    ) -> list[Arrived]:
        """Remedies that await what has come since their incident and before they are given up.

        A resolution that resolved the incident; a visit of the customer after it, by their own id
        or one merged with it. Left out are those brought forward or handed over, and those that
        another transaction moves or claims at the moment. With ``among``, only those keys.
        """
        ...

    def bring_forward(self, due: Mapping[str, datetime]) -> None:
        """Remedies are due then and await nothing more, but for those that were handed over."""
        ...

    def let_go(self, keys: Sequence[str], *, holder: str) -> None:
        """Give claimed remedies back untouched."""
        ...

    def dead_letters(self, experiment: str) -> list[DeadLetter]:
        """Remedies of ``experiment`` that are not tried any more, longest due first."""
        ...

    def revive(self, keys: Sequence[str]) -> int:
        """Put dead letters back, due at once with no attempts; how many. Handed stays so."""
        ...

    def undelivered(self, experiment: str) -> int:
        """How many remedies of ``experiment`` have no delivery yet, due or not."""
        ...

    def put_text(self, text_id: str, body: str) -> None:
        """Store a rendered text under a random id (R21)."""
        ...

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """Those of the committed texts ``text_ids`` that were not forgotten."""
        ...

    def forget_texts(self, text_ids: Sequence[str]) -> int:
        """Delete texts for good; how many were there (R21)."""
        ...

    def standing(self, budgets: Sequence[str], *, locked: bool = False) -> Mapping[str, Standing]:
        """Where each of ``budgets`` stands; ``locked`` keeps it so until the commit (R14)."""
        ...

    def charge(self, charges: Sequence[Charge]) -> bool:
        """Add all ``charges``, or none if one of them may not be: budgets are locked here (R14)."""
        ...

    def release(self, budget: str, amount: int, uses: int = 0) -> None:
        """Take ``amount`` and ``uses`` off what ``budget`` has reserved.

        Raises:
            LedgerError: it holds less; nothing was taken.
        """
        ...

    def seal(self, budget: str, label: str | None) -> None:
        """Put ``label`` on a budget, so that charges which name it fail; None takes it off."""
        ...

    def counters(self, names: Sequence[str]) -> Mapping[str, int]:
        """The counters ``names``; 0 for one that was never advanced. Lock them first."""
        ...

    def advance(self, steps: Mapping[str, int]) -> None:
        """Add to counters."""
        ...


class Ledger(Protocol):
    """Append-only facts with idempotency keys and reads as of a mark (R18)."""

    @property
    def identity(self) -> LedgerIdentity:
        """Which ledger this is."""
        ...

    def transaction(self, *, recorded_at: datetime) -> AbstractContextManager[Transaction]:
        """One transaction: all of it is durable on leaving, or none of it happened."""
        ...

    def append_rows(
        self, kind: type[Fact], rows: Sequence[tuple[object, ...]], *, recorded_at: datetime
    ) -> Appended:
        """Bulk append of one kind; a row holds the fields' values in their declared order."""
        ...

    def mark(self, as_of: datetime) -> int:
        """The last ``seq`` recorded by ``as_of``; written once, so it never changes (R18)."""
        ...

    def read(self, kind: type[F], *, mark: int | None = None, **equal: object) -> Iterator[F]:
        """Facts of ``kind`` in commit order, up to ``mark``, whose fields equal those given."""
        ...

    def count(self, kind: type[Fact], *, mark: int | None = None, **equal: object) -> int:
        """How many :meth:`read` would give."""
        ...

    def text(self, text_id: str) -> str | None:
        """A rendered text, or None if it was forgotten."""
        ...

    def reserved(self, budget: str) -> int:
        """Minor units that ``budget`` has reserved."""
        ...

    def budgets(self, prefix: str) -> Mapping[str, Standing]:
        """Every budget whose name begins with ``prefix``."""
        ...

    def content_hash(self) -> str:
        """SHA-256 over all facts by kind and key, without ``seq`` and ``recorded_at``."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a later call opens them again."""
        ...


class Catalogue(Protocol):
    """The experiments folder."""

    def names(self) -> tuple[str, ...]:
        """All declared experiments."""
        ...

    def experiment(self, name: str) -> Experiment:
        """Read and check one; ``name`` is a name, a folder or a file.

        Raises:
            NotFoundError: there is none.
            DeclarationError: it has mistakes.
        """
        ...

    def source(self, name: str) -> str:
        """The declaration's text as it stands; ``start`` pins it (R6)."""
        ...

    def read(self, source: str) -> Experiment:
        """Read a declaration as ``start`` pinned it.

        Raises:
            DeclarationError: this version cannot read it.
        """
        ...

    def fragments(self, experiment: Experiment) -> Mapping[tuple[str, str, str], str]:
        """(factor, level, locale) -> fragment source, for every file under ``messages/``."""
        ...

    def languages(self, locales: Sequence[str]) -> Mapping[str, Language]:
        """Locale -> its rules of wordings, of those ``locales`` that have any."""
        ...


ByPhase = Mapping[int, Mapping[str, int]]
"""Phase -> arm -> units."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Units on their way to the analysis (R20); the ``mature`` can be measured by now."""

    assigned: ByPhase
    mature: Mapping[str, ByPhase]
    delivered: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
    sets: SetTotals | None = None
    order: Mapping[int, Drawn] = field(default_factory=dict)
    sliced: Sliced | None = None
    beside: Beside | None = None


class Panel(Protocol):
    """One row a randomised unit, held by an engine."""

    @property
    def source(self) -> Source:
        """Moments of its columns."""
        ...

    @property
    def columns(self) -> frozenset[str]:
        """All its columns."""
        ...

    @property
    def covariates(self) -> tuple[str, ...]:
        """The covariates asked for, with an indicator after each that some units lack (R22)."""
        ...

    def flow(self) -> Flow:
        """Who is in it; cheap after a scan, so ask for moments first.

        Raises:
            InputError: units stand in arms that the design does not have, or an arm has none.
        """
        ...
