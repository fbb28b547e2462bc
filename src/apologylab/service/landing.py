"""Append the rows of a file that were understood, and say which of them contradict what stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from apologylab.record.columns import columns, kind_of
from apologylab.record.facts import Incident
from apologylab.service.again import again
from apologylab.service.ports import Appended
from apologylab.service.withholding import append_withheld, part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.record.facts import Fact
    from apologylab.record.integrity import Understood
    from apologylab.service.ports import Ledger


def land(
    ledger: Ledger,
    kind: type[Fact],
    understood: Understood,
    said: Mapping[str, frozenset[str]],
    now: datetime,
) -> tuple[Appended, dict[int, str]]:
    """Append what was understood; gives place -> why a row contradicts what stands."""
    if not understood.rows:
        return Appended(new=0, same=0), {}
    if kind is Incident and any(said.values()):
        return again(partial(_append_incidents, ledger, understood, said, now))
    appended = again(partial(ledger.append_rows, kind, understood.rows, recorded_at=now))
    return appended, _contradictions(ledger, kind, understood, appended, now)


def _append_incidents(
    ledger: Ledger, understood: Understood, said: Mapping[str, frozenset[str]], now: datetime
) -> tuple[Appended, dict[int, str]]:
    """As :func:`land`, for incidents, without what only texts need (R21)."""
    names = [column.name for column in columns(Incident)]
    told = [Incident(**dict(zip(names, row, strict=True))) for row in understood.rows]  # type: ignore[arg-type]
    kept, out = part(told, said)
    with ledger.transaction(recorded_at=now) as work:
        appended, differing = append_withheld(work, ledger.identity, kept, out)
    rows = [tuple(getattr(each, name) for name in names) for each in kept]
    parted = replace(understood, rows=rows)
    wrong = _contradictions(ledger, Incident, parted, appended, now)
    for place, each in zip(understood.places, kept, strict=True):
        if each.key in differing:
            wrong[place] = "its fields for texts differ from those recorded under this key"
    refused = tuple(each.key for each in kept if each.key in {*appended.contradicting, *differing})
    same = appended.same - len(differing)
    return Appended(new=appended.new, same=same, contradicting=refused), wrong


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
