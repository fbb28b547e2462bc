"""Thousands of messages through a mail server that fails, by workers that are killed: none twice.

Each one that did not arrive is explained: it bounced, or it is in doubt after a hang-up past its
data, or because a worker was killed that held it.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apologylab import wiring
from apologylab.channels.mail import message_id
from apologylab.channels.registry import build
from apologylab.channels.relay import HUNG_UP
from apologylab.channels.settings import Settings
from apologylab.record.facts import Attempt, Delivery, Liability, Remedy
from apologylab.service.dispatch import IN_DOUBT, Worker, dispatch_once
from apologylab.service.handing import NEVER_TOLD
from apologylab.service.ports import LedgerIdentity
from apologylab.service.running import pinned
from apologylab.storage.sqlite import create

WORK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from apologylab import wiring
from apologylab.channels.registry import build
from apologylab.channels.settings import Settings
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.running import pinned

url, port, now, holder = sys.argv[1:]
ledger = wiring.ledger_at(url)
(running,) = pinned(ledger, wiring.declaration_reader())
now = datetime.fromisoformat(now)
worker = Worker(holder=holder, clock=lambda: now, chance=lambda: 0.5, seconds=monotonic)
values = {"host": "127.0.0.1", "port": int(port), "tls": "none", "sender": "care@shop.example"}
channel = build(Settings(name="email", kind="smtp", values=values, root=Path(),
                         clock=lambda: datetime.now(UTC)))
print("ready", flush=True)
sys.stdin.readline()
dispatch_once(ledger, channel, running, worker)
channel.close()
ledger.close()
"""
SENDER = "care@shop.example"
WORKERS = 2
SEED = 23
MOODS = {
    "take": 72, "451 4.7.1 Greylisted, try again": 8, "550 5.1.1 <{to}>: no such user": 5,
    "hang up at rcpt": 3, "hang up in data": 2, "lose": 2, "take and hang up": 3,
    "data 452 4.3.1 full": 2, "data 554 5.7.1 refused": 1, "slow": 2,
}  # fmt: skip
LASTING = ("550", "data 554")
"""What happens every time; the rest happens the first time, and greylisting twice for some."""


def mood_of(to, nth):
    """What happens to the ``nth`` message for ``to``: the same in every run."""
    if to is None:
        return "take"
    chance = random.Random(f"{SEED}/{to}")
    (mood,) = chance.choices(list(MOODS), list(MOODS.values()))
    often = chance.choice([1, 1, 1, 2])
    lasts = mood.startswith(LASTING) or nth <= (often if mood.startswith("451") else 1)
    return mood.format(to=to) if lasts else "take"


def declared(loop):
    """Remedies that are due when they are drawn, by e-mail."""
    at_once = loop.at_once().change('"5000.00 USD"', '"5000000.00 USD"')
    return at_once.change("hold_seconds = 0", 'channel = "email"\npromotional = false')


def test_three_hundred_messages(tmp_path, loop, relays):
    send_and_die(tmp_path, loop, relays, messages=300, kills=1)


@pytest.mark.slow
def test_ten_thousand_messages(tmp_path, loop, relays, counts, record_property):
    record_property("seed", SEED)
    messages = counts(1_500, 10_000)
    figures = send_and_die(tmp_path, loop, relays, messages=messages, kills=messages // 500)
    record_property("figures", figures)
    print(figures)


def send_and_die(tmp_path, loop, relays, *, messages, kills):
    identity = LedgerIdentity(id="ledger-1", environment="test", simulated=False, secret="s")
    create(tmp_path / "l.sqlite", identity).close()
    url = f"sqlite:///{tmp_path / 'l.sqlite'}"
    incidents = messages * 7 // 5
    with closing(wiring.ledger_at(url)) as ledger:
        running = loop.begin(ledger, declared(loop))
        for first in range(0, incidents, 500):
            numbers = range(first, min(first + 500, incidents))
            told = [loop.incident(n, email=f"jo.{n}@example.com") for n in numbers]
            loop.ask(ledger, running, *told)
        speaking = [each for each in ledger.read(Remedy) if each.arm != "silence"]
    assert len(speaking) >= messages
    chance, in_the_middle = random.Random(SEED), 0
    began = time.monotonic()
    with relays.Relay(mood_of, slow_s=0.1, pipelining=True) as server:
        for number in range(kills):
            most = chance.randrange(len(speaking) // (2 * kills), len(speaking) // kills)
            in_the_middle += work(url, loop, server, number, most=most, chance=chance)
        finish(url, loop, server, first=kills)
        took = Counter(server.by_id())
        moods = {to: told[:] for to, told in server.moods.items()}
    seconds = time.monotonic() - began
    assert in_the_middle >= kills / 2  # a kill after all was sent shows nothing
    with closing(wiring.ledger_at(url)) as ledger:
        states = explained(ledger, loop, speaking, took, moods, kills=kills)
    return {"messages": len(speaking), "seconds": round(seconds), "kills": in_the_middle, **states}


def finish(url, loop, server, *, first):
    """A last worker that nobody kills, day after day until nothing is left to do."""
    values = {"host": "127.0.0.1", "port": server.port, "tls": "none", "sender": SENDER}
    settings = Settings(
        name="email", kind="smtp", values=values, root=Path(), clock=lambda: datetime.now(UTC)
    )
    with closing(wiring.ledger_at(url)) as ledger, closing(build(settings)) as channel:
        (running,) = pinned(ledger, wiring.declaration_reader())
        for number in range(first, first + 20):
            now = loop.START + (number + 1) * loop.DAY
            worker = Worker(holder=f"last/{number}", clock=lambda now=now: now, chance=lambda: 0.5)
            dispatch_once(ledger, channel, running, worker)
            with ledger.transaction(recorded_at=now) as transaction:
                if not transaction.undelivered(running.name):
                    return
    raise AssertionError("some never end")


def work(url, loop, server, number, *, most, chance):
    """Two workers, killed when the server has taken ``most`` more; whether they were at it."""
    now = (loop.START + (number + 1) * loop.DAY).isoformat()
    with ExitStack() as living:
        workers = []
        for which in range(WORKERS):
            told = [url, str(server.port), now, f"{number}/{which}"]
            worker = subprocess.Popen(
                [sys.executable, "-c", WORK, *told],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            living.enter_context(worker)
            living.callback(worker.kill)
            workers.append(worker)
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        before = len(server.taken)
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        while len(server.taken) < before + most and any(w.poll() is None for w in workers):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.01))
        return any(worker.poll() is None for worker in workers)


def explained(ledger, loop, speaking, took, moods, *, kills):
    """None twice, and each end agrees with what the server knows."""
    ends = {each.key: each for each in ledger.read(Delivery)}
    ids = {each.key: message_id(f"ledger-1/{each.key}", SENDER) for each in speaking}
    assert set(took.values()) == {1}
    assert set(took) <= set(ids.values())
    assert ids.keys() <= ends.keys()
    states, doubts = Counter(), Counter()
    for key, sent_as in ids.items():
        end, told = ends[key], moods.get(f"jo.{key.rpartition('/i')[2]}@example.com", [])
        states[end.state] += 1
        if end.state == "sent":
            assert took[sent_as] == 1
            assert end.reference == sent_as
        elif end.state == "failed":
            assert end.because.startswith("bounced: 55")
            assert "@" not in end.because
            assert told[-1].startswith(LASTING)
            assert took[sent_as] == 0
        else:
            assert end.state == "in_doubt"
            hung_up = {"hang up in data", "lose", "take and hang up"}
            if end.because == NEVER_TOLD:
                doubts["killed"] += 1
            else:
                assert end.because.startswith(HUNG_UP)
                assert told[-1] in hung_up
                doubts["hung up"] += 1
    assert doubts["killed"] <= kills * WORKERS * IN_DOUBT
    missing = len(ids) - len(took)
    assert missing <= states["failed"] + states["in_doubt"]
    assert {each.state for each in ends.values()} <= {"sent", "failed", "in_doubt", "would_send"}
    _money_is_whole(ledger, loop, ends)
    assert ledger.count(Attempt) > 0
    return {**states, **doubts, "arrived": len(took), "not arrived": missing}


def _money_is_whole(ledger, loop, ends):
    steps = Counter(each.state for each in ledger.read(Liability))
    lost = [
        each
        for each in ledger.read(Remedy)
        if each.compensation and ends[each.key].state == "failed"
    ]
    assert steps["reserved"] == steps["committed"] + steps["released"]
    assert steps["released"] == len(lost)
    assert ledger.reserved(loop.NAME) == 500 * steps["committed"]
