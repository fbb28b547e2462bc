"""explain, forget, purge and audit as typed; a name leaves no byte behind in the ledger's file."""

import json
import sqlite3
from datetime import timedelta

import pytest

from apologylab.cli.app import main
from apologylab.wiring import clock

NAMES = [f"Zebulon{n}" for n in range(24)]


@pytest.fixture
def project(tmp_path, loop, monkeypatch, capsys):
    """A started experiment with 24 recorded incidents that bring names, answered and sent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APOLOGYLAB_RETENTION_DAYS", "30")
    assert main(["init", "--simulated", "--time-zone", "Europe/Vilnius"]) == 0
    loop.write(tmp_path, loop.at_once())
    assert main(["start", loop.NAME]) == 0
    record_names(tmp_path)
    capsys.readouterr()
    return tmp_path


def record_names(folder, names=NAMES):
    now = clock()().isoformat()
    stamp = folder / "when"
    if not stamp.exists():
        stamp.write_text(now)
    rows = [f"i{n},{stamp.read_text()},c{n},late_ride,20,{name}" for n, name in enumerate(names)]
    head = "key,occurred_at,customer,kind,fields.minutes_late,fields.first_name"
    (folder / "late.csv").write_text("\n".join([head, *rows]))
    assert main(["record", str(folder / "late.csv"), "--as", "incident"]) == 0


def answer(loop, capsys):
    assert main(["assign", loop.NAME]) == 0
    assert main(["dispatch", "--once"]) == 0
    capsys.readouterr()


def told(capsys, *args, code=0):
    assert main([*args, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def with_text(project):
    """Customer -> the text that the channel got, for those whose text has a name."""
    lines = (project / "outbox" / "remedies.jsonl").read_text().splitlines()
    sent = [json.loads(line) for line in lines]
    return {each["customer"]: each["text"] for each in sent if "Zebulon" in (each["text"] or "")}


def in_file(project, text):
    """Whether the ledger's file or its log holds ``text`` anywhere, deleted rows included."""
    files = [f for f in project.glob("apologylab.sqlite*") if f.is_file()]
    assert files
    return any(text.encode() in file.read_bytes() for file in files)


def test_names_wait_in_the_table_of_texts_and_reach_the_message(project, loop, capsys):
    life = told(capsys, "explain", "c3")
    (told_incident,) = [each for each in life["events"] if each["kind"] == "incident"]
    assert told_incident["words"] == "late ride (minutes_late 20)"
    answer(loop, capsys)
    assert with_text(project)
    for customer, text in with_text(project).items():
        assert f"Zebulon{customer[1:]}," in text


def test_recording_the_same_file_again_changes_nothing(project, capsys):
    record_names(project)
    assert "already   24" in capsys.readouterr().out


def test_another_name_under_the_same_key_is_refused_and_the_first_stays(project, loop, capsys):
    record_names(project, names=["Eve", *NAMES[1:]])
    said = capsys.readouterr().out
    assert "its fields for texts differ" in said
    assert "already   23" in said
    answer(loop, capsys)
    assert not any("Eve" in text for text in with_text(project).values())


def test_forgetting_leaves_no_byte_of_the_name(project, loop, capsys):
    answer(loop, capsys)
    customer = min(with_text(project))
    name = f"Zebulon{customer[1:]},"
    assert in_file(project, name)
    did = told(capsys, "forget", customer, "--because", "asked on 2 May", "--by", "ana")
    assert did["texts"] == 2
    assert did["ids"] == [customer]
    assert did["channels"] == ["file"]
    assert did["fields"] == ["incident minutes_late"]
    assert did["kept"]["incident"] == did["kept"]["assignment"] == did["kept"]["remedy"] == 1
    assert not in_file(project, name)
    assert not in_file(project, f'"Zebulon{customer[1:]}"')
    others = [each for each in with_text(project) if each != customer]
    assert all(in_file(project, f"Zebulon{each[1:]},") for each in others)


def test_forgetting_twice_is_noted_once_and_recording_again_brings_nothing_back(project, capsys):
    told(capsys, "forget", "c3", "--because", "asked", "--by", "ana")
    record_names(project)
    capsys.readouterr()
    again = told(capsys, "forget", "c3", "--because", "asked", "--by", "ana")
    assert again["texts"] == 0
    assert again["before"] is not None
    assert not in_file(project, '"Zebulon3"')
    changes = told(capsys, "audit", "--verify")
    noted = [each["what"] for each in changes["changes"]]
    assert noted.count("forget") == 1
    assert changes["chain"]["problems"] == []


def test_who_was_forgotten_before_the_send_gets_nothing(project, loop, capsys):
    assert main(["assign", loop.NAME]) == 0
    capsys.readouterr()
    lives = {c: told(capsys, "explain", c) for c in (f"c{n}" for n in range(24))}
    speaking = next(
        c
        for c, life in lives.items()
        if any("Zebulon" in (e["text"] or "") for e in life["events"])
    )
    did = told(capsys, "forget", speaking, "--because", "asked")
    assert did["pending"] == 1
    assert main(["dispatch", "--once"]) == 0
    capsys.readouterr()
    life = told(capsys, "explain", speaking)
    words = {each["kind"]: each["words"] for each in life["events"]}
    assert words["delivery"] == "not sent: the customer was forgotten"
    assert "its text was deleted" in words["remedy"]
    assert "Zebulon" not in json.dumps(life)
    assert "because you had asked us to delete your data" in life["may_say"][0]


def test_a_letter_is_shown_as_its_reader_sees_it(project, loop, capsys):
    """Several lines, letters beyond ASCII and quotation marks: nothing is escaped."""
    record_names(project, names=[*NAMES, *["Zoë 'Ann' 지수"] * 24])
    capsys.readouterr()
    answer(loop, capsys)
    lines = (project / "outbox" / "remedies.jsonl").read_text().splitlines()
    said = {each["customer"]: each["text"] for each in map(json.loads, lines)}
    customer = next(
        each for each, text in said.items() if "\n" in text and "Zoë 'Ann' 지수" in text
    )
    assert main(["explain", customer]) == 0
    screen = capsys.readouterr().out
    shown = [f"    {line}" if line else "" for line in said[customer].split("\n")]
    assert len(shown) > 2
    assert "\n".join(shown) in screen
    assert "\\" not in screen
    life = told(capsys, "explain", customer)
    assert [each["text"] for each in life["events"] if each["text"]] == [said[customer]]


def test_an_unknown_customer_is_said_to_be_unknown(project, capsys):
    assert main(["explain", "nobody"]) == 6
    assert main(["forget", "nobody", "--because", "asked"]) == 6
    assert capsys.readouterr().err.count("no fact is about customer nobody") == 2
    assert told(capsys, "audit")["changes"][-1]["what"] != "forget"


def test_purge_counts_then_deletes_what_is_old_and_sent(project, loop, capsys, monkeypatch):
    answer(loop, capsys)
    young = told(capsys, "purge", "--dry-run")
    assert (young["texts"], young["for_texts"], young["done"]) == (0, 0, False)
    later = clock()() + timedelta(days=40)
    record_more = project / "late.csv"
    record_more.write_text(
        "key,occurred_at,customer,kind,fields.minutes_late,fields.first_name\n"
        f"new,{(later - timedelta(days=20)).isoformat()},c99,late_ride,20,Quentin\n"
    )
    monkeypatch.setattr("apologylab.wiring.clock", lambda: lambda: later)
    planned = told(capsys, "purge", "--dry-run")
    assert planned["for_texts"] == 24
    assert planned["texts"] > 0
    assert in_file(project, "Zebulon")
    assert main(["record", str(record_more), "--as", "incident"]) == 0
    monkeypatch.setattr("apologylab.wiring.clock", lambda: lambda: later - timedelta(days=9))
    capsys.readouterr()
    done = told(capsys, "purge", "--by", "ana")
    assert (done["texts"], done["for_texts"]) == (planned["texts"], 24)
    assert not in_file(project, "Zebulon")
    assert in_file(project, "Quentin")
    assert told(capsys, "purge")["texts"] == 0
    noted = [each for each in told(capsys, "audit")["changes"] if each["what"] == "purge"]
    assert [each["by"] for each in noted] == ["ana"]


def test_a_tampered_trail_and_a_lost_head_end_in_an_error(project, capsys):
    head = told(capsys, "audit", "--verify")["chain"]["head"]
    assert told(capsys, "audit", "--verify", "--head", head)["chain"]["problems"] == []
    assert main(["audit", "--verify", "--head", "f" * 64]) == 8
    assert main(["audit", "--verify", "--head", "abc"]) == 5
    assert "BROKEN  no change has the hash" in capsys.readouterr().out
    with sqlite3.connect(project / "apologylab.sqlite") as connection:
        connection.execute("UPDATE fact_change SET \"by\" = 'eve'")
    connection.close()
    assert main(["audit", "--verify"]) == 8
    assert "BROKEN  change 1 was altered: start by eve" in capsys.readouterr().out
    assert main(["doctor", "--ledger"]) == 8
    assert "BROKEN  the chain of changes by hand is whole" in capsys.readouterr().out


def test_purge_wants_the_days_declared(project, capsys, monkeypatch):
    monkeypatch.delenv("APOLOGYLAB_RETENTION_DAYS")
    assert main(["purge"]) == 4
    assert "add retention_days" in capsys.readouterr().err
