"""Incidents that came in as a file are answered as the hook would answer them, once."""

from datetime import timedelta

from apologylab.record.facts import Assignment, Incident
from apologylab.service import assign_recorded as door
from apologylab.service.assign import assign
from apologylab.storage.memory import MemoryLedger


def _record(ledger, incidents, *, now):
    with ledger.transaction(recorded_at=now) as work:
        work.append(incidents)


def test_a_file_gets_the_answers_that_one_call_each_would_give(ledger, loop, monkeypatch):
    monkeypatch.setattr(door, "BATCH", 7)
    running = loop.begin(ledger)
    incidents = [loop.incident(n, f"c{n % 40}", at=loop.START + n * loop.HOUR) for n in range(60)]
    now = loop.START + 90 * loop.HOUR
    _record(ledger, incidents[::-1], now=now)
    steps = []
    left = door.waiting(ledger, running)
    assert [each.key for each in left.incidents] == [each.key for each in incidents]
    answered = door.assign_recorded(ledger, running, left.incidents, now=now, progress=steps.append)
    assert (answered.answers.total(), steps) == (60, [7] * 8 + [4])

    other = MemoryLedger(ledger.identity)
    again = loop.begin(other)
    for each in incidents:
        assign(other, again, [each], now=now)
    assert other.content_hash() == ledger.content_hash()
    assert door.waiting(ledger, running).incidents == []


def test_only_what_happened_since_the_start_and_is_of_its_kind_is_answered(ledger, loop):
    running = loop.begin(ledger)
    at = loop.START
    told = [
        loop.incident(1, at=at - timedelta(microseconds=1)),
        loop.incident(2, at=at),
        loop.incident(3, kind="late_food"),
        loop.incident(4, kind="injury"),
        loop.incident(5, minutes_late=2),
    ]
    _record(ledger, told, now=at)
    left = door.waiting(ledger, running)
    assert [each.key for each in left.incidents] == ["i2", "i4", "i5"]
    assert left.before_start == 1
    answered = door.assign_recorded(ledger, running, left.incidents, now=at)
    reasons = {each.incident: each.reason for each in ledger.read(Assignment)}
    assert reasons == {"i2": "RANDOMISED", "i4": "INELIGIBLE", "i5": "INELIGIBLE"}
    assert dict(answered.kept_out) == {"never": 1, "incident.severity": 1}


def test_what_another_experiment_gave_an_answer_to_is_left(ledger, loop):
    running = loop.begin(ledger)
    given, turned_away, own = (loop.incident(n) for n in (1, 2, 3))
    _record(ledger, [given, turned_away, own], now=loop.START)
    loop.ask(ledger, running, own)
    (mine,) = ledger.read(Assignment)
    others = [
        _of_another(mine, given.key, "HOLDOUT"),
        _of_another(mine, turned_away.key, "INELIGIBLE"),
    ]
    _record(ledger, others, now=loop.START)
    assert [each.key for each in door.waiting(ledger, running).incidents] == [turned_away.key]


def test_an_incident_that_cannot_be_heard_stops_nothing(ledger, loop):
    running = loop.begin(ledger)
    _record(ledger, [loop.incident(1, "c" * 255), loop.incident(2, " \n")], now=loop.START)
    left = door.waiting(ledger, running).incidents
    answered = door.assign_recorded(ledger, running, left, now=loop.START)
    assert (answered.answers.total(), answered.unheard.total()) == (1, 1)
    assert ledger.count(Incident) == 2


def _of_another(mine, incident, reason):
    from dataclasses import replace

    return replace(
        mine, key=f"another/{incident}", experiment="another", incident=incident, reason=reason
    )
