"""The ledger's tables copied into the engine, and every rule asked of the copy.

A table that is missing or cannot be read is told as such, and the rules that need it, too; the
others are asked all the same. As :mod:`apologylab.warehouse.staging` says, the ledger is open only
while it is copied.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import duckdb

from apologylab.errors import LedgerError
from apologylab.record.facts import KINDS
from apologylab.service.soundness import EXAMPLES, Looked, unread
from apologylab.warehouse.attach import SQLITE
from apologylab.warehouse.engine import connect
from apologylab.warehouse.soundness.draws import DRAWS
from apologylab.warehouse.soundness.money import MONEY
from apologylab.warehouse.soundness.order import ORDER
from apologylab.warehouse.soundness.sends import SENDS
from apologylab.warehouse.sql import identifier, text_literal
from apologylab.warehouse.staging import LEDGER, attached
from apologylab.wire.schema import COMMITS, KEYS, MARKS, PENDING, TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from apologylab.warehouse.soundness.rule import Rule

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES: Final[Mapping[str, str]] = {
    "keys": KEYS, "commits": COMMITS, "marks": MARKS, "text": TEXTS, "pending": PENDING,
}  # fmt: skip
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "assignment": ("experiment", "version", "phase", "unit", "customer", "incident", "arm",
                   "reason", "propensity", "because", "first", "stratum", "block"),
    "incident": ("customer",),
    "remedy": ("experiment", "customer", "arm", "text", "text_sha256", "compensation", "amount",
               "awaits", "leave_by", "address"),
    "delivery": ("occurred_at", "state", "because"),
    "liability": ("assignment", "state", "amount"),
    "due_moved": ("customer", "awaited", "came_at", "assignment", "experiment"),
    "visit": ("occurred_at",),
    "resolution": ("occurred_at", "incident", "resolved"),
    "phase_began": ("experiment", "version", "phase", "weights"),
    "closed": ("experiment", "version", "phase", "because"),
    "halted": ("experiment", "version"),
    "feed": ("through",),
    "forgotten": ("customer",),
    "change": ("what", "detail"),
}  # fmt: skip
"""What is copied of the facts that rules are about, beside key, place and time of the commit."""
WHOLE: Final = "every table of the ledger is there and can be read"
FILE: Final = "the ledger's file is whole"
RULES: Final = (*ORDER, *DRAWS, *SENDS, *MONEY)


class LedgerRules:
    """See :class:`apologylab.service.soundness.Rules`.

    ``conditional`` are the experiments and versions in which a probability depends on what was
    drawn before.
    """

    def __init__(self, url: str, *, conditional: Iterable[tuple[str, int]], now: datetime) -> None:
        self._url, self._now = url, now
        self._conditional = tuple(conditional)
        self._connection = connect()
        self._broken: dict[str, str] = {}

    def looks(self) -> Sequence[Callable[[], Looked]]:
        """See :meth:`apologylab.service.soundness.Rules.looks`."""
        return [self._file, self._copy, *(partial(self._ask, rule) for rule in RULES)]

    def _file(self) -> Looked:
        """Let SQLite read its whole file; a server looks after its own."""
        if not self._url.startswith(SQLITE):
            return Looked(rule=FILE, level="ok", examples=("PostgreSQL looks after its files",))
        problems = integrity(self._url.removeprefix(SQLITE))
        do = "stop everything that writes to it and restore a backup"
        return Looked(
            rule=FILE,
            level="broken" if problems else "ok",
            found=len(problems),
            examples=tuple(problems[:EXAMPLES]),
            do=do if problems else "",
        )

    def _copy(self) -> Looked:
        """Copy what the rules are about."""
        try:
            with attached(self._connection, self._url):
                self._copy_tables()
        except LedgerError as error:
            return unread(WHOLE, error)
        self._note_moment()
        broken = [f"{table}: {why}" for table, why in self._broken.items()]
        return Looked(
            rule=WHOLE,
            level="broken" if broken else "ok",
            found=len(broken),
            examples=tuple(broken[:EXAMPLES]),
            do="restore a backup" if broken else "",
        )

    def _copy_tables(self) -> None:
        for name, table in _TABLES.items():
            self._try(table, f"CREATE TEMP TABLE {name} AS SELECT * FROM {LEDGER}.{table}")
        for kind, columns in _COLUMNS.items():
            listed = ", ".join(map(identifier, ("seq", "key", *columns, "recorded_at")))
            copied = f"CREATE TEMP TABLE {kind} AS SELECT {listed} FROM {LEDGER}.fact_{kind}"
            self._try(f"fact_{kind}", copied)
        self._connection.execute("CREATE TEMP TABLE facts (kind VARCHAR, key VARCHAR, seq BIGINT)")
        for kind in KINDS:
            source = kind if kind in _COLUMNS else f"{LEDGER}.fact_{kind}"
            told = f"SELECT {text_literal(kind)}, key, seq FROM {source}"
            self._try(f"fact_{kind}", f"INSERT INTO facts {told}")

    def _try(self, table: str, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except duckdb.Error as error:
            self._broken.setdefault(table, str(error).strip().splitlines()[0])

    def _note_moment(self) -> None:
        micros = (self._now - _EPOCH) // timedelta(microseconds=1)
        self._connection.execute(f"CREATE TEMP TABLE moment AS SELECT {micros} AS now")
        self._connection.execute(
            "CREATE TEMP TABLE conditional (experiment VARCHAR, version BIGINT)"
        )
        if self._conditional:
            self._connection.executemany(
                "INSERT INTO conditional VALUES (?, ?)", [list(each) for each in self._conditional]
            )

    def _ask(self, rule: Rule) -> Looked:
        asked = (
            f"SELECT count(*), list(offender ORDER BY offender)[:{EXAMPLES}] "
            f"FROM ({rule.offenders}) AS found(offender)"
        )
        try:
            row = self._connection.execute(asked).fetchone()
        except duckdb.Error as error:
            why = str(error).strip().splitlines()[0]
            return unread(rule.says, LedgerError(why, do="mend what is said above first"))
        count, examples = row or (0, None)
        return Looked(
            rule=rule.says,
            level=rule.level if count else "ok",
            found=count,
            examples=tuple(examples or ()),
            do=rule.do if count else "",
        )


def integrity(file: str) -> list[str]:
    """What SQLite itself finds wrong with ``file``, at most a hundred things; it is only read."""
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found
