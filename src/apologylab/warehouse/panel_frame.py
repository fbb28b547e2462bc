"""The panel of a table in memory: pandas, polars or an Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from apologylab.errors import InputError
from apologylab.warehouse.engine import connect_quickly
from apologylab.warehouse.finished import finished_panel, refuse_twice

if TYPE_CHECKING:
    from apologylab.service.table import Wanted
    from apologylab.warehouse.finished import FinishedPanel


def panel_frame(frame: object, wanted: Wanted) -> FinishedPanel:
    """Open a DataFrame as a panel; it is read where it lies, and its library is not imported here.

    Raises:
        InputError: DuckDB cannot read it, or its columns are not those wanted.
    """
    connection = connect_quickly()
    try:
        connection.register("frame", frame)
    except (duckdb.Error, TypeError) as error:
        reason = f": {str(error).strip().splitlines()[0]}" if hasattr(frame, "columns") else ""
        raise InputError(
            f"a {_kind(frame)} is not a table that can be read{reason}",
            do="give a pandas or polars DataFrame or an Arrow table, of numbers and texts, or the "
            "path of a CSV or Parquet file",
        ) from error
    refuse_twice(list(getattr(frame, "column_names", getattr(frame, "columns", ()))), wanted)
    return finished_panel(connection, "frame", wanted)


def _kind(frame: object) -> str:
    """The type as Python names it: ``list``, but ``numpy.ndarray``."""
    module, name = type(frame).__module__, type(frame).__qualname__
    return name if module == "builtins" else f"{module}.{name}"
