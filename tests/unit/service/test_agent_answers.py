"""The sheet of an agent makes a round trip: out as a CSV, filled in, and back as facts."""

from __future__ import annotations

import csv
from datetime import UTC

import pytest

from apologylab.channels.agent import AgentFolder
from apologylab.record.facts import Delivery, Remedy
from apologylab.record.later_facts import AgentAnswer
from apologylab.record.values import Reading
from apologylab.service.assign import assign
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.service.record import record_file
from apologylab.storage.memory import MemoryLedger
from apologylab.warehouse.fact_file import RejectsFile, open_fact_file

HOSTILE = [f"{lead}cmd|{n}" for n in range(6) for lead in "=+-@"]


@pytest.fixture
def ledger():
    return MemoryLedger(LedgerIdentity(id="l", environment="test", simulated=False))


@pytest.fixture
def sheet(ledger, loop, tmp_path):
    """Filled in by an agent: everything was said, the column of customers as it came."""
    running = loop.begin(ledger, loop.at_once())
    told = [loop.incident(n, customer) for n, customer in enumerate(HOSTILE)]
    assign(ledger, running, told, now=loop.START)
    later = loop.START + loop.DAY
    desk = AgentFolder("desk", tmp_path)
    dispatch_once(ledger, desk, running, Worker(holder="w", clock=lambda: later, chance=lambda: 0))
    (file,) = tmp_path.glob("tasks-*.csv")
    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    for row in rows:
        row |= {"occurred_at": later.isoformat(), "agent": "agent-7", "did": "said"}
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return file


def back(ledger, file, at, known_as=None):
    return record_file(
        ledger,
        AgentAnswer,
        open_fact_file(file),
        mapping={},
        reading=Reading(zone=UTC, known_as=known_as),
        rejects=RejectsFile(file.with_suffix(".rejects")),
        now=at,
        progress=lambda _: None,
    )


@pytest.mark.parametrize("known_as", [None, "hashed-{}".format])
def test_ids_that_begin_like_formulas_and_pseudonyms_come_back(ledger, loop, sheet, known_as):
    assert ",'=cmd|" in sheet.read_text()
    done = back(ledger, sheet, loop.START + 2 * loop.DAY, known_as)
    sent = {each.assignment for each in ledger.read(Delivery) if each.state == "sent"}
    drawn = {each.key: each.customer for each in ledger.read(Remedy)}
    answers = {each.assignment: each for each in ledger.read(AgentAnswer)}
    assert (done.new, done.rejected) == (len(sent), 0)
    assert answers.keys() == sent
    assert len(sent) > 10
    assert {key: each.customer for key, each in answers.items()} == {
        key: drawn[key] for key in sent
    }
    assert {each.experiment for each in answers.values()} == {"late_ride"}


def test_a_second_run_changes_nothing_and_another_answer_is_refused(ledger, loop, sheet):
    at = loop.START + 2 * loop.DAY
    first = back(ledger, sheet, at)
    assert back(ledger, sheet, at).same == first.new
    sheet.write_text(sheet.read_text().replace(",said,", ",skipped,", 1))
    again = back(ledger, sheet, at)
    assert (again.contradicting, again.new) == (1, 0)
    assert "did is 'skipped', stands as 'said'" in again.reasons[0][1]


def test_an_answer_to_what_was_never_drawn_stays_as_it_was_told(ledger, loop, sheet):
    text = sheet.read_text().splitlines()
    sheet.write_text("\n".join([text[0], text[1].replace("late_ride/", "other/")]))
    back(ledger, sheet, loop.START + 2 * loop.DAY)
    (found,) = ledger.read(AgentAnswer)
    assert found.customer.startswith("'")
