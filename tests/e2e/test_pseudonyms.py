"""With a key, the keyed hash is the customer at every door, and no door lets a clear id in (R8)."""

import json

import pytest

from apologylab.cli.app import main
from apologylab.errors import ConfigError, StateError
from apologylab.hooks import Incident, connect, pseudonym
from apologylab.record.facts import Change
from apologylab.storage.sqlite import open_
from apologylab.wiring import clock

KEY = "correct horse battery staple, 2026"
CLEAR = "ana@shop.example"


@pytest.fixture
def project(tmp_path, loop, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APOLOGYLAB_PSEUDONYM_KEY", KEY)
    assert main(["init", "--simulated"]) == 0
    loop.write(tmp_path, loop.Declared())
    assert main(["start", loop.NAME]) == 0
    capsys.readouterr()
    return tmp_path


def url(project):
    return f"sqlite:///{project}/apologylab.sqlite"


def record(project, kind, head, row):
    (project / "facts.csv").write_text(f"{head}\n{row}\n")
    return main(["record", str(project / "facts.csv"), "--as", kind])


def hit(project, key="i1", customer=CLEAR):
    row = f"{key},{clock()().isoformat()},{customer},late_ride,20"
    return record(project, "incident", "key,occurred_at,customer,kind,fields.minutes_late", row)


def ask(project, key="i2", customer=CLEAR):
    with connect(url(project), timeout_s=20, simulated=True) as client:
        return client.assign(Incident(key=key, occurred_at=clock()(), customer=customer,
                                      kind="late_ride", fields={"minutes_late": 20}))  # fmt: skip


def life(capsys, customer, code=0):
    capsys.readouterr()
    assert main(["explain", customer, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_file_and_the_hook_know_the_same_customer_under_one_pseudonym(project, capsys):
    assert hit(project) == 0
    assert ask(project).reason == "RANDOMISED"
    row = f"o1,{clock()().isoformat()},{CLEAR},9.00,9.00"
    assert record(project, "order", "key,occurred_at,customer,list_amount,paid_amount", row) == 0
    named = life(capsys, CLEAR)
    assert named["ids"] == [pseudonym(CLEAR, KEY)]
    kinds = [each["kind"] for each in named["events"]]
    assert (kinds.count("incident"), kinds.count("order")) == (2, 1)
    assert life(capsys, pseudonym(CLEAR, KEY)) == named
    for file in project.glob("apologylab.sqlite*"):
        assert CLEAR.encode() not in file.read_bytes()


def test_what_was_exported_comes_in_again_as_the_same_customer(project, capsys):
    assert hit(project) == 0
    assert hit(project, key="i7", customer=pseudonym(CLEAR, KEY)) == 0
    assert len(life(capsys, CLEAR)["events"]) == 2


def test_merged_ids_are_hashed_on_both_sides(project, capsys):
    assert hit(project) == 0
    row = f"m,{clock()().isoformat()},phone-7,{CLEAR}"
    assert record(project, "merged", "key,occurred_at,customer,into", row) == 0
    assert life(capsys, "phone-7")["ids"] == [pseudonym("phone-7", KEY), pseudonym(CLEAR, KEY)]
    capsys.readouterr()
    assert main(["audit"]) == 0
    assert "facts 1, file facts.csv" in capsys.readouterr().out


def test_forget_finds_whom_it_is_told(project, capsys):
    assert hit(project) == 0
    assert main(["forget", CLEAR, "--because", "asked"]) == 0
    assert life(capsys, CLEAR)["forgotten"] is not None


def test_another_key_and_none_are_refused_at_every_door(project, monkeypatch, capsys):
    assert hit(project) == 0
    for key, says in [("x" * 40, "not the one that this ledger began with"), (None, "is not set")]:
        if key is None:
            monkeypatch.delenv("APOLOGYLAB_PSEUDONYM_KEY")
        else:
            monkeypatch.setenv("APOLOGYLAB_PSEUDONYM_KEY", key)
        capsys.readouterr()
        assert hit(project, key="i9") == 4
        assert main(["explain", CLEAR]) == 4
        assert main(["forget", CLEAR, "--because", "asked"]) == 4
        assert capsys.readouterr().err.count(says) == 3
        with pytest.raises(ConfigError, match=says):
            connect(url(project), simulated=True)
    assert main(["explain", pseudonym(CLEAR, KEY)]) == 0
    assert main(["status", "late_ride"]) == 0


def test_a_ledger_with_clear_ids_takes_no_key(project, monkeypatch, capsys):
    monkeypatch.delenv("APOLOGYLAB_PSEUDONYM_KEY")
    assert hit(project) == 0
    monkeypatch.setenv("APOLOGYLAB_PSEUDONYM_KEY", KEY)
    assert hit(project, key="i9") == 7
    assert "holds ids in clear: 1 facts of kind incident" in capsys.readouterr().err
    with pytest.raises(StateError):
        connect(url(project), simulated=True)


def test_the_ledger_keeps_a_fingerprint_and_never_the_key(project, tmp_path, monkeypatch):
    monkeypatch.delenv("APOLOGYLAB_PSEUDONYM_KEY")
    (tmp_path / "key").write_text(KEY + "\n")
    monkeypatch.setenv("APOLOGYLAB_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))
    assert hit(project) == 0
    assert ask(project).reason == "RANDOMISED"
    ledger = open_(project / "apologylab.sqlite")
    (noted,) = ledger.read(Change, what="pseudonym key")
    ledger.close()
    assert len(str(noted.detail["fingerprint"])) == 16
    for file in project.glob("apologylab.sqlite*"):
        assert KEY.encode() not in file.read_bytes()


def test_a_key_that_can_be_guessed_is_refused(project, monkeypatch, capsys):
    monkeypatch.setenv("APOLOGYLAB_PSEUDONYM_KEY", "short")
    assert hit(project) == 4
    assert "has 5 characters" in capsys.readouterr().err


def test_a_file_of_units_is_not_drawn_by_clear_ids(project, capsys):
    (project / "units.csv").write_text(f"unit\n{CLEAR}\n")
    assert main(["assign", "late_ride", "--units", "units.csv", "--out", "arms.csv"]) == 4
    assert "a key of pseudonyms is set" in capsys.readouterr().err
