"""doctor --ledger on moments, quiet hours and windows: sound, and each rule fires when broken."""

import shutil
import sqlite3
from datetime import datetime, timedelta
from functools import partial

import pytest

from apologylab.record.facts import Resolution
from apologylab.record.later_facts import Visit
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.service.running import load
from apologylab.service.soundness import conditional, look
from apologylab.storage import sqlite
from apologylab.warehouse.soundness.ledger_rules import LedgerRules
from apologylab.wire.declaration import read

HOUR = timedelta(hours=1)
EVENING = datetime.fromisoformat("2026-03-01T18:00:00+00:00")
"""20:00 in Vilnius."""
MOMENTS = """[timing.visit]
after = "next_visit"
within = "2d"
[timing.solved]
after = "resolution"
within = "3d"
[compensation.usd5]"""
QUIET = """[delivery.quiet]
begin = "21:00"
end = "08:00"
zone = "Europe/Vilnius"
[messages]"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, loop, outboxes):
    """120 hit in the evening: half came by or were helped; one dispatcher came much too late."""
    path = tmp_path_factory.mktemp("timed") / "ledger.sqlite"
    identity = LedgerIdentity(id="l1", environment="test", simulated=True, secret="s")
    ledger = sqlite.create(path, identity)
    declared = loop.Declared().change('timing = ["1h"]', 'timing = ["1h", "visit", "solved"]')
    declared.change("[compensation.usd5]", MOMENTS).change("[messages]", QUIET)
    declared.change("hold_seconds = 60", 'hold_seconds = 0\ndrop_after = "5h"')
    running = loop.begin(ledger, declared)
    loop.ask(ledger, running, *(loop.incident(i, at=EVENING) for i in range(100)), now=EVENING)
    noon = EVENING + 16 * HOUR
    came = [Visit(key=f"v{i}", occurred_at=noon, customer=f"c{i}") for i in range(0, 100, 2)]
    came += [
        Resolution(key=f"r{i}", occurred_at=noon, customer=f"c{i}", incident=f"i{i}", resolved=True)
        for i in range(0, 100, 2)
    ]

    def turn(now):
        worker = Worker(holder=f"w{now}", clock=lambda: now, chance=lambda: 0.5)
        dispatch_once(ledger, outboxes.Outbox(), running, worker)

    turn(EVENING + 5 * HOUR)
    turn(EVENING + 13 * HOUR)
    with ledger.transaction(recorded_at=noon) as work:
        work.append(came)
    turn(noon)
    late = [loop.incident(200 + i, at=noon) for i in range(20)]
    loop.ask(ledger, running, *late, now=noon)
    turn(noon + 80 * HOUR)
    ledger.close()
    return path, declared


@pytest.fixture
def file(made, tmp_path):
    shutil.copy(made[0], tmp_path / "ledger.sqlite")
    return tmp_path / "ledger.sqlite"


def looked(file, made, loop):
    """Rule -> what was found, of those that do not hold."""
    ledger = sqlite.open_(file)
    now = EVENING + 96 * HOUR
    running = load(ledger, made[1].experiment(loop.NAME))
    url = f"sqlite:///{file}"
    rules = LedgerRules(url, conditional=conditional(ledger, partial(read, where="it")), now=now)
    found = look(ledger, rules, [running], now=now)
    ledger.close()
    return {each.rule: each for each in found if each.level != "ok"}


def test_a_sound_ledger_keeps_every_rule(file, made, loop):
    with sqlite3.connect(file) as connection:
        ends = dict(connection.execute("SELECT because, count(*) FROM fact_delivery GROUP BY 1"))
        assert connection.execute("SELECT count(*) FROM fact_due_moved").fetchone()[0] > 20
    connection.close()
    assert ends.keys() == {"", "no_visit", "not_resolved", "too_late"}
    assert looked(file, made, loop) == {}


LEFT = "(SELECT d.key FROM fact_delivery d JOIN fact_remedy r ON r.key = d.key WHERE d.state = 'sent' AND r.awaits IS {} LIMIT 1)"
NIGHT = 8 * 3_600_000_000
TAMPERED = {
    "leaves only after it came": f"DELETE FROM fact_due_moved WHERE key = {LEFT.format('NOT NULL')}",
    "only if that did not come": (
        f"UPDATE fact_delivery SET because = 'no_visit' WHERE key = {LEFT.format('NOT NULL')}"
    ),
    "is recorded, at that time": "UPDATE fact_due_moved SET came_at = came_at + 1",
    "too late only where it can be": (
        "UPDATE fact_remedy SET leave_by = NULL WHERE key = "
        "(SELECT key FROM fact_delivery WHERE because = 'too_late' LIMIT 1)"
    ),
    "sent nothing in quiet hours": (
        f"UPDATE fact_delivery SET occurred_at = occurred_at - {NIGHT} "
        f"WHERE key = {LEFT.format('NULL')}"
    ),
    "dropped nothing that was in time": (
        "UPDATE fact_remedy SET leave_by = leave_by + 864000000000 WHERE key = "
        "(SELECT key FROM fact_delivery WHERE because = 'too_late' LIMIT 1)"
    ),
}


@pytest.mark.parametrize("rule", TAMPERED)
def test_each_rule_fires_on_what_breaks_it(file, made, loop, rule):
    with sqlite3.connect(file) as connection:
        assert connection.execute(TAMPERED[rule]).rowcount > 0
    connection.close()
    found = looked(file, made, loop)
    fired = [each for says, each in found.items() if rule in says]
    assert fired, list(found)
    assert (fired[0].level, bool(fired[0].examples[0]), bool(fired[0].do)) == ("broken", True, True)
