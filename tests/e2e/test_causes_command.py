"""Complaints, causes and what stands beside every plan, as a person types them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from apologylab.cli.app import main
from apologylab.cli.exits import CODES
from apologylab.errors import ConfigError
from apologylab.record.facts import Contact, Goodwill
from apologylab.storage.sqlite import open_

MESSAGES = {"wording/sorry.en.txt": "We are sorry.", "coupon/usd5.en.txt": "Five dollars."}
TAXONOMY = """
[taxonomy]
departments = ["courier", "kitchen"]
[taxonomy.causes.waiting]
incidents = ["late_ride"]
[taxonomy.causes.vermin]
about = "a mouse"
"""


@pytest.fixture
def project(late, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--currency", "USD", "--time-zone", "UTC"]) == 0
    folder = tmp_path / "experiments" / "late"
    for name, text in MESSAGES.items():
        (folder / "messages" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "messages" / name).write_text(text)
    (folder / "experiment.toml").write_text(late.text())
    with (tmp_path / "apologylab.toml").open("a") as file:
        file.write(TAXONOMY)
    capsys.readouterr()
    return tmp_path


def run(capsys, *args):
    code = main(list(args))
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys, *args):
    code, out, err = run(capsys, *args, "--json")
    assert code == 0, err
    return json.loads(out)


def test_complaints_are_recorded_and_their_causes_shown(project, capsys):
    Path("c.csv").write_text(
        "key,occurred_at,customer,kind,asked_for,department\n"
        "k1,2026-05-01T10:00Z,c1,waiting,refund,courier\n"
        "k2,2026-05-02T10:00Z,c1,waiting,apology,courier\n"
        "k3,2026-05-03T10:00Z,c2,vermin,apology,moon\n"
        "k4,2026-05-03T10:00Z,c2,vermin,apology,kitchen\n"
    )
    code, out, _ = run(capsys, "record", "c.csv", "--as", "complaint")
    assert code == 0
    assert "opened    2 incidents that nobody had recorded" in out
    assert "line 4: department is 'moon': write one of courier, kitchen" in out
    Path("i.csv").write_text(
        "key,occurred_at,customer,kind,order\n"
        "i1,2026-05-01T09:00Z,c7,late_ride,\n"
        "i2,2026-05-01T09:00Z,c8,meteor,\n"
    )
    assert run(capsys, "record", "i.csv", "--as", "incident")[0] == 0
    found = document(capsys, "causes", "--weeks", "3", "--as-of", "2026-05-10")
    # the date lies before everything was recorded, so nothing was known by then
    assert found["causes"] == []
    found = document(capsys, "causes", "--weeks", "520")
    counts = {each["name"]: each["incidents"] for each in found["causes"]}
    assert counts == {"waiting": 2, "vermin": 1, "other": 1}
    waiting = next(each for each in found["causes"] if each["name"] == "waiting")
    assert (waiting["complaints"], waiting["customers"], waiting["trend"]) == (2, 2, None)
    code, out, _ = run(capsys, "causes", "--by", "department", "--weeks", "520")
    assert code == 0
    assert "courier" in out
    assert "too few to say" in out


def test_causes_of_an_empty_ledger_say_so(project, capsys):
    code, out, _ = run(capsys, "causes")
    assert code == 0
    assert "No incident is recorded in these weeks." in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[taxonomy]\ncolour = 1\n", "unknown key taxonomy.colour"),
        ('[taxonomy]\ndepartments = "courier"\n', "write a list of texts"),
        ("[taxonomy]\nmatch_days = 0\n", "write 1 to 365 days"),
        ('[taxonomy.causes.Late]\nabout = "x"\n', "write small letters"),
        ('[taxonomy.causes.a]\nincidents = ["x"]\n[taxonomy.causes.b]\nincidents = ["x"]\n', "keep one"),
    ],
)  # fmt: skip
def test_a_taxonomy_that_cannot_be_meant_is_refused(project, capsys, text, said):
    file = Path("apologylab.toml")
    file.write_text(file.read_text().replace(TAXONOMY, text))
    code, _, err = run(capsys, "causes")
    assert code == CODES[ConfigError]
    assert said in err


def lived(late, ledger, through):
    """100 units an arm; of the silent ones two were given goodwill and one was written to."""
    found = late.units()
    silent = [c for c, (_, arm) in found.items() if arm == "silence"][:3]
    extra = []
    for n, customer in enumerate(silent):
        about = {"occurred_at": found[customer][0] + timedelta(days=1), "customer": customer}
        if n < 2:
            extra.append(Goodwill(key=f"x{n}", kind="refund", amount=250, currency="USD", **about))
        else:
            extra.append(Contact(key="x", kind="mail", by="company", **about))
    late.append(ledger, [*late.started(), *late.enrolment(found), *extra])
    late.append(ledger, late.feeds(through))


@pytest.fixture
def ledger(project):
    (file,) = Path(project).rglob("*.sqlite")
    opened = open_(file)
    yield opened
    opened.close()


def test_what_stands_beside_the_plan_is_shown_once_it_has_ended(late, ledger, project, capsys):
    lived(late, ledger, late.START + 90 * late.DAY)
    ledger.close()
    found = document(capsys, "analyse", "late")
    arms = {each["arm"]: each for each in found["beside"]["arms"]}
    assert arms["silence"]["spoken"]["units"] == 3
    assert (arms["silence"]["goodwill"], arms["silence"]["refunded"]) == (5.0, 2)
    outcomes = {each["outcome"] for each in found["estimates"]}
    assert not [name for name in outcomes if name.startswith("b:")]
    code, out, _ = run(capsys, "analyse", "late")
    assert code == 0
    assert "Beside the plan: described, not tested (first 28 days)" in out
    assert "Silence was not silent for 3 of 100 units (3.0%): goodwill 2, of it a refund 2" in out
    assert run(capsys, "report", "late", "-o", "page.html")[0] == 0
    page = Path("page.html").read_text()
    assert "Beside the plan: described, not tested" in page
    assert "Silence was not silent for 3 of 100 units" in page


def test_before_the_end_only_all_arms_together_are_shown(late, ledger, project, capsys):
    lived(late, ledger, late.START + 35 * late.DAY)
    ledger.close()
    found = document(capsys, "analyse", "late")
    assert (found["beside"], found["estimates"]) == (None, [])
    standing = document(capsys, "status", "late")
    (whole,) = standing["beside"]["arms"]
    assert whole["arm"] == ""
    assert 0 < whole["units"] < 400
    _, out, _ = run(capsys, "status", "late")
    assert "Beside the plan, all arms together" in out
    assert "Silence was" not in out
