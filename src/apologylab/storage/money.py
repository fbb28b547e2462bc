"""Budgets and counters in a SQL ledger: rows that change, beside the facts that never do.

Budgets are locked in the order of their names and last of all, so whoever waits for one holds
everything else already and cannot be waited for in a circle (R14).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from apologylab.service.ports import Standing
from apologylab.storage.charges import combined, may, refuse_release
from apologylab.storage.expressions import among, by_bytes, is_among
from apologylab.storage.tables import BUDGET, COUNTER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.service.ports import Charge

_NONE = Standing()
_OPEN = sa.text(
    "INSERT INTO budget (name, reserved, uses) VALUES (:name, 0, 0) ON CONFLICT DO NOTHING"
)
_SEAL = sa.text(
    "INSERT INTO budget (name, reserved, uses, sealed) VALUES (:name, 0, 0, :label) "
    "ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed"
)
_ADVANCE = sa.text(
    "INSERT INTO counter (name, value) VALUES (:name, :step) "
    "ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value"
)


def standing(
    connection: sa.Connection, budgets: Sequence[str], *, locked: bool
) -> dict[str, Standing]:
    """See :meth:`apologylab.service.ports.Transaction.standing`."""
    names = sorted(set(budgets))
    found = _look(connection, names, locked=locked)
    absent = [name for name in names if name not in found]
    if absent and locked:
        connection.execute(_OPEN, [{"name": name} for name in absent])
        found = _look(connection, names, locked=True)
    return {name: found.get(name, _NONE) for name in names}


def charge(connection: sa.Connection, charges: Sequence[Charge]) -> bool:
    """See :meth:`apologylab.service.ports.Transaction.charge`."""
    asked = combined(charges)
    stands = standing(connection, [each.budget for each in asked], locked=True)
    if not all(may(each, stands[each.budget]) for each in asked):
        return False
    added = [{"of": each.budget, "amount": each.amount, "more": each.uses} for each in asked]
    if added:
        connection.execute(_add(), added)
    return True


def release(connection: sa.Connection, budget: str, amount: int, uses: int) -> None:
    """See :meth:`apologylab.service.ports.Transaction.release`."""
    stands = standing(connection, [budget], locked=True)[budget]
    refuse_release(budget, amount, uses, stands)
    connection.execute(_add(), {"of": budget, "amount": -amount, "more": -uses})


def seal(connection: sa.Connection, budget: str, label: str | None) -> None:
    """See :meth:`apologylab.service.ports.Transaction.seal`."""
    connection.execute(_SEAL, {"name": budget, "label": label})


def counters(connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
    """See :meth:`apologylab.service.ports.Transaction.counters`."""
    found = {row.name: row.value for row in connection.execute(_counted(), among(names))}
    return {name: found.get(name, 0) for name in names}


def advance(connection: sa.Connection, steps: Mapping[str, int]) -> None:
    """See :meth:`apologylab.service.ports.Transaction.advance`."""
    if steps:
        rows = [{"name": name, "step": steps[name]} for name in sorted(steps)]
        connection.execute(_ADVANCE, rows)


def beginning(connection: sa.Connection, prefix: str) -> dict[str, Standing]:
    """See :meth:`apologylab.service.ports.Ledger.budgets`."""
    rows = connection.execute(_beginning(), {"prefix": prefix, "long": len(prefix)})
    found = {row.name: _standing(row) for row in rows}
    return {name: stands for name, stands in sorted(found.items()) if stands != _NONE}


def looking(budgets: Sequence[str]) -> tuple[sa.Select[Any], Mapping[str, str]]:
    """What :func:`looked` reads the answer of."""
    return _stands(locked=False), among(budgets)


def looked(budgets: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Standing]:
    """Where each of ``budgets`` stands."""
    found = {row[0]: Standing(reserved=row[1], uses=row[2], sealed=row[3]) for row in rows}
    return {name: found.get(name, _NONE) for name in budgets}


def _look(connection: sa.Connection, names: Sequence[str], *, locked: bool) -> dict[str, Standing]:
    rows = connection.execute(_stands(locked=locked), among(names))
    return {row.name: _standing(row) for row in rows}


def _standing(row: sa.Row[Any]) -> Standing:
    return Standing(reserved=row.reserved, uses=row.uses, sealed=row.sealed)


@cache
def _stands(*, locked: bool) -> sa.Select[Any]:
    """The budgets whose name is one of ``values``; SQLite has them locked anyway."""
    columns = BUDGET.c
    query = sa.select(columns.name, columns.reserved, columns.uses, columns.sealed)
    query = query.where(is_among(BUDGET.c.name))
    in_order = query.order_by(by_bytes(BUDGET.c.name)) if locked else query
    return in_order.with_for_update() if locked else query


@cache
def _add() -> sa.Update:
    """Add ``amount`` and ``more`` uses to the budget ``of``."""
    amount: sa.BindParameter[int] = sa.bindparam("amount")
    more: sa.BindParameter[int] = sa.bindparam("more")
    return (
        BUDGET.update()
        .where(BUDGET.c.name == sa.bindparam("of"))
        .values(reserved=BUDGET.c.reserved + amount, uses=BUDGET.c.uses + more)
    )


@cache
def _counted() -> sa.Select[Any]:
    """The counters whose name is one of ``values``."""
    return sa.select(COUNTER.c.name, COUNTER.c.value).where(is_among(COUNTER.c.name))


@cache
def _beginning() -> sa.Select[Any]:
    """The budgets whose name's first ``long`` characters are ``prefix``."""
    start = sa.func.substr(BUDGET.c.name, 1, sa.bindparam("long", type_=sa.Integer))
    return sa.select(BUDGET).where(start == sa.bindparam("prefix", type_=sa.Text))
