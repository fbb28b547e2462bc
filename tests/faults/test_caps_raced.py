"""Eight threads at every cap at once, with revokes and a kill between: never overspent (R14)."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from time import sleep

import pytest

from apologylab.record.facts import Assignment, Closed, Halted, Liability, Remedy
from apologylab.service.budget import Caps
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


@pytest.fixture
def slow_thought(monkeypatch):
    """Others charge what a batch has looked at before it charges itself."""
    look = Caps.room

    def room(*given, **named):
        found = look(*given, **named)
        sleep(0.01)
        return found

    monkeypatch.setattr(Caps, "room", room)


def ask(ledger, loop, running, thread, together):
    """One thread's batches over three weeks, each at the same moment as those of the others."""
    chance = random.Random(thread)
    for turn in range(12):
        together.wait()
        now = loop.START + timedelta(hours=42 * turn)
        asked = [
            loop.incident(key=f"{thread}-{turn}-{n}", customer=f"{thread}-{turn}-{n}", at=now)
            for n in range(chance.randrange(1, 4))
        ]
        given = loop.ask(ledger, running, *asked, now=now)
        yield now, [each.key for each in given if each.reason == "RANDOMISED"]


def only_ask(*given):
    """What is given stays given, so that a cap that was passed once is seen at the end."""
    return sum(len(drawn) for _, drawn in ask(*given))


def live(ledger, loop, running, thread, together):
    """It commits or releases what it drew, too, and revokes some."""
    chance = random.Random(thread)
    for now, drawn in ask(ledger, loop, running, thread, together):
        with ledger.transaction(recorded_at=now) as work:
            remedies = [each for each in work.find_among(Remedy, "key", drawn) if each.compensation]
            fates = [Outcome(each, chance.choice(("sent", "failed")), "") for each in remedies]
            settle(work, fates, channel="t", now=now)
        if remedies and chance.random() < 0.5:
            revoke(ledger, Recall(experiment=loop.NAME, because="?", keys=tuple(drawn)), now=now)


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


def together(deed, *given):
    """What eight threads did that began each batch together."""
    barrier = Barrier(8, timeout=60)
    with ThreadPoolExecutor(8) as pool:
        return [each.result() for each in [pool.submit(deed, *given, n, barrier) for n in range(8)]]


@pytest.mark.usefixtures("slow_thought")
def test_every_cap_holds_however_many_ask(ledger, loop, running):
    drawn = sum(together(only_ask, ledger, loop, running))
    check(ledger, loop)
    found = Counter(each.reason for each in ledger.read(Assignment))
    assert found["RANDOMISED"] == drawn == sum(ledger_units(ledger, loop))
    assert min(drawn, found["CLOSED"]) > 20


def ledger_units(ledger, loop):
    return (each.uses for each in ledger.budgets(f"{loop.NAME}/units/").values())


def test_budgets_hold_what_is_held_whatever_becomes_of_it(ledger, loop, running):
    together(live, ledger, loop, running)
    check(ledger, loop)
    assert {"committed", "released", "revoked"} <= {each.state for each in ledger.read(Liability)}
    late = loop.START + timedelta(days=90)
    assert settle_liabilities(ledger, [running], now=late).expired > 0
    check(ledger, loop)
    assert ledger.reserved(loop.NAME) == 0


def test_a_kill_between_leaves_nothing_drawn_after_it(ledger, loop, running):
    barrier, now = Barrier(8, timeout=60), loop.START + timedelta(days=3)
    with ThreadPoolExecutor(9) as pool:
        asking = [pool.submit(only_ask, ledger, loop, running, n, barrier) for n in range(8)]
        killing = pool.submit(end, ledger, loop.NAME, because="enough", now=now, how="kill")
        assert killing.result().did == "killed"
        drawn = ledger.count(Assignment, reason="RANDOMISED")
        for done in asking:
            done.result()
    assert ledger.count(Assignment, reason="RANDOMISED") == drawn
    assert (ledger.count(Halted), ledger.count(Closed)) == (1, 1)
    check(ledger, loop)
