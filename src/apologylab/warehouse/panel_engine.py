"""The panel of a table that stays where it is: a Spark DataFrame, or a table in PostgreSQL.

A temporary view gives the panel's names to the table's columns; all else is asked through it by
:class:`apologylab.warehouse.ibis_source.IbisSource`, and no row leaves the engine but for those
estimators that need rows, which Spark refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import finalize

from apologylab.errors import InputError, MissingPartError
from apologylab.inference.lost import lost
from apologylab.warehouse.absent_levels import absent_levels, level_columns
from apologylab.warehouse.engines import PostgresEngine, SparkEngine, exactly, ibis, written
from apologylab.warehouse.finished import FinishedPanel, refuse_columns, refuse_twice
from apologylab.warehouse.ibis_source import IbisSource
from apologylab.warehouse.lacking import MISSING, Lack, indicators, lack_of, notes_of

if TYPE_CHECKING:
    from apologylab.service.table import Wanted
    from apologylab.warehouse.engines import Engine

TABLE = "#"
"""Stands between a database's URL and the table in it."""
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "numeric", "real")
_VIEWS = count(1)


def panel_engine(table: Any, wanted: Wanted) -> FinishedPanel:
    """Open a table where it lies.

    Raises:
        InputError: there is no such table, or its columns are not those wanted.
        MissingPartError: what reads it is not installed.
    """
    held = _postgres(table) if isinstance(table, str) else _spark(table)
    if wanted.cluster is not None or wanted.strata is not None:
        raise InputError(
            f"{wanted.what}: units drawn by cluster or stratum are read from files and frames only",
            do="write the table as Parquet, and give its path",
        )
    refuse_twice(list(held.kinds), wanted)
    refuse_columns(wanted, held.kinds)
    _refuse_kinds(wanted, held.kinds)
    return _panel(held, wanted)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Held:
    """A table on an engine, with the type of each column in the engine's words."""

    engine: Engine
    name: str
    kinds: Mapping[str, str]

    def expression(self) -> Any:
        """The table; numbers are declared as singles, so that a cast to double is written."""
        known = {
            name: "boolean" if kind == "boolean" else "float32" if _is_number(kind) else "string"
            for name, kind in self.kinds.items()
        }
        return ibis().table(known, name=self.name)

    def view(self, expression: Any) -> str:
        """The name of a new temporary view."""
        name = f"apologylab_panel_{next(_VIEWS)}"
        self.execute(f"CREATE TEMPORARY VIEW {name} AS {written(expression, self.engine.dialect)}")
        return name

    def execute(self, statement: str) -> None:
        """Run what has no rows."""
        if isinstance(self.engine, SparkEngine):
            self.engine.session.sql(statement)
        else:
            assert isinstance(self.engine, PostgresEngine)
            self.engine.connection.execute(statement)


def _spark(frame: Any) -> _Held:
    name = f"apologylab_table_{next(_VIEWS)}"
    frame.createOrReplaceTempView(name)
    return _Held(
        engine=SparkEngine(session=frame.sparkSession), name=name, kinds=dict(frame.dtypes)
    )


def _postgres(url: str) -> _Held:
    try:
        import psycopg
    except ImportError as error:
        raise MissingPartError(
            "psycopg is not installed", do="pip install 'apologylab[postgres,spark]'"
        ) from error
    database, _, name = url.partition(TABLE)
    if not name:
        raise InputError(
            "the URL names no table", do="write postgresql://host/database#table, as in a link"
        )
    try:
        connection = psycopg.connect(database, autocommit=True)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"PostgreSQL does not answer: {reason}", do="check the URL") from error
    engine = PostgresEngine(connection=connection)
    finalize(engine, connection.close)  # when the panel is let go; its view goes with it
    columns = (
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = %s AND table_schema = ANY (current_schemas(false))"
    )
    kinds: dict[str, str] = dict(connection.execute(columns, [name]).fetchall())
    if not kinds:
        raise InputError(f"there is no table {name!r} there", do="check its name and schema")
    return _Held(engine=engine, name=name, kinds=kinds)


def _is_number(kind: str) -> bool:
    return kind.startswith(NUMBERS)


def _refuse_kinds(wanted: Wanted, kinds: Mapping[str, str]) -> None:
    names = (*wanted.outcomes.values(), *wanted.covariates, *wanted.further.values())
    for name in names:
        if kinds[name] != "boolean" and not _is_number(kinds[name]):
            raise InputError(
                f"{wanted.what}: column {name!r} is {kinds[name]}, not a number",
                do="an outcome or covariate is a number, or true and false",
            )


def _panel(held: _Held, wanted: Wanted) -> FinishedPanel:
    _refuse_repeats(held, wanted)
    lacking = _lacking(held, wanted)
    columns = _columns(held.expression(), wanted, lacking)
    absent = absent_levels(wanted, _values(held, wanted))
    source = IbisSource(
        engine=held.engine,
        relation=held.view(held.expression().select(**columns)),
        columns=frozenset(columns),
    )
    return FinishedPanel(
        source=source,
        covariates=(*wanted.covariates, *indicators(lacking)),
        arms=wanted.arms or tuple(sorted({cell.arm for cell in source.rows} - {""})),
        wanted=wanted,
        notes=(*absent, *notes_of(lacking)),
    )


def _values(held: _Held, wanted: Wanted) -> dict[str, list[str]]:
    """The values, as texts, of each column whose levels are subgroups."""
    table, found = held.expression(), {}
    for column in level_columns(wanted):
        distinct = table.select(value=table[column].cast("string")).distinct()
        rows = held.engine.run(written(distinct, held.engine.dialect))
        found[column] = [str(value) for (value,) in rows if value is not None]
    return found


def _refuse_repeats(held: _Held, wanted: Wanted) -> None:
    if wanted.unit is None:
        return
    table = held.expression()
    unit = table[wanted.unit].cast("string").name("unit")
    counted = table.select(unit).group_by("unit").aggregate(n=lambda t: t.count())
    wrong = counted.filter((counted.n > 1) | counted.unit.isnull()).limit(1)
    for name, n in held.engine.run(written(wrong, held.engine.dialect)):
        raise InputError(
            f"{wanted.what}: column {wanted.unit!r} should name each unit once, but "
            f"{'empty' if name is None else name} ({n} rows)",
            do="give one row a unit, with its outcomes summed; rows are never merged here",
        )


def _lacking(held: _Held, wanted: Wanted) -> dict[str, Lack]:
    """Covariates that some units lack."""
    if not wanted.covariates:
        return {}
    table, k = held.expression(), len(wanted.covariates)
    columns = {f"x{i}": _number(table, name) for i, name in enumerate(wanted.covariates)}
    asked = table.select(arm=table[wanted.arm].cast("string"), **columns).group_by("arm")
    counted = asked.aggregate(
        n=lambda t: t.count(),
        **{f"lack{i}": lambda t, i=i: t[f"x{i}"].isnull().sum() for i in range(k)},
        **{f"sum{i}": lambda t, i=i: t[f"x{i}"].sum() for i in range(k)},
    )
    rows = list(held.engine.run(written(counted, held.engine.dialect)))
    found = {
        name: lack_of((int(row[1]), int(row[2 + i]), row[2 + k + i]) for row in rows)
        for i, name in enumerate(wanted.covariates)
    }
    return {name: each for name, each in found.items() if each.units}


def _columns(table: Any, wanted: Wanted, lacking: Mapping[str, Lack]) -> dict[str, Any]:
    """The panel's columns of the table's."""
    zero, lib = exactly(0.0), ibis()
    outcomes = {name: _number(table, column) for name, column in wanted.outcomes.items()}
    covariates = {name: _number(table, name) for name in wanted.covariates}
    missing = {
        f"{name}{MISSING}": covariates[name].isnull()
        for name, each in lacking.items()
        if each.marked
    }
    missing |= {lost(name): each.isnull() for name, each in outcomes.items()}
    return {
        "arm": table[wanted.arm].cast("string").fill_null(""),
        **{name: _number(table, column) for name, column in wanted.further.items()},
        **outcomes,
        **{
            name: lib.coalesce(each, exactly(lacking[name].instead)) if name in lacking else each
            for name, each in covariates.items()
        },
        **{name: lib.ifelse(each, exactly(1.0), zero) for name, each in missing.items()},
        **{
            name: lib.ifelse(table[column].cast("string") == level, exactly(1.0), zero)
            for name, (column, level) in wanted.levels.items()
        },
    }


def _number(table: Any, name: str) -> Any:
    """A column as double; NULL where it is missing or NaN."""
    lib, column = ibis(), table[name]
    if column.type().is_boolean():
        return lib.cases((column, exactly(1.0)), (~column, exactly(0.0)), else_=_null())
    number = column.cast("float64")
    return lib.ifelse(number.isnan(), _null(), number)


def _null() -> Any:
    return ibis().null("float64")
