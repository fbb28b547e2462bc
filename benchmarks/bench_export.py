"""Export to Parquet beside Arrow's bare write, and analysis on PostgreSQL beside SQLite.

Arrow's write is of the same rows, in memory already, into one file; ours reads them from the ledger
and sorts them into months. The analysis is of the same facts, from opening the ledger to the panel.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow import parquet

from apologylab.record.facts import Assignment, CustomerSnapshot, Feed, Incident, Order
from apologylab.service.export import Upto
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import postgres, sqlite
from apologylab.warehouse.ledger_export import LedgerExporter
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.wire.declaration import read
from measure import cost, medians, rate
from servers import postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.storage.ledger import SqlLedger
    from measure import Row

UNITS = 50_000
ORDERS = 300_000
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
IDENTITY = LedgerIdentity(id="bench", environment="bench", simulated=True)
ARMS = ("silence", "sorry")
DECLARATION = """
name = "late"
question = "Does it pay?"
owner = "bench"
[incident]
kind = "late_ride"
[repeats]
next_incident = "sticky"
[factors]
wording = ["none", "sorry"]
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[[outcomes]]
name = "spend_28d"
fact = "order"
measure = "sum(list_amount)"
window_days = 28
pre_days = 28
role = "primary"
[plan]
covariates = ["spend_28d:pre"]
enrol_days = 30
"""


def rows() -> list[Row]:
    """Rows a second out of either ledger, and seconds to the panel."""
    server = postgres_server.Server()
    try:
        return _rows(server.database())
    finally:
        server.remove()


def _rows(post: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lite = f"sqlite:///{folder / 'l.sqlite'}"
        _filled(sqlite.create(folder / "l.sqlite", IDENTITY))
        _filled(postgres.create(post, IDENTITY))
        _export(lite, folder / "arrow")
        table = parquet.read_table(folder / "arrow" / "order")
        exports = medians(
            {
                "sqlite": partial(_export, lite, folder / "lite"),
                "postgres": partial(_export, post, folder / "post"),
                "arrow": partial(
                    parquet.write_table, table, folder / "bare.parquet", compression="zstd"
                ),
            },
            rounds=5,
        )
        panels = medians(
            {"sqlite": partial(_panel, lite), "postgres": partial(_panel, post)}, rounds=5
        )
    bare, unit = "pyarrow's write of the same table, in memory", "rows/s"
    speed = {each: ORDERS / seconds for each, seconds in exports.items()}
    case = f"panel of {UNITS:,} units and {ORDERS:,} orders, ledger in PostgreSQL"
    return [
        rate("export, ledger in SQLite", bare, ours=speed["sqlite"], theirs=speed["arrow"],
             unit=unit),
        rate("export, ledger in PostgreSQL", bare, ours=speed["postgres"], theirs=speed["arrow"],
             unit=unit),
        cost(case, "the same ledger in SQLite", ours=panels["postgres"], theirs=panels["sqlite"],
             unit="s"),
    ]  # fmt: skip


def _export(url: str, folder: Path) -> None:
    exporter = LedgerExporter(url=url, identity=IDENTITY, folder=folder)
    written = exporter.write({"order": ()}, Upto(as_of=NOW, mark=2**62), progress=lambda _: None)
    if written[0].rows != ORDERS:
        raise RuntimeError(f"{written[0].rows} rows were written, not {ORDERS}")


def _panel(url: str) -> None:
    panel = panel_ledger(url, read(DECLARATION, where="bench"), as_of=NOW, mark=2**62)
    found = sum(sum(arms.values()) for arms in panel.flow().assigned.values())
    if found != UNITS:
        raise RuntimeError(f"{found} units are in the panel, not {UNITS}")


def _filled(ledger: SqlLedger) -> None:
    """The units of a month and their orders; then it is let go of."""
    ledger.append_rows(Incident, list(_incidents()), recorded_at=NOW)
    with ledger.transaction(recorded_at=NOW) as work:
        work.append(list(_assignments()))
        work.append([_feed()])
    snapshots: list[tuple[object, ...]] = [
        (f"s{i}", START, f"c{i}", START, None, {}) for i in range(UNITS)
    ]
    ledger.append_rows(CustomerSnapshot, snapshots, recorded_at=NOW)
    step = timedelta(seconds=30)
    orders = [
        (f"o{i}", START + i * step, f"c{i % UNITS}", 100 + i % 9_000, 100, "USD", False, 0)
        for i in range(ORDERS)
    ]
    ledger.append_rows(Order, orders, recorded_at=NOW)
    ledger.close()


def _incidents() -> Iterator[tuple[object, ...]]:
    for i, at in zip(range(UNITS), _moments(), strict=False):
        yield (f"i{i}", at, f"c{i}", "late_ride", None, None, {})


def _assignments() -> Iterator[Assignment]:
    for i, at in zip(range(UNITS), _moments(), strict=False):
        yield Assignment(
            key=f"late/i{i}", occurred_at=at, experiment="late", version=1, phase=1, unit=f"c{i}",
            customer=f"c{i}", incident=f"i{i}", arm=ARMS[i % 2], reason="RANDOMISED",
            propensity=0.5, entry=1.0, holdout=0.0, because="", delay_s=None, due_at=None,
            first=True,
        )  # fmt: skip


def _moments() -> Iterator[datetime]:
    return (START + timedelta(seconds=50 * i) for i in count())


def _feed() -> Feed:
    return Feed(key="order", occurred_at=NOW, fact="order", through=NOW)
