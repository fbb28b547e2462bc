"""What a channel cannot take, as typed: dispatched, set aside, shown, put back, given up."""

import json

import pytest

from apologylab.cli.app import main
from apologylab.hooks import Incident, connect
from apologylab.wiring import clock

UNITS = 24


@pytest.fixture
def stuck(tmp_path, loop, monkeypatch):
    """Remedies of an experiment that is tried once, and an outbox that cannot be written to."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--simulated"]) == 0
    loop.write(tmp_path, loop.at_once().change("hold_seconds = 0", "attempts = 1"))
    assert main(["start", loop.NAME]) == 0
    with connect(f"sqlite:///{tmp_path}/apologylab.sqlite", timeout_s=20, simulated=True) as client:
        for number in range(UNITS):
            client.assign(
                Incident(key=f"i{number}", occurred_at=clock()(), customer=f"c{number}",
                         kind="late_ride", fields={"minutes_late": 20})
            )  # fmt: skip
    (tmp_path / "outbox").write_text("in the way")
    return tmp_path


def _told(capsys, *arguments):
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_dead_letters_as_typed(stuck, loop, capsys):
    (done,) = _told(capsys, "dispatch", "--once")["experiments"]
    (because, dead), *others = done["dead_letters"].items()
    assert (others, dead) == ([], UNITS - done["states"]["would_send"])
    assert because.startswith("the channel broke down: ")
    assert "outbox: " in because, "which file is in the way"
    assert main(["letters"]) == 0
    assert f"{because}  yes" in capsys.readouterr().out
    assert main(["status", loop.NAME]) == 0
    assert f"{dead}: see `apologylab letters`" in capsys.readouterr().out
    (stuck / "outbox").unlink()
    (listed,) = _told(capsys, "letters", loop.NAME)["experiments"]
    first, second, *rest = [each["key"] for each in listed["letters"]]
    assert (listed["did"], len(rest)) == ("listed", dead - 2)
    one = ("--replay", "--key", first, "--key", second, "--by", "ana")
    (back,) = _told(capsys, "letters", loop.NAME, *one)["experiments"]
    assert (back["did"], [each["key"] for each in back["letters"]]) == ("replayed", [first, second])
    assert _told(capsys, "dispatch", "--once")["experiments"][0]["states"] == {"sent": 2}
    assert main(["letters", loop.NAME, "--give-up", "--by", "ben"]) == 0
    said = capsys.readouterr().out
    assert rest[0] in said
    assert "What may have left ends in doubt: its compensation counts as given." in said
    assert _told(capsys, "letters")["experiments"][0]["letters"] == []
    assert _told(capsys, "status", loop.NAME)["undelivered"] == 0
    changes = [(each["what"], each["by"]) for each in _told(capsys, "audit")["changes"]]
    assert changes[-2:] == [("replay", "ana"), ("give up", "ben")]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--replay", "--give-up"], 5, "choose one"),
        (["--key", "x"], 5, "--key is given alone"),
        (["late_ride", "--key", "x"], 5, "--key is given alone"),
        (["late_ride", "--replay", "--key", "late_ride/i0"], 6, "no such dead letter"),
        (["nobody"], 6, "not started"),
    ],
)
def test_what_cannot_be_done_is_said(stuck, capsys, arguments, code, said):
    assert main(["letters", *arguments]) == code
    assert said in capsys.readouterr().err
