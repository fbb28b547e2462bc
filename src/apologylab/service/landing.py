"""Append the rows of a file that were understood, and say which of them contradict what stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from apologylab.record.columns import columns, kind_of
from apologylab.record.facts import Fact, Incident
from apologylab.record.later_facts import AgentAnswer, CommitmentEnded, Complaint, SameIncident
from apologylab.record.taxonomy import Taxonomy
from apologylab.service.again import again
from apologylab.service.agent_answers import answers_of_the_drawn
from apologylab.service.commitments import take_ends
from apologylab.service.complaints import take_complaints
from apologylab.service.matching import called, same_as_opened
from apologylab.service.ports import Appended
from apologylab.service.withholding import append_withheld, part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apologylab.record.integrity import Understood
    from apologylab.service.ports import Ledger

F = TypeVar("F", bound=Fact)
AT_ONCE: Final = 1_000
"""Rows whose customers are locked together: a server keeps room for some thousand locks."""


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What a company means by its incidents: ``said`` are fields that only texts need (R21)."""

    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    said: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Landed:
    """What an append did; ``wrong``: place -> how its row contradicts what stands.

    ``opened`` incidents were opened by complaints; ``matched`` had been, when operations told them.
    """

    appended: Appended
    wrong: Mapping[int, str] = field(default_factory=dict)
    opened: int = 0
    matched: int = 0


def land(
    ledger: Ledger, kind: type[Fact], understood: Understood, meant: Meant, now: datetime
) -> Landed:
    """Append what was understood; a complaint finds or opens its incident."""
    if not understood.rows:
        return Landed(appended=Appended(new=0, same=0))
    if kind is Complaint:
        return _in_turn(partial(_append_complaints, ledger), understood, meant, now)
    if kind is AgentAnswer:
        return _in_turn(partial(_append_answers, ledger), understood, meant, now)
    if kind is CommitmentEnded:
        return _in_turn(partial(_append_ends, ledger), understood, meant, now)
    if kind is Incident and (any(meant.said.values()) or ledger.count(Complaint)):
        return _in_turn(partial(_append_incidents, ledger), understood, meant, now)
    appended = again(partial(ledger.append_rows, kind, understood.rows, recorded_at=now))
    return Landed(appended=appended, wrong=_contradictions(ledger, kind, understood, appended, now))


def _in_turn(
    append: Callable[[Understood, Meant, datetime], Landed],
    understood: Understood,
    meant: Meant,
    now: datetime,
) -> Landed:
    """Append some rows a transaction: each holds the locks of their customers."""
    found = []
    for first in range(0, len(understood.rows), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        piece = replace(understood, rows=understood.rows[some], places=understood.places[some])
        found.append(again(partial(append, piece, meant, now)))
    return Landed(
        appended=Appended(
            new=sum(each.appended.new for each in found),
            same=sum(each.appended.same for each in found),
            contradicting=tuple(key for each in found for key in each.appended.contradicting),
        ),
        wrong={place: why for each in found for place, why in each.wrong.items()},
        opened=sum(each.opened for each in found),
        matched=sum(each.matched for each in found),
    )


def _facts(kind: type[F], rows: Sequence[tuple[object, ...]]) -> list[F]:
    names = [column.name for column in columns(kind)]
    return [kind(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[arg-type]


def _append_complaints(
    ledger: Ledger, understood: Understood, meant: Meant, now: datetime
) -> Landed:
    """As :func:`land`, for complaints."""
    told = _facts(Complaint, understood.rows)
    with ledger.transaction(recorded_at=now) as work:
        taken = take_complaints(
            work, ledger.identity, told, taxonomy=meant.taxonomy, said=meant.said
        )
    settled = _as(taken.complaints, understood)
    wrong = _contradictions(ledger, Complaint, settled, taken.appended, now)
    return Landed(appended=taken.appended, wrong=wrong, opened=taken.opened)


def _append_answers(ledger: Ledger, understood: Understood, meant: Meant, now: datetime) -> Landed:
    """As :func:`land`, for what agents answered."""
    del meant
    with ledger.transaction(recorded_at=now) as work:
        told = answers_of_the_drawn(work, _facts(AgentAnswer, understood.rows))
        appended = work.append(told)
    wrong = _contradictions(ledger, AgentAnswer, _as(told, understood), appended, now)
    return Landed(appended=appended, wrong=wrong)


def _append_ends(ledger: Ledger, understood: Understood, meant: Meant, now: datetime) -> Landed:
    """As :func:`land`, for how commitments ended."""
    del meant
    told = _facts(CommitmentEnded, understood.rows)
    with ledger.transaction(recorded_at=now) as work:
        appended, strange = take_ends(work, told)
    wrong = _contradictions(ledger, CommitmentEnded, understood, appended, now)
    for place, each in zip(understood.places, told, strict=True):
        if each.key in strange:
            wrong[place] = "its key is no commitment of this customer: see `apologylab commitments`"
    return Landed(appended=appended, wrong=wrong)


def _append_incidents(
    ledger: Ledger, understood: Understood, meant: Meant, now: datetime
) -> Landed:
    """As :func:`land`, for incidents, without what only texts need (R21).

    What a complaint had opened is not appended again, but as another name of what stands.
    """
    kept, out = part(_facts(Incident, understood.rows), meant.said)
    with ledger.transaction(recorded_at=now) as work:
        work.lock(sorted({f"customer/{each.customer}" for each in kept}))
        stands = same_as_opened(work, kept)
        own = [each for each in kept if each.key not in stands]
        fresh = {key: text for key, text in out.items() if key not in stands}
        appended, differing = append_withheld(work, ledger.identity, own, fresh)
        matched = work.append(
            [called(each, stands[each.key]) for each in kept if each.key in stands]
        )
    wrong = _contradictions(ledger, Incident, _as(kept, understood), appended, now)
    told = [called(each, stands.get(each.key, "")) for each in kept]
    wrong |= _contradictions(ledger, SameIncident, _as(told, understood), matched, now)
    for place, each in zip(understood.places, kept, strict=True):
        if each.key in differing:
            wrong[place] = "its fields for texts differ from those recorded under this key"
    refused = {*appended.contradicting, *matched.contradicting, *differing}
    together = Appended(
        new=appended.new + matched.new,
        same=appended.same + matched.same - len(differing),
        contradicting=tuple(each.key for each in kept if each.key in refused),
    )
    return Landed(appended=together, wrong=wrong, matched=matched.new)


def _as(facts: Sequence[Fact], understood: Understood) -> Understood:
    """The same places with other rows: those of ``facts``."""
    names = [column.name for column in columns(type(facts[0]))]
    rows = [tuple(getattr(each, name) for name in names) for each in facts]
    return replace(understood, rows=rows)


def _contradictions(
    ledger: Ledger, kind: type[Fact], understood: Understood, appended: Appended, now: datetime
) -> dict[int, str]:
    """Place -> how the row there differs from the fact that stands under its key."""
    if not appended.contradicting:
        return {}
    keys = set(appended.contradicting)
    with ledger.transaction(recorded_at=now) as transaction:
        stands = {
            fact.key: tuple(getattr(fact, column.name) for column in columns(kind))
            for fact in transaction.find_among(kind, "key", sorted(keys))
        }
    found = {}
    for place, row in zip(understood.places, understood.rows, strict=True):
        standing = stands.get(str(row[0])) if row[0] in keys else None
        if standing is not None and standing != row:
            found[place] = _difference(kind, row, standing)
    return found


def _difference(kind: type[Fact], row: tuple[object, ...], stands: tuple[object, ...]) -> str:
    parts = [
        f"{column.name} is {_written(new)}, stands as {_written(old)}"
        for column, new, old in zip(columns(kind), row, stands, strict=True)
        if new != old
    ]
    return f"contradicts the {kind_of(kind)} under this key: {', '.join(parts)}"


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
