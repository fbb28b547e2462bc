"""A transaction on SQLite: the whole file is ours from BEGIN IMMEDIATE to COMMIT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from apologylab.record.columns import kind_of
from apologylab.record.facts import Delivery, Fact, Remedy
from apologylab.service.ports import Appended
from apologylab.storage import money, statements
from apologylab.storage.expressions import among
from apologylab.storage.rows import Row, sorted_out, together
from apologylab.storage.tables import COMMIT_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from apologylab.service.ports import Charge
    from apologylab.storage.quick import Quick

_COMMIT = COMMIT_TIME.insert()


class OneWriter:
    """See :class:`apologylab.storage.transaction.Writing`; ``at`` is the time of the commit."""

    def __init__(self, connection: Quick, at: int) -> None:
        # All that is asked of a connection here and by its users.
        self._connection = cast("sa.Connection", connection)
        self._at = at
        self._first = self._seq = int(self._connection.scalar(statements.last_seq()) or 0)

    @property
    def connection(self) -> sa.Connection:
        """The connection that holds the file's write lock."""
        return self._connection

    def lock(self, names: Sequence[str], *, shared: bool) -> None:
        """Nothing to do: nobody else writes."""

    def append(self, groups: Mapping[type[Fact], Sequence[Row]]) -> Appended:
        """Append encoded rows of several kinds."""
        return together([self._append(kind, rows) for kind, rows in groups.items()])

    def put_texts(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Store texts; of those whose id is taken, what stands there."""
        if not texts:
            return {}
        stands = statements.bodies(self._connection, list(texts))
        new = [(text_id, body) for text_id, body in texts.items() if text_id not in stands]
        if new:
            self._connection.exec_driver_sql(statements.insert_text(), new)
        return stands

    def charge(
        self, charges: Sequence[Charge], texts: Mapping[str, str]
    ) -> tuple[bool, Mapping[str, str]]:
        """Store texts and charge budgets."""
        stands = self.put_texts(texts)
        return money.charge(self._connection, charges), stands

    def ask(self, queries: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[list[Row]]:
        """The rows of each of ``queries``."""
        return [[*self._connection.execute(query, given)] for query, given in queries]

    def finish(self) -> None:
        """Write the time of this commit if it brought facts."""
        if self._seq > self._first:
            times = {"seq": self._seq, "recorded_at": self._at}
            self._connection.execute(_COMMIT, times)

    def _append(self, kind: type[Fact], rows: Sequence[Row]) -> Appended:
        keys = [row[0] for row in rows]
        stands = self._standing(kind, keys)
        plain = not stands and len(set(keys)) == len(keys)
        new, same, contradicting = (rows, 0, ()) if plain else sorted_out(rows, stands)
        if new:
            self._insert(kind, new)
        return Appended(new=len(new), same=same, contradicting=contradicting)

    def _standing(self, kind: type[Fact], keys: Sequence[str]) -> dict[str, Row]:
        """The stored rows under ``keys``."""
        wanted = among(keys)
        taken = self._connection.execute(statements.standing(kind_of(kind)), wanted).first()
        if taken is None:
            return {}
        rows = self._connection.execute(statements.find_among(kind_of(kind), "key"), wanted)
        return {row[0]: tuple(row) for row in rows}

    def _insert(self, kind: type[Fact], rows: Sequence[Row]) -> None:
        """Give each row its ``seq`` and store it; ``rows`` have new keys."""
        first, at = self._seq + 1, self._at
        full = [(seq, *row, at) for seq, row in enumerate(rows, first)]
        facts_sql, keys_sql = statements.insertions(kind_of(kind))
        self._connection.exec_driver_sql(facts_sql, full)
        self._connection.exec_driver_sql(keys_sql, (kind_of(kind), first))
        if kind is Remedy:
            self._connection.execute(statements.await_delivery(), {"first": first})
        if kind in (Remedy, Delivery):
            self._connection.execute(statements.settle(), among([row[0] for row in rows]))
        self._seq += len(rows)
