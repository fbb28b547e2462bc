"""Eight processes race for what is left of a budget: exactly as many coupons as it admits."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from apologylab import wiring
from apologylab.record.facts import Closed, Liability

WRITERS = 8
COUPONS = 37
INCIDENTS = 40
"""For each writer; every second one gets a coupon as long as there are any."""


@pytest.mark.slow
def test_eight_writers_race_for_the_last_coupon(
    new_ledger, tmp_path, loop, service, counts, record_property
):
    rounds = counts(1, 5)
    for each in range(rounds):
        _race(new_ledger(), tmp_path / f"told{each}", loop, service)
    record_property("coupons", rounds * COUPONS)


def _race(url, folder, loop, service):
    ledger = wiring.ledger_at(url)
    loop.begin(ledger, loop.Declared().change('"5000.00 USD"', f'"{5 * COUPONS}.00 USD"'))
    ledger.close()
    told = _all_answered(url, folder, service)
    reasons = Counter(given["reason"] for given in told.values())
    assert reasons["FALLBACK"] == 0
    assert reasons["CLOSED"] > 0
    given = Counter(given["amount"] for given in told.values())
    assert given[500] == COUPONS
    ledger = wiring.ledger_at(url)
    assert ledger.count(Liability) == COUPONS
    assert ledger.reserved(loop.NAME) == 500 * COUPONS
    assert ledger.count(Closed) == 1
    ledger.close()
    shutil.rmtree(folder)


def _all_answered(url, folder, service):
    """What eight processes were told that began together and asked to the end."""
    folder.mkdir()
    begin = folder / ".begin"
    names = [f"w{each}" for each in range(WRITERS)]
    with service.all_running(url, folder, names, threads=1, most=INCIDENTS, begin=begin) as living:
        begin.touch()
        assert [process.wait(120) for process in living] == [0] * WRITERS
    begin.unlink()
    return service.replies(folder)
