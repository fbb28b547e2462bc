"""Remedies that await a fact, in a SQL ledger: which of them has come, and when they are due then.

A row of ``remedy_pending`` says what its remedy ``awaits`` until it is brought forward. It is
looked for from there, for far fewer remedies wait than customers come by.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from apologylab.record.columns import kind_of
from apologylab.record.facts import Merged, Remedy, Resolution
from apologylab.record.later_facts import Visit
from apologylab.service.ports import Arrived
from apologylab.storage.expressions import among, is_among
from apologylab.storage.rows import decode, micros, moment
from apologylab.storage.statements import matching
from apologylab.storage.tables import FACTS, REMEDY_PENDING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_WAITS: Final = REMEDY_PENDING.c
_REMEDY: Final = FACTS[Remedy].c
_VISIT: Final = FACTS[Visit].c
_MERGED: Final = FACTS[Merged].c
_RESOLUTION: Final = FACTS[Resolution].c


def arrived(
    connection: sa.Connection, experiment: str, *, limit: int, only: Sequence[str] | None
) -> list[Arrived]:
    """See :meth:`apologylab.service.ports.Transaction.arrived`."""
    asked: dict[str, Any] = {"experiment": experiment, "limit": limit}
    if only is None:
        rows = connection.execute(_arrived(), asked).all()
    else:
        rows = connection.execute(_arrived_among(), asked | among(only)).all()
    places = len(_came())
    remedies = decode(Remedy, [row[:-places] for row in rows])
    return [
        Arrived(remedy=remedy, came_at=moment(min(at for at in row[-places:] if at is not None)))
        for remedy, row in zip(remedies, rows, strict=True)
    ]


def bring_forward(connection: sa.Connection, due: Mapping[str, datetime]) -> None:
    """See :meth:`apologylab.service.ports.Transaction.bring_forward`."""
    if due:
        each = [{"of": key, "at": micros(at)} for key, at in due.items()]
        connection.execute(_bring_forward(), each)


@cache
def _arrived() -> sa.Select[Any]:
    """The first ``limit`` remedies of ``experiment`` whose fact has come, with when."""
    came = _came()
    return (
        matching(kind_of(Remedy))
        .add_columns(*came)
        .join(REMEDY_PENDING, _WAITS.seq == _REMEDY.seq)
        .where(
            _WAITS.experiment == sa.bindparam("experiment"),
            _WAITS.awaits.is_not(None),
            sa.func.coalesce(_WAITS.handed, 0) == 0,
            sa.or_(*(each.is_not(None) for each in came)),
        )
        .limit(sa.bindparam("limit"))
        .with_for_update(of=REMEDY_PENDING, skip_locked=True)
    )


@cache
def _arrived_among() -> sa.Select[Any]:
    """As :func:`_arrived`, of the keys ``values``."""
    return _arrived().where(is_among(_WAITS.key))


@cache
def _came() -> tuple[sa.ScalarSelect[Any], ...]:
    """When it came first: by the customer's id, one they were merged into or out of; resolved."""
    own = _VISIT.customer == _REMEDY.customer
    into = sa.and_(_MERGED.customer == _REMEDY.customer, _VISIT.customer == _MERGED.into)
    out_of = sa.and_(_MERGED.into == _REMEDY.customer, _VISIT.customer == _MERGED.customer)
    return (_visited(own), _visited(into), _visited(out_of), _resolved())


def _visited(whose: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    return (
        sa.select(sa.func.min(_VISIT.occurred_at))
        .where(
            whose,
            _WAITS.awaits == "next_visit",
            _VISIT.occurred_at > _REMEDY.occurred_at,
            _VISIT.occurred_at < _REMEDY.due_at,
        )
        .correlate(FACTS[Remedy], REMEDY_PENDING)
        .scalar_subquery()
    )


def _resolved() -> sa.ScalarSelect[Any]:
    """The incident is the assignment's key without the experiment's name before it."""
    incident = sa.func.substr(_REMEDY.assignment, sa.func.length(_REMEDY.experiment) + 2)
    return (
        sa.select(sa.func.min(_RESOLUTION.occurred_at))
        .where(
            _WAITS.awaits == "resolution",
            _RESOLUTION.incident == incident,
            _RESOLUTION.resolved == 1,
            _RESOLUTION.occurred_at >= _REMEDY.occurred_at,
            _RESOLUTION.occurred_at < _REMEDY.due_at,
        )
        .correlate(FACTS[Remedy], REMEDY_PENDING)
        .scalar_subquery()
    )


@cache
def _bring_forward() -> sa.Update:
    """The key ``of`` is due ``at``."""
    return (
        REMEDY_PENDING.update()
        .where(_WAITS.key == sa.bindparam("of"), sa.func.coalesce(_WAITS.handed, 0) == 0)
        .values(due_at=sa.bindparam("at"), again_at=None, awaits=None)
    )
