"""The panel of a CSV or Parquet file of finished outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from apologylab.errors import InputError, NotFoundError
from apologylab.warehouse.engine import connect_quickly
from apologylab.warehouse.finished import finished_panel, refuse_twice
from apologylab.warehouse.sql import text_literal

if TYPE_CHECKING:
    from pathlib import Path

    from apologylab.service.table import Wanted
    from apologylab.warehouse.finished import FinishedPanel

_CSV = "all_varchar = true, header = true"
"""No guessing of types from the first rows: what is not a number is found and shown."""


def panel_file(path: Path, wanted: Wanted) -> FinishedPanel:
    """Open a file: CSV is parsed once, into memory; Parquet is read where it lies.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or its columns are not those wanted.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder", do="give the path of a CSV or Parquet file in it")
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", do="give the path of a CSV or Parquet file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty", do="give a table with a header and one row a unit")
    file = text_literal(str(path))
    typed = path.suffix.lower() in {".parquet", ".pq"}
    table = f"read_parquet({file})" if typed else f"read_csv({file}, {_CSV})"
    connection = connect_quickly()
    try:
        if not typed:
            first = f"SELECT * FROM read_csv({file}, all_varchar = true, header = false) LIMIT 1"
            refuse_twice(connection.execute(first).fetchone() or (), wanted)
        return finished_panel(connection, table, wanted, parse_once=not typed)
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{path} cannot be read: {reason}", do="give a UTF-8 CSV with a header, or Parquet"
        ) from error
