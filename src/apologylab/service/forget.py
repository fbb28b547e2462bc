"""Forget a customer: delete what is personal, and say what stays or is out of reach (R21)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from apologylab.errors import InputError, NotFoundError
from apologylab.record.facts import (
    Assignment,
    CustomerSnapshot,
    Delivery,
    Forgotten,
    Incident,
    Remedy,
)
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.text_ids import text_id, text_ids
from apologylab.service.traces import traces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.service.ports import Ledger, Transaction
    from apologylab.service.traces import Traces


@dataclass(frozen=True, kw_only=True)
class Forgot:
    """What was deleted and what was not.

    ``texts`` were deleted now. ``pending`` remedies end suppressed at their due time. ``kept``
    counts facts by kind, which hold the ids and no name of ours; ``fields`` are those of facts
    that may hold personal data which somebody recorded there. ``channels`` were given texts.
    """

    ids: tuple[str, ...]
    texts: int
    pending: int
    kept: Mapping[str, int]
    fields: tuple[str, ...]
    channels: tuple[str, ...]
    before: datetime | None


def forget(ledger: Ledger, ids: Sequence[str], *, because: str, by: str, now: datetime) -> Forgot:
    """Delete the texts of the customer whom ``ids`` name; their facts stay, pseudonymised.

    Doing it again deletes what came in since, and is noted again only if there was something.

    Raises:
        NotFoundError: no fact is about such a customer.
        InputError: ``because`` is empty.
    """
    if not because.strip():
        raise InputError("it is not said why", do="write who asked for it, and when")
    return again(partial(_forget, ledger, ids, because, by, now))


def _forget(ledger: Ledger, ids: Sequence[str], because: str, by: str, now: datetime) -> Forgot:
    found = traces(ledger, ids)
    if not found.counts:
        raise NotFoundError(f"no fact is about customer {ids[0]}", do="look the id up again")
    brought = [text_id(ledger.identity, "incident", each.key) for each in found.of(Incident)]
    before = found.of(Forgotten)
    with ledger.transaction(recorded_at=now) as work:
        work.lock([f"customer/{each}" for each in found.ids])
        texts = work.forget_texts([*brought, *_pinned(work, found)])
        if texts or not before:
            _write_down(work, found, texts, because=because, by=by, now=now)
    return _forgot(found, texts, before[-1].occurred_at if before else None)


def _pinned(work: Transaction, found: Traces) -> list[str]:
    """The ids of the texts of all remedies and of what is sent beside them.

    Whoever was answered since ``found`` was read is looked up once more: no index helps there.
    """
    answered = {each.key for each in work.find_among(Assignment, "customer", found.ids)}
    if answered <= {each.key for each in found.of(Assignment)}:
        return text_ids(found.of(Remedy))
    return text_ids(work.find_among(Remedy, "customer", found.ids))


def _write_down(
    work: Transaction, found: Traces, texts: int, *, because: str, by: str, now: datetime
) -> None:
    times = len(found.of(Forgotten)) + 1
    note(
        work,
        experiment=None,
        what="forget",
        by=by,
        detail={"customer": found.ids[0], "texts": texts, "because": because},
        now=now,
    )
    work.append(
        [
            Forgotten(key=f"{each}/{times}", occurred_at=now, customer=each, because=because)
            for each in found.ids
        ]
    )


def _forgot(found: Traces, texts: int, before: datetime | None) -> Forgot:
    delivered = {each.key: each for each in found.of(Delivery)}
    told = {each.channel for each in delivered.values() if each.state in ("sent", "in_doubt")}
    return Forgot(
        ids=found.ids,
        texts=texts,
        pending=sum(each.key not in delivered for each in found.of(Remedy)),
        kept={kind: n for kind, n in found.counts.items() if kind != "forgotten"},
        fields=_fields(found),
        channels=tuple(sorted(told)),
        before=before,
    )


def _fields(found: Traces) -> tuple[str, ...]:
    named = {
        *(f"incident {name}" for each in found.of(Incident) for name in each.fields),
        *(f"incident {name}" for each in found.of(SameIncident) for name in each.fields),
        *(f"complaint {name}" for each in found.of(Complaint) for name in each.fields),
        *(f"customer {name}" for each in found.of(CustomerSnapshot) for name in each.fields),
    }
    return tuple(sorted(named))
