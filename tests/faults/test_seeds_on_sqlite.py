"""The same seeds on a SQLite file and in memory; and a ledger that went through 1,000 faults."""

from __future__ import annotations

from datetime import UTC

import pytest
from simulator.runs import Run
from simulator.stores import empty_file
from simulator.trial import agree

from apologylab import wiring
from apologylab.record.facts import Assignment
from apologylab.service.explain import explain
from apologylab.service.running import pinned
from apologylab.service.soundness import conditional, look
from apologylab.warehouse.soundness.ledger_rules import LedgerRules

FIRST, SEED, SCALE = 1_000, 5, 120


@pytest.mark.slow
def test_a_file_does_what_memory_does_on_many_seeds(counts, record_property):
    record_property("first seed", FIRST)
    seeds = range(FIRST, FIRST + counts(60, 1_000))
    assert agree(seeds, record_property).broken == []


@pytest.mark.slow
def test_a_ledger_after_a_thousand_faults_is_sound_and_can_be_told(tmp_path, record_property):
    ledger = empty_file(tmp_path)
    run = Run(SEED, ledger, scale=SCALE, variant="plenty")
    assert run.go() == []
    faults = run.schedule.faults.total()
    record_property("seed", SEED)
    record_property("faults", faults)
    assert faults >= 1_000
    read, now = wiring.declaration_reader(), run.hands.true()
    running, odd = pinned(ledger, read), conditional(ledger, read)
    customers = {each.customer for each in ledger.read(Assignment)}
    ledger.close()
    rules = LedgerRules(f"sqlite:///{tmp_path / 'l.sqlite'}", conditional=odd, now=now)
    looks = look(ledger, rules, running, now=now)
    assert len(looks) > 20
    assert [each for each in looks if each.level != "ok"] == []
    for customer in sorted(customers):
        told = explain(ledger, [customer], zone=UTC, now=now)
        answers = ledger.count(Assignment, customer=customer)
        assert len([each for each in told.events if each.kind == "assignment"]) == answers
        assert told.may_say
    ledger.close()
