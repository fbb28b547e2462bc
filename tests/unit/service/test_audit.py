"""The trail of changes: noted in order, and tampering with a ledger's file shows."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.errors import InputError
from apologylab.record.facts import Change
from apologylab.service.audit import note, trail, verify
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=True)


FORGED = (
    "INSERT INTO fact_change SELECT 99, '00000005', occurred_at, experiment, what, \"by\", "
    "detail, '', sha256, recorded_at FROM fact_change WHERE key = '00000004'"
)


def noted(ledger, *whats, by="ana"):
    for hour, what in enumerate(whats):
        now = NOW + timedelta(hours=hour)
        with ledger.transaction(recorded_at=now) as work:
            note(work, experiment="late_ride", what=what, by=by, detail={"phase": 1}, now=now)


@pytest.fixture
def file(tmp_path):
    ledger = sqlite.create(tmp_path / "ledger.sqlite", IDENTITY)
    noted(ledger, "start", "phase", "stop", "kill")
    ledger.close()
    return tmp_path / "ledger.sqlite"


def verified(file, head=None):
    ledger = sqlite.open_(file)
    found = verify(ledger, now=NOW, head=head)
    ledger.close()
    return found


def tampered(file, *statements):
    with sqlite3.connect(file) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_says_who_did_what_and_when_in_order(ledger):
    noted(ledger, "start", "stop", by="ana")
    told = [(each.what, each.by, each.occurred_at) for each in trail(ledger)]
    assert told == [("start", "ana", NOW), ("stop", "ana", NOW + timedelta(hours=1))]
    assert trail(ledger, "another") == []


def test_a_change_and_its_note_stand_or_fall_together(ledger):
    def fails():
        with ledger.transaction(recorded_at=NOW) as work:
            note(work, experiment=None, what="start", by="ana", detail={}, now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    noted(ledger, "start")
    found = verify(ledger, now=NOW)
    assert (found.changes, found.problems) == (1, ())


def test_nobody_is_not_a_name(ledger):
    with pytest.raises(InputError, match="who does it"):
        noted(ledger, "start", by=" ")


def test_a_whole_chain_is_whole_and_holds_every_head_it_had(file):
    found = verified(file)
    assert (found.changes, found.problems) == (4, ())
    ledger = sqlite.open_(file)
    heads = [each.sha256 for each in trail(ledger)]
    ledger.close()
    assert found.head == heads[-1]
    assert all(verified(file, head=head).problems == () for head in heads)


def test_the_hash_is_the_same_on_every_machine(ledger):
    noted(ledger, "start")
    assert trail(ledger)[0].sha256 == (
        "77a15498654f51cf9fc02187ab6d6394ab1bf3a73715b0b830351317aaa04bb9"
    )


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["UPDATE fact_change SET \"by\" = 'eve' WHERE key = '00000002'"], "2 was altered"),
        (["UPDATE fact_change SET occurred_at = occurred_at + 1 WHERE key = '00000002'"],
         "2 was altered"),
        (["UPDATE fact_change SET detail = '{\"phase\":2}' WHERE key = '00000001'"],
         "1 was altered"),
        (["DELETE FROM fact_change WHERE key = '00000003'"], "change 3 is missing"),
        (["DELETE FROM fact_change WHERE key = '00000001'"], "change 1 is missing"),
        (["DELETE FROM fact_change WHERE key = '00000004'"], "4 changes were noted and 3"),
        (["UPDATE fact_change SET seq = 99 WHERE key = '00000002'"], "does not stand in its place"),
        (["UPDATE fact_change SET key = 'x' WHERE key = '00000002'"], "altered"),
        ([FORGED], "5 does not follow"),
    ],
)  # fmt: skip
def test_tampering_shows(file, statements, says):
    tampered(file, *statements)
    assert any(says in problem for problem in verified(file).problems), verified(file).problems


def test_a_chain_made_anew_shows_against_a_head_that_was_kept(file, tmp_path):
    kept = verified(file).head
    forged = sqlite.create(tmp_path / "forged.sqlite", IDENTITY)
    noted(forged, "start", "phase", "stop")
    forged.close()
    other = tmp_path / "forged.sqlite"
    assert verified(other).problems == ()
    assert "no change has the hash" in verified(other, head=kept).problems[0]


def test_a_damaged_chain_keeps_nobody_from_stopping(file):
    tampered(file, "DELETE FROM fact_change WHERE key = '00000004'")
    ledger = sqlite.open_(file)
    noted(ledger, "kill")
    assert [each.key for each in ledger.read(Change)][-1] == "00000005"
    assert any("4 is missing" in each for each in verify(ledger, now=NOW).problems)
    ledger.close()
