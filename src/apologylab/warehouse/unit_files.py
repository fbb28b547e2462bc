"""Files of units drawn by DuckDB: CSV and Parquet, streamed, so memory does not grow with them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from apologylab.errors import InputError, NotFoundError
from apologylab.service.assign_file import FileAssigned
from apologylab.warehouse.draw import draw_query, invalid, not_judged
from apologylab.warehouse.engine import connect
from apologylab.warehouse.sql import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.service.assign_file import FileTask
    from apologylab.service.ports import Progress

WRITTEN = {".csv": "(FORMAT csv, HEADER)", ".parquet": "(FORMAT parquet)"}
SHOWN_EVERY_S = 0.2
SEPARATORS = (",", ";", "\t", "|")
_PLAIN_CSV = (
    """header = true, all_varchar = true, quote = '"', escape = '"', comment = '', skip = 0"""
)


class DuckdbUnitFiles:
    """:class:`apologylab.service.assign_file.UnitFiles` over DuckDB."""

    def columns(self, path: str) -> Sequence[str]:
        """Columns of a CSV or Parquet file."""
        with connect() as engine, _explained(path):
            return [str(row[0]) for row in engine.sql(f"DESCRIBE FROM {_scan(path)}").fetchall()]

    def assign(
        self, experiment: Experiment, task: FileTask, *, unit: str, progress: Progress
    ) -> FileAssigned:
        """Answer for each valid row of ``task.units`` in ``task.out``, whole or not at all."""
        columns, source = self.columns(task.units), _scan(task.units)
        query = draw_query(experiment, source=source, unit=unit, columns=columns, phase=task.phase)
        why = invalid(unit, experiment.unit_id)
        with connect() as engine, _explained(task.units):
            rejects, rejected = _write_rejects(engine, source, why, task.out)
            _write(engine, query, task.out, progress)
            counts = _counts(engine, task.out)
        return FileAssigned(
            counts=counts,
            rejected=rejected,
            rejects=rejects,
            not_judged=not_judged(experiment, columns),
        )


def _scan(path: str) -> str:
    """The file as a table expression; a CSV file's values stay text, so that ids keep their zeros.

    Raises:
        NotFoundError: there is no such file.
        InputError: its name ends in neither .csv nor .parquet.
    """
    if not Path(path).is_file():
        raise NotFoundError(f"no file {path}", do="name a CSV or Parquet file of units")
    if _ending(path) == ".parquet":
        return f"read_parquet({text_literal(path)})"
    return f"read_csv({text_literal(path)}, {_PLAIN_CSV}, delim = {text_literal(_separator(path))})"


def _separator(path: str) -> str:
    """What separates the names in the first line; ids may hold anything, so nothing is guessed."""
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        header = file.readline()
    return max(SEPARATORS, key=header.count)


def _ending(path: str) -> str:
    ending = Path(path).suffix.lower()
    if ending not in WRITTEN:
        raise InputError(
            f"{path} is neither CSV nor Parquet", do="end its name in .csv or .parquet"
        )
    return ending


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """DuckDB's errors as ours, with their first line."""
    try:
        yield
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise InputError(f"DuckDB cannot draw for {path}", do=first) from error


def _write_rejects(
    engine: duckdb.DuckDBPyConnection, source: str, why: str, out: str
) -> tuple[str | None, int]:
    """The refused rows, numbered from 1 as they stand in the file, each with why."""
    path = Path(f"{out}.rejects.csv")
    path.unlink(missing_ok=True)
    counted = engine.sql(f"SELECT count(*) FROM {source} WHERE {why} IS NOT NULL").fetchone()
    rejected = int(counted[0]) if counted else 0
    if not rejected:
        return None, 0
    numbered = f"SELECT row_number() OVER () AS row, {why} AS because, * FROM {source}"
    with _whole(path) as unfinished:
        engine.execute(
            f"COPY (SELECT * FROM ({numbered}) WHERE because IS NOT NULL) "
            f"TO {text_literal(str(unfinished))} {WRITTEN['.csv']}"
        )
    return str(path), rejected


def _write(engine: duckdb.DuckDBPyConnection, query: str, out: str, progress: Progress) -> None:
    form = WRITTEN[_ending(out)]
    with _whole(Path(out)) as unfinished:
        _run(engine, f"COPY ({query}) TO {text_literal(str(unfinished))} {form}", progress)


def _run(engine: duckdb.DuckDBPyConnection, statement: str, progress: Progress) -> None:
    """Run ``statement`` on a thread of its own, so that this one can show how far it has come."""
    with ThreadPoolExecutor(1) as worker:
        running, shown = worker.submit(engine.execute, statement), 0
        try:
            while not wait([running], timeout=SHOWN_EVERY_S).done:
                done = max(shown, int(engine.query_progress()))
                progress(done - shown)
                shown = done
        except BaseException:  # Ctrl-C shall not wait for the query's end
            engine.interrupt()
            raise
        running.result()
        progress(100 - shown)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name to write to; the file gets its own name once it is whole, or is removed.

    Raises:
        NotFoundError: its folder is not there.
    """
    if not path.parent.is_dir():
        raise NotFoundError(f"no folder {path.parent}", do="make it first")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _counts(engine: duckdb.DuckDBPyConnection, out: str) -> dict[tuple[str, str], int]:
    rows = engine.sql(f"SELECT reason, arm, count(*) FROM {_scan(out)} GROUP BY ALL ORDER BY ALL")
    return {(reason, arm): n for reason, arm, n in rows.fetchall()}
