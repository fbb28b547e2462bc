"""A project whose ledger is in PostgreSQL: the same commands, the same answers as on SQLite."""

from __future__ import annotations

import json
import shutil
import socket
from contextlib import closing

import duckdb
import pytest

from apologylab import wiring
from apologylab.catalogue.project import write_file
from apologylab.cli.app import main
from apologylab.cli.exits import CODES
from apologylab.errors import LedgerError, LedgerGoneError
from apologylab.record.facts import Correction, Order

MESSAGES = {"wording/sorry.en.txt": "We are sorry.", "coupon/usd5.en.txt": "Five dollars."}
AS_OF = "2026-05-01"
SETTINGS = {
    "experiments": "experiments", "currency": "USD", "time_zone": "UTC",
    "environment": "test", "simulated": True,
}  # fmt: skip


@pytest.fixture
def project(late, tmp_path, monkeypatch):
    """``project(name, url)``: a folder with the declared experiment, its ledger at ``url``."""

    def make(name, url):
        folder = tmp_path / name
        declared = folder / "experiments" / "late"
        for file, text in MESSAGES.items():
            (declared / "messages" / file).parent.mkdir(parents=True, exist_ok=True)
            (declared / "messages" / file).write_text(text)
        (declared / "experiment.toml").write_text(late.text())
        write_file(folder, {"ledger_url": url} | SETTINGS)
        monkeypatch.chdir(folder)
        return folder

    return make


@pytest.fixture
def both(late, project, postgres_url, monkeypatch):
    """Two projects with the same facts, one on each database; gives their folders."""
    folders = [project("lite", "sqlite:///l.sqlite"), project("post", postgres_url)]
    monkeypatch.chdir(folders[0])
    wiring.create_ledger(wiring.project()).close()
    for folder in folders:
        monkeypatch.chdir(folder)
        _lived(late, wiring.open_ledger())
    return folders


def _lived(late, ledger):
    found = late.units()
    facts = [*late.started(), *late.enrolment(found), *late.happenings(found)]
    late.append(ledger, [*facts, *late.feeds(late.START + 90 * late.DAY)])
    wrong = next(fact for fact in facts if isinstance(fact, Order) and fact.key.startswith("o-"))
    right = Correction(
        key="k1", occurred_at=late.START, fact="order", corrects=wrong.key, because="typed wrong",
        fields={"list_amount": 123_456, "occurred_at": wrong.occurred_at.isoformat()},
    )  # fmt: skip
    late.append(ledger, [right])
    later = [late.order(f"z{i}", f"c{i}", late.START + 20 * late.DAY, 9_900) for i in range(50)]
    late.append(ledger, later, at=late.START + 200 * late.DAY)
    ledger.close()


def _documents(folders, monkeypatch, capsys, *args):
    found = []
    for folder in folders:
        monkeypatch.chdir(folder)
        code = main(list(args))
        out, err = capsys.readouterr()
        assert code == 0, err
        found.append(json.loads(out))
    return found


def _without_rounding(document):
    """Sums of floats depend on the order in which the engine's threads meet the rows."""
    if isinstance(document, dict):
        return {key: _without_rounding(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_without_rounding(value) for value in document]
    return pytest.approx(document, rel=1e-9, abs=1e-12) if isinstance(document, float) else document


@pytest.mark.parametrize("command", ["analyse", "decide", "status"])
def test_both_databases_give_the_same_document(both, monkeypatch, capsys, command):
    asked = (command, "late", "--as-of", AS_OF, "--json")
    lite, post = _documents(both, monkeypatch, capsys, *asked)
    assert post == _without_rounding(lite)
    if command == "analyse":
        assert lite["estimates"]
        (later,) = _documents(both[1:], monkeypatch, capsys, command, "late", "--json")
        assert later["estimates"] != post["estimates"], "what came later is in no earlier analysis"


def test_the_report_and_the_export_are_written_from_either(both, monkeypatch, capsys):
    pages, rows = [], []
    for folder in both:
        monkeypatch.chdir(folder)
        assert main(["report", "late", "-o", "page.html", "--as-of", AS_OF]) == 0
        pages.append((folder / "page.html").read_text())
        assert main(["export", "facts", "--as-of", AS_OF]) == 0
        found = duckdb.sql(
            "SELECT kind, count(*), min(occurred_at)::VARCHAR FROM (SELECT 'order' AS kind, key, "
            "occurred_at FROM 'facts/order/**/*.parquet' UNION ALL SELECT 'assignment', key, "
            "occurred_at FROM 'facts/assignment/**/*.parquet') GROUP BY ALL ORDER BY ALL"
        )
        rows.append(found.fetchall())
    assert rows[0] == rows[1]
    assert len(rows[0]) == 2
    assert len(pages[0]) == pytest.approx(len(pages[1]), abs=200)
    assert "late" in pages[1]


def test_the_whole_loop_runs_on_postgres(project, postgres_url, tmp_path, capsys):
    project("post", postgres_url)
    hit = ("key,occurred_at,customer,kind\n"
           + "".join(f"i{n},2026-11-30T00:00Z,c{n},late_ride\n" for n in range(40)))  # fmt: skip
    (tmp_path / "hit.csv").write_text(hit.replace("2026-11-30", "2030-01-01"))
    steps = [
        ["start", "late"],
        ["record", str(tmp_path / "hit.csv"), "--as", "incident"],
        ["assign", "late", "--json"],
        ["dispatch", "--once", "--json"],
        ["status", "late"],
        ["stop", "late"],
        ["doctor"],
        ["migrate"],
    ]
    for step in steps:
        code = main(step)
        out, err = capsys.readouterr()
        assert code == 0, (step, out, err)
        if step[0] == "assign":
            assert json.loads(out)["answered"] == 40
    with closing(wiring.open_ledger()) as ledger:
        assert ledger.reserved("late") > 0


@pytest.mark.slow
def test_a_world_lives_on_postgres(postgres_url, root, tmp_path, monkeypatch, capsys):
    name = "late_ride_apology"
    shutil.copytree(root / "experiments" / name, tmp_path / "experiments" / name)
    write_file(tmp_path, {"ledger_url": postgres_url} | SETTINGS)
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", name, "--customers", "100"]) == 0
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "SIMULATED" in said
    assert "reads the ledger, experiments started: 1" in said
    assert main(["analyse", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(arm["assigned"] for arm in found["flow"]) > 80
    assert found["simulated"] is True


def test_the_ledger_is_read_by_the_wheel_and_not_by_a_download(both, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (first, second) = _documents(both, monkeypatch, capsys, "analyse", "late", "--json")
    assert first["flow"] == second["flow"]


@pytest.mark.parametrize("asked", [
    ["analyse", "late"], ["status", "late"], ["export", "facts"], ["doctor"], ["dispatch", "--once"],
])  # fmt: skip
def test_a_password_is_in_no_error(project, monkeypatch, capsys, asked):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        monkeypatch.setenv("APOLOGYLAB_DEBUG", "1")
        project("post", "sqlite:///unused.sqlite")
        url = f"postgresql://lab:hunter2@127.0.0.1:{port}/shop?connect_timeout=2"
        monkeypatch.setenv("APOLOGYLAB_LEDGER_URL", url)
        code = main(asked)
        out, err = capsys.readouterr()
    assert code != 0
    assert code in {CODES[LedgerError], CODES[LedgerGoneError], 1} or asked == ["doctor"]
    assert "hunter2" not in out + err
    assert "127.0.0.1" in out + err
