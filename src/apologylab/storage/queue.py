"""The dispatcher's queue in a SQL ledger: which remedies wait, and who may handle them (R15).

``remedy_pending`` has a row for every remedy without a delivery. A claim writes the holder and the
end of the lease into it. Whether a remedy leaves never hangs on a clock: ``handed`` stays until a
delivery settles the row or the channel said that it did not take it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from apologylab.record.columns import kind_of
from apologylab.record.facts import Delivery, Remedy
from apologylab.service.ports import Claimed, DeadLetter
from apologylab.storage.expressions import among, is_among
from apologylab.storage.rows import decode, micros
from apologylab.storage.statements import matching
from apologylab.storage.tables import FACT_KEY, FACTS, REMEDY_PENDING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.service.ports import Postponed

_WAITS = REMEDY_PENDING.c
_HELD = _WAITS.holder == sa.bindparam("by")
_FREE = {"holder": None, "lease_until": None}


def claim(
    connection: sa.Connection, asked: Mapping[str, object], *, holder: str, until: int
) -> list[Claimed]:
    """See :meth:`apologylab.service.ports.Transaction.claim`.

    ``asked`` has ``experiment``, ``now``, ``due_by`` and ``limit``, and ``channel`` and ``unnamed``
    where only those of a channel are wanted; times are in microseconds.
    """
    claimable = _claimable_through() if "channel" in asked else _claimable()
    rows = connection.execute(claimable, asked).all()
    remedies = decode(Remedy, [row[:-2] for row in rows])
    lease: dict[str, object] = {"holder": holder, "lease_until": until}
    if remedies:
        connection.execute(_lease(), lease | among([remedy.key for remedy in remedies]))
    return [
        Claimed(remedy=remedy, attempts=attempts or 0, handed=bool(handed))
        for remedy, (*_, attempts, handed) in zip(remedies, rows, strict=True)
    ]


def hand_over(connection: sa.Connection, keys: Sequence[str], *, holder: str) -> frozenset[str]:
    """See :meth:`apologylab.service.ports.Transaction.hand_over`."""
    return frozenset(connection.scalars(_hand(), among(keys) | {"by": holder}))


def postpone(
    connection: sa.Connection, waits: Sequence[Postponed], *, holder: str
) -> frozenset[str]:
    """See :meth:`apologylab.service.ports.Transaction.postpone`."""
    asked = among([each.key for each in waits]) | {"by": holder}
    held = frozenset(connection.scalars(_held(), asked))
    later = [_later(each) for each in waits if each.key in held]
    if later:
        connection.execute(_postpone(), later)
    return held


def put_off(connection: sa.Connection, until: Mapping[str, datetime], *, holder: str) -> None:
    """See :meth:`apologylab.service.ports.Transaction.put_off`."""
    if until:
        each = [{"of": key, "again": micros(at), "by": holder} for key, at in until.items()]
        connection.execute(_put_off(), each)


def let_go(connection: sa.Connection, keys: Sequence[str], *, holder: str) -> None:
    """See :meth:`apologylab.service.ports.Transaction.let_go`."""
    connection.execute(_let_go(), among(keys) | {"by": holder})


def dead_letters(connection: sa.Connection, experiment: str) -> list[DeadLetter]:
    """See :meth:`apologylab.service.ports.Transaction.dead_letters`."""
    rows = connection.execute(_dead(), {"experiment": experiment}).all()
    remedies = decode(Remedy, [row[:-3] for row in rows])
    return [
        DeadLetter(
            remedy=remedy, attempts=attempts or 0, because=because or "", handed=bool(handed)
        )
        for remedy, (*_, attempts, because, handed) in zip(remedies, rows, strict=True)
    ]


def revive(connection: sa.Connection, keys: Sequence[str]) -> int:
    """See :meth:`apologylab.service.ports.Transaction.revive`."""
    return connection.execute(_revive(), among(keys)).rowcount


def undelivered(connection: sa.Connection, experiment: str) -> int:
    """See :meth:`apologylab.service.ports.Transaction.undelivered`."""
    return int(connection.scalar(_waiting(), {"experiment": experiment}) or 0)


def _later(wait: Postponed) -> dict[str, object]:
    again = None if wait.again_at is None else micros(wait.again_at)
    return {
        "of": wait.key,
        "again": again,
        "why": wait.because,
        "ended": int(again is None),
        "still": int(wait.handed),
    }


@cache
def _claimable() -> sa.Select[Any]:
    """The first ``limit`` remedies of ``experiment`` due by ``due_by`` that nobody holds ``now``.

    A delivery that was stored at the same moment as its remedy may have left a row behind.
    """
    now: sa.BindParameter[int] = sa.bindparam("now")
    due_by: sa.BindParameter[int] = sa.bindparam("due_by")
    settled = sa.select(FACT_KEY.c.seq).where(
        FACT_KEY.c.kind == kind_of(Delivery), FACT_KEY.c.key == _WAITS.key
    )
    return (
        _joined(_WAITS.attempts, _WAITS.handed)
        .where(
            _WAITS.due_at <= due_by,
            sa.or_(_WAITS.again_at.is_(None), _WAITS.again_at <= due_by),
            sa.or_(_WAITS.holder.is_(None), _WAITS.lease_until <= now),
            sa.func.coalesce(_WAITS.dead, 0) == 0,
            ~settled.exists(),
        )
        .limit(sa.bindparam("limit"))
        .with_for_update(of=REMEDY_PENDING, skip_locked=True)
    )


@cache
def _claimable_through() -> sa.Select[Any]:
    """Those that leave through ``channel``; what names none leaves through ``unnamed``."""
    named = sa.func.coalesce(FACTS[Remedy].c.channel, sa.bindparam("unnamed", type_=sa.Text()))
    return _claimable().where(named == sa.bindparam("channel", type_=sa.Text()))


@cache
def _lease() -> sa.Update:
    """Give the keys ``values`` to ``holder``."""
    given = REMEDY_PENDING.update().where(is_among(_WAITS.key))
    return given.values({name: sa.bindparam(name) for name in _FREE})


@cache
def _hand() -> Any:
    """Note that those of the keys ``values`` that ``by`` holds go to the channel."""
    mine = REMEDY_PENDING.update().where(is_among(_WAITS.key), _HELD)
    return mine.values(handed=1).returning(_WAITS.key)


@cache
def _held() -> sa.Select[Any]:
    """Those of the keys ``values`` that ``by`` holds."""
    return sa.select(_WAITS.key).where(is_among(_WAITS.key), _HELD).with_for_update()


@cache
def _postpone() -> sa.Update:
    """Count a failure of the key ``of`` and give it back until ``again``."""
    return (
        REMEDY_PENDING.update()
        .where(_WAITS.key == sa.bindparam("of"))
        .values(
            attempts=sa.func.coalesce(_WAITS.attempts, 0) + 1,
            again_at=sa.bindparam("again"),
            because=sa.bindparam("why"),
            dead=sa.bindparam("ended"),
            handed=sa.bindparam("still"),
            **_FREE,
        )
    )


@cache
def _put_off() -> sa.Update:
    """Give the key ``of`` back until ``again``, if ``by`` holds it."""
    held = REMEDY_PENDING.update().where(_WAITS.key == sa.bindparam("of"), _HELD)
    return held.values(again_at=sa.bindparam("again"), **_FREE)


@cache
def _let_go() -> sa.Update:
    """Those of the keys ``values`` that ``by`` holds are nobody's."""
    return REMEDY_PENDING.update().where(is_among(_WAITS.key), _HELD).values(**_FREE)


@cache
def _dead() -> sa.Select[Any]:
    """The remedies of ``experiment`` that are not tried any more."""
    return _joined(_WAITS.attempts, _WAITS.because, _WAITS.handed).where(_WAITS.dead == 1)


@cache
def _revive() -> sa.Update:
    """Those of the keys ``values`` that are dead begin anew."""
    return (
        REMEDY_PENDING.update()
        .where(is_among(_WAITS.key), _WAITS.dead == 1)
        .values(dead=0, attempts=0, again_at=None, because=None)
    )


@cache
def _waiting() -> sa.Select[Any]:
    rows = sa.select(sa.func.count()).select_from(REMEDY_PENDING)
    return rows.where(_WAITS.experiment == sa.bindparam("experiment"))


def _joined(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The remedies of ``experiment`` that wait, longest due first, with ``more`` of the queue."""
    return (
        matching(kind_of(Remedy))
        .add_columns(*more)
        .join(REMEDY_PENDING, _WAITS.seq == FACTS[Remedy].c.seq)
        .where(_WAITS.experiment == sa.bindparam("experiment"))
        .order_by(_WAITS.due_at, _WAITS.seq)
    )
