"""A transaction on PostgreSQL, one of many that write at once (READ COMMITTED).

A round trip to the server may take milliseconds, so BEGIN goes with the first locks, the facts of
all kinds in one statement, and COMMIT with the time of the commit.

The ledger's own lock is shared by all who write and taken before any other: while ``mark`` holds
it alone, nobody is in flight, so no fact can come later at or below the mark (R18). A transaction
draws one number from a sequence and counts its facts below it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from apologylab.errors import InputError
from apologylab.record.columns import kind_of
from apologylab.record.facts import Delivery, Fact, Remedy
from apologylab.service.ports import Appended
from apologylab.storage import arrivals, copying, money, statements
from apologylab.storage.charges import combined
from apologylab.storage.expressions import among
from apologylab.storage.rows import Row, encode, encode_in_turn, encode_keys, sorted_out, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

    from apologylab.service.ports import Charge
    from apologylab.storage.quick import Quick

BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
PLACES: Final = arrivals.PLACES
"""How many facts one transaction can hold under one number."""
_BY_COPY: Final = 1_000
_TRIED: Final = 50
_LOCK: Final = (
    "SELECT count(CASE WHEN place > %(shared)s THEN pg_advisory_xact_lock(number) "
    "ELSE pg_advisory_xact_lock_shared(number) END) "
    "FROM unnest(%(numbers)s::bigint[]) WITH ORDINALITY AS each(number, place)"
)
"""Take the locks ``numbers`` in their order, the first ``shared`` of them shared."""
_PUT_TEXTS: Final = (
    "INSERT INTO text (id, body) SELECT key, value FROM json_each_text(CAST(%(texts)s AS json)) "
    "ON CONFLICT DO NOTHING"
)


def number_of(name: str) -> int:
    """The 64-bit number under which ``name`` is locked.

    >>> number_of("customer/c1") == number_of("customer/c1") != number_of("customer/c2")
    True
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


LEDGER: Final = number_of("ledger")


class ManyWriters:
    """See :class:`apologylab.storage.transaction.Writing`; ``at`` is the time of the commit.

    Its connection commits by itself; BEGIN and COMMIT are sent from here.
    """

    def __init__(self, connection: Quick, at: int) -> None:
        self._raw = connection
        self._at = at
        self._begun = False
        self._shared: set[int] = set()
        self._alone: set[int] = set()
        self._turn: int | None = None
        self._used = 0
        self._last = 0

    @property
    def connection(self) -> sa.Connection:
        """The connection, with the transaction begun and all names locked."""
        self._together([])
        # All that is asked of a connection here and by its users.
        return cast("sa.Connection", self._raw)

    def ask(self, queries: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[list[Row]]:
        """The rows of each of ``queries``, all in one round trip, with BEGIN and the locks."""
        return [[*map(tuple, each)] for each in self._together(self._raw.texts(queries))]

    def lock(self, names: Sequence[str], *, shared: bool) -> None:
        """Lock ``names`` before the next statement."""
        (self._shared if shared else self._alone).update(map(number_of, names))

    def append(self, groups: Mapping[type[Fact], Sequence[Row]]) -> Appended:
        """Append encoded rows of several kinds; those without a key that stands in one statement.

        Raises:
            InputError: they are more than one transaction can number.
        """
        first = {kind: _first_of_each(rows) for kind, rows in groups.items() if rows}
        count = sum(map(len, first.values()))
        if not count:
            return Appended(new=0, same=0)
        self._make_room(count)
        stored = self._store(first)
        if stored == sum(map(len, groups.values())):
            return Appended(new=stored, same=0)
        found = together([self._compared(kind, rows) for kind, rows in groups.items()])
        return Appended(new=stored, same=found.same - stored, contradicting=found.contradicting)

    def append_many(self, kind: type[Fact], rows: Sequence[Row]) -> Appended:
        """Append rows of one kind, not encoded yet, by COPY where they are many.

        Whether keys are taken is tried on a few of them; where none is, COPY finds out.

        Raises:
            psycopg.errors.UniqueViolation: a key is taken after all; the transaction is undone.
        """
        if len(rows) < _BY_COPY or kind in (Remedy, Delivery):
            return self.append({kind: encode(kind, rows)})
        keys = encode_keys(kind, rows)
        taken = self._stands(kind, keys[:: len(rows) // _TRIED])
        if not taken and len(set(keys)) == len(keys):
            self._copy(kind, keys, encode_in_turn(kind, rows))
            return Appended(new=len(rows), same=0)
        encoded = encode(kind, rows)
        new, same, contradicting = sorted_out(encoded, self._stands(kind, keys))
        self._copy(kind, [row[0] for row in new], new)
        return Appended(new=len(new), same=same, contradicting=contradicting)

    def put_texts(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Store texts; of those whose id is taken, what stands there."""
        if not texts:
            return {}
        given = {"texts": json.dumps(dict(texts))}
        if self.connection.exec_driver_sql(_PUT_TEXTS, given).rowcount == len(texts):
            return {}
        return statements.bodies(self.connection, list(texts))

    def charge(
        self, charges: Sequence[Charge], texts: Mapping[str, str]
    ) -> tuple[bool, Mapping[str, str]]:
        """Store texts, lock the budgets in order and add to them, in one round trip."""
        asked = combined(charges)
        if not asked:
            return True, self.put_texts(texts)
        given = {"charges": json.dumps([vars(each) for each in asked])}
        put, locked, added = self._charge(given, texts)
        if added == 0 and locked < len(asked):
            money.standing(self.connection, [each.budget for each in asked], locked=True)
            *_, added = self._charge(given, {})
        stands = {} if put == len(texts) else statements.bodies(self.connection, list(texts))
        return added == len(asked), stands

    def commit(self) -> None:
        """End the transaction, if it was begun."""
        if not self._begun:
            return
        time = f"INSERT INTO commit_time (seq, recorded_at) VALUES ({self._last}, {self._at}); "
        self._raw.exec_driver_sql((time if self._last else "") + "COMMIT")

    def is_broken(self) -> bool:
        """Whether an error within the transaction was swallowed: it would not commit."""
        return bool(self._raw.driver.info.transaction_status.name == "INERROR")

    def _store(self, groups: Mapping[type[Fact], Sequence[Row]]) -> int:
        """Store the rows whose key is free; how many."""
        query = arrivals.storing(tuple(sorted(kind_of(kind) for kind in groups)))
        given = arrivals.parameters(groups, turn=self._turn, used=self._used, at=self._at)
        (((turn, stored),),) = self._together([(query, given)])
        self._turn = int(turn)
        if stored:
            self._count(sum(map(len, groups.values())))
        return int(stored)

    def _make_room(self, count: int) -> None:
        """See that ``count`` facts can be numbered, under a new turn if need be."""
        if count >= PLACES:
            raise InputError(f"{count} facts in one transaction", do="append fewer at a time")
        if self._used + count >= PLACES:
            self._turn, self._used = None, 0

    def _count(self, places: int) -> None:
        self._used += places
        self._last = (self._turn or 0) * PLACES + self._used

    def _copy(self, kind: type[Fact], keys: Sequence[str], rows: Iterable[Row]) -> None:
        self._make_room(len(keys))
        if self._turn is None:
            self._turn = int(self.connection.scalar(sa.text(arrivals.TURN)))
        first = self._turn * PLACES + self._used + 1
        copying.copy_keys(self._driver(), kind, keys, first=first)
        copying.copy_rows(self._driver(), kind, rows, first=first, at=self._at)
        self._count(len(keys))

    def _compared(self, kind: type[Fact], rows: Sequence[Row]) -> Appended:
        """Which of ``rows`` are as they stand, those just stored included."""
        stands = self._stands(kind, [row[0] for row in rows])
        wrong = tuple(row[0] for row in rows if stands[row[0]] != row)
        return Appended(new=0, same=len(rows) - len(wrong), contradicting=wrong)

    def _stands(self, kind: type[Fact], keys: Sequence[str]) -> dict[str, Row]:
        """The stored rows under ``keys``."""
        query = statements.find_among(kind_of(kind), "key")
        return {row[0]: tuple(row) for row in self.connection.execute(query, among(keys))}

    def _charge(self, given: Mapping[str, str], texts: Mapping[str, str]) -> tuple[int, int, int]:
        """How many texts are new, how many budgets there are, now locked, and were charged.

        They are charged all or none; that statement sees what the one before it waited for.
        """
        driver = self._driver()
        bodies = {"texts": json.dumps(dict(texts))}
        with driver.pipeline():
            put = driver.execute(_PUT_TEXTS, bodies) if texts else None
            held = driver.execute(arrivals.HOLD, given)
            added = driver.execute(arrivals.CHARGE, given)
        return put.rowcount if put else 0, held.rowcount, added.rowcount

    def _together(self, statements: Sequence[tuple[str, Any]]) -> list[list[Row]]:
        """Run ``statements`` in one round trip, behind BEGIN and the locks that wait."""
        before = self._waiting()
        if not before and not statements:
            return []
        driver = self._raw.driver
        with driver.pipeline():
            for sql, given in before:
                driver.execute(sql, given)
            told = [driver.execute(sql, given) for sql, given in statements]
        return [each.fetchall() for each in told]

    def _waiting(self) -> list[tuple[str, Any]]:
        """BEGIN, if it was not sent yet, and the locks that were not taken, in their order."""
        first = [] if self._begun else [(BEGIN, None)]
        shared = [*([] if self._begun else [LEDGER]), *sorted(self._shared)]
        given = {"numbers": [*shared, *sorted(self._alone)], "shared": len(shared)}
        self._begun, self._shared, self._alone = True, set(), set()
        return [*first, (_LOCK, given)] if given["numbers"] else []

    def _driver(self) -> psycopg.Connection[Any]:
        self._together([])
        return self._raw.driver  # type: ignore[no-any-return]


def _first_of_each(rows: Sequence[Row]) -> list[Row]:
    """The first row of every key, in their order."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row[0], row)
    return list(found.values())
