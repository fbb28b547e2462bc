"""A late ride, its facts, and what they come to: for tests of the ledger's panel.

Everything here is worked out in plain Python, one customer at a time.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from apologylab.design.fingerprint import fingerprint
from apologylab.record.facts import (
    Assignment,
    Contact,
    CustomerSnapshot,
    Delivery,
    Feed,
    Goodwill,
    Incident,
    Liability,
    Order,
    PhaseBegan,
    Redemption,
    Started,
)
from apologylab.wire.declaration import read

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ARMS = ("silence", "sorry+none", "none+usd5", "sorry+usd5")
DECLARATION = """
name = "late"
question = "Does it pay?"
owner = "tests"
[incident]
kind = "late_ride"
[repeats]
next_incident = "sticky"
[factors]
wording = ["none", "sorry"]
coupon = ["none", "usd5"]
[compensation.usd5]
kind = "coupon"
value = "5.00 USD"
expires_days = {expires}
cost_share = 0.8
[budget]
total = "100000.00 USD"
[today]
wording = "template"
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[[outcomes]]
name = "spend_28d"
fact = "order"
measure = "sum(list_amount)"
window_days = 28
settle_days = 2
pre_days = 28
role = "primary"
[[outcomes]]
name = "back_late"
fact = "order"
measure = "any"
where = {{ our_coupon = false }}
from_days = 7
window_days = 28
role = "secondary"
[[outcomes]]
name = "contacts_14d"
fact = "contact"
measure = "count"
window_days = 14
role = "guardrail"
better = "lower"
worse_by_at_most = 0.1
[plan]
covariates = ["spend_28d:pre"]
enrol_days = 30
[decision]
margin = 0.25
sales = "spend_28d"
message_cost = "0.01 USD"
handling_cost = "4.00 USD"
{liability}
ship_if = "lower(value_vs_reference) > 0"
"""


COUNTED = 'open_liability = "face"'


def text(expires=20, liability=COUNTED):
    return DECLARATION.format(expires=expires, liability=liability)


def declaration(expires=20, liability=COUNTED):
    return read(text(expires, liability), where="late")


def started():
    """What ``start`` pins, at START."""
    experiment = declaration()
    pinned = {"experiment": "late", "version": 1, "occurred_at": START}
    return [
        Started(key="late/1", fingerprint=fingerprint(experiment), declaration=text(), **pinned),
        PhaseBegan(key="late/1/1", phase=1, entry=1.0, weights=dict.fromkeys(ARMS, 1), **pinned),
    ]


def units(n=400, seed=1, days=30):
    """Who was hit, when, and what they got: customer -> (anchor, arm)."""
    chance = random.Random(seed)
    found = {}
    for i in range(n):
        anchor = START + timedelta(
            hours=chance.randrange(days * 24), microseconds=chance.randrange(9)
        )
        found[f"c{i}é" if i % 50 == 0 else f"c{i}"] = (anchor, ARMS[i % 4])
    return found


def randomised(customer, anchor, arm, **changed):
    given = {
        "key": f"late/{customer}",
        "occurred_at": anchor + timedelta(seconds=1),
        "experiment": "late",
        "version": 1,
        "phase": 1,
        "unit": customer,
        "customer": customer,
        "incident": f"i-{customer}",
        "arm": arm,
        "reason": "RANDOMISED",
        "propensity": 0.25,
        "entry": 1.0,
        "holdout": 0.0,
        "because": "",
        "delay_s": None,
        "due_at": None,
        "first": True,
    }
    return Assignment(**(given | changed))


def enrolment(found):
    for customer, (anchor, arm) in found.items():
        yield Incident(
            key=f"i-{customer}",
            occurred_at=anchor,
            customer=customer,
            kind="late_ride",
            order=f"failed-{customer}",
        )
        yield randomised(customer, anchor, arm)
        yield CustomerSnapshot(
            key=f"s-{customer}", occurred_at=START, customer=customer, since=START - 300 * DAY
        )


def happenings(found, seed=2):
    """Facts of 40% of the customers; the others have none at all."""
    chance = random.Random(seed)
    for i, (customer, (anchor, arm)) in enumerate(found.items()):
        yield order(f"failed-{customer}", customer, anchor, 9_999)
        yield Delivery(
            key=f"late/{customer}",
            occurred_at=anchor + timedelta(hours=1),
            assignment=f"late/{customer}",
            experiment="late",
            customer=customer,
            arm=arm,
            channel="file",
            state="would_send" if arm == "silence" else "sent",
        )
        if i % 5 >= 2:
            continue
        for k in range(chance.randrange(1, 6)):
            at = anchor + timedelta(
                days=chance.choice([-28, -3, 0, 7, 28, chance.uniform(-40, 40)])
            )
            yield order(f"o-{customer}-{k}", customer, at, chance.randrange(1, 9_000), chance)
        yield from _costs(customer, anchor, arm, chance)


def order(key, customer, at, amount, chance=None):
    back = chance.randrange(0, amount) if chance and chance.random() < 0.2 else 0
    return Order(
        key=key,
        occurred_at=at,
        customer=customer,
        list_amount=amount,
        paid_amount=amount,
        currency="USD",
        our_coupon=bool(chance and chance.random() < 0.3),
        returned_amount=back,
    )


def _costs(customer, anchor, arm, chance):
    at = anchor + timedelta(days=chance.uniform(0.1, 40))
    if chance.random() < 0.5:
        yield Contact(key=f"k-{customer}", occurred_at=at, customer=customer, kind="complaint")
    if chance.random() < 0.3:
        yield Goodwill(
            key=f"g-{customer}", occurred_at=at, customer=customer, kind="credit", amount=700,
            currency="USD",
        )  # fmt: skip
    if "usd5" in arm:
        yield Liability(
            key=f"l-{customer}", occurred_at=anchor, assignment=f"late/{customer}",
            experiment="late", customer=customer, arm=arm, compensation="usd5", state="committed",
            amount=500, currency="USD",
        )  # fmt: skip
    if "usd5" in arm and chance.random() < 0.6:
        yield Redemption(
            key=f"r-{customer}", occurred_at=at, customer=customer, compensation="usd5",
            amount=500, cost_amount=400, currency="USD",
        )  # fmt: skip


def feeds(through):
    return [
        Feed(key=f"{fact}-{through:%F}", occurred_at=through, fact=fact, through=through)
        for fact in ("order", "contact", "redemption", "goodwill")
    ]


def expected(found, facts, margin=0.25):
    """The oracle: customer -> outcomes, covariate and v."""
    by = {}
    for fact in facts:
        by.setdefault(fact.customer, []).append(fact)
    rows = {}
    for customer, (anchor, arm) in found.items():
        near = [
            (fact, fact.occurred_at - anchor)
            for fact in by.get(customer, ())
            if fact.key != f"failed-{customer}"
        ]
        after = [(fact, t) for fact, t in near if timedelta(0) <= t < 28 * DAY]
        orders = [(fact, t) for fact, t in after if isinstance(fact, Order)]
        spend = sum(fact.list_amount - fact.returned_amount for fact, _ in orders) / 100
        contacts = [t for fact, t in after if isinstance(fact, Contact)]
        cost = sum(fact.cost_amount for fact, _ in after if isinstance(fact, Redemption)) / 100
        cost += sum(fact.amount for fact, _ in after if isinstance(fact, Goodwill)) / 100
        cost += 0.01 * sum(isinstance(f, Delivery) and f.state == "sent" for f, _ in after)
        before = [
            fact for fact, t in near if isinstance(fact, Order) and -28 * DAY <= t < timedelta(0)
        ]
        rows[customer] = {
            "arm": arm,
            "spend_28d": spend,
            "back_late": float(any(t >= 7 * DAY and not fact.our_coupon for fact, t in orders)),
            "contacts_14d": float(sum(t < 14 * DAY for t in contacts)),
            "spend_28d:pre": sum(f.list_amount - f.returned_amount for f in before) / 100,
            "value": margin * spend - cost - 4.0 * len(contacts),
        }
    return rows


def append(ledger, facts, at=START + 100 * DAY):
    with ledger.transaction(recorded_at=at) as work:
        appended = work.append(list(facts))
    assert not appended.contradicting
