"""What columns a file has, for the guesses of ``new --panel``."""

from __future__ import annotations

from pathlib import Path

import duckdb

from apologylab.errors import InputError, NotFoundError
from apologylab.service.scaffold_panel import Column
from apologylab.warehouse.engine import connect
from apologylab.warehouse.sql import identifier, text_literal

FEW = 20
"""Distinct values up to which a column may be the arm."""


def columns(path: Path) -> tuple[Column, ...]:
    """The columns of a CSV or Parquet file, in its order.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or has no rows.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", do="give the path of a CSV or Parquet file")
    file = text_literal(str(path))
    typed = path.suffix.lower() in {".parquet", ".pq"}
    source = (
        f"read_parquet({file})" if typed else f"read_csv({file}, header = true, all_varchar = true)"
    )
    try:
        with connect() as connection:
            connection.execute(f"CREATE TABLE given AS SELECT COLUMNS(*)::VARCHAR FROM {source}")
            described = connection.execute("DESCRIBE given").fetchall()
            found = tuple(_column(connection, name) for name, *_ in described)
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{path} cannot be read: {reason}", do="give a CSV with a header"
        ) from error
    if not found or not found[0].rows:
        raise InputError(f"{path} has no rows", do="give one row a unit under a header")
    return found


def _column(connection: duckdb.DuckDBPyConnection, name: str) -> Column:
    quoted = identifier(name)
    truth = f"CAST(TRY_CAST({quoted} AS BOOLEAN) AS DOUBLE)"
    numbers = f"count(coalesce(TRY_CAST({quoted} AS DOUBLE), {truth}))"
    counted = f"SELECT count(*), count({quoted}), count(DISTINCT {quoted}), {numbers} FROM given"
    rows, told, distinct, number = connection.execute(counted).fetchone() or (0, 0, 0, 0)
    few = f"SELECT {quoted}, count(*) FROM given WHERE {quoted} IS NOT NULL GROUP BY 1 ORDER BY 1"
    values = dict(connection.execute(few).fetchall()) if distinct <= FEW else {}
    return Column(
        name=name, is_number=number == told > 0, rows=rows, distinct=distinct, values=values
    )
