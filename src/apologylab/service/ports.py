"""The ports: what the use cases need of the world, as protocols. One contract suite each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from apologylab.design.experiment import Experiment
    from apologylab.inference.moments import MomentsSource
    from apologylab.record.facts import Fact, Remedy

F = TypeVar("F", bound="Fact")
Clock = Callable[[], datetime]
"""Now, aware and in UTC (R38)."""
Progress = Callable[[int], None]
"""Told how many more items are done."""


@dataclass(frozen=True, kw_only=True)
class LedgerIdentity:
    """Stored when a ledger is created, and never changed."""

    id: str
    environment: str
    simulated: bool


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What an append did: rows new, rows that stood already, keys that contradict what stands."""

    new: int
    same: int
    contradicting: tuple[str, ...] = ()


class Transaction(Protocol):
    """Inside the ledger's one write lock: what is read here cannot change before the commit."""

    def append(self, facts: Sequence[Fact]) -> Appended:
        """Append facts of any kinds; duplicates are skipped, contradictions reported."""
        ...

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """Facts of ``kind`` whose fields equal those given, in commit order."""
        ...

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """Facts of ``kind`` whose ``column`` is one of ``values``, in commit order; for batches."""
        ...

    def due(self, experiment: str, *, now: datetime, limit: int) -> list[Remedy]:
        """Remedies due by ``now`` that no delivery has settled, longest due first (R13, R15).

        A remedy, its assignment and its delivery share one key.
        """
        ...

    def put_text(self, text_id: str, body: str) -> None:
        """Store a rendered text under a random id (R21)."""
        ...

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """Those of the committed texts ``text_ids`` that were not forgotten."""
        ...

    def reserve(self, budget: str, amount: int, cap: int) -> bool:
        """Add ``amount`` to what ``budget`` has reserved, unless that would pass ``cap`` (R14)."""
        ...

    def release(self, budget: str, amount: int) -> None:
        """Take ``amount`` off what ``budget`` has reserved."""
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

    def content_hash(self) -> str:
        """SHA-256 over all facts by kind and key, without ``seq`` and ``recorded_at``."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a later call opens them again."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A remedy on its way out."""

    key: str
    customer: str
    experiment: str
    arm: str
    text: str | None
    locale: str | None
    compensation: str | None
    amount: int
    currency: str | None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The channel's word on one remedy: ``sent`` or ``failed``, with why."""

    key: str
    state: str
    because: str = ""


class Channel(Protocol):
    """Where remedies leave. Sending the same ``key`` twice has the effect of sending it once."""

    @property
    def name(self) -> str:
        """What a delivery fact calls it."""
        ...

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of ``keys`` it took before, so that a rerun after a crash knows (R15)."""
        ...

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Hand over a batch; answers in its order."""
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

    def fragments(self, experiment: Experiment) -> Mapping[tuple[str, str, str], str]:
        """(factor, level, locale) -> fragment source, for every file under ``messages/``."""
        ...


ByPhase = Mapping[int, Mapping[str, int]]
"""Phase -> arm -> units."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Units of a panel on their way to the analysis (R20).

    ``mature`` has, for each outcome, the units that can be measured by now; ``delivered`` by arm,
    None where nothing is known of deliveries.
    """

    assigned: ByPhase
    mature: Mapping[str, ByPhase]
    delivered: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()


class Panel(Protocol):
    """One row a randomised unit, held by an engine."""

    @property
    def source(self) -> MomentsSource:
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
