"""What is open after the window in the truth, against the ledger's own matching."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apologylab.record.facts import Liability, Redemption
from apologylab.service.held import owed
from apologylab.service.redeeming import matches
from apologylab.simulation.truth import _open

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW, LIFE = 28, 20


def coupon(number, day):
    shared = {
        "assignment": f"a{number}", "experiment": "e", "customer": "c", "arm": "a",
        "compensation": "usd5", "amount": 500, "currency": "USD", "charged": "",
        "expires_days": LIFE,
    }  # fmt: skip
    at = START + float(day) * DAY
    return [
        Liability(key=f"a{number}/{state}", occurred_at=at, state=state, **shared)
        for state in ("reserved", "committed")
    ]


def by_the_books(days, used):
    """Coupons that live at the window's end and were not used before it."""
    given = list(owed([fact for n, day in enumerate(days) for fact in coupon(n, day)]).values())
    redemptions = [
        Redemption(
            key="r", occurred_at=START + float(used) * DAY, customer="c", compensation="usd5",
            amount=500, cost_amount=500, currency="USD",
        )
    ] if np.isfinite(used) else []  # fmt: skip
    taken = {m.owed.reserved.assignment for m in matches(given, redemptions) if m.owed}
    lives = [each for each in given if each.ends > START + WINDOW * DAY]
    return sum(each.reserved.assignment not in taken for each in lives)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_open_is_what_the_books_say(seed):
    chance = np.random.default_rng(seed)
    n = 60
    held = [np.sort(chance.uniform(0, WINDOW, chance.integers(0, 4))) for _ in range(n)]
    used = np.where(chance.random(n) < 0.3, np.inf, chance.uniform(0, WINDOW, n))
    rider = np.repeat(np.arange(n), [len(each) for each in held])
    order = chance.permutation(len(rider))
    ends = np.concatenate(held) + LIFE
    found = _open(rider[order], ends[order], used, float(WINDOW), n)
    assert found.tolist() == [by_the_books(*pair) for pair in zip(held, used, strict=True)]
    assert 0 < found.sum() < len(rider)
