"""The engine reads a SQLite ledger without the network (design.md, section 6)."""

from __future__ import annotations

import socket
import sqlite3
import traceback
from contextlib import closing
from urllib.parse import quote

import duckdb
import pytest
from sqlalchemy import make_url

from apologylab.errors import LedgerError
from apologylab.warehouse.attach import attach_sqlite
from apologylab.warehouse.engine import connect, connect_quickly
from apologylab.warehouse.staging import attached


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No socket opens, and DuckDB's home is empty, so nothing was downloaded before."""

    def refuse(*args, **named):
        raise OSError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "it's a ledger.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (x INTEGER)")
        database.execute("INSERT INTO t VALUES (41), (1)")
    return path


@pytest.mark.usefixtures("offline")
def test_a_sqlite_file_is_read_offline_and_for_reading_only(file):
    connection = connect()
    attach_sqlite(connection, file, "ledger")
    assert connection.execute("SELECT sum(x) FROM ledger.t").fetchone() == (42,)
    with pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("INSERT INTO ledger.t VALUES (1)")


@pytest.mark.usefixtures("offline")
def test_an_extension_that_is_missing_is_not_fetched():
    with pytest.raises(duckdb.Error):
        connect().execute("SELECT * FROM read_xlsx('a.xlsx')")


def test_a_file_that_is_no_ledger_says_so_and_is_let_go(tmp_path):
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)
    connection = connect()
    with (
        pytest.raises(LedgerError, match=r"broken\.sqlite cannot be read"),
        attached(connection, f"sqlite:///{path}"),
    ):
        connection.execute("SELECT * FROM ledger.t")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_postgres_database_is_attached_whatever_it_is_called(postgres_server):
    name, password = "it's a \\ led=ger", "hunter2 '\\\""
    postgres_server.execute(f'CREATE DATABASE "{name}"')
    at = make_url(postgres_server.url("x")).set(
        database=name, password=password, query={"connect_timeout": "5"}
    )
    postgres_server.execute("CREATE TABLE t AS SELECT 42 AS x", database=quote(name))
    url = at.render_as_string(hide_password=False)
    connection = connect()
    with attached(connection, url):
        assert connection.execute("SELECT x FROM ledger.t").fetchone() == (42,)
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("INSERT INTO ledger.t VALUES (1)")
    gone = at.set(port=1).render_as_string(hide_password=False)
    with pytest.raises(LedgerError) as refused, attached(connection, gone):
        pass
    told = "".join(traceback.format_exception(refused.value))
    assert "port 1 failed" in told
    assert "hunter2" not in told
    postgres_server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_quick_connections_share_no_temporary_tables():
    first, second = connect_quickly(), connect_quickly()
    first.execute("CREATE TEMP VIEW panel AS SELECT 1 AS x")
    second.execute("CREATE TEMP VIEW panel AS SELECT 2 AS x")
    assert first.execute("SELECT x FROM panel").fetchone() == (1,)
