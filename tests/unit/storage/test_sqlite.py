"""What only the SQLite ledger has: its file, its locks, its log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from apologylab.errors import LedgerError
from apologylab.record.facts import Order
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=False)


@pytest.fixture
def ledger(tmp_path):
    made = sqlite.create(tmp_path / "l.sqlite", IDENTITY)
    yield made
    made.close()


def rows(first, count):
    return [
        (f"order-{number}", NOW, f"c{number}", 1000, 900, "EUR", False, 0)
        for number in range(first, first + count)
    ]


def test_every_connection_is_durable_and_leaves_checkpoints_to_us(ledger):
    with ledger.database.settling() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "busy_timeout")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "busy_timeout": 30_000,
    }


def test_the_log_is_checkpointed_while_facts_arrive(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "_WAL_BYTES", 600_000)
    log = ledger.database.path.with_name("l.sqlite-wal")
    sizes = []
    for batch in range(20):
        ledger.append_rows(Order, rows(batch * 1000, 1000), recorded_at=NOW)
        sizes.append(log.stat().st_size)
    assert max(sizes) < 2_000_000, "the log grows without end"
    assert ledger.database.path.stat().st_size > 1_000_000, "nothing reached the file"
    assert ledger.count(Order) == 20_000


def test_a_reader_does_not_stop_a_writer(ledger):
    ledger.append_rows(Order, rows(0, 20_000), recorded_at=NOW)
    reading = ledger.read(Order)
    next(reading)
    ledger.append_rows(Order, rows(20_000, 10), recorded_at=NOW)
    assert sum(1 for _ in reading) == 19_999, "the reader's snapshot moved"
    assert ledger.count(Order) == 20_010


def test_a_transaction_holds_the_write_lock_before_it_reads(ledger):
    with (
        ledger.transaction(recorded_at=NOW),
        closing(sqlite3.connect(ledger.database.path, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_a_lock_that_is_not_given_up_is_explained(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("PRAGMA busy_timeout=50",))
    impatient = sqlite.open_(ledger.database.path)
    locked = pytest.raises(LedgerError, match=r"database is locked: see that one service")
    with ledger.transaction(recorded_at=NOW), locked:
        impatient.append_rows(Order, rows(0, 1), recorded_at=NOW)
    impatient.close()


def test_what_was_committed_is_there_for_another_process(ledger):
    ledger.append_rows(Order, rows(0, 3), recorded_at=NOW)
    other = sqlite.open_(ledger.database.path)
    assert other.content_hash() == ledger.content_hash()
    assert other.mark(NOW) == 3
    other.close()


def test_seq_is_one_counter_without_gaps(ledger):
    ledger.append_rows(Order, rows(0, 3), recorded_at=NOW)
    ledger.append_rows(Order, rows(1, 4), recorded_at=NOW)
    with closing(sqlite3.connect(ledger.database.path)) as connection:
        seqs = [seq for (seq,) in connection.execute("SELECT seq FROM fact_order ORDER BY seq")]
        commits = connection.execute("SELECT seq FROM commit_time ORDER BY seq").fetchall()
    assert seqs == [1, 2, 3, 4, 5]
    assert commits == [(3,), (5,)]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DELETE FROM ledger", "holds 0 identities"),
        (
            "INSERT INTO ledger (id, environment, simulated) VALUES ('other', 'test', 0)",
            "holds 2 identities",
        ),
    ],
)
def test_a_ledger_has_one_identity(ledger, damage, found):
    with closing(sqlite3.connect(ledger.database.path)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(LedgerError, match=found):
        sqlite.open_(ledger.database.path)
