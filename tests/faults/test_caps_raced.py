"""Eight threads at every cap at once, with revokes and a kill between: never overspent (R14)."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from apologylab.errors import NotFoundError
from apologylab.record.facts import Assignment, Closed, Halted, Liability, Remedy
from apologylab.service.ending import end
from apologylab.service.held import held
from apologylab.service.liabilities import settle_liabilities
from apologylab.service.ports import LedgerIdentity, Standing
from apologylab.service.revoking import Recall, revoke
from apologylab.service.settling import Outcome, settle
from apologylab.storage import sqlite

IDENTITY = LedgerIdentity(id="ledger-1", environment="test", simulated=True)
ARM = "none+usd5@1h"
CAPS = {"": (20_000, 30), f"/arm/{ARM}": (None, 12)}
EACH_WEEK, EACH_DAY = 9, 25


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request, tmp_path):
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_ledger")
        return
    made = sqlite.create(tmp_path / "ledger.sqlite", IDENTITY)
    yield made
    made.close()


@pytest.fixture
def running(ledger, loop):
    declared = loop.Declared().change(
        'total = "5000.00 USD"',
        f'total = "200.00 USD"\nuses = 30\nper_period = {{ uses = {EACH_WEEK}, days = 7 }}\n'
        f'[budget.per_arm]\n"{ARM}" = {{ uses = 12 }}\n[allocation]\nunits_per_day = {EACH_DAY}',
    )
    return loop.begin(ledger, declared)


def live(ledger, loop, running, thread):
    """One thread's deeds over three weeks: it asks, commits what it drew, and revokes some."""
    chance = random.Random(thread)
    for turn in range(12):
        now = loop.START + timedelta(hours=42 * turn)
        asked = [
            loop.incident(key=f"{thread}-{turn}-{n}", customer=f"{thread}-{turn}-{n}", at=now)
            for n in range(chance.randrange(1, 4))
        ]
        given = loop.ask(ledger, running, *asked, now=now)
        drawn = [each.key for each in given if each.reason == "RANDOMISED"]
        with ledger.transaction(recorded_at=now) as work:
            remedies = [each for each in work.find_among(Remedy, "key", drawn) if each.compensation]
            fates = [Outcome(each, chance.choice(("sent", "failed")), "") for each in remedies]
            settle(work, fates, channel="t", now=now)
        if drawn and chance.random() < 0.3:
            asked = Recall(experiment=loop.NAME, because="?", keys=tuple(drawn))
            try:
                revoke(ledger, asked, now=now)
            except NotFoundError:
                continue


def check(ledger, loop):
    stands = ledger.budgets(loop.NAME)
    money = {
        row: Standing(reserved=each.reserved, uses=each.uses)
        for row, each in stands.items()
        if "/units/" not in row and each.uses
    }
    assert money == held(ledger.read(Liability))
    for row, each in stands.items():
        amount, uses = CAPS.get(row.removeprefix(loop.NAME), (None, None))
        uses = EACH_WEEK if "/period/" in row else EACH_DAY if "/units/" in row else uses
        assert amount is None or each.reserved <= amount
        assert each.uses <= uses, row


def test_every_cap_holds_however_many_ask(ledger, loop, running):
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(live, ledger, loop, running, n) for n in range(8)]:
            done.result()
    check(ledger, loop)
    found = Counter(each.reason for each in ledger.read(Assignment))
    assert found["CLOSED"] > 20
    assert found["RANDOMISED"] > 20
    late = loop.START + timedelta(days=90)
    assert settle_liabilities(ledger, [running], now=late).expired > 0
    check(ledger, loop)
    assert all(
        not each.uses for row, each in ledger.budgets(loop.NAME).items() if "/units/" not in row
    )
    drawn = Counter(each.key.split("-")[1] for each in ledger.read(Remedy))
    assert max(drawn.values()) <= EACH_DAY


def test_a_kill_between_leaves_nothing_drawn_after_it(ledger, loop, running):
    with ThreadPoolExecutor(9) as pool:
        asking = [pool.submit(live, ledger, loop, running, n) for n in range(8)]
        now = loop.START + timedelta(days=3)
        killing = pool.submit(end, ledger, loop.NAME, because="enough", now=now, how="kill")
        assert killing.result().did == "killed"
        drawn = ledger.count(Assignment, reason="RANDOMISED")
        for done in asking:
            done.result()
    assert ledger.count(Assignment, reason="RANDOMISED") == drawn
    assert (ledger.count(Halted), ledger.count(Closed)) == (1, 1)
    check(ledger, loop)
