"""A folder of Parquet files that is there whole or not at all.

Rows with a time stand in ``year=YYYY/month=MM/part-N.parquet``, which DuckDB, Spark, pandas and
Arrow read as partitions. The folder is written beside its place and then renamed into it; a note
in it, ``_export.json``, says what it holds, and that an export may replace it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from apologylab.errors import StateError
from apologylab.service.export import Exported
from apologylab.warehouse.sql import text_literal
from apologylab.wire.exported import FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

NOTE: Final = "_export.json"


def write_folder(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    place: Path,
    *,
    time: str | None,
    about: Mapping[str, object],
) -> Exported:
    """Put the rows of ``query`` in ``place``; ``time`` is SQL of their UTC time, or None.

    ``about`` goes into the note. A query without rows leaves no folder.

    Raises:
        StateError: something else stands there.
    """
    refuse_other(place)
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        _copy(connection, query, new, time)
        made = _measured(connection, new)
        _note(new, about, made)
        _publish(new if made.rows else None, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return replace(made, kind=place.name, folder=str(place))


def refuse_other(place: Path) -> None:
    """Check that only an export of ours would be replaced.

    Raises:
        StateError: something else stands there.
    """
    if place.exists() and not (place / NOTE).is_file():
        raise StateError(f"{place} was not written by an export", do="name another folder")


def _copy(
    connection: duckdb.DuckDBPyConnection, query: str, folder: Path, time: str | None
) -> None:
    if time is None:
        target, options = folder / "part-0.parquet", ""
    else:
        query = (
            f"SELECT *, strftime({time}, '%Y') AS year, strftime({time}, '%m') AS month "
            f"FROM ({query})"
        )
        target, options = folder, ", PARTITION_BY (year, month), FILENAME_PATTERN 'part-{i}'"
    connection.execute(
        f"COPY ({query}) TO {text_literal(str(target))} "
        f"(FORMAT parquet, COMPRESSION zstd, OVERWRITE_OR_IGNORE{options})"
    )


def _measured(connection: duckdb.DuckDBPyConnection, folder: Path) -> Exported:
    files = sorted(folder.rglob("*.parquet"))
    rows = 0
    if files:
        pattern = text_literal(str(folder / "**" / "*.parquet"))
        counted = connection.execute(
            f"SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata({pattern})"
        ).fetchone()
        rows = int(counted[0]) if counted else 0
    return Exported(
        kind="",
        folder=str(folder),
        rows=rows,
        files=len(files),
        size=sum(file.stat().st_size for file in files),
    )


def _note(folder: Path, about: Mapping[str, object], made: Exported) -> None:
    counted = {"rows": made.rows, "files": made.files, "bytes": made.size}
    note = {"format": FORMAT, **about, **counted}
    (folder / NOTE).write_text(json.dumps(note, ensure_ascii=False, indent=2), encoding="utf-8")


def _publish(new: Path | None, place: Path) -> None:
    """Rename ``new`` to ``place``; between the old folder's going and that, nothing is there."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    if new is not None:
        new.rename(place)
    shutil.rmtree(old, ignore_errors=True)
