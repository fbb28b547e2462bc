"""Redeemed, expired, revoked: facts by the machine of states, and budgets that follow (R14)."""

import random
from dataclasses import replace

import pytest

from apologylab.errors import InputError, NotFoundError
from apologylab.record.facts import (
    Assignment,
    Change,
    Delivery,
    Feed,
    Liability,
    Merged,
    Redemption,
    Remedy,
)
from apologylab.service.held import held, owed
from apologylab.service.liabilities import GRACE, Settled, settle_liabilities
from apologylab.service.ports import Charge, Standing
from apologylab.service.revoking import Recall, revoke
from apologylab.service.settling import Outcome, settle


def give(ledger, loop, running, *customers, at=None, key=""):
    """A coupon to each customer, sent an hour after ``at``; assignments by customer."""
    at = at or loop.START
    asked = [loop.incident(key=f"{key}{each}", customer=each, at=at) for each in customers]
    given = {each.customer: each for each in loop.ask(ledger, running, *asked, now=at)}
    drawn = [each.key for each in given.values()]
    with ledger.transaction(recorded_at=at + loop.HOUR) as work:
        remedies = work.find_among(Remedy, "key", drawn)
        settle(
            work, [Outcome(each, "sent", "") for each in remedies], channel="t", now=at + loop.HOUR
        )
    return given


def used(key, customer, at, **changed):
    fact = {
        "key": key, "occurred_at": at, "customer": customer, "compensation": "usd5",
        "amount": 500, "cost_amount": 500, "currency": "USD",
    }  # fmt: skip
    return Redemption(**(fact | changed))


def append(ledger, *facts, at):
    with ledger.transaction(recorded_at=at) as work:
        work.append(facts)


def states(ledger):
    return {key: each.state for key, each in owed(ledger.read(Liability)).items()}


@pytest.fixture
def running(ledger, loop):
    return loop.begin(ledger)


@pytest.fixture
def two(loop, running):
    first = loop.customer_in(running, "none+usd5@1h")
    return first, loop.customer_in(running, "sorry+usd5@1h", without=(first,))


def test_a_redemption_is_attributed_and_the_money_stays_spent(ledger, loop, running, two):
    given = give(ledger, loop, running, *two)
    at = loop.START + 2 * loop.DAY
    append(ledger, used("u1", two[0], at), at=at)
    found = settle_liabilities(ledger, [running], now=at)
    assert found == Settled(redeemed=1)
    assert states(ledger) == {
        given[two[0]].key: "redeemed", given[two[1]].key: "committed",
    }  # fmt: skip
    assert ledger.reserved(loop.NAME) == 1_000
    assert settle_liabilities(ledger, [running], now=at + loop.DAY) == Settled()


def test_what_is_not_used_expires_once_no_redemption_can_be_on_its_way(ledger, loop, running, two):
    give(ledger, loop, running, *two)
    ends = loop.START + loop.HOUR + 14 * loop.DAY
    almost = ends + GRACE - loop.HOUR
    assert settle_liabilities(ledger, [running], now=almost).expired == 0
    assert settle_liabilities(ledger, [running], now=ends + GRACE).expired == 2
    assert {each.occurred_at for each in ledger.read(Liability, state="expired")} == {ends}
    assert ledger.budgets(loop.NAME) == {}


def test_a_complete_feed_lets_it_expire_at_once(ledger, loop, running, two):
    give(ledger, loop, running, two[0])
    ends = loop.START + loop.HOUR + 14 * loop.DAY
    for day, through, expired in ((0, ends - loop.HOUR, 0), (1, ends, 1)):
        now = ends + loop.DAY + day * loop.HOUR
        feed = Feed(key=f"f{day}", occurred_at=now, fact="redemption", through=through)
        append(ledger, feed, at=now)
        assert settle_liabilities(ledger, [running], now=now).expired == expired


def test_a_redemption_after_the_end_is_reported_every_time(ledger, loop, running, two):
    give(ledger, loop, running, *two)
    ends = loop.START + loop.HOUR + 14 * loop.DAY
    late = used("late", two[0], ends)
    append(ledger, late, at=ends)
    found = settle_liabilities(ledger, [running], now=ends + loop.DAY)
    assert (found.redeemed, found.late) == (1, ("late",))  # the shop gave it: it is spent
    assert settle_liabilities(ledger, [running], now=ends + GRACE).expired == 1
    append(ledger, used("too late", two[1], ends - loop.HOUR), at=ends + GRACE)
    again = settle_liabilities(ledger, [running], now=ends + GRACE)
    assert again == Settled(late=("late", "too late"))
    assert ledger.reserved(loop.NAME) == 500


def test_strange_redemptions_are_reported(ledger, loop, running, two):
    give(ledger, loop, running, two[0])
    at = loop.START + loop.DAY
    facts = (used("u1", two[0], at), used("u2", two[0], at + loop.HOUR))
    other = used("u3", two[0], at, compensation="gift")
    append(ledger, *facts, other, used("u4", "nobody we know", at), at=at + loop.DAY)
    found = settle_liabilities(ledger, [running], now=at + loop.DAY)
    assert found == Settled(redeemed=1, strange=("u2", "u3"))


def test_the_earliest_that_could_be_used_is_used(ledger, loop, running, two):
    first = give(ledger, loop, running, two[0], key="a")[two[0]]
    second = give(ledger, loop, running, two[0], at=loop.START + 10 * loop.DAY, key="b")[two[0]]
    at = loop.START + 16 * loop.DAY  # the first has expired, and nobody said so yet
    append(ledger, used("u", two[0], at), at=at)
    assert settle_liabilities(ledger, [running], now=at).redeemed == 1
    assert states(ledger) == {first.key: "committed", second.key: "redeemed"}
    named = used("n", two[0], at, assignment=first.key)
    append(ledger, named, at=at)
    assert settle_liabilities(ledger, [running], now=at).late == ("n",)
    assert states(ledger) == {first.key: "redeemed", second.key: "redeemed"}


def test_ids_of_one_person_and_their_spellings_are_followed(ledger, loop):
    declared = loop.Declared()
    declared.change('"riders"', '"riders"\nunit_id = "nfc_ascii_lower"')
    running = loop.begin(ledger, declared)
    one = loop.customer_in(running, "none+usd5@1h")
    other = loop.customer_in(running, "none+usd5@1h", without=(one,))
    give(ledger, loop, running, one, other)
    at = loop.START + loop.DAY
    merged = Merged(key="m", occurred_at=at, customer="app-7", into=one)
    append(ledger, merged, used("u1", "app-7", at), used("u2", other.upper(), at), at=at)
    assert settle_liabilities(ledger, [running], now=at) == Settled(redeemed=2)


def test_revoking_gives_back_and_is_noted_once(ledger, loop, running, two):
    given = give(ledger, loop, running, *two)
    waiting = loop.customer_in(running, "none+usd5@1h", without=two)
    loop.ask(ledger, running, loop.incident(key="w", customer=waiting))
    asked = Recall(
        experiment=loop.NAME, because="fraud", customers=(two[0], waiting),
        keys=(given[two[1]].key,), by="ana",
    )  # fmt: skip
    found = revoke(ledger, asked, now=loop.START + loop.DAY)
    assert set(found.revoked) == {each.key for each in given.values()}
    assert found.waiting == (f"{loop.NAME}/w",)
    assert ledger.budgets(loop.NAME) == {loop.NAME: Standing(reserved=500, uses=1)}
    again = revoke(ledger, asked, now=loop.START + loop.DAY)
    assert (again.revoked, set(again.ended)) == ((), set(found.revoked))
    noted = [each for each in ledger.read(Change) if each.what == "revoke"]
    assert [(each.by, each.detail["because"]) for each in noted] == [("ana", "fraud")]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"because": " "}, InputError),
        ({"customers": ()}, InputError),
        ({"customers": ("nobody",)}, NotFoundError),
        ({"experiment": "other"}, NotFoundError),
    ],
)
def test_a_recall_that_recalls_nothing_is_refused(ledger, loop, running, two, changed, error):
    give(ledger, loop, running, two[0])
    asked = Recall(experiment=loop.NAME, because="fraud", customers=(two[0],))
    with pytest.raises(error):
        revoke(ledger, replace(asked, **changed), now=loop.START)
    assert ledger.reserved(loop.NAME) == 500


def test_two_names_of_one_arm_are_one_compensation(ledger, loop):
    both = loop.Declared().change(
        'coupon = ["none", "usd5"]', 'coupon = ["none", "usd5"]\ncredit = ["none", "usd2"]'
    )
    both.change(
        "[budget]",
        '[compensation.usd2]\nkind = "credit"\nvalue = "2.00 USD"\nexpires_days = 3\n[budget]',
    )
    both.change('order = ["wording", "coupon"]', 'order = ["wording", "coupon", "credit"]')
    for key in list(both.messages):
        if key[0] == "coupon":
            both.messages["credit", key[1].replace("usd5", "usd2"), key[2]] = (
                f"And {key[1]}: 2 dollars."
            )
    running = loop.begin(ledger, both)
    customer = loop.customer_in(running, "none+usd5+usd2@1h")
    given = give(ledger, loop, running, customer)[customer]
    at = loop.START + 2 * loop.DAY
    names = ("usd2", "usd5", "usd2")
    facts = [used(f"u{n}", customer, at, compensation=name) for n, name in enumerate(names)]
    append(ledger, *facts, at=at)
    assert settle_liabilities(ledger, [running], now=at) == Settled(redeemed=1, strange=("u2",))
    (redeemed,) = ledger.read(Liability, state="redeemed")
    assert (redeemed.amount, redeemed.expires_days, redeemed.assignment) == (700, 14, given.key)


def test_an_older_ledger_gives_back_what_only_the_experiments_budget_holds(ledger, loop, running):
    old = Liability(
        key="late_ride/o/reserved", occurred_at=loop.START, assignment="late_ride/o",
        experiment=loop.NAME, customer="o", arm="none+usd5@1h", compensation="usd5",
        state="reserved", amount=500, currency="USD",
    )  # fmt: skip
    committed = replace(old, key="late_ride/o/committed", state="committed")
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([old, committed])
        assert work.charge([Charge(budget=loop.NAME, amount=500)])
    asked = Recall(experiment=loop.NAME, because="fraud", keys=("late_ride/o",))
    assert revoke(ledger, asked, now=loop.START).revoked == ("late_ride/o",)
    assert ledger.budgets(loop.NAME) == {}


def _random_life(ledger, loop, running, chance, at):
    """One random deed."""
    people = [f"d{n}" for n in range(60)]
    deed = chance.choice(("ask", "ask", "send", "use", "use", "use", "settle", "revoke"))
    if deed == "ask":
        batch = [
            loop.incident(key=f"{at:%m%d%H}-{n}", customer=chance.choice(people), at=at)
            for n in range(chance.randrange(1, 5))
        ]
        loop.ask(ledger, running, *batch, now=at)
    elif deed == "send":
        with ledger.transaction(recorded_at=at) as work:
            done = {each.key for each in work.find(Delivery)}
            due = [each for each in work.find(Remedy) if each.key not in done]
            fates = ("sent", "failed", "suppressed", "in_doubt")
            outcomes = [
                Outcome(each, chance.choice(fates), "") for each in due if each.arm != "silence"
            ]
            settle(work, outcomes, channel="t", now=at)
    elif deed == "use":
        append(ledger, used(f"u{at:%m%d%H}", chance.choice(people), at), at=at)
    elif deed == "settle":
        settle_liabilities(ledger, [running], now=at)
    elif list(ledger.read(Liability)):
        asked = Recall(experiment=loop.NAME, because="?", customers=tuple(chance.sample(people, 9)))
        try:
            revoke(ledger, asked, now=at)
        except NotFoundError:
            return


@pytest.mark.parametrize("seed", range(8))
def test_reserved_money_is_always_the_sum_of_what_is_held(ledger, loop, seed):
    declared = loop.Declared().change(
        'total = "5000.00 USD"',
        'total = "90.00 USD"\nuses = 30\nper_period = { uses = 5, days = 7 }\n'
        '[budget.per_arm]\n"none+usd5@1h" = { amount = "60.00 USD" }',
    )
    running = loop.begin(ledger, declared)
    chance, at = random.Random(seed), loop.START
    for _ in range(250):
        at += loop.HOUR * chance.randrange(1, 12)
        _random_life(ledger, loop, running, chance, at)
        stands = ledger.budgets(loop.NAME)
        wanted = dict(held(ledger.read(Liability)))
        assert {row: (each.reserved, each.uses) for row, each in stands.items() if each.uses} == {
            row: (each.reserved, each.uses) for row, each in wanted.items()
        }
        assert all(each.reserved <= 9_000 for each in stands.values())
        assert all(each.uses <= 5 for row, each in stands.items() if "/period/" in row)
    found = {each.state for each in ledger.read(Liability)}
    assert {"reserved", "committed", "redeemed", "released"} <= found
    assert ledger.count(Assignment, reason="CLOSED")
