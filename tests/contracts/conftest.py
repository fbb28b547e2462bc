"""The engines behind the port ``Source``, each as a maker of panels; a new engine adds one here."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from itertools import count
from shutil import which

import pyarrow as pa
import pytest

from apologylab.inference.arrays import panel
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse import gather
from apologylab.warehouse.engine import connect
from apologylab.warehouse.engines import DuckEngine, PostgresEngine, SparkEngine
from apologylab.warehouse.ibis_source import IbisSource
from apologylab.warehouse.moments import DuckSource


def table_of(columns, keys):
    """One row a unit; NaN stays NaN, None is NULL."""
    return pa.table({**keys, **{name: pa.array(column) for name, column in columns.items()}})


def arrays(request):
    return panel


def duckdb(request):
    def make(columns, **keys):
        connection, table = connect(), table_of(columns, keys)
        connection.register("units", table)
        connection.execute("CREATE TABLE panel AS SELECT * FROM units")
        names = frozenset(table.column_names)
        return DuckSource(connection=connection, relation="panel", columns=names)

    return make


def duckdb_streamed(request):
    """As of a panel that does not fit into memory, in batches of a few units."""
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(gather, "HELD", 0)
    patch.setattr(gather, "ROWS", 64)
    patch.setattr(gather, "A_CELL", 1)
    return duckdb(request)


def ibis_duckdb(request):
    def make(columns, **keys):
        source = duckdb(request)(columns, **keys)
        engine = DuckEngine(connection=source.connection)
        return IbisSource(engine=engine, relation="panel", columns=source.columns)

    return make


def ibis_postgres(request):
    """Rows through COPY into a table of a name of its own."""
    server = request.getfixturevalue("postgres_panels")

    def make(columns, **keys):
        name, table = f"panel_{next(NUMBERS)}", table_of(columns, keys)
        kinds = [TYPES[str(each.type)] for each in table.schema]
        listed = ", ".join(
            f'"{each}" {kind}' for each, kind in zip(table.column_names, kinds, strict=True)
        )
        server.execute(f"CREATE TEMP TABLE {name} ({listed})")
        with server.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            for row in zip(*table.to_pydict().values(), strict=True):
                copy.write_row(row)
        engine = PostgresEngine(connection=server)
        return IbisSource(engine=engine, relation=name, columns=frozenset(table.column_names))

    return make


def ibis_spark(request):
    session = request.getfixturevalue("spark")

    def make(columns, **keys):
        name, table = f"panel_{next(NUMBERS)}", table_of(columns, keys)
        kinds = ", ".join(
            f"`{each.name}` {SPARK.get(str(each.type), each.type)}" for each in table.schema
        )
        rows = list(zip(*table.to_pydict().values(), strict=True))
        frame = session.createDataFrame(rows, kinds)
        frame.createOrReplaceTempView(name)
        engine = SparkEngine(session=session)
        return IbisSource(engine=engine, relation=name, columns=frozenset(table.column_names))

    return make


NUMBERS = count(1)
SPARK = {"int64": "bigint"}
TYPES = {"double": "double precision", "int64": "bigint", "string": "text"}
ENGINES = {
    "arrays": arrays,
    "duckdb": duckdb,
    "duckdb, streamed": duckdb_streamed,
    "duckdb by ibis": ibis_duckdb,
    "postgresql": ibis_postgres,
    "spark": ibis_spark,
}


@pytest.fixture(scope="session")
def postgres_panels(postgres_server):
    """A connection to an empty database."""
    import psycopg

    pytest.importorskip("ibis", reason="needs ibis: pip install 'apologylab[spark]'")
    connection = psycopg.connect(postgres_server.database(), autocommit=True)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def spark():
    """Spark in this process, on one core, without its pages."""
    pytest.importorskip("ibis", reason="needs ibis: pip install 'apologylab[spark]'")
    sql = pytest.importorskip(
        "pyspark.sql", reason="needs pyspark: pip install 'apologylab[spark]'"
    )
    if which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("needs Java 17 or later for Spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PySpark says of pandas, which is not asked here
        import_module("ibis").pyspark  # noqa: B018
    builder = sql.SparkSession.builder.master("local[1]").appName("apologylab tests")
    session = builder.config(map=settings).getOrCreate()
    yield session
    session.stop()


SLOW = {"postgresql", "spark"}
"""Their queries take a tenth of a second, and Spark's start ten: with the slow tests."""


def params():
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ENGINES]


@pytest.fixture(params=params())
def engine(request):
    return request.param


@pytest.fixture
def make(engine, request):
    """``make(columns, phase=..., arm=..., stratum=..., drawn_set=...)`` gives a ``Source``."""
    return ENGINES[engine](request)


@pytest.fixture
def gives_rows(engine):
    """Whether ``collect`` hands units over."""
    return engine != "spark"


@pytest.fixture(params=["sqlite", "standing", "postgres"])
def kept(request, tmp_path):
    """An empty simulated ledger, its URL, and the standing file beside it or None."""
    if request.param == "postgres":
        ledger, url = map(request.getfixturevalue, ("postgres_ledger", "postgres_url"))
        yield ledger, url, None
        return
    identity = LedgerIdentity(id="t", environment="test", simulated=True)
    ledger = create(tmp_path / "l.sqlite", identity)
    file = tmp_path / "standing" if request.param == "standing" else None
    yield ledger, f"sqlite:///{tmp_path / 'l.sqlite'}", file
    ledger.close()
