"""doctor --ledger: a sound ledger keeps every rule, and each rule fires when somebody tampers."""

import shutil
import sqlite3
from datetime import UTC, timedelta
from functools import partial

import pytest

from apologylab.record.facts import Order
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ending import end
from apologylab.service.explain import explain
from apologylab.service.forget import forget
from apologylab.service.ports import LedgerIdentity
from apologylab.service.record import complete_through
from apologylab.service.running import load
from apologylab.service.soundness import conditional, look
from apologylab.storage import sqlite
from apologylab.warehouse.soundness.ledger_rules import RULES, LedgerRules
from apologylab.wire.declaration import read

IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=True, secret="s")
LATER = timedelta(hours=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory, loop, outboxes):
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    ledger = sqlite.create(path, IDENTITY)
    declared = lived(ledger, loop, outboxes)
    ledger.close()
    return path, declared


def lived(ledger, loop, outboxes):
    """40 customers in blocks, 8 of them twice; most sent, one forgotten; then drained."""
    declared = loop.Declared()
    declared.text += "open_liability = 'zero'\n" * ("open_liability" not in declared.text)
    declared.text += "[allocation]\nscheme = 'blocks'\n"
    running = loop.begin(ledger, declared)
    loop.ask(ledger, running, *(loop.incident(n, first_name=f"Ana{n}") for n in range(40)))
    dispatch(ledger, running, outboxes, loop.START + loop.HOUR)
    later = loop.START + LATER
    again = [loop.incident(n + 100, f"c{n}", at=later) for n in range(8)]
    loop.ask(ledger, running, *again, now=later)
    forget(ledger, ["c1"], because="asked", by="ana", now=later)
    complete_through(ledger, Order, loop.START, now=later)
    assert 0 < ledger.mark(loop.START) < ledger.mark(later)
    end(ledger, loop.NAME, because="season", now=later, how="drain", by="ana")
    return declared


def dispatch(ledger, running, outboxes, now):
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5)
    dispatch_once(ledger, outboxes.Outbox(), running, worker)


@pytest.fixture
def file(made, tmp_path):
    shutil.copy(made[0], tmp_path / "ledger.sqlite")
    return tmp_path / "ledger.sqlite"


def looked(file, made, loop, *, hours=2):
    """Rule -> what was found, of those that do not hold."""
    return asked(sqlite.open_(file), f"sqlite:///{file}", made[1], loop, hours)


def asked(ledger, url, declared, loop, hours=2):
    now = loop.START + timedelta(hours=hours)
    running = load(ledger, declared.experiment(loop.NAME))
    rules = LedgerRules(url, conditional=conditional(ledger, partial(read, where="it")), now=now)
    found = look(ledger, rules, [running], now=now)
    ledger.close()
    assert len(found) > len(RULES)
    return {each.rule: each for each in found if each.level != "ok"}


def tamper(file, *statements):
    with sqlite3.connect(file) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
    connection.close()


def test_a_sound_ledger_keeps_every_rule(file, made, loop):
    assert looked(file, made, loop) == {}


ONE = "(SELECT key FROM fact_assignment WHERE reason = 'RANDOMISED' ORDER BY seq LIMIT 1)"
GIFT = "(SELECT assignment FROM fact_liability WHERE state = 'committed' ORDER BY seq LIMIT 1)"
SENT = "(SELECT key FROM fact_delivery WHERE state = 'sent' ORDER BY seq LIMIT 1)"
WAITS = "(SELECT key FROM remedy_pending ORDER BY key LIMIT 1)"
STICKY = "(SELECT key FROM fact_assignment WHERE because LIKE 'sticky%' ORDER BY seq LIMIT 1)"
OTHER_ARM = "CASE arm WHEN 'silence' THEN 'sorry+none@1h' ELSE 'silence' END"
RESERVED = f"state = 'reserved' AND assignment = {GIFT}"
TEXT_SENT = (
    "(SELECT r.text FROM fact_remedy r JOIN fact_delivery d ON d.key = r.key "
    "WHERE r.text IS NOT NULL AND r.customer <> 'c1' ORDER BY r.seq LIMIT 1)"
)
TEXT_WAITS = (
    "(SELECT r.text FROM fact_remedy r JOIN remedy_pending p ON p.key = r.key "
    "WHERE r.text IS NOT NULL AND r.customer <> 'c1' ORDER BY r.seq LIMIT 1)"
)
TAMPERED = {
    "every fact has its key": [f"DELETE FROM fact_key WHERE kind = 'remedy' AND key = {ONE}"],
    "every key has its fact": ["DELETE FROM fact_feed"],
    "no two facts share a place": ["UPDATE fact_feed SET seq = 3"],
    "every fact was committed": ["DELETE FROM commit_time WHERE seq > 10"],
    "a later date never resolves": [
        "UPDATE commit_mark SET seq = 1 WHERE as_of = (SELECT max(as_of) FROM commit_mark)",
    ],
    "no feed was declared complete": ["UPDATE fact_feed SET through = through + 86400000000"],
    "recorded incident of the same customer": [
        "UPDATE fact_incident SET customer = 'eve' WHERE key = 'i7'",
    ],
    "a customer enters the analysis once": [
        f'UPDATE fact_assignment SET "first" = 1 WHERE key = {STICKY}',
    ],
    "holds its probability": [f"UPDATE fact_assignment SET propensity = 0 WHERE key = {ONE}"],
    "what the phase's weights say": [
        f"UPDATE fact_assignment SET propensity = 0.26 WHERE key = {ONE}",
    ],
    "a sticky repeat has the arm": [
        f"UPDATE fact_assignment SET arm = arm || 'x' WHERE key = {STICKY}",
    ],
    "full blocks of a phase": [
        f"UPDATE fact_assignment SET arm = {OTHER_ARM} WHERE key = {ONE}",
    ],
    "after enrolment was closed": [
        "UPDATE fact_closed SET seq = 5",
        "INSERT OR IGNORE INTO commit_time SELECT 5, recorded_at FROM commit_time LIMIT 1",
    ],
    "after the experiment was drained": ["UPDATE fact_halted SET seq = 5"],
    "every drawn answer has its remedy": [f"DELETE FROM fact_remedy WHERE key = {ONE}"],
    "what is sent beside a remedy belongs to an answer": [
        f"UPDATE fact_remedy SET experiment = experiment || '/survey' WHERE key = {ONE}",
        f"UPDATE fact_assignment SET reason = 'CLOSED' WHERE key = {ONE}",
    ],
    "every remedy was drawn": [
        f"UPDATE fact_assignment SET reason = 'INELIGIBLE' WHERE key = {ONE}",
    ],
    "a remedy ends sent": [f"UPDATE fact_delivery SET state = 'would_send' WHERE key = {SENT}"],
    "the queue holds what has no delivery": [f"DELETE FROM remedy_pending WHERE key = {WAITS}"],
    "no worker holds a remedy": [
        f"UPDATE remedy_pending SET holder = 'w', lease_until = 0 WHERE key = {WAITS}",
    ],
    "no remedy waits for a person": [
        f"UPDATE remedy_pending SET dead = 1, because = 'bounced' WHERE key = {WAITS}",
    ],
    "pinned is there until it is sent": [f"DELETE FROM text WHERE id = {TEXT_WAITS}"],
    "sent is there until it was forgotten": [f"DELETE FROM text WHERE id = {TEXT_SENT}"],
    "an address that was pinned is there": [
        f"UPDATE fact_remedy SET address = 'gone' WHERE key = {WAITS}",
    ],
    "the one whose hash was pinned": [
        f"UPDATE text SET body = body || '!' WHERE id = {TEXT_SENT}",
    ],
    "a compensation moves only as it may": [
        f"UPDATE fact_liability SET state = 'redeemed' WHERE {RESERVED}",
    ],
    "every remedy that gives something": [
        f"UPDATE fact_remedy SET amount = 400 WHERE key = {GIFT}",
    ],
    "committed when its remedy went out": [
        f"UPDATE fact_delivery SET state = 'failed' WHERE key = {GIFT}",
    ],
    "what each budget has reserved": ["UPDATE budget SET reserved = reserved - 1"],
    "no cap of late_ride": ["UPDATE budget SET reserved = 500001"],
    "the chain of changes by hand": [
        "UPDATE fact_change SET \"by\" = 'eve' WHERE what = 'forget'",
    ],
}


@pytest.mark.parametrize("rule", TAMPERED)
def test_each_rule_fires_on_what_breaks_it(file, made, loop, rule):
    tamper(file, *TAMPERED[rule])
    found = looked(file, made, loop)
    fired = [each for says, each in found.items() if rule in says]
    assert fired, list(found)
    assert fired[0].level in ("broken", "look")
    assert fired[0].found >= 1
    assert fired[0].examples[0]
    assert fired[0].do


def test_what_should_have_left_is_told(file, made, loop):
    assert looked(file, made, loop, hours=3) == {}
    found = looked(file, made, loop, hours=5)
    assert [(each.level, each.found) for each in found.values()] == [("look", 8)]


IN_TEST_DOCTOR_TIMING = (
    "leaves only after it came",
    "only if that did not come",
    "is recorded, at that time",
    "too late only where it can be",
)


def test_every_rule_is_tampered_with_somewhere():
    told = [rule.says for rule in RULES]
    tampered = (*TAMPERED, *IN_TEST_DOCTOR_TIMING)
    untested = [says for says in told if not any(part in says for part in tampered)]
    assert untested == ["what is due leaves within an hour"]


def test_a_missing_table_is_told_and_the_other_rules_are_asked(file, made, loop):
    tamper(
        file, "DROP TABLE fact_goodwill", f"UPDATE fact_remedy SET amount = 400 WHERE key = {GIFT}"
    )
    found = looked(file, made, loop)
    told = found["every table of the ledger is there and can be read"]
    assert told.level == "broken"
    assert "fact_goodwill" in told.examples[0]
    assert any("gives something" in says for says in found)


def test_a_damaged_page_is_told(file, made, loop):
    with sqlite3.connect(file) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'fact_incident_x' OR "
            "name = 'fact_assignment_customer'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size + 8)
        raw.write(b"\xff" * 64)
    found = looked(file, made, loop)
    assert found["the ledger's file is whole"].level == "broken"


def test_the_same_on_postgresql(postgres_ledger, postgres_url, loop, outboxes):
    declared = lived(postgres_ledger, loop, outboxes)
    assert asked(postgres_ledger, postgres_url, declared, loop) == {}
    told = explain(postgres_ledger, ["c1"], zone=UTC, now=loop.START + LATER)
    assert told.forgotten is not None
    assert not any("Ana1" in repr(each) for each in told.events)
    with postgres_ledger.transaction(recorded_at=loop.START + LATER) as work:
        work.release(loop.NAME, 1)
    (broken,) = asked(postgres_ledger, postgres_url, declared, loop).values()
    assert broken.rule.startswith("what each budget has reserved")
    assert broken.level == "broken"
