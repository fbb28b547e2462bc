"""A panel that changes a little every day, with its moments: in one DuckDB file, kept in step.

The file holds every unit's row as it was last counted. Rows that come again are compared with it:
those that differ are taken off the moments and added anew, those that do not cost a look-up. Rows
and moments change in one transaction, so a killed process leaves yesterday's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.moments import Cell, Moments, Request
from apologylab.inference.standing import Pair, Standing, change, nothing
from apologylab.warehouse.arrow import floats
from apologylab.warehouse.engine import whole
from apologylab.warehouse.keys import KEYS, selected
from apologylab.warehouse.sql import identifier, text_literal
from apologylab.warehouse.standing_ends import change_ends, kept_ends, make_ends, standing_ends

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    import duckdb

    from apologylab.inference.survival.counts import EventCounts, Timed

TYPES = {"version": "BIGINT", "phase": "BIGINT", "arm": "VARCHAR", "stratum": "VARCHAR"}


class Changed(NamedTuple):
    """How many units were added, repaired, and found as they were."""

    added: int
    repaired: int
    same: int


@dataclass(kw_only=True, eq=False)
class StandingPanel:
    """Open one with :func:`open_panel`."""

    connection: duckdb.DuckDBPyConnection
    standing: list[Standing]
    timed: tuple[Timed, ...] = ()

    @property
    def names(self) -> list[str]:
        """The columns that some request, or some time to an event, reads."""
        read = [*(each.columns for each in self.standing), *self.timed]
        return list(dict.fromkeys(name for columns in read for name in columns))

    def events(self) -> list[EventCounts]:
        """The event counts of all times over the units as they are now."""
        return standing_ends(self.connection, self.timed)

    def moments(self) -> list[Moments]:
        """The moments of all requests over the units as they are now; nothing is read for them."""
        return [each.moments() for each in self.standing]

    def put(self, relation: str, has: AbstractSet[str]) -> Changed:
        """Add or repair units.

        Args:
            relation: one row a unit that matured or that a late fact touched, with its ``unit``.
            has: its columns.

        Raises:
            InputError: a unit is there twice, a column is missing, or a time cannot be.
        """
        self._refuse(relation, has)
        with whole(self.connection):
            self._stage(relation, has)
            counted = self._counts()
            after = self._changed(self._changed(self.standing, "old", -1), "new", 1)
            if self.timed:
                change_ends(self.connection, self.timed)
            self.connection.execute("INSERT OR REPLACE INTO unit_rows FROM new_rows")
            _write(self.connection, after)
        self.standing = after
        return counted

    def _refuse(self, relation: str, has: AbstractSet[str]) -> None:
        if missing := [name for name in ("unit", *self.names) if name not in has]:
            raise InputError(
                f"the changed rows have no column {missing[0]!r}", do="give all that is counted"
            )
        twice = self.connection.execute(
            f"SELECT CAST(unit AS VARCHAR) FROM {relation} GROUP BY unit "
            "HAVING count(*) > 1 OR unit IS NULL LIMIT 1"
        ).fetchone()
        if twice:
            raise InputError(f"unit {twice[0]!r} is there twice", do="give one row a unit")

    def _stage(self, relation: str, has: AbstractSet[str]) -> None:
        """Tables ``new_rows`` and ``old_rows``: units whose row is not as it was, both ways."""
        numbers = ", ".join(
            f"CAST({identifier(name)} AS DOUBLE) AS {identifier(name)}" for name in self.names
        )
        given = f"SELECT CAST(unit AS VARCHAR) AS unit, {selected(has)}, {numbers} FROM {relation}"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE given AS {given}")
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE was AS FROM unit_rows SEMI JOIN given USING (unit)"
        )
        # NULL and NaN are the same here, as they are when counted: EXCEPT tells them apart, and
        # then takes a unit off and adds it again.
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE new_rows AS FROM given EXCEPT FROM was"
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE old_rows AS FROM was SEMI JOIN new_rows USING (unit)"
        )

    def _counts(self) -> Changed:
        (row,) = self.connection.execute(
            "SELECT (SELECT count(*) FROM given), (SELECT count(*) FROM new_rows), "
            "(SELECT count(*) FROM old_rows)"
        ).fetchall()
        given, new, old = row
        return Changed(added=new - old, repaired=old, same=given - new)

    def _changed(self, standing: Sequence[Standing], which: str, sign: int) -> list[Standing]:
        keys = ", ".join(KEYS)
        numbers = ", ".join(map(identifier, self.names))
        table = self.connection.execute(
            f"SELECT dense_rank() OVER (ORDER BY {keys}) - 1.0::DOUBLE, {numbers} "
            f"FROM {which}_rows ORDER BY unit"
        ).to_arrow_table()
        listed = f"SELECT DISTINCT {keys} FROM {which}_rows ORDER BY {keys}"
        cells = [Cell(*key) for key in self.connection.execute(listed).fetchall()]
        code, *columns = (floats(column.combine_chunks()) for column in table.columns)
        named = dict(zip(self.names, columns, strict=True))
        return [change(each, named, cells, code.astype(np.intp), sign) for each in standing]


def open_panel(
    connection: duckdb.DuckDBPyConnection,
    requests: Sequence[Request],
    timed: Sequence[Timed] = (),
) -> StandingPanel:
    """The standing panel in the engine's database; an empty one is made where there is none.

    Raises:
        InputError: the one that is there counts other columns.
    """
    panel = StandingPanel(
        connection=connection,
        standing=[nothing(each) for each in requests],
        timed=tuple(timed),
    )
    kept = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_name = 'standing'"
    ).fetchone()
    if kept:
        panel.standing = _read(connection)
        asked = (list(requests), list(timed))
        if ([each.request for each in panel.standing], kept_ends(connection)) != asked:
            raise InputError("the standing panel counts other columns", do="begin a new file")
        return panel
    columns = ", ".join(
        [f"{key} {kind}" for key, kind in TYPES.items()]
        + [f"{identifier(name)} DOUBLE" for name in panel.names]
    )
    with whole(connection):
        connection.execute(f"CREATE TABLE unit_rows (unit VARCHAR PRIMARY KEY, {columns})")
        connection.execute("CREATE TABLE standing (place INTEGER, request VARCHAR, numbers BLOB)")
        make_ends(connection, timed)
        _write(connection, panel.standing)
    return panel


def _write(connection: duckdb.DuckDBPyConnection, standing: Sequence[Standing]) -> None:
    connection.execute("DELETE FROM standing")
    for place, each in enumerate(standing):
        file = BytesIO()
        np.savez(
            file,
            n=each.n,
            lacking=each.lacking,
            sums=np.stack(each.sums),
            products=np.stack(each.products),
        )
        said = json.dumps([*each.request, each.cells])
        connection.execute(
            f"INSERT INTO standing VALUES ({place}, {text_literal(said)}, ?)", [file.getvalue()]
        )


def _read(connection: duckdb.DuckDBPyConnection) -> list[Standing]:
    rows = connection.execute("SELECT request, numbers FROM standing ORDER BY place").fetchall()
    found = []
    for said, numbers in rows:
        outcome, covariates, cells = json.loads(said)
        kept = np.load(BytesIO(numbers))
        found.append(
            Standing(
                request=Request(outcome, tuple(covariates)),
                cells=tuple(Cell(*cell) for cell in cells),
                n=kept["n"],
                lacking=kept["lacking"],
                sums=Pair(*kept["sums"]),
                products=Pair(*kept["products"]),
            )
        )
    return found
