"""SIGKILL of the service under load: what it acknowledged is stored, and told again the same."""

from __future__ import annotations

import random
import time

import pytest

from apologylab import wiring
from apologylab.record.facts import Incident

SEED = 90
PROCESSES = 2


@pytest.fixture
def started(new_ledger, loop):
    """The URL of a ledger with a running experiment, with room for many."""
    url = new_ledger()
    ledger = wiring.ledger_at(url)
    loop.begin(ledger, loop.Declared().change('"5000.00 USD"', '"500000.00 USD"'))
    ledger.close()
    return url


@pytest.mark.slow
def test_a_killed_service_kept_its_word(started, tmp_path, loop, service, counts, record_property):
    record_property("seed", SEED)
    chance, kills, at_work = random.Random(SEED), counts(4, 50), 0
    folder = tmp_path / "told"
    for life in range(kills // PROCESSES):
        at_work += _live_and_die(started, folder, f"l{life}", chance, service)
        told = service.replies(folder)
        ledger = wiring.ledger_at(started)
        service.stored_as_told(ledger, told)
        service.money_is_whole(ledger, loop.NAME)
        ledger.close()
        latest = sorted(key for key in told if key.startswith(f"l{life}p"))
        service.told_again(started, told, chance.sample(latest, min(10, len(latest))))
    service.told_again(started, told, chance.sample(sorted(told), min(300, len(told))))
    record_property("replies", len(told))
    # A kill is worth something only if it hits a process that is answering.
    assert at_work >= kills * 0.9
    ledger = wiring.ledger_at(started)
    assert ledger.count(Incident) >= len(told) > kills
    assert sum(each["reason"] == "RANDOMISED" for each in told.values()) > kills
    ledger.close()


def _live_and_die(url, folder, life, chance, service):
    """Two processes of three threads each, killed at a random moment; how many were at work."""
    names = [f"{life}p{each}" for each in range(PROCESSES)]
    with service.all_running(url, folder, names) as processes:
        for name, process in zip(names, processes, strict=True):
            service.wait_for(folder, name, chance.randrange(1, 30), process)
        time.sleep(chance.uniform(0, 0.01))
        return sum(process.poll() is None for process in processes)
