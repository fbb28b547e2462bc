"""The panel of a table, wherever it lies: a file, memory, a database, Spark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.ports import Panel
    from apologylab.service.table import Wanted


def any_table(table: object, wanted: Wanted) -> Panel:
    """The panel of a path, a DataFrame, an Arrow table, or a table on an engine.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or its columns are not those wanted.
    """
    if _lies_elsewhere(table):
        from apologylab.warehouse.panel_engine import panel_engine

        return panel_engine(table, wanted)
    from apologylab.warehouse.panel_file import panel_file
    from apologylab.warehouse.panel_frame import panel_frame

    if isinstance(table, str | Path):
        return panel_file(Path(table), wanted)
    return panel_frame(table, wanted)


def _lies_elsewhere(table: object) -> bool:
    """Whether a table is in PostgreSQL, by its URL, or a DataFrame of Spark's."""
    if isinstance(table, str):
        return table.startswith(("postgresql://", "postgres://"))
    return type(table).__module__.startswith("pyspark.sql")
