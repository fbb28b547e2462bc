"""A raw group-commit loop that writes the rows of given assignments: what a database can do."""

from __future__ import annotations

from collections import defaultdict
from contextlib import nullcontext
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLES = ("fact_incident", "fact_assignment", "fact_remedy", "fact_liability")
ALL = (*TABLES, "fact_key", "text", "remedy_pending")
MOST = 64
Rows = dict[str, list[tuple[Any, ...]]]
"""Table -> the rows of one call; the first column of a fact is its ``seq``."""


def rows_of(connection: Any, keys: Sequence[str]) -> list[Rows]:
    """What a ledger holds of the incidents ``keys``: the rows of each call."""
    calls: dict[str, Rows] = {key: defaultdict(list) for key in keys}
    texts = dict(connection.execute("SELECT id, body FROM text").fetchall())
    for table in (*TABLES, "remedy_pending"):
        cursor = connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        for row in map(tuple, cursor.fetchall()):
            named = dict(zip(names, row, strict=True))
            key = named["key"].partition("/")[2] or named["key"]
            call = calls[key.removesuffix("/reserved")]
            call[table].append(row)
            if named.get("text"):
                call["text"].append((named["text"], texts[named["text"]]))
    return list(calls.values())


def statements(connection: Any, mark: str) -> Mapping[str, str]:
    """Table -> what inserts a row; ``mark`` stands for a value."""
    found = {}
    for table in ALL:
        width = len(connection.execute(f"SELECT * FROM {table} LIMIT 0").description)
        found[table] = f"INSERT INTO {table} VALUES ({','.join([mark] * width)})"
    return found


class RawLoop:
    """One thread that commits whatever waits, at most ``MOST`` calls at once."""

    def __init__(self, connection: Any, mark: str) -> None:
        self._connection, self._cursor = connection, connection.cursor()
        self._insert = statements(connection, mark)
        self._mark, self._seq = mark, 1 << 40
        self._queue: SimpleQueue[tuple[Rows, Lock] | None] = SimpleQueue()
        Thread(target=self._run, daemon=True).start()

    def write(self, rows: Rows) -> None:
        """Come back once ``rows`` are durable."""
        done = Lock()
        done.acquire()
        self._queue.put((rows, done))
        done.acquire()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            try:
                while len(batch) < MOST:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            self._commit([rows for rows, _ in filter(None, batch)])
            for _, done in filter(None, batch):
                done.release()

    def _commit(self, calls: Sequence[Rows]) -> None:
        written: Rows = defaultdict(list)
        for table in TABLES:
            for row in (row for call in calls for row in call[table]):
                self._seq += 1
                written[table].append((self._seq, *row[1:]))
                written["fact_key"].append((table.removeprefix("fact_"), row[1], self._seq))
        for table in ("text", "remedy_pending"):
            written[table] = [row for call in calls for row in call[table]]
        spent = 500 * len(written["fact_liability"])
        is_sqlite = self._mark == "?"
        with nullcontext() if is_sqlite else self._connection.pipeline():
            self._cursor.execute("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
            for table, rows in written.items():
                if rows:
                    self._cursor.executemany(self._insert[table], rows)
            self._cursor.execute(f"UPDATE budget SET reserved = reserved + {spent}")
            self._cursor.execute(f"INSERT INTO commit_time VALUES ({self._seq}, 0)")
            self._cursor.execute("COMMIT")
