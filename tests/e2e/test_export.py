"""``export``: facts as files that other tools read, and other databases as files for ``record``."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import dataset
from pyarrow import parquet as pq

from apologylab.cli.app import main
from apologylab.cli.exits import CODES
from apologylab.errors import InputError, MissingPartError, NotFoundError, StateError
from apologylab.record.columns import columns
from apologylab.record.facts import KINDS, Goodwill, Incident, Order
from apologylab.warehouse import parquet_folder

AT = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path, monkeypatch, capsys):
    """The project's ledger, with the facts of two months recorded at two times."""
    from apologylab import wiring

    monkeypatch.chdir(tmp_path)
    assert main(["init", "--currency", "EUR", "--time-zone", "UTC"]) == 0
    opened = wiring.open_ledger(wiring.project())
    _append(opened, *(_order(i) for i in range(5)), at=datetime(2026, 2, 1, 12, tzinfo=UTC))
    late = Goodwill(key="g", occurred_at=AT, customer="Žuvėdra", kind="credit", amount=700,
                    currency="EUR")  # fmt: skip
    incident = Incident(key="i", occurred_at=AT, customer="c1", kind="late",
                        fields={"first_name": "Jo", "minutes_late": 12})  # fmt: skip
    _append(opened, late, incident, _order(5), at=datetime(2026, 3, 1, tzinfo=UTC))
    capsys.readouterr()
    yield opened
    opened.close()


def _order(i):
    return Order(key=f"o{i}", occurred_at=AT + timedelta(microseconds=i), customer=f"c{i}",
                 list_amount=1_234 + i, paid_amount=0, currency="EUR", our_coupon=i == 1)  # fmt: skip


def _append(ledger, *facts, at):
    with ledger.transaction(recorded_at=at) as work:
        work.append(list(facts))
    ledger.close()


def run(capsys, *args):
    code = main(list(args))
    return code, *capsys.readouterr()


def document(capsys, *args):
    code, out, err = run(capsys, *args, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_tool_reads_the_same_typed_partitions(ledger, capsys, tmp_path):
    made = document(capsys, "export", "facts")
    assert {each["kind"]: each["rows"] for each in made["written"] if each["rows"]} == {
        "order": 6, "goodwill": 1, "incident": 1,
    }  # fmt: skip
    folder = tmp_path / "facts"
    parts = {str(file.parent.relative_to(folder)) for file in folder.rglob("*.parquet")}
    assert parts == {"order/year=2026/month=01", "order/year=2026/month=02",
                     "goodwill/year=2026/month=01", "incident/year=2026/month=01"}  # fmt: skip
    schema = pq.read_schema(next((tmp_path / "facts/order/year=2026/month=01").glob("*.parquet")))
    assert schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("list_amount").type == pa.int64()
    assert schema.field("our_coupon").type == pa.bool_()
    assert schema.names == ["seq", *(each.name for each in columns(Order)), "recorded_at"]

    amounts = [1_234 + i for i in range(6)]
    arrow = dataset.dataset("facts/order", partitioning="hive").to_table().sort_by("seq")
    assert arrow["list_amount"].to_pylist() == amounts
    assert arrow["month"].to_pylist() == [1, 2, 2, 2, 2, 2]
    assert arrow["occurred_at"].to_pylist()[0] == AT
    frame = pd.read_parquet("facts/order").sort_values("seq")
    assert frame["list_amount"].tolist() == amounts
    found = duckdb.sql("SELECT sum(list_amount), sum(our_coupon::INT) FROM 'facts/order/**/*.parquet'"
                       " WHERE month = 2").fetchone()  # fmt: skip
    assert found == (sum(amounts[1:]), 1)


def test_it_is_as_of_a_mark_and_a_rerun_replaces_what_stands(ledger, capsys, tmp_path):
    assert run(capsys, "export", "facts")[0] == 0
    document(capsys, "export", "facts", "--kind", "order", "--as-of", "2026-02-02")
    assert pq.read_table("facts/order").num_rows == 5
    note = json.loads((tmp_path / "facts/order/_export.json").read_text())
    assert (note["mark"], note["rows"], note["ledger"]) == (5, 5, ledger.identity.id)
    document(capsys, "export", "facts", "--kind", "goodwill", "--as-of", "2026-02-02")
    assert not (tmp_path / "facts/goodwill").exists(), "by then there was none"
    ledger.close()
    assert document(capsys, "export", "facts", "--kind", "order")["written"][0]["rows"] == 6
    assert {each.name for each in (tmp_path / "facts").iterdir()} == {"incident", "order"}


def test_what_may_hold_names_is_left_out_unless_asked_for(ledger, capsys, tmp_path):
    with ledger.transaction(recorded_at=AT + timedelta(days=60)) as work:
        work.put_text("t1", "Jo, we are sorry.")
    ledger.close()
    run(capsys, "export", "facts")
    assert "fields" not in pq.read_table("facts/incident").column_names
    assert not (tmp_path / "facts/text").exists()
    assert not [file for file in (tmp_path / "facts").rglob("*") if file.is_file()
                and b"Jo" in file.read_bytes()]  # fmt: skip
    code, _, err = run(capsys, "export", "facts", "--kind", "text")
    assert (code, "--personal" in err) == (CODES[InputError], True)
    run(capsys, "export", "facts", "--personal")
    assert json.loads(pq.read_table("facts/incident")["fields"][0].as_py()) == {
        "first_name": "Jo", "minutes_late": 12,
    }  # fmt: skip
    assert pq.read_table("facts/text").to_pylist() == [{"id": "t1", "body": "Jo, we are sorry."}]


def test_what_was_exported_can_be_recorded_elsewhere(ledger, capsys, tmp_path):
    from apologylab import wiring

    run(capsys, "export", "facts", "--personal")
    before = {kind: list(ledger.read(KINDS[kind])) for kind in ("order", "goodwill", "incident")}
    ledger.close()
    assert main(["init", "elsewhere", "--currency", "EUR", "--time-zone", "UTC"]) == 0
    os.chdir("elsewhere")
    capsys.readouterr()
    for kind, facts in before.items():
        place = str(tmp_path / "facts" / kind)
        found = document(capsys, "record", place, "--as", kind, "--minor-units")
        assert (found["recorded"], found["rejected"]) == (len(facts), 0), found
    with closing(wiring.open_ledger(wiring.project())) as other:
        for kind, facts in before.items():
            assert sorted(other.read(KINDS[kind]), key=str) == sorted(facts, key=str)


def test_a_file_in_the_place_of_the_folder_is_named(ledger, capsys, tmp_path):
    (tmp_path / "facts").write_text("precious")
    code, _, err = run(capsys, "export", "facts")
    assert (code, err) == (CODES[InputError], "error: facts is a file: name a folder\n")


def test_what_an_export_did_not_write_is_left_alone(ledger, capsys, tmp_path):
    (tmp_path / "facts/order").mkdir(parents=True)
    (tmp_path / "facts/order/mine.txt").write_text("precious")
    code, _, err = run(capsys, "export", "facts", "--kind", "order")
    assert code == CODES[StateError]
    assert "was not written by an export" in err
    assert (tmp_path / "facts/order/mine.txt").read_text() == "precious"


def test_an_export_that_fails_leaves_the_old_one(ledger, capsys, tmp_path, monkeypatch):
    run(capsys, "export", "facts", "--kind", "order")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet_folder, "_note", fail)
    assert run(capsys, "export", "facts", "--kind", "order")[0] != 0
    assert pq.read_table("facts/order").num_rows == 6
    assert [each.name for each in (tmp_path / "facts").iterdir()] == ["order"]


def test_an_unknown_kind_is_refused(ledger, capsys):
    code, _, err = run(capsys, "export", "facts", "--kind", "orders")
    assert (code, "'orders'" in err) == (CODES[InputError], True)


@pytest.fixture
def shop(tmp_path, ledger):
    """A company's own database."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE sales (id INTEGER, client TEXT, placed TIMESTAMP, "
                         "total NUMERIC, cur TEXT, note TEXT)")  # fmt: skip
        database.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?, NULL)", [
            (i, f"c{i % 7}", f"2026-0{1 + i % 2}-15T10:00:00+00:00", f"{i}.50", "EUR")
            for i in range(1, 25_001)
        ])  # fmt: skip
    return "sqlite:///shop.db"


def test_another_database_becomes_files_that_record_takes(shop, capsys):
    query = "SELECT id, client, placed, CAST(total AS TEXT) AS total, cur FROM sales"
    made = document(capsys, "export", "staged", "--from", shop, "--query", query, "--kind", "order")
    assert made["written"][0]["rows"] == 25_000
    assert pq.read_table("staged/order").schema.field("id").type == pa.int64()
    mapping = ("key=id,occurred_at=placed,customer=client,list_amount=total,"
               "paid_amount=total,currency=cur")  # fmt: skip
    found = document(capsys, "record", "staged/order", "--as", "order", "--map", mapping)
    assert (found["recorded"], found["rejected"]) == (25_000, 0)


def test_a_whole_table_is_read_and_named_after_itself(shop, capsys, tmp_path):
    made = document(capsys, "export", "staged", "--from", shop, "--table", "sales")
    assert made["written"][0]["folder"] == "staged/sales"
    read = pq.read_table("staged/sales")
    assert read.num_rows == 25_000
    assert read.schema.field("note").type == pa.string()
    assert read["note"].null_count == 25_000


def test_a_column_of_several_types_is_refused(shop, capsys, tmp_path):
    with closing(sqlite3.connect("shop.db")) as database, database:
        database.execute("UPDATE sales SET id = 'x' WHERE id = 24999")
    code, _, err = run(capsys, "export", "staged", "--from", shop, "--table", "sales")
    assert code == CODES[InputError]
    assert "'id'" in err
    assert "int64" in err
    assert not (tmp_path / "staged" / "sales").exists()


def test_no_query_changes_the_database(shop, capsys):
    query = "DELETE FROM sales RETURNING id, '100% :x' AS said"
    made = document(capsys, "export", "staged", "--from", shop, "--query", query, "--kind", "gone")
    assert made["written"][0]["rows"] == 25_000
    assert set(pq.read_table("staged/gone")["said"].to_pylist()) == {"100% :x"}
    with closing(sqlite3.connect("shop.db")) as database:
        assert database.execute("SELECT count(*) FROM sales").fetchone() == (25_000,)


def test_a_postgres_table_keeps_its_types_and_months(ledger, postgres_server, capsys, tmp_path):
    url = postgres_server.database()
    postgres_server.execute(
        "CREATE TABLE paid AS SELECT i AS id, gen_random_uuid() AS ref, i * 1.25 AS total, "
        "'2026-01-31 23:30+00'::timestamptz + i * interval '1 minute' AS at, i % 2 = 0 AS app, "
        "jsonb_build_object('n', i) AS more, NULL::date AS due FROM generate_series(1, 60) i",
        database=url.rsplit("/", 1)[1],
    )
    asked = ("--from", url, "--table", "public.paid", "--time", "at")
    made = document(capsys, "export", "staged", *asked)
    assert (made["written"][0]["rows"], made["written"][0]["files"]) == (60, 2)
    found = dataset.dataset("staged/paid", partitioning="hive").to_table().sort_by("id")
    types = [found.schema.field(name).type for name in ("id", "ref", "total", "at", "app")]
    assert types == [pa.int64(), pa.string(), pa.decimal128(38, 2),
                     pa.timestamp("us", tz="UTC"), pa.bool_()]  # fmt: skip
    assert found["month"].to_pylist() == [1] * 29 + [2] * 31
    assert json.loads(found["more"][0].as_py()) == {"n": 1}
    postgres_server.drop(url)


def test_a_database_that_is_not_there_is_not_made(shop, capsys, tmp_path):
    asked = ("--from", "sqlite:///nosuch.db", "--table", "sales")
    code, _, err = run(capsys, "export", "staged", *asked)
    assert (code, err) == (
        CODES[NotFoundError],
        "error: there is no file nosuch.db: give the path of your database\n",
    )
    assert [*tmp_path.rglob("nosuch.db")] == []


@pytest.mark.parametrize(("arguments", "error", "said"), [
    (["--table", "nothing"], NotFoundError, "'nothing'"),
    (["--query", "SELECT 1"], InputError, "--kind"),
    (["--query", "SELECT nothing FROM sales", "--kind", "x"], InputError, "nothing"),
    (["--table", "sales", "--query", "SELECT 1"], InputError, "leave one out"),
    (["--table", "sales", "--time", "never"], InputError, "'never'"),
    (["--table", "sales", "--time", "client"], InputError, "no times"),
    (["--table", "sales", "--personal"], InputError, "--personal"),
    ([], InputError, "which rows"),
])  # fmt: skip
def test_what_cannot_be_meant_is_explained(shop, capsys, arguments, error, said):
    code, out, err = run(capsys, "export", "staged", "--from", shop, *arguments)
    assert (code, out) == (CODES[error], "")
    assert said in err


def test_a_password_is_neither_taken_from_the_line_nor_told(ledger, capsys, monkeypatch):
    url = "postgresql+psycopg://lab:hunter2@127.0.0.1:1/shop?connect_timeout=1"
    asked = ("export", "staged", "--table", "sales")
    code, _, err = run(capsys, *asked, "--from", url)
    assert (code, "APOLOGYLAB_FROM_URL" in err) == (CODES[InputError], True)
    monkeypatch.setenv("APOLOGYLAB_FROM_URL", url)
    monkeypatch.setenv("APOLOGYLAB_DEBUG", "1")
    code, _, told = run(capsys, *asked)
    assert code in (CODES[InputError], CODES[MissingPartError])
    assert "hunter2" not in err + told
    assert "lab:***@127.0.0.1" in told
