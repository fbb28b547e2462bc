"""``apologylab record`` and ``migrate`` as a person types them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from apologylab.cli.app import main

HEADER = "key,occurred_at,customer,list_amount,paid_amount,currency"


@pytest.fixture
def project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--currency", "EUR", "--time-zone", "Europe/Vilnius"]) == 0
    capsys.readouterr()
    return tmp_path


def run(capsys, *args):
    code = main(list(args))
    out, err = capsys.readouterr()
    return code, out, err


def test_template_dry_run_record_and_again(project, capsys):
    code, out, _ = run(capsys, "record", "--template", "order")
    assert code == 0
    (project / "orders.csv").write_text(out)

    code, out, _ = run(capsys, "record", "orders.csv", "--as", "order", "--dry-run")
    assert code == 0
    assert "2026-05-01T12:30:00+00:00" in out
    assert "25.00 EUR" in out

    args = ("record", "orders.csv", "--as", "order", "--complete-through", "2026-05-01", "--json")
    first, second = (json.loads(run(capsys, *args)[1]) for _ in range(2))
    assert (first["recorded"], first["already"]) == (1, 0)
    assert (second["recorded"], second["already"]) == (0, 1)
    assert first["complete_through"] == second["complete_through"] == "2026-05-01T21:00:00+00:00"


def test_a_project_declares_currency_and_zone(project, capsys):
    (project / "o.csv").write_text(
        "id,occurred_at,customer,list_amount,paid_amount\n1,2026-07-01 12:00,c,1.50,1\n"
    )
    code, out, _ = run(
        capsys, "record", "o.csv", "--as", "order", "--map", "key=id", "--dry-run", "--json"
    )
    assert code == 0
    (row,) = json.loads(out)["rows"]
    assert (row["list_amount"], row["occurred_at"]) == ("1.50 EUR", "2026-07-01T09:00:00+00:00")


def test_refused_rows_are_shown_and_the_feed_is_not_complete(project, capsys):
    (project / "o.csv").write_text(f"{HEADER}\no1,2026-05-01T10:00Z,c,ten,1,EUR\n")
    code, out, _ = run(
        capsys, "record", "o.csv", "--as", "order", "--complete-through", "2026-05-01"
    )
    assert code == 0
    assert 'line 2: list_amount is "ten"' in out
    assert "o.csv.rejects.csv" in out
    assert "not marked" in out
    with closing(sqlite3.connect(project / "apologylab.sqlite")) as ledger:
        assert ledger.execute("SELECT count(*) FROM fact_feed").fetchone() == (0,)


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("record", "o.csv"), 5, "add --as order"),
        (("record", "--as", "order"), 5, "no file is given"),
        (("record", "none.csv", "--as", "order"), 6, "there is no file none.csv"),
        (("record", "o.csv", "--as", "orders"), 5, "'orders' is no kind of fact"),
        (("record", "o.csv", "--as", "order", "--map", "key"), 5, "FIELD=COLUMN"),
        (("record", "o.csv", "--as", "order", "--map", "key=a,key=b"), 5, "twice"),
        (("record", "o.csv", "--as", "order", "--time-zone", "Mars"), 5, "no time zone 'Mars'"),
        (("record", "o.csv", "--as", "order", "--complete-through", "soon"), 5, "is no date"),
        (("record", "o.csv", "--as", "order", "--complete-through", "2999-01-01"), 5, "not come"),
        (("record", "--as", "order", "--complete-through", "9999-12-31"), 5, "out of range"),
        (
            ("record", "--as", "order", "--complete-through", "2026-01-01", "--dry-run", "--json"),
            5,
            "no file to look at",
        ),
    ],
)
def test_what_was_typed_wrong_is_said_once_and_nothing_lands(project, capsys, args, code, says):
    (project / "o.csv").write_text(f"{HEADER}\no1,2026-05-01T10:00Z,c,1,1,EUR\n")
    got, out, err = run(capsys, *args)
    assert (got, out) == (code, "")
    assert says in err
    with closing(sqlite3.connect(project / "apologylab.sqlite")) as ledger:
        assert ledger.execute("SELECT count(*) FROM fact_order").fetchone() == (0,)


@pytest.mark.parametrize("simulated", ["true", "false"])
def test_no_real_fact_lands_in_a_world_and_no_worlds_in_a_company(
    tmp_path, capsys, monkeypatch, simulated
):
    monkeypatch.chdir(tmp_path)
    assert main(["init", *(["--simulated"] if simulated == "false" else [])]) == 0
    monkeypatch.setenv("APOLOGYLAB_SIMULATED", simulated)
    (tmp_path / "o.csv").write_text(f"{HEADER}\no1,2026-05-01T10:00Z,c,1,1,EUR\n")
    assert main(["record", "o.csv", "--as", "order"]) == 10
    assert "the ledger is" in capsys.readouterr().err
    with closing(sqlite3.connect(tmp_path / "apologylab.sqlite")) as ledger:
        assert ledger.execute("SELECT count(*) FROM fact_order").fetchone() == (0,)


def test_an_older_ledger_is_refused_with_the_command_that_helps(project, capsys):
    with closing(sqlite3.connect(project / "apologylab.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '0000'")
    (project / "o.csv").write_text(f"{HEADER}\n")
    code, _, err = run(capsys, "record", "o.csv", "--as", "order")
    assert code == 9
    assert "apologylab migrate" in err


def test_migrate_says_that_there_is_nothing_to_do(project, capsys):
    assert run(capsys, "migrate", "--dry-run")[:2] == (
        0,
        "the ledger has this version's schema: nothing to do\n",
    )
    assert json.loads(run(capsys, "migrate", "--json")[1])["steps"] == []
