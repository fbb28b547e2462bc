"""A filled ledger of each released schema becomes today's while its old version goes on writing."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command

from apologylab.errors import LedgerBusyError, LedgerOldError
from apologylab.record.facts import KINDS, Assignment, Liability, Order, Remedy
from apologylab.service.ports import Charge, LedgerIdentity, Standing
from apologylab.storage import migrate, postgres, sqlite
from apologylab.storage.memory import MemoryLedger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp()) * 1_000_000
SCRIPTS = Path(migrate.__file__).parent / "migrations" / "versions"
FILLED = 300


def old_columns():
    """The columns of every fact in 0001, as that script has them."""
    spec = importlib.util.spec_from_file_location("first", SCRIPTS / "0001_first_ledger.py")
    first = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(first)
    frame = "key text, occurred_at time, "
    return {
        kind: [column.split(" ")[0] for column in (frame + columns).split(", ")]
        for kind, columns in first.FACTS.items()
    }


OLD = old_columns()


class OldVersion:
    """What the code of 0001 wrote, on a connection of the driver's own; one writer at a time."""

    def __init__(self, connect, mark, begin):
        self._connect, self._mark, self._begin = connect, mark, begin

    def open(self):
        self.connection = self._connect()

    def run(self, sql, *values):
        cursor = self.connection.cursor()
        cursor.execute(sql.replace("?", self._mark), values)
        return cursor

    def store(self, seq, kind, **fields):
        names = ["seq", *OLD[kind], "recorded_at"]
        row = {"seq": seq, "occurred_at": AT, "recorded_at": AT, **fields}
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" for _ in names)
        self.run(
            f"INSERT INTO fact_{kind} ({quoted}) VALUES ({marks})",
            *(row.get(name) for name in names),
        )
        self.run("INSERT INTO fact_key (kind, key, seq) VALUES (?, ?, ?)", kind, row["key"], seq)

    def commit_one(self, number):
        """An incident's facts, its place in the queue, its text and its money, as one commit."""
        for begin in self._begin:
            self.run(begin)
        last = self.run("SELECT coalesce(max(seq), 0) FROM commit_time").fetchone()[0]
        key, customer = f"e1/i{number}", f"c{number}"
        common = {"key": key, "experiment": "e1", "customer": customer, "arm": "sorry"}
        self.store(
            last + 1, "assignment", **common, version=1, phase=0, unit=customer,
            incident=f"i{number}", reason="RANDOMISED", propensity=0.5, entry=1.0, holdout=0.0,
            because="", delay_s=None, due_at=AT, first=1,
        )  # fmt: skip
        money = {"compensation": "usd5", "amount": 500, "currency": "USD", "assignment": key}
        text = {"locale": "en", "text": f"t{number}", "text_sha256": "0" * 64}
        self.store(last + 2, "remedy", **common, **money, **text, due_at=AT)
        self.store(
            last + 3, "liability", **{**common, "key": f"{key}/reserved"}, **money,
            state="reserved",
        )  # fmt: skip
        self.store(
            last + 4, "order", key=f"o{number}", customer=customer, list_amount=1000,
            paid_amount=900, currency="USD", our_coupon=0, returned_amount=0,
        )  # fmt: skip
        self.run(
            "INSERT INTO remedy_pending (key, experiment, due_at, seq) VALUES (?, ?, ?, ?)",
            key, "e1", AT, last + 2,
        )  # fmt: skip
        self.run("INSERT INTO text (id, body) VALUES (?, ?)", f"t{number}", f"Sorry {number}")
        self.run(
            "INSERT INTO budget (name, reserved) VALUES (?, ?) ON CONFLICT (name) "
            "DO UPDATE SET reserved = budget.reserved + 500",
            "e1",
            500,
        )
        self.run("INSERT INTO commit_time (seq, recorded_at) VALUES (?, ?)", last + 4, AT)
        self.run("COMMIT")

    def hash(self, below):
        """Over the facts numbered below, in the columns of 0001."""
        digest = hashlib.sha256()
        for kind in sorted(OLD):
            quoted = ", ".join(f'"{name}"' for name in OLD[kind])
            rows = self.run(f"SELECT {quoted} FROM fact_{kind} WHERE seq < ? ORDER BY seq", below)
            digest.update(json.dumps([kind, [list(row) for row in rows.fetchall()]]).encode())
        return digest.hexdigest()


class Writer(threading.Thread):
    """Goes on committing until it is told to end; notes when each commit was done."""

    def __init__(self, old, first):
        super().__init__(daemon=True)
        self.old, self.next = old, first
        self.done, self.wrong, self.ended = [], None, threading.Event()

    def run(self):
        try:
            self.old.open()
            while not self.ended.is_set():
                self.old.commit_one(self.next)
                self.next += 1
                self.done.append(time.monotonic())
                time.sleep(0.002)
            self.old.connection.close()
        except Exception as wrong:  # noqa: BLE001 - the test looks at it
            self.wrong = wrong

    def wait_for(self, commits):
        until = time.monotonic() + 30
        while len(self.done) < commits and self.wrong is None and time.monotonic() < until:
            time.sleep(0.01)

    def end(self):
        self.ended.set()
        self.join(30)
        assert self.wrong is None, self.wrong
        return max(after - before for before, after in zip(self.done, self.done[1:], strict=False))


def upgrade_to_first(engine):
    with engine.begin() as connection:
        command.upgrade(migrate._config(connection), "0001")


IDENTITY = "INSERT INTO ledger (id, environment, simulated) VALUES ('old', 'test', 1)"


@pytest.fixture
def on_sqlite(tmp_path):
    path = tmp_path / "old.sqlite"
    engine = sqlite.connect(path)
    upgrade_to_first(engine)
    engine.dispose()

    def connect():
        opened = sqlite3.connect(path, isolation_level=None, timeout=30)
        opened.execute("PRAGMA synchronous=FULL")
        return opened

    old = OldVersion(connect, "?", ["BEGIN IMMEDIATE"])
    return old, path, sqlite


@pytest.fixture
def on_postgres(postgres_server):
    url = postgres_server.database()
    database = postgres.connect(url)
    upgrade_to_first(database._engine)
    database.close()
    begin = ["BEGIN", "SELECT pg_advisory_xact_lock(1)"]
    old = OldVersion(lambda: psycopg.connect(url, autocommit=True), "%s", begin)
    yield old, url, postgres
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
def filled(request):
    """An old ledger with some facts, where it is, and the module that keeps it today."""
    old, place, module = request.getfixturevalue(f"on_{request.param}")
    old.open()
    with closing(old.connection):
        old.run(IDENTITY)
        for number in range(FILLED):
            old.commit_one(number)
        old.run("INSERT INTO commit_mark (as_of, seq) VALUES (?, ?)", AT + 1, 4 * FILLED)
        before = old.hash(4 * FILLED + 1)
    return old, place, module, before


def test_an_old_ledger_is_refused_with_the_command(filled):
    _, place, module, _ = filled
    with pytest.raises(LedgerOldError, match="apologylab migrate"):
        module.open_(place)
    steps = module.migrate(place, dry_run=True)
    assert [step.split(" ")[0] for step in steps] == ["0002", "0003", "0004"]
    with pytest.raises(LedgerOldError):
        module.open_(place)


def test_a_filled_ledger_is_upgraded_while_its_old_version_writes(filled):
    old, place, module, before = filled
    writer = Writer(old, FILLED)
    writer.start()
    writer.wait_for(40)
    began = len(writer.done)
    assert len(module.migrate(place, dry_run=False)) == 3
    ended = len(writer.done)
    writer.wait_for(ended + 40)
    longest = writer.end()
    assert (began, len(writer.done)) >= (40, ended + 40), "the old version did not go on"
    assert longest < 5, f"it waited {longest:.1f} s"
    old.open()
    with closing(old.connection):
        assert old.hash(4 * FILLED + 1) == before
    assert module.migrate(place, dry_run=False) == []
    _use_it(module.open_(place), FILLED + len(writer.done))


def _use_it(ledger, incidents):
    """Everything of today on what the old version left behind."""
    assert ledger.content_hash() == _twin(incidents).content_hash()
    assert len(ledger.identity.secret) == 64
    assert ledger.count(Order, mark=ledger.mark(NOW + timedelta(microseconds=1))) == FILLED
    assert ledger.budgets("e1") == {"e1": Standing(reserved=500 * incidents)}
    assert ledger.text("t0") == "Sorry 0"
    hour = timedelta(hours=1)
    with ledger.transaction(recorded_at=NOW) as work:
        claimed = work.claim("e1", holder="w", now=NOW, until=NOW + hour, limit=10 * incidents)
        assert len(claimed) == incidents
        assert {(each.attempts, each.handed) for each in claimed} == {(0, False)}
        held = Charge(budget="e1", amount=1, uses=1, at_most=500 * incidents)
        assert work.charge([held])
        (old,) = work.find(Assignment, key="e1/i7")
        assert (old.stratum, old.block) == (None, None)
        assert work.append([order(incidents), order(0)]).new == 1
    last = ledger.mark(NOW + hour)
    assert ledger.count(Order, mark=last) == incidents + 1
    ledger.close()


def order(number):
    return Order(
        key=f"o{number}", occurred_at=NOW, customer=f"c{number}", list_amount=1000,
        paid_amount=900, currency="USD",
    )  # fmt: skip


def _twin(incidents):
    """The same facts, written by today's code."""
    twin = MemoryLedger(LedgerIdentity(id="twin", environment="test", simulated=True))
    with twin.transaction(recorded_at=NOW) as work:
        for number in range(incidents):
            key, customer = f"e1/i{number}", f"c{number}"
            common = {"occurred_at": NOW, "experiment": "e1", "customer": customer, "arm": "sorry"}
            money = {
                "compensation": "usd5", "amount": 500, "currency": "USD", "assignment": key,
            }  # fmt: skip
            work.append([
                Assignment(
                    key=key, **common, version=1, phase=0, unit=customer, incident=f"i{number}",
                    reason="RANDOMISED", propensity=0.5, entry=1.0, holdout=0.0, because="",
                    delay_s=None, due_at=NOW, first=True,
                ),
                Remedy(
                    key=key, **common, **money, locale="en", text=f"t{number}",
                    text_sha256="0" * 64, due_at=NOW,
                ),
                Liability(key=f"{key}/reserved", **common, **money, state="reserved"),
                order(number),
            ])  # fmt: skip
    return twin


def test_a_busy_table_is_waited_for_only_briefly(on_postgres):
    """A long report holds a table: the migration steps aside, so that writers never queue up."""
    old, url, module = on_postgres
    old.open()
    old.run(IDENTITY)
    old.connection.close()
    writer = Writer(old, 0)
    with psycopg.connect(url) as report:
        report.execute("SELECT count(*) FROM fact_liability")
        writer.start()
        migrating = threading.Thread(target=module.migrate, args=(url,), kwargs={"dry_run": False})
        migrating.start()
        time.sleep(2.5)
        assert migrating.is_alive()
        assert len(writer.done) > 20
        report.rollback()
    migrating.join(30)
    assert writer.end() < 2
    module.open_(url).close()


def test_a_table_that_is_never_free_is_told(on_postgres, monkeypatch):
    old, url, module = on_postgres
    old.open()
    old.run(IDENTITY)
    monkeypatch.setattr(postgres, "_MIGRATE_TRIES", 2)
    with psycopg.connect(url) as report:
        report.execute("SELECT count(*) FROM fact_liability")
        with pytest.raises(LedgerBusyError, match="lock timeout"):
            module.migrate(url, dry_run=False)
    assert module.migrate(url, dry_run=True)
    old.connection.close()


def test_two_migrate_at_once(on_postgres):
    old, url, module = on_postgres
    old.open()
    old.run(IDENTITY)
    old.connection.close()
    runs = [
        threading.Thread(target=module.migrate, args=(url,), kwargs={"dry_run": False})
        for _ in range(3)
    ]
    for each in runs:
        each.start()
    for each in runs:
        each.join(30)
    opened = module.open_(url)
    assert all(opened.count(kind) == 0 for kind in KINDS.values())
    opened.close()
