"""Bulk append to the ledger, beside the bare way into one table with the same key.

That is ``executemany`` for SQLite, COPY for PostgreSQL.
"""

from __future__ import annotations

import csv
import gc
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from apologylab.record.facts import Order
from apologylab.record.values import Reading
from apologylab.service.ports import LedgerIdentity
from apologylab.service.record import record_file, record_rows
from apologylab.storage import postgres, sqlite
from apologylab.storage.ledger import SqlLedger
from apologylab.storage.rows import encode
from apologylab.warehouse.fact_file import RejectsFile, open_fact_file
from measure import Row, medians, rate
from servers import postgres_server

ROWS = 200_000
AT_ONCE = 50_000
ROUNDS = 3
NOW = datetime(2026, 6, 1, tzinfo=UTC)
BARE = (
    "CREATE TABLE bare (key TEXT PRIMARY KEY, occurred_at INTEGER, customer TEXT, "
    "list_amount INTEGER, paid_amount INTEGER, currency TEXT, our_coupon INTEGER, "
    "returned_amount INTEGER) WITHOUT ROWID"
)


def rows() -> list[Row]:
    """Rows a second: what the ledger adds to SQLite, and a CSV file all the way in."""
    orders = _orders()
    encoded = encode(Order, orders)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_csv(folder / "orders.csv", orders)
        empty = iter([_fresh(folder) for _ in range(2 * (ROUNDS + 1))])
        taken = medians(
            {
                "ledger": lambda: _append(next(empty), orders),
                "bare": lambda: _bare(_place(folder), encoded),
                "file": lambda: _record(next(empty), folder / "orders.csv"),
            },
            rounds=ROUNDS,
        )
    speed = {name: ROWS / seconds for name, seconds in taken.items()} | _on_postgres(orders)
    bare = "bare SQLite executemany, same key, WAL, synchronous=FULL"
    copy = "plain PostgreSQL COPY from Python, same key"
    unit = "rows/s"
    return [
        rate("append_rows of orders", bare, ours=speed["ledger"], theirs=speed["bare"], unit=unit),
        rate("record orders.csv", bare, ours=speed["file"], theirs=speed["bare"], unit=unit),
        rate("append_rows of orders", copy, ours=speed["server"], theirs=speed["copy"], unit=unit),
    ]


def _orders() -> list[tuple[Any, ...]]:
    """Orders in no order of customers, keyed as a shop's sequence."""
    return [
        (
            f"order-{number:09d}",
            NOW + timedelta(seconds=number * 7919 % 7_000_000),
            f"rider{number * 7919 % 100_003:07d}",
            300 + number * 31 % 9000,
            300 + number * 31 % 9000,
            "USD",
            False,
            0,
        )
        for number in range(ROWS)
    ]


def _write_csv(path: Path, orders: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(
            ["key", "occurred_at", "customer", "list_amount", "paid_amount", "currency"]
        )
        for key, at, customer, amount, paid, currency, *_ in orders:
            row = (key, at.isoformat(), customer, f"{amount / 100:.2f}", f"{paid / 100:.2f}")
            writer.writerow((*row, currency))


def _on_postgres(orders: list[tuple[Any, ...]]) -> dict[str, float]:
    """Rows a second on a server of our own, durable as it is by default."""
    server = postgres_server.Server(fsync="on", full_page_writes="on")
    encoded = encode(Order, orders)
    try:
        ledgers = iter([_fresh_on(server) for _ in range(ROUNDS + 1)])
        places = iter([server.database() for _ in range(ROUNDS + 1)])
        taken = medians(
            {
                "server": lambda: _append(next(ledgers), orders),
                "copy": lambda: _copy(next(places), encoded),
            },
            rounds=ROUNDS,
        )
    finally:
        server.remove()
    return {name: ROWS / seconds for name, seconds in taken.items()}


def _fresh_on(server: Any) -> SqlLedger:
    identity = LedgerIdentity(id="bench", environment="bench", simulated=True)
    return postgres.create(server.database(), identity)


def _copy(url: str, encoded: list[tuple[Any, ...]]) -> None:
    gc.disable()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(BARE.removesuffix(" WITHOUT ROWID").replace("INTEGER", "BIGINT"))
        for first in range(0, ROWS, AT_ONCE):
            with connection.cursor().copy("COPY bare FROM STDIN") as sink:
                for row in encoded[first : first + AT_ONCE]:
                    sink.write_row(row)
    gc.enable()


def _place(folder: Path) -> Path:
    """A path where nothing is."""
    return Path(tempfile.mkdtemp(dir=folder)) / "ledger.sqlite"


def _fresh(folder: Path) -> SqlLedger:
    identity = LedgerIdentity(id="bench", environment="bench", simulated=True)
    return sqlite.create(_place(folder), identity)


def _append(ledger: SqlLedger, orders: list[tuple[Any, ...]]) -> None:
    gc.disable()
    assert record_rows(ledger, Order, orders, now=NOW).new == ROWS
    gc.enable()
    ledger.close()


def _record(ledger: SqlLedger, path: Path) -> None:
    gc.disable()
    done = record_file(
        ledger,
        Order,
        open_fact_file(path),
        mapping={},
        reading=Reading(),
        rejects=RejectsFile(path),
        now=NOW,
        progress=lambda _more: None,
    )
    gc.enable()
    assert (done.new, done.rejected) == (ROWS, 0)
    ledger.close()


def _bare(path: Path, encoded: list[tuple[Any, ...]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(BARE)
    gc.disable()
    for first in range(0, ROWS, AT_ONCE):
        connection.execute("BEGIN IMMEDIATE")
        batch = encoded[first : first + AT_ONCE]
        connection.executemany("INSERT INTO bare VALUES (?,?,?,?,?,?,?,?)", batch)
        connection.execute("COMMIT")
    gc.enable()
    connection.close()
