"""A month of one small experiment, on a file and in memory: the same facts, the same money."""

import random
from collections import Counter

import pytest

from apologylab.channels.file import FileChannel
from apologylab.record.facts import Assignment, Closed, Contact, Delivery, Liability
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.storage.memory import MemoryLedger
from apologylab.storage.sqlite import create

SEED = 20260301
CUSTOMERS = 400
DAYS = 30


def _live(ledger, folder, loop):
    """Thirty days with repeats, retries, contacts, odd names and a budget that ends."""
    chance = random.Random(SEED)
    running = loop.begin(ledger, loop.Declared().change('"5000.00 USD"', '"700.00 USD"'))
    channel = FileChannel(folder)
    for day in range(DAYS):
        now = loop.START + day * loop.DAY
        today = [
            loop.incident(
                1_000 * day + i, f"c{chance.randrange(CUSTOMERS)}", at=now,
                first_name=chance.choice(["Jo", "Zoë", "{{ x }}", "<i>", "  "]),
                minutes_late=chance.randrange(5, 60), locale=chance.choice(["lt", "en-GB", ""]),
            )
            for i in range(20)
        ]  # fmt: skip
        loop.ask(ledger, running, *today, *today[:3], now=now)
        cross = [
            Contact(key=each.key, occurred_at=now + loop.HOUR / 2, customer=each.customer,
                    kind="call", incident=each.key)
            for each in today[:2]
        ]  # fmt: skip
        with ledger.transaction(recorded_at=now) as work:
            work.append(cross)
        at = now + 2 * loop.HOUR
        worker = Worker(holder="w", clock=lambda at=at: at, chance=lambda: 0.5)
        dispatch_once(ledger, channel, running, worker)


@pytest.fixture
def both(tmp_path, loop, ledger):
    stored = create(tmp_path / "ledger.sqlite", ledger.identity)
    remembered = MemoryLedger(ledger.identity)
    _live(stored, tmp_path / "stored", loop)
    _live(remembered, tmp_path / "remembered", loop)
    yield stored, remembered
    stored.close()


def test_the_same_run_leaves_the_same_facts_and_messages(both, tmp_path, loop):
    stored, remembered = both
    assert stored.content_hash() == remembered.content_hash()
    assert stored.reserved(loop.NAME) == remembered.reserved(loop.NAME)
    sent = [(tmp_path / name / "remedies.jsonl").read_bytes() for name in ("stored", "remembered")]
    assert sent[0] == sent[1]
    assert b"{{" not in sent[0]

    reasons = Counter(each.reason for each in stored.read(Assignment))
    assert set(reasons) == {"RANDOMISED", "INELIGIBLE", "CLOSED"}
    assert stored.count(Closed) == 1
    drawn = [each for each in stored.read(Assignment) if each.reason == "RANDOMISED"]
    assert any(not each.first for each in drawn)
    assert {each.key for each in stored.read(Delivery)} == {each.key for each in drawn}
    states = {each.state for each in stored.read(Delivery)}
    assert states == {"sent", "suppressed", "would_send", "would_suppress"}

    ends = {each.assignment: each for each in stored.read(Liability)}
    held = sum(each.amount for each in ends.values() if each.state != "released")
    assert held == stored.reserved(loop.NAME) <= 70_000


def test_a_repeat_keeps_its_customers_arm(both):
    arms = {}
    for each in both[0].read(Assignment):
        if each.reason == "RANDOMISED":
            assert arms.setdefault(each.customer, each.arm) == each.arm
