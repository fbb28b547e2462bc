"""Record what happened: a file, or rows at hand, into the ledger (R18, R20).

Good rows land in batches, each one transaction; keys make a rerun after any crash change nothing.
A row that cannot be understood, or that contradicts what stands under its key, is handed to
``rejects`` with the reason and never changes what stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from apologylab.errors import InputError
from apologylab.record.columns import columns, kind_of
from apologylab.record.facts import KINDS, Fact, Feed
from apologylab.record.integrity import (
    FIELDS_PREFIX,
    RECORDABLE,
    Reader,
)
from apologylab.record.taxonomy import Taxonomy
from apologylab.record.values import Reading, local_time
from apologylab.service.again import again
from apologylab.service.landing import Landed, Meant, land
from apologylab.service.ports import Appended
from apologylab.service.vetting import vetted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from apologylab.record.integrity import Understood
    from apologylab.service.ports import Ledger, Progress

ROWS_AT_ONCE: Final = 50_000
_EXAMPLES: Final[Mapping[str, str]] = {
    "agent": "agent-7",
    "department": "courier", "asked_for": "refund", "told": "2", "escalated": "false",
    "lost_minutes": "45", "lost_amount": "12.50",
    "did": "said",
    "chosen": "usd5",
    "kept": "true",
    "hard": "true",
    "occurred_at": "2026-05-01T14:30:00+02:00", "customer": "c-17",
    "currency": "EUR", "list_amount": "25.00", "paid_amount": "20.00", "returned_amount": "0.00",
    "amount": "5.00", "cost_amount": "3.20", "our_coupon": "false", "order": "order-1001",
    "incident": "incident-9", "assignment": "a-5", "cause": "outage-3", "kind": "late_delivery",
    "fields": '{"minutes_late": 25}', "compensation": "usd5", "by": "company", "score": "4",
    "question": "how_satisfied", "resolved": "true", "took": "refund", "consent": "service",
    "since": "2024-01-31T09:00:00+01:00", "experiment": "late_ride_apology",
    "arm": "basic+usd5@1h", "channel": "email", "state": "sent", "because": "keyed twice",
    "fact": "order", "corrects": "order-1001", "into": "c-4",
}  # fmt: skip


_EXAMPLES_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "commitment_ended": {
        "key": "late_ride_apology/incident-9/promise",
        "assignment": "late_ride_apology/incident-9", "because": "the courier was told",
    },
    "complaint": {"kind": "waiting", "incident": "", "fields": "{}"},
    "contact": {"kind": "call", "by": "customer"},
    "goodwill": {"kind": "credit", "by": "agent-7", "reason": "asked_twice"},
}  # fmt: skip
"""Where another example fits a kind better."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of a file as raw columns; ``broken``: places of lines that are no rows, and why."""

    columns: Mapping[str, Sequence[object]]
    places: Sequence[int]
    broken: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One row that did not land."""

    place: int
    reason: str
    values: Mapping[str, object]


class FactFile(Protocol):
    """A file of facts, whatever its format."""

    columns: tuple[str, ...]

    def batches(self) -> Iterator[Batch]:
        """Its rows, from the first on."""
        ...

    def expected(self) -> int:
        """About how many rows there are, for a progress display."""
        ...


class Rejects(Protocol):
    """Where refused rows go."""

    def write(self, columns: Sequence[str], refused: Sequence[Refused]) -> None:
        """Add rows; called only when there are some."""
        ...


@dataclass(kw_only=True)
class Recorded:
    """What a recording did; ``contradicting`` rows are among the ``rejected``."""

    kind: str
    rows: int = 0
    new: int = 0
    same: int = 0
    rejected: int = 0
    contradicting: int = 0
    reasons: list[tuple[int, str]] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    feed_through: datetime | None = None
    opened: int = 0
    """Incidents that complaints opened."""
    matched: int = 0
    """Incidents that a complaint had opened before operations told of them."""

    def add(self, landed: Landed, refused: Sequence[Refused]) -> None:
        """Count one batch; the first reasons are kept to be shown."""
        appended = landed.appended
        self.opened += landed.opened
        self.matched += landed.matched
        self.rows += appended.new + appended.same + len(refused)
        self.new += appended.new
        self.same += appended.same
        self.contradicting += len(appended.contradicting)
        self.rejected += len(refused)
        self.reasons += [(row.place, row.reason) for row in refused[: 5 - len(self.reasons)]]


def recordable(kind: str) -> type[Fact]:
    """The fact called ``kind``, if a file may bring it.

    Raises:
        InputError: it is unknown, or written by apologylab itself.

    >>> recordable("order").__name__
    'Order'
    """
    if kind not in RECORDABLE:
        what = "is written by apologylab itself" if kind in KINDS else "is no kind of fact"
        raise InputError(f"{kind!r} {what}", do=f"give one of {', '.join(RECORDABLE)}")
    return KINDS[kind]


def template(kind: type[Fact]) -> tuple[list[str], list[str]]:
    """The header of a file of ``kind``, and one row as an example."""
    names = [column.name for column in columns(kind)]
    name = kind_of(kind)
    examples = {"key": f"{name}-1001", **_EXAMPLES, **_EXAMPLES_OF.get(name, {})}
    return names, [examples.get(name, "") for name in names]


def record_file(  # noqa: PLR0913 - the file, how it is meant, and where each part goes
    ledger: Ledger,
    kind: type[Fact],
    file: FactFile,
    *,
    mapping: Mapping[str, str],
    reading: Reading,
    rejects: Rejects,
    now: datetime,
    progress: Progress,
    meant: Meant | None = None,
) -> Recorded:
    """Record the rows of ``file``; ``mapping`` names the file's column for a field.

    ``meant`` is the company's taxonomy, by which incidents and complaints are judged, and the
    fields of incidents that only texts need: they are kept out of the facts.

    Raises:
        InputError: a field or column in ``mapping`` is unknown, or a needed column is missing.
    """
    wanted = plan_columns(kind, file.columns, mapping, reading)
    recorded = Recorded(kind=kind_of(kind), ignored=_ignored(file.columns, wanted))
    reader, meant = Reader(kind, reading), meant or Meant()
    for batch in file.batches():
        understood = reader(_chosen(batch, wanted), places=batch.places)
        understood = vetted(kind, understood, meant.taxonomy, currency=reading.currency)
        landed = land(ledger, kind, understood, meant, now)
        refused = _refused(batch, understood, landed.wrong)
        if refused:
            rejects.write(file.columns, refused)
        recorded.add(landed, refused)
        progress(len(batch.places) + len(batch.broken))
    return recorded


def preview_file(
    kind: type[Fact],
    file: FactFile,
    *,
    mapping: Mapping[str, str],
    reading: Reading,
    taxonomy: Taxonomy | None = None,
    rows: int = 5,
) -> tuple[list[tuple[object, ...]], list[tuple[int, str]]]:
    """The first rows as they would be recorded, and what is wrong with the others before them."""
    wanted = plan_columns(kind, file.columns, mapping, reading)
    reader = Reader(kind, reading)
    for batch in file.batches():
        understood = reader(_chosen(batch, wanted), places=batch.places)
        words = taxonomy or Taxonomy()
        understood = vetted(kind, understood, words, currency=reading.currency)
        problems = sorted([*understood.problems.items(), *batch.broken])
        return understood.rows[:rows], problems[:rows]
    return [], []


def record_rows(
    ledger: Ledger,
    kind: type[Fact],
    rows: Sequence[tuple[object, ...]],
    *,
    now: datetime,
    progress: Progress | None = None,
) -> Appended:
    """Append rows at hand: values in the order of the fact's fields, trusted to be clean.

    A time is aware, or integer microseconds since 1970 in UTC. Batches of 50,000 are one
    transaction each.
    """
    new, same = 0, 0
    contradicting: list[str] = []
    for first in range(0, len(rows), ROWS_AT_ONCE):
        batch = rows[first : first + ROWS_AT_ONCE]
        done = again(partial(ledger.append_rows, kind, batch, recorded_at=now))
        new, same = new + done.new, same + done.same
        contradicting += done.contradicting
        if progress:
            progress(len(batch))
    return Appended(new=new, same=same, contradicting=tuple(contradicting))


def complete_through(
    ledger: Ledger, kind: type[Fact], through: datetime, *, now: datetime
) -> Appended:
    """Say that all facts of ``kind`` up to ``through`` are recorded (R20); twice is as once.

    Raises:
        InputError: ``through`` has not come yet, so nobody can know.
    """
    through = through.astimezone(UTC)
    refuse_future(through, now)
    feed = Feed(
        key=f"{kind_of(kind)}/{through.isoformat()}",
        occurred_at=through,
        fact=kind_of(kind),
        through=through,
    )
    with ledger.transaction(recorded_at=now) as transaction:
        return transaction.append([feed])


def refuse_future(through: datetime, now: datetime) -> None:
    """Refuse to call a feed complete through a time that has not come.

    Raises:
        InputError: ``through`` is later than ``now``.
    """
    if through > now:
        raise InputError(
            f"facts cannot be complete through {through.isoformat()}, which has not come",
            do="give the last day that is over",
        )


def end_of(text: str, zone: tzinfo | None) -> datetime:
    """The moment that ``--complete-through`` means: a date means the end of that day.

    >>> str(end_of("2026-05-01", UTC)), str(end_of("2026-05-01T12:00Z", None))
    ('2026-05-02 00:00:00+00:00', '2026-05-01 12:00:00+00:00')

    Raises:
        InputError: the text is no date and no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no date", do="write it like 2026-05-01") from None
    try:
        moment += timedelta(days=len(text) <= len("2026-05-01"))
        return local_time(moment, zone)
    except OverflowError:
        raise InputError(f"{text} is out of range", do="correct it") from None
    except InputError as refused:
        raise InputError(f"{text} {refused}") from None


def plan_columns(
    kind: type[Fact], present: Sequence[str], mapping: Mapping[str, str], reading: Reading
) -> dict[str, str]:
    """Field -> the file's column.

    Raises:
        InputError: ``mapping`` names what is not there, or a needed column is missing.

    >>> plan_columns(KINDS["fault"], ["id", "occurred_at", "incident", "by"], {"key": "id"},
    ...              Reading())
    {'key': 'id', 'occurred_at': 'occurred_at', 'incident': 'incident', 'by': 'by'}
    """
    _refuse_mapping(kind, present, mapping)
    extra = [name for name in present if name.startswith(FIELDS_PREFIX)]
    names = [column.name for column in columns(kind)]
    if "fields" in names:
        names += [name for name in (*mapping, *extra) if name.startswith(FIELDS_PREFIX)]
    wanted = {name: mapping.get(name, name) for name in names}
    wanted = {name: column for name, column in wanted.items() if column in present}
    missing = [column.name for column in columns(kind) if column.required]
    missing = [name for name in missing if name not in wanted]
    if reading.currency:
        missing = [name for name in missing if name != "currency"]
    if missing:
        raise _missing(kind, missing, present)
    return wanted


def _refuse_mapping(kind: type[Fact], present: Sequence[str], mapping: Mapping[str, str]) -> None:
    known = [column.name for column in columns(kind)]
    for name, column in mapping.items():
        entry = "fields" in known and name.startswith(FIELDS_PREFIX)
        if name not in known and not entry:
            raise InputError(f"{kind_of(kind)} has no {name!r}", do=f"map {', '.join(known)}")
        if column not in present:
            raise InputError(
                f"the file has no column {column!r}", do=f"it has {', '.join(present)}"
            )


def _missing(kind: type[Fact], missing: Sequence[str], present: Sequence[str]) -> InputError:
    """Name what is missing, with a mapping to try."""
    likely = {f"{kind_of(kind)}_id", f"{kind_of(kind)}id", "id", "uuid"}
    column = next((name for name in present if name.lower() in likely), "YOUR_COLUMN")
    tries = [f"{name}={column if name == 'key' else 'YOUR_COLUMN'}" for name in missing]
    hint = " or --currency EUR" if "currency" in missing else ""
    return InputError(
        f"no column gives {', '.join(missing)}; the file has {', '.join(present) or 'none'}",
        do=f"--map {','.join(tries)}{hint}",
    )


def _ignored(present: Sequence[str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    used = {*wanted.values(), "line", "reason"}
    return tuple(name for name in present if name not in used)


def _chosen(batch: Batch, wanted: Mapping[str, str]) -> dict[str, Sequence[object]]:
    """The batch's columns under the fields' names; one that this batch lacks is all empty."""
    empty = [None] * len(batch.places)
    return {name: batch.columns.get(column, empty) for name, column in wanted.items()}


def _refused(
    batch: Batch, understood: Understood, contradictions: Mapping[int, str]
) -> list[Refused]:
    """All rows of a batch that did not land, in the order of the file."""
    reasons = {**understood.problems, **contradictions}
    if not reasons and not batch.broken:
        return []
    at = {place: index for index, place in enumerate(batch.places)}
    rows = [
        Refused(
            place=place,
            reason=reason,
            values={name: values[at[place]] for name, values in batch.columns.items()},
        )
        for place, reason in reasons.items()
    ]
    rows += [Refused(place=place, reason=reason, values={}) for place, reason in batch.broken]
    return sorted(rows, key=lambda row: row.place)
