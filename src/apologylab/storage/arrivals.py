"""How facts arrive in PostgreSQL: one statement for the keys and the rows of all kinds.

Keys are taken in their order, so that two writers of the same keys wait for each other in a line
and never in a circle. Rows come as JSON, one parameter a kind; columns are named and typed here.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from apologylab.record.columns import Column, ColumnType, kind_of
from apologylab.record.facts import KINDS, Delivery, Fact, Remedy
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.storage.rows import Row

PLACES: Final = 2**22
"""Facts that one number of the sequence has room for: some 70 years of 1,000 commits a second."""
SEQUENCE: Final = "ledger_seq"
TURN: Final = f"SELECT nextval('{SEQUENCE}')"
_SQL: Final[Mapping[ColumnType, str]] = {
    "text": "text",
    "integer": "bigint",
    "real": "double precision",
    "boolean": "smallint",
    "time": "bigint",
    "json": "text",
}
_ASKED: Final = (
    "asked AS MATERIALIZED (SELECT * FROM json_to_recordset(CAST(%(charges)s AS json)) AS each("
    "budget text, amount bigint, uses bigint, at_most bigint, uses_at_most bigint, "
    "unless_sealed text))"
)
HOLD: Final = (
    f"WITH {_ASKED} SELECT 1 FROM budget WHERE name IN (SELECT budget FROM asked) "
    'ORDER BY name COLLATE "C" FOR UPDATE'
)
"""Lock the budgets of ``charges``."""
CHARGE: Final = (
    f"WITH {_ASKED}, fits AS MATERIALIZED (SELECT 1 FROM asked JOIN budget ON name = budget "
    "WHERE (at_most IS NULL OR reserved <= at_most) "
    "AND (uses_at_most IS NULL OR budget.uses <= uses_at_most) "
    "AND (unless_sealed IS NULL OR sealed IS DISTINCT FROM unless_sealed)) "
    "UPDATE budget SET reserved = reserved + amount, uses = budget.uses + asked.uses "
    "FROM asked WHERE name = budget "
    "AND (SELECT count(*) FROM fits) = (SELECT count(*) FROM asked)"
)
"""Add all ``charges``, or none if one does not fit."""

_TURN: Final = (
    "turn AS MATERIALIZED (SELECT coalesce(CAST(%(turn)s AS bigint), "
    f"nextval('{SEQUENCE}')) AS number)"
)
_TAKEN: Final = (
    "taken AS (INSERT INTO fact_key (kind, key, seq) "
    f"SELECT kind, key, (SELECT number FROM turn) * {PLACES} + place "
    "FROM json_to_recordset(CAST(%(keys)s AS json)) AS each(kind text, key text, place bigint) "
    "ON CONFLICT DO NOTHING RETURNING kind, key, seq)"
)


@cache
def storing(kinds: tuple[str, ...]) -> str:
    """Store the rows of ``kinds`` whose key is free; gives the turn and how many there were."""
    parts = [_TURN, _TAKEN, *(f"store_{kind} AS ({_rows(kind)})" for kind in kinds)]
    if kind_of(Remedy) in kinds:
        parts.append(f"wait AS ({_WAIT})")
    if kind_of(Delivery) in kinds:
        parts.append(f"settle AS ({_SETTLE})")
    counted = "(SELECT number FROM turn) AS turn, (SELECT count(*) FROM taken) AS stored"
    return f"WITH {', '.join(parts)} SELECT {counted}"


def parameters(
    groups: Mapping[type[Fact], Sequence[Row]], *, turn: int | None, used: int, at: int
) -> dict[str, Any]:
    """The parameters of :func:`storing`; the facts take the places from ``used + 1`` on."""
    keys = []
    given: dict[str, Any] = {"turn": turn, "at": at}
    for kind, rows in groups.items():
        name = kind_of(kind)
        columns = [column.name for column in table(kind).fields]
        keys += [(name, row[0], place) for place, row in enumerate(rows, used + 1)]
        used += len(rows)
        given[name] = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
    each = ({"kind": kind, "key": key, "place": place} for kind, key, place in sorted(keys))
    return given | {"keys": json.dumps(list(each))}


def names(kind: str) -> str:
    """The columns of a kind, quoted, as a row holds them."""
    return ", ".join(f'"{column.name}"' for column in table(KINDS[kind]).fields)


def _rows(kind: str) -> str:
    """Store the rows of one kind."""
    fields = ", ".join(f'each."{column.name}"' for column in table(KINDS[kind]).fields)
    return (
        f"INSERT INTO {table(KINDS[kind]).name} (seq, {names(kind)}, recorded_at) "
        f"SELECT taken.seq, {fields}, CAST(%(at)s AS bigint) FROM {_given(kind)} "
        f"JOIN taken ON taken.kind = '{kind}' AND taken.key = each.key"
    )


def _given(kind: str) -> str:
    """The rows of one kind as they came."""
    columns = ", ".join(_typed(column) for column in table(KINDS[kind]).fields)
    return f"json_to_recordset(CAST(%({kind})s AS json)) AS each({columns})"


def _typed(column: Column) -> str:
    return f'"{column.name}" {_SQL[column.type]}'


_WAIT: Final = (
    "INSERT INTO remedy_pending (key, experiment, due_at, seq, awaits) "
    "SELECT each.key, each.experiment, each.due_at, taken.seq, each.awaits "
    f"FROM {_given(kind_of(Remedy))} "
    "JOIN taken ON taken.kind = 'remedy' AND taken.key = each.key "
    "WHERE NOT EXISTS (SELECT 1 FROM fact_key AS told "
    "WHERE told.kind = 'delivery' AND told.key = each.key) "
    "AND NOT EXISTS (SELECT 1 FROM taken AS told "
    "WHERE told.kind = 'delivery' AND told.key = each.key)"
)
_SETTLE: Final = (
    "DELETE FROM remedy_pending USING taken "
    "WHERE taken.kind = 'delivery' AND remedy_pending.key = taken.key"
)
