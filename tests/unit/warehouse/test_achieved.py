"""When remedies left and when they were meant to, as status tells it (R12)."""

from datetime import datetime, timedelta

import pytest

from apologylab.record.later_facts import Visit
from apologylab.service.achieved import Achieved, rows
from apologylab.service.assign import assign
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite
from apologylab.warehouse.achieved import achieved
from apologylab.warehouse.census import census
from apologylab.warehouse.engine import connect
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.warehouse.staging import attached

HOUR = timedelta(hours=1)
EVENING = datetime.fromisoformat("2026-03-01T18:00:00+00:00")
"""20:00 in Vilnius."""
QUIET = """[delivery.quiet]
begin = "21:00"
end = "08:00"
zone = "Europe/Vilnius"
[messages]"""
VISIT = '[timing.visit]\nafter = "next_visit"\nwithin = "2d"\n[compensation.usd5]'


@pytest.fixture
def lived(loop, outboxes, tmp_path):
    """A ledger in which 80 were hit in the evening: half visited at noon, one dispatcher slept."""
    identity = LedgerIdentity(id="l", environment="test", simulated=True, secret="s")
    file = tmp_path / "ledger.sqlite"
    ledger = sqlite.create(file, identity)
    made = loop.Declared().change('timing = ["1h"]', 'timing = ["30min", "2h", "visit"]')
    made.change("[compensation.usd5]", VISIT).change("[messages]", QUIET)
    made.change("hold_seconds = 60", 'hold_seconds = 60\ndrop_after = "20h"')
    running = loop.begin(ledger, made)
    hit = [loop.incident(i, at=EVENING) for i in range(200)]
    answers = [each.assignment for each in assign(ledger, running, hit, now=EVENING)]
    noon = EVENING + 16 * HOUR
    came = [Visit(key=f"v{i}", occurred_at=noon, customer=f"c{i}") for i in range(0, 200, 2)]
    channel = outboxes.Outbox()

    def turn(now):
        worker = Worker(holder=f"w{now}", clock=lambda: now, chance=lambda: 0.5)
        dispatch_once(ledger, channel, running, worker)

    turn(EVENING + HOUR / 2)
    turn(EVENING + 13 * HOUR)
    with ledger.transaction(recorded_at=noon) as work:
        work.append(came)
    turn(noon + HOUR / 60)
    turn(EVENING + 48 * HOUR)
    yield ledger, running, answers, f"sqlite:///{file}"
    ledger.close()


def test_every_level_and_arm_says_when_it_left(lived):
    ledger, running, answers, url = lived
    found = census(url, running.experiment, mark=ledger.mark(EVENING + 99 * HOUR)).achieved
    drawn = {(each.timing, each.arm) for each in answers}
    assert {(row.level, row.arm) for row in found} == drawn
    assert [row.level for row in found] == sorted((row.level for row in found), key=["30min", "2h", "visit"].index)  # fmt: skip
    for row in found:
        same = [each for each in answers if (each.timing, each.arm) == (row.level, row.arm)]
        if row.level == "30min":
            assert row == Achieved("30min", row.arm, len(same), 30, 30, 30, 0, None, 0, 0)
        elif row.level == "2h":
            assert row == Achieved("2h", row.arm, len(same), 780, 780, 120, len(same), 600, 0, 0)
        else:
            visited = sum(int(each.customer[1:]) % 2 == 0 for each in same)
            late = 961.0 if visited else None
            assert row == Achieved(
                "visit", row.arm, visited, late, late, None, 0, None, 0, len(same) - visited
            )


def test_it_is_as_of_a_date(lived):
    _, running, _, url = lived
    connection = connect()
    with attached(connection, url):
        assert achieved(connection, running.experiment, mark=0) == ()


def test_it_is_told_in_words():
    night = Achieved("2h", "sorry@2h", 1200, 780.0, 801.0, 120.0, 1200, 600.0, 3, 0)
    waits = Achieved("visit", "silence", 0, None, None, None, 0, None, 0, 7)
    assert rows([night, waits, Achieved(None, "a", 0, None, None, None, 0, None, 0, 0)]) == [
        (
            "2h, sorry@2h",
            (
                "1,200 left after 13 h (median; 90th percentile 13.3 h, meant 2 h); "
                "1,200 moved by quiet hours, 10 h in the median; 3 too late"
            ),
        ),
        ("visit, silence", "of 7 it never came"),
    ]


def test_results_say_the_delay_achieved_of_each_level(lived):
    ledger, running, _, url = lived
    as_of = EVENING + 99 * HOUR
    panel = panel_ledger(url, running.experiment, as_of=as_of, mark=ledger.mark(as_of))
    told = [note for note in panel.flow().notes if note.startswith("timing ")]
    assert told == [
        "timing 30min: the delay achieved is 30 minutes (median), 30 (90th percentile), meant 30",
        "timing 2h: the delay achieved is 780 minutes (median), 780 (90th percentile), meant 120",
        "timing visit: the delay achieved is 961 minutes (median), 961 (90th percentile)",
    ]
