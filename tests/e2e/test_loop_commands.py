"""start, dispatch and stop as typed, on a project in a folder."""

import json

import pytest

from apologylab.cli.app import main
from apologylab.cli.exits import CODES
from apologylab.errors import NotFoundError
from apologylab.hooks import Incident, connect
from apologylab.wiring import clock


@pytest.fixture
def project(tmp_path, loop, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--simulated"]) == 0
    loop.write(tmp_path, loop.at_once())
    return tmp_path


def _json(capsys):
    return json.loads(capsys.readouterr().out)


def test_the_loop_as_typed(project, loop, capsys):
    capsys.readouterr()
    assert main(["start", loop.NAME, "--json"]) == 0
    assert _json(capsys)["did"] == "started"
    url = f"sqlite:///{project}/apologylab.sqlite"
    with connect(url, timeout_s=20, simulated=True) as client:
        for number in range(30):
            given = client.assign(
                Incident(key=f"i{number}", occurred_at=clock()(), customer=f"c{number}",
                         kind="late_ride", fields={"minutes_late": 20})
            )  # fmt: skip
            assert given.reason == "RANDOMISED"
    assert main(["dispatch", "--once", "--json"]) == 0
    (done,) = _json(capsys)["experiments"]
    assert (done["settled"], set(done["states"])) == (30, {"sent", "would_send"})
    sent = (project / "outbox" / "remedies.jsonl").read_text().splitlines()
    assert len(sent) == done["states"]["sent"]
    assert main(["dispatch", loop.NAME, "--once"]) == 0
    assert capsys.readouterr().out == "nothing is due\n"
    assert main(["stop", loop.NAME, "--because", "spring"]) == 0
    assert main(["stop", loop.NAME, "--json"]) == 0
    said = capsys.readouterr().out
    assert "enrols no more units. Closed because: spring." in said
    assert '"did": "nothing"' in said


def test_a_file_of_incidents_gets_its_remedies(project, loop, capsys):
    assert main(["start", loop.NAME]) == 0
    now = clock()().isoformat()
    rows = [f"t{n},{now},c{n},late_ride,{20 if n else 2}" for n in range(30)]
    file = project / "late.csv"
    file.write_text("\n".join(["ticket,occurred_at,customer,kind,late", *rows]))
    columns = "key=ticket,fields.minutes_late=late"
    assert main(["record", str(file), "--as", "incident", "--map", columns]) == 0
    assert "next      apologylab assign NAME" in capsys.readouterr().out
    assert main(["assign", loop.NAME]) == 0
    said = capsys.readouterr().out
    assert "30 incidents answered" in said
    assert "incident.severity" in said
    assert said.endswith("next  apologylab dispatch --once\n")
    assert main(["dispatch", "--once", "--json"]) == 0
    assert _json(capsys)["experiments"][0]["settled"] == 29
    assert main(["assign", loop.NAME, "--json"]) == 0
    assert _json(capsys)["answered"] == 0
    assert main(["assign", loop.NAME, "--units", str(file)]) == 5


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["start", "nobody"], 6, "there is no experiment"),
        (["start", "late_ride", "--phase", "2"], 7, "declare another phase"),
        (["stop", "late_ride"], 7, "is not started"),
        (["assign", "nobody"], 6, "nobody is not started"),
        (["dispatch", "nobody", "--once"], 6, "nobody is not started"),
        (["audit", "late_rid"], 6, "no change of late_rid is noted: name one of: none yet"),
    ],
)
def test_what_cannot_be_done_is_said(project, capsys, arguments, code, said):
    assert main(arguments) == code
    assert said in capsys.readouterr().err


def test_what_runs_is_stopped_and_dispatched_though_its_declaration_is_broken(
    project, loop, capsys
):
    folder = project / "experiments" / loop.NAME
    assert main(["start", loop.NAME]) == 0
    assert main(["dispatch", str(folder), "--once"]) == 0
    (folder / "experiment.toml").write_text("broken")
    assert main(["dispatch", loop.NAME, "--once"]) == 0
    assert main(["stop", loop.NAME, "--because", ""]) == 5
    assert main(["stop", loop.NAME]) == 0
    assert "enrols no more units" in capsys.readouterr().out


def test_another_environment_is_refused(project, loop, capsys, monkeypatch):
    monkeypatch.setenv("APOLOGYLAB_ENVIRONMENT", "production")
    for command in (["start", loop.NAME], ["stop", loop.NAME], ["dispatch", "--once"]):
        assert main(command) == 10
    assert "belongs to 'development'" in capsys.readouterr().err


def test_a_broken_message_is_refused_with_its_file(project, loop, capsys):
    file = project / "experiments" / loop.NAME / "messages" / "wording" / "sorry.en.txt"
    file.write_text("{{ ''.__class__.__mro__ }}")
    assert main(["start", loop.NAME]) == 3
    assert "messages/wording/sorry.en.txt" in capsys.readouterr().err


def _told(project, *rows):
    """Record incidents of customers, now; answer them and send what is due."""
    now = clock()().isoformat()
    file = project / "late.csv"
    lines = [f"{key},{now},{customer},late_ride,20" for key, customer in rows]
    file.write_text("\n".join(["key,occurred_at,customer,kind,late", *lines]))
    assert main(["record", str(file), "--as", "incident", "--map", "fields.minutes_late=late"]) == 0
    assert main(["assign", "late_ride"]) == 0


def test_money_and_ends_as_typed(project, loop, capsys):
    """A coupon is used, one is taken back; then the experiment is drained and killed."""
    assert main(["start", loop.NAME, "--by", "ana"]) == 0
    _told(project, *((f"i{n}", f"c{n}") for n in range(12)))
    assert main(["dispatch", "--once"]) == 0
    capsys.readouterr()
    assert main(["status", loop.NAME, "--json"]) == 0
    promised = _json(capsys)["promised"]
    coupons = sum(each["n"] for each in promised)
    assert {each["state"] for each in promised} == {"committed"}
    outbox = (project / "outbox" / "remedies.jsonl").read_text().splitlines()
    given = [sent for sent in map(json.loads, outbox) if sent["compensation"]]
    used, back = given[0]["customer"], given[1]["customer"]
    row = f"r1,{clock()().isoformat()},{used},usd5,500,500,USD"
    header = "key,occurred_at,customer,compensation,amount,cost_amount,currency"
    (project / "used.csv").write_text(f"{header}\n{row}\n")
    assert main(["record", "used.csv", "--as", "redemption"]) == 0
    capsys.readouterr()
    assert main(["liabilities", "--json"]) == 0
    assert _json(capsys)["redeemed"] == 1
    asked = ["revoke", loop.NAME, "--because", "fraud", "--customer"]
    assert main([*asked, back, "--json"]) == 0
    assert len(_json(capsys)["revoked"]) == 1
    assert main([*asked, used]) == 0
    assert "revoked    nothing" in capsys.readouterr().out
    assert main([*asked, "nobody"]) == CODES[NotFoundError]
    assert main(["stop", loop.NAME, "--drain", "--kill"]) == 2
    assert main(["stop", loop.NAME, "--drain", "--because", "spring", "--by", "ana"]) == 0
    capsys.readouterr()
    assert main(["start", loop.NAME]) == 0
    assert "is drained already" in (said := capsys.readouterr().out)
    assert "To enrol anew, start version 2.\n" in said
    _told(project, ("late", "c0"))
    assert main(["stop", loop.NAME, "--kill", "--because", "wrong coupon", "--by", "bo"]) == 0
    capsys.readouterr()
    assert main(["status", loop.NAME]) == 0
    said = capsys.readouterr().out
    for line in (
        "ended              killed: wrong coupon",
        f"in all  {5 * (coupons - 1)}.00 USD of 5000.00 USD",
        "1 redeemed",
        "1 revoked",
    ):
        assert line in said
    assert main(["audit", loop.NAME]) == 0
    trail = capsys.readouterr().out
    assert [what in trail for what in ("start", "revoke", "drain", "kill")] == [True] * 4


def test_starting_what_was_stopped_says_how_it_begins_anew(project, loop, capsys):
    assert main(["start", loop.NAME]) == 0
    assert main(["start", loop.NAME]) == 0
    assert "To enrol anew" not in capsys.readouterr().out
    assert main(["stop", loop.NAME]) == 0
    capsys.readouterr()
    assert main(["start", loop.NAME]) == 0
    phase = "a further phase that the plan has (--phase 2), or version 2"
    assert f"To enrol anew, start {phase}." in capsys.readouterr().out


def test_early_pace_is_no_percentage(project, capsys):
    assert main(["new", "parcel", "--incident", "lost_parcel"]) == 0
    assert main(["start", "parcel"]) == 0
    capsys.readouterr()
    assert main(["status", "parcel"]) == 0
    (pace,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  pace")]
    assert "%" not in pace
    assert pace.endswith(" in all: too early to say")
