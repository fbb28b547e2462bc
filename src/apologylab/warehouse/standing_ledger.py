"""A ledger's tallies, kept in a file between two analyses: only what changed is tallied (R25).

The file holds a copy of the facts, every unit as it was drawn, and its tallies. Tallies depend on
the facts up to a mark and not on the date, so what matured since needs nothing; the units of
customers whom a later fact is about are tallied anew, with everybody merged with them. All is
changed in one transaction. The panel's columns are made of all tallies at each analysis, because
some are of all units (the share of coupons redeemed, R16).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb

from apologylab.decision.value import currency
from apologylab.design.fingerprint import fingerprint
from apologylab.errors import InputError
from apologylab.warehouse.attach import shown
from apologylab.warehouse.beside import blamed
from apologylab.warehouse.engine import whole
from apologylab.warehouse.exchange import exchange
from apologylab.warehouse.feeds import feeds
from apologylab.warehouse.ledger_tallies import (
    Tallied,
    all_tallies,
    kinds_of,
    stage_facts,
    tallies_of,
    tally,
)
from apologylab.warehouse.mirror import SOURCE, TOUCHED, copy_new, rows_of, stage_touched
from apologylab.warehouse.persons import pool
from apologylab.warehouse.slices import fallbacks
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER, Stager, attached
from apologylab.warehouse.units import currencies, minor_of, stage_units

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apologylab.design.experiment import Experiment
    from apologylab.warehouse.tally import Tally

MADE_FOR = "standing_of"
"""The table that says of what the file is, and up to which mark."""
TOGETHER = "the standing file is not used: units that are drawn together are tallied anew"
EARLIER = "the standing file is not used: it is of a later date"


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Where tallies are kept, and of which ledger."""

    file: Path
    ledger_id: str


def tally_standing(
    connection: duckdb.DuckDBPyConnection,
    url: str,
    experiment: Experiment,
    *,
    mark: int,
    keeping: Keeping,
) -> tuple[Tallied | None, str]:
    """The tallies up to ``mark``, and how many were made anew; None where the file cannot serve.

    Raises:
        InputError: the file is something else, or in use; amounts are in several currencies.
        LedgerError: the ledger cannot be read.
    """
    if experiment.unit == "cluster" or experiment.allocation.scheme in ("blocks", "minimisation"):
        return None, TOGETHER
    with attached(connection, url, SOURCE), _opened(connection, keeping.file):
        key = _key(connection, url, experiment, keeping)
        after = _kept_up_to(connection, url, key)
        if after is not None and after > mark:
            return None, EARLIER
        tallies = all_tallies(experiment)
        kinds = kinds_of(tallies)
        with whole(connection):
            copy_new(connection, url, kinds, after=after, mark=mark)
            stage_touched(connection, kinds, experiment.unit_id, after=after, mark=mark)
            n = _repair(connection, experiment, tallies, mark=mark, begun=after is not None)
            _sign(connection, url, key, mark)
        return _all(connection, experiment, kinds, mark=mark), _said(connection, n)


def _said(connection: duckdb.DuckDBPyConnection, n: int) -> str:
    ((units,),) = connection.execute("SELECT count(*) FROM tallies").fetchall()
    return f"of {units} units {n} were tallied anew, the others stood in the standing file"


@contextmanager
def _opened(connection: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """The standing file as schema ``ledger``, inside the block only."""
    try:
        connection.execute(f"ATTACH {text_literal(str(file))} AS {LEDGER} (TYPE duckdb)")
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"the standing file {file} cannot be opened: {reason}",
            do="name a file of its own, or wait until nobody else uses it",
        ) from error
    try:
        _refuse_strange(connection, file)
        yield
    finally:
        connection.execute(f"DETACH DATABASE IF EXISTS {LEDGER}")


def _refuse_strange(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    tables = _tables(connection)
    if tables and MADE_FOR not in tables:
        raise InputError(f"{file} holds other tables", do="name a file of its own")


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    query = f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{LEDGER}'"
    return {name for (name,) in connection.execute(query).fetchall()}


def _key(
    connection: duckdb.DuckDBPyConnection, url: str, experiment: Experiment, keeping: Keeping
) -> str:
    """What the tallies depend on beside the facts: the ledger, the declaration, this software."""
    columns = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() "
        f"WHERE database_name = '{SOURCE}' ORDER BY table_name, column_index"
    ).fetchall()
    parts = [
        keeping.ledger_id,
        shown(url),
        experiment.name,
        experiment.version,
        fingerprint(experiment),
        repr(all_tallies(experiment)),
        duckdb.__version__,
        _software(),
        columns,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _software() -> str:
    """SHA-256 of the code that makes panels."""
    found = hashlib.sha256()
    for each in sorted(files("apologylab.warehouse").iterdir(), key=lambda file: file.name):
        if each.name.endswith(".py"):
            found.update(each.read_bytes())
    return found.hexdigest()


def _kept_up_to(connection: duckdb.DuckDBPyConnection, url: str, key: str) -> int | None:
    """The mark up to which the file can be believed; None where it begins anew."""
    if MADE_FOR not in _tables(connection):
        return None
    row = connection.execute(f"SELECT key, mark, told_at FROM {LEDGER}.{MADE_FOR}").fetchone()
    if row is None or row[0] != key or row[2] != _told_at(connection, url, row[1]):
        return None
    return int(row[1])


def _told_at(connection: duckdb.DuckDBPyConnection, url: str, mark: int) -> str:
    """The last commit up to a mark and its time: another where a backup was put in its place."""
    last = rows_of(url, "commit_time", f"seq <= {mark} ORDER BY seq DESC LIMIT 1")
    return str(connection.execute(f"FROM {last}").fetchone())


def _sign(connection: duckdb.DuckDBPyConnection, url: str, key: str, mark: int) -> None:
    told_at = text_literal(_told_at(connection, url, mark))
    connection.execute(
        f"CREATE OR REPLACE TABLE {LEDGER}.{MADE_FOR} AS "
        f"SELECT '{key}' AS key, {mark}::BIGINT AS mark, {told_at} AS told_at"
    )


def _repair(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    tallies: tuple[Tally, ...],
    *,
    mark: int,
    begun: bool,
) -> int:
    """Tally the units of those touched; how many there are."""
    kinds = kinds_of(tallies)
    stage_units(connection, experiment, mark=mark, of=TOUCHED)
    _keep(connection, "drawn", "FROM units", begun=begun)
    only = f"customer IN (FROM {TOUCHED})"
    stage_facts(Stager(connection=connection, mark=mark, rule=experiment.unit_id, only=only), kinds)
    pool(connection, kinds, one_unit=experiment.unit == "customer")
    exchange(connection, experiment, kinds)
    none = "SELECT NULL::VARCHAR AS customer, NULL::VARCHAR AS currency LIMIT 0"
    declared = kinds_of(tallies_of(experiment))
    money = currencies(declared, of="customer, currency") or none
    _keep(connection, "money", money, begun=begun)
    query = f"SELECT DISTINCT currency FROM {LEDGER}.money ORDER BY 1"
    found = [name for (name,) in connection.execute(query).fetchall()]
    tally(connection, tallies, minor_of(currency(experiment), found))
    _keep(connection, "tallies", "FROM tallies", begun=begun)
    ((n,),) = connection.execute("SELECT count(*) FROM tallies").fetchall()
    return int(n)


def _keep(connection: duckdb.DuckDBPyConnection, table: str, rows: str, *, begun: bool) -> None:
    """Put the rows of those touched in the place of what the file's table has of them."""
    if not begun:
        connection.execute(f"CREATE OR REPLACE TABLE {LEDGER}.{table} AS {rows}")
        return
    connection.execute(f"DELETE FROM {LEDGER}.{table} WHERE customer IN (FROM {TOUCHED})")
    connection.execute(f"INSERT INTO {LEDGER}.{table} {rows}")


def _all(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    kinds: frozenset[str],
    *,
    mark: int,
) -> Tallied:
    """The tables of all units, as :func:`apologylab.warehouse.ledger_tallies.tally_ledger`'s."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE units AS FROM {LEDGER}.drawn")
    stage_facts(Stager(connection=connection, mark=mark, rule=experiment.unit_id), ["delivery"])
    fallen = fallbacks(connection, experiment, mark=mark)
    merged = pool(connection, ["delivery"], one_unit=experiment.unit == "customer")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE tallies AS FROM {LEDGER}.tallies")
    held = frozenset(
        kind
        for kind in kinds
        if connection.execute(f"SELECT 1 FROM {LEDGER}.fact_{kind} LIMIT 1").fetchone()
    )
    through = feeds(connection, mark=mark)
    fault = blamed(connection, mark=mark)
    return Tallied(through, fallen, None, {}, held, merged, fault)
