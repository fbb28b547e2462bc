"""Rows of a company's own database, read through SQLAlchemy, as Parquet files for ``record``."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from apologylab.errors import InputError, MissingPartError, NotFoundError
from apologylab.warehouse.attach import shown
from apologylab.warehouse.engine import connect
from apologylab.warehouse.parquet_folder import refuse_other, write_folder
from apologylab.warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.service.export import Asked, Exported
    from apologylab.service.ports import Progress

BATCH_ROWS: Final = 20_000
_DIGITS: Final = 38
_TYPES: Final[Mapping[type, pa.DataType]] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    date: pa.date32(),
    str: pa.string(),
    bytes: pa.binary(),
}


def export_rows(url: str, asked: Asked, place: Path, *, progress: Progress) -> Exported:
    """Write the rows asked for to the folder ``place``.

    The first rows say what type each column has. The transaction on the database is undone at the
    end, so that no query changes anything there.

    Raises:
        InputError: the database refuses, or a column holds values of several types.
        NotFoundError: there is no such table.
        MissingPartError: no driver for such a database is installed.
        StateError: ``place`` holds something that no export wrote.
    """
    refuse_other(place)
    with _reading(url) as database:
        rows = _batches(_result(database, asked), progress)
        time = _month_of(asked.time, rows.schema) if asked.time else None
        about = {"kind": place.name, "from": shown(url), "table": asked.table, "query": asked.query}
        with connect() as engine:
            engine.register("given", rows)
            try:
                return write_folder(engine, "SELECT * FROM given", place, time=time, about=about)
            except duckdb.Error as error:
                raise InputError(f"{shown(url)}: {error}", do="correct the query") from None


@contextmanager
def _reading(url: str) -> Iterator[sa.Connection]:
    """A connection whose errors are ours and never name the password."""
    _refuse_no_file(url)
    try:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            yield connection
        engine.dispose()
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        raise MissingPartError(
            f"no driver for such a database: {error}", do="pip install the driver that it names"
        ) from None
    except sa.exc.ArgumentError:
        raise InputError(
            "--from is no URL", do="write one like postgresql://user@host/db"
        ) from None
    except sa.exc.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise InputError(
            f"{shown(url)}: {said}", do="correct the URL, the table or query"
        ) from None


def _refuse_no_file(url: str) -> None:
    """SQLite would make a file that is not there, and then find no table in it."""
    try:
        place = sa.make_url(url)
    except sa.exc.ArgumentError:
        return
    name = place.database or ""
    is_file = place.get_backend_name() == "sqlite" and name and not name.startswith((":", "file:"))
    if is_file and not Path(name).exists():
        raise NotFoundError(f"there is no file {name}", do="give the path of your database")


def _result(database: sa.Connection, asked: Asked) -> sa.CursorResult[Any]:
    options = {"stream_results": True, "yield_per": BATCH_ROWS}
    if asked.query is not None:
        # As it was typed: nothing in it, like a colon or a percent sign, is a parameter's.
        return database.execution_options(no_parameters=True, **options).exec_driver_sql(
            asked.query
        )
    schema, _, name = (asked.table or "").rpartition(".")
    if not sa.inspect(database).has_table(name, schema=schema or None):
        raise NotFoundError(f"there is no table {asked.table!r}", do="name one, or give --query")
    table = sa.table(name, schema=schema or None)
    return database.execution_options(**options).execute(sa.select(sa.text("*")).select_from(table))


def _batches(result: sa.CursorResult[Any], progress: Progress) -> pa.RecordBatchReader:
    names = list(result.keys())
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"the column {twice[0]!r} is there twice", do="rename one in --query")
    parts = result.partitions(BATCH_ROWS)
    first = next(parts, [])
    types = [_type(name, [row[at] for row in first]) for at, name in enumerate(names)]
    schema = pa.schema(list(zip(names, types, strict=True)))

    def batches() -> Iterator[pa.RecordBatch]:
        for rows in _with_first(first, parts):
            progress(len(rows))
            columns = list(zip(*rows, strict=True)) or [()] * len(names)
            yield pa.record_batch(
                [_array(*each) for each in zip(names, columns, types, strict=True)], schema=schema
            )

    return pa.RecordBatchReader.from_batches(schema, batches())


def _with_first(
    first: Sequence[sa.Row[Any]], parts: Iterator[Sequence[sa.Row[Any]]]
) -> Iterator[Sequence[sa.Row[Any]]]:
    if first:
        yield first
    yield from parts


def _type(name: str, values: Sequence[object]) -> pa.DataType:
    """What the values of one column are; text where there are none, or nothing else says it."""
    found = {type(value) for value in values if value is not None}
    if found and found <= {Decimal, int} and Decimal in found:
        places = [-int(v.as_tuple().exponent) for v in values if isinstance(v, Decimal)]
        return pa.decimal128(_DIGITS, max(0, *places))
    if found == {int, float}:
        return pa.float64()
    if found == {datetime}:
        zoned = {value.tzinfo is not None for value in values if isinstance(value, datetime)}
        if len(zoned) == 1:
            return pa.timestamp("us", tz="UTC" if zoned.pop() else None)
    elif len(found) <= 1:
        return _TYPES.get(next(iter(found), str), pa.string())
    kinds = ", ".join(sorted(each.__name__ for each in found))
    raise InputError(
        f"the column {name!r} holds values of several types ({kinds})",
        do="cast it to one in --query",
    )


def _array(name: str, values: Sequence[object], wanted: pa.DataType) -> pa.Array:
    if wanted == pa.string():
        values = [each if each is None or isinstance(each, str) else _text(each) for each in values]
    try:
        return pa.array(values, type=wanted)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"the column {name!r} was {wanted} in the first rows, and later: {error}",
            do="cast it to one type in --query",
        ) from None


def _text(value: object) -> str:
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def _month_of(column: str, schema: pa.Schema) -> str:
    """SQL of a column's time in UTC.

    Raises:
        InputError: there is no such column, or it holds no times.
    """
    if column not in schema.names:
        raise InputError(f"there is no column {column!r}", do=f"of {', '.join(schema.names)}")
    kind = schema.field(column).type
    if not pa.types.is_temporal(kind):
        raise InputError(f"the column {column!r} holds {kind}, no times", do="leave out --time")
    name = identifier(column)
    return f"timezone('UTC', {name})" if getattr(kind, "tz", None) else f"CAST({name} AS TIMESTAMP)"
