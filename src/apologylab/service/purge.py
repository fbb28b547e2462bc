"""Delete texts that were kept for as long as the project declares (R21)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from apologylab.record.facts import Delivery, Incident, Remedy
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.text_ids import text_id, text_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from apologylab.service.ports import Ledger, Progress, Transaction

BATCH: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Purged:
    """How many texts went, or would go: of remedies, and of incidents for texts to come.

    ``before`` is the end of what was kept long enough; ``done`` is false for a dry run.
    """

    before: datetime
    remedies: int
    incidents: int
    done: bool


def purge(
    ledger: Ledger,
    *,
    keep_days: int,
    dry_run: bool,
    by: str,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Purged:
    """Delete the texts of remedies delivered, and of incidents that happened, too long ago.

    A remedy that was not delivered keeps its text. Facts are never deleted. What will go is noted
    before it goes, so a run that was cut off left its note, and the next one finishes it.
    """
    before = now - timedelta(days=keep_days)
    planned = _sweep(ledger, before, now, progress, dry_run=True)
    if dry_run or not planned.remedies + planned.incidents:
        return planned
    again(partial(_write_down, ledger, planned, by, now))
    return _sweep(ledger, before, now, progress, dry_run=False)


def _sweep(
    ledger: Ledger, before: datetime, now: datetime, progress: Progress, *, dry_run: bool
) -> Purged:
    remedies = incidents = 0
    for keys in _batches(_delivered(ledger, before)):
        remedies += again(partial(_purge_remedies, ledger, keys, now, dry_run=dry_run))
        progress(len(keys))
    for keys in _batches(_happened(ledger, before)):
        ids = [text_id(ledger.identity, "incident", key) for key in keys]
        incidents += again(partial(_purge_ids, ledger, ids, now, dry_run=dry_run))
        progress(len(keys))
    return Purged(before=before, remedies=remedies, incidents=incidents, done=not dry_run)


def _delivered(ledger: Ledger, before: datetime) -> Iterator[str]:
    return (each.key for each in ledger.read(Delivery) if each.occurred_at < before)


def _happened(ledger: Ledger, before: datetime) -> Iterator[str]:
    return (each.key for each in ledger.read(Incident) if each.occurred_at < before)


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(keys, BATCH)):
        yield batch


def _purge_remedies(ledger: Ledger, keys: Sequence[str], now: datetime, *, dry_run: bool) -> int:
    with ledger.transaction(recorded_at=now) as work:
        ids = text_ids(work.find_among(Remedy, "key", keys))
        return _drop(work, ids, dry_run=dry_run)


def _purge_ids(ledger: Ledger, ids: Sequence[str], now: datetime, *, dry_run: bool) -> int:
    with ledger.transaction(recorded_at=now) as work:
        return _drop(work, ids, dry_run=dry_run)


def _drop(work: Transaction, ids: Sequence[str], *, dry_run: bool) -> int:
    return len(work.texts(ids)) if dry_run else work.forget_texts(ids)


def _write_down(ledger: Ledger, purged: Purged, by: str, now: datetime) -> None:
    detail = {
        "before": purged.before.isoformat(),
        "texts": purged.remedies,
        "for texts": purged.incidents,
    }
    with ledger.transaction(recorded_at=now) as work:
        note(work, experiment=None, what="purge", by=by, detail=detail, now=now)
