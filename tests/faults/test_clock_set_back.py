"""The machine's clock is set back an hour: nothing is forgotten, redrawn, sent twice or unseen."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from apologylab import wiring
from apologylab.channels.file import FILE, FileChannel
from apologylab.record.facts import Assignment, Delivery, Remedy
from apologylab.service.dispatch import LEASE, Worker, dispatch_once

PLACES = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")


@pytest.fixture
def an_hour_ago():
    """The environment of a process whose clock is an hour behind."""
    found = _library()
    if found is None:
        pytest.skip("needs libfaketime: pip install libfaketime, or apt-get install libfaketime")
    # The monotonic clock goes on: Python's waits would never end otherwise.
    return {"LD_PRELOAD": str(found), "FAKETIME": "-1h", "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip


def _library():
    """libfaketime, from its wheel or from the system."""
    wheel = find_spec("libfaketime")
    homes = [Path(wheel.origin).parent] if wheel and wheel.origin else []
    homes += [Path(place) for place in PLACES if Path(place).is_dir()]
    found = (file for home in homes for file in home.rglob("libfaketime.so.1"))
    return next(found, None) if sys.platform == "linux" else None


@pytest.fixture
def started(new_ledger, loop):
    url = new_ledger()
    with closing(wiring.ledger_at(url)) as ledger:
        loop.begin(ledger)
    return url


@pytest.mark.slow
def test_a_service_goes_on_an_hour_earlier(started, tmp_path, service, loop, an_hour_ago):
    folder = tmp_path / "told"
    with service.running(started, folder, "now", most=10) as process:
        assert process.wait(60) == 0
    before = service.replies(folder)
    with closing(wiring.ledger_at(started)) as ledger:
        moment = datetime.now(UTC)
        mark, seen = ledger.mark(moment), ledger.count(Assignment)
    with service.running(started, folder, "back", most=10, environment=an_hour_ago) as process:
        assert process.wait(60) == 0
    told = service.replies(folder)
    assert len(told) > len(before) >= 20
    with closing(wiring.ledger_at(started)) as ledger:
        drawn = service.stored_as_told(ledger, told)
        back = [each for each in drawn.values() if each.incident.startswith("back")]
        assert len(back) >= 20
        assert all((moment - each.occurred_at).total_seconds() > 3_000 for each in back)
        assert ledger.mark(moment) == mark
        assert ledger.count(Assignment, mark=mark) == seen
        assert ledger.count(Assignment, mark=ledger.mark(datetime.now(UTC))) == len(drawn)
        service.money_is_whole(ledger, loop.NAME)
    service.told_again(started, told, sorted(told))


def test_a_worker_that_goes_back_an_hour_sends_nothing_twice(started, tmp_path, loop):
    with closing(wiring.ledger_at(started)) as ledger:
        running = loop.load(ledger, loop.Declared().experiment(loop.NAME))
        loop.ask(ledger, running, *(loop.incident(i) for i in range(40)))
        channel = FileChannel(tmp_path / "out")
        for number, hours in enumerate((1, 0, 2, 1, 0, 3)):
            _dispatch(ledger, running, channel, loop.START + hours * loop.HOUR + LEASE, number)
            if hours == 1:
                more = [loop.incident(100 * number + i) for i in range(100, 140)]
                loop.ask(ledger, running, *more, now=loop.START)
        lines = (tmp_path / "out" / FILE).read_text().splitlines()
        keys = [json.loads(line)["key"] for line in lines]
        speaking = [each.key for each in ledger.read(Remedy) if each.arm != "silence"]
        assert sorted(keys) == sorted(f"{ledger.identity.id}/{key}" for key in speaking)
        assert ledger.count(Delivery) == ledger.count(Remedy) == 120
        # A remedy was sent only after it was due by the clock of the worker that sent it.
        due = {each.key: each.due_at for each in ledger.read(Remedy)}
        assert all(each.occurred_at >= due[each.key] for each in ledger.read(Delivery))


def _dispatch(ledger, running, channel, now, number):
    worker = Worker(holder=f"w{number}", clock=lambda: now, chance=lambda: 0.5, batch=25)
    dispatch_once(ledger, channel, running, worker)
