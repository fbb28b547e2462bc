"""Choices, what is given for good, least orders and breakage, by their facts alone (R14)."""

import pytest

from apologylab.errors import NotFoundError, StateError
from apologylab.record.facts import Feed, Liability, Order, Redemption, Remedy
from apologylab.record.later_facts import Choice
from apologylab.service.choose import choose
from apologylab.service.choosing import (
    AGAIN,
    ENDED,
    FORGOTTEN,
    LATE,
    NOT_OFFERED,
    UNCHOSEN,
    UNKNOWN,
)
from apologylab.service.forget import forget
from apologylab.service.held import held, owed
from apologylab.service.liabilities import GRACE, settle_liabilities
from apologylab.service.revoking import Recall, revoke
from apologylab.service.settling import Outcome, settle

GIFTS = """[compensation.pick]
kind = "choice"
menu = ["five", "back"]
expires_days = 10
[compensation.five]
kind = "coupon"
value = "5.00 USD"
expires_days = 20
minimum_basket = "15.00 USD"
[compensation.back]
kind = "refund"
value = "8.00 USD"
cost_share = 0.5

"""
ARM = "none+pick@1h"


@pytest.fixture
def declared(loop):
    found = loop.Declared()
    i, j = found.text.index("[compensation.usd5]"), found.text.index("[budget]")
    found.text = found.text[:i] + GIFTS + found.text[j:]
    found.change('["none", "usd5"]', '["none", "pick", "five"]')
    found.change('locales = ["en", "lt"]', 'locales = ["en"]')
    found.change('total = "5000.00 USD"', 'total = "5000.00 USD"\nuses = 100')
    found.messages = {
        key: text for key, text in found.messages.items() if key[::2] == ("wording", "en")
    } | {
        ("coupon", f"{level}{nth}", "en"): f"Have {level}{nth}."
        for level in ("pick", "five")
        for nth in ("", ".2")
    }
    return found


@pytest.fixture
def running(ledger, loop, declared):
    return loop.begin(ledger, declared)


@pytest.fixture
def sent(loop):
    return loop.START + loop.HOUR


@pytest.fixture
def given(ledger, loop, running, sent):
    """The key of a menu that was sent."""

    def give(arm=ARM, state="sent", without=()):
        customer = loop.customer_in(running, arm, without=without)
        (answer,) = loop.ask(ledger, running, loop.incident(customer=customer, key=customer))
        if state is not None:
            with ledger.transaction(recorded_at=sent) as work:
                remedies = work.find_among(Remedy, "key", [answer.key])
                settle(work, [Outcome(each, state, "") for each in remedies], channel="t", now=sent)
        return answer

    return give


def record(ledger, answer, chosen, at, key="choice"):
    fact = Choice(
        key=key, occurred_at=at, assignment=answer.key, experiment=answer.experiment,
        customer=answer.customer, chosen=chosen,
    )  # fmt: skip
    with ledger.transaction(recorded_at=at) as work:
        work.append([fact])


def life(ledger, answer):
    return [(each.state, each.amount) for each in ledger.read(Liability, assignment=answer.key)]


def assert_held(ledger, name, amount):
    assert ledger.reserved(name) == amount
    assert held(ledger.read(Liability)).get(name, None) is None or (
        held(ledger.read(Liability))[name].reserved == amount
    )


def test_a_chosen_coupon_gives_the_rest_back_and_lives_from_then(
    ledger, loop, running, given, sent
):
    answer, at = given(), sent + 9 * loop.DAY
    assert_held(ledger, loop.NAME, 800)
    choose(ledger, answer.key, "five", at=at, now=at)
    assert life(ledger, answer) == [("reserved", 800), ("committed", 800), ("chosen", 500)]
    assert_held(ledger, loop.NAME, 500)
    stands = owed(ledger.read(Liability))[answer.key]
    assert (stands.names, stands.ends) == (("five",), at + 20 * loop.DAY)
    choose(ledger, answer.key, "five", at=at, now=at + loop.HOUR)  # a retry
    with pytest.raises(StateError, match=AGAIN):
        choose(ledger, answer.key, "back", at=at, now=at)
    assert ledger.count(Choice) == 1
    over = at + 20 * loop.DAY + GRACE
    assert settle_liabilities(ledger, [running], now=over).expired == 1
    assert ledger.budgets(loop.NAME) == {}


def test_a_chosen_refund_is_given_for_good_at_its_cost(ledger, loop, given, sent):
    answer, at = given(), sent + loop.DAY
    choose(ledger, answer.key, "back", at=at, now=at)
    assert life(ledger, answer)[-2:] == [("chosen", 800), ("redeemed", 800)]
    (used,) = ledger.read(Redemption)
    assert (used.compensation, used.amount, used.cost_amount) == ("back", 800, 400)
    assert (used.assignment, used.occurred_at) == (answer.key, at)


def test_recorded_choices_settle_once_and_the_odd_are_told(ledger, loop, running, given, sent):
    answer = given()
    other = given("none+five@1h")
    at = sent + loop.DAY
    record(ledger, answer, "gift", at, "not offered")
    alone = settle_liabilities(ledger, [running], now=at)
    assert (alone.chosen, alone.refused) == (0, (("not offered", NOT_OFFERED),))
    record(ledger, answer, "five", at + loop.HOUR, "counts")
    record(ledger, answer, "back", at + 2 * loop.HOUR, "again")
    record(ledger, other, "five", at, "no menu")
    for _ in range(2):
        found = settle_liabilities(ledger, [running], now=at + loop.DAY)
        assert found.refused == (("again", AGAIN), ("no menu", UNKNOWN), ("not offered", AGAIN))
    assert life(ledger, answer)[-1] == ("chosen", 500)
    (step,) = ledger.read(Liability, state="chosen")
    assert step.because == "counts"


def test_a_choice_that_does_not_count_stands_in_nobodys_way(ledger, given, sent):
    answer = given()
    record(ledger, answer, "gift", sent, "not offered")
    choose(ledger, answer.key, "five", at=sent, now=sent)
    assert life(ledger, answer)[-1] == ("chosen", 500)
    other = given("sorry+pick@1h")
    record(ledger, other, "back", sent, "not settled yet")
    with pytest.raises(StateError, match=AGAIN):
        choose(ledger, other.key, "five", at=sent, now=sent)


def test_the_fact_is_what_the_money_is_whatever_a_file_called_its_rows(ledger, given, sent):
    answer = given()
    record(ledger, answer, "gift", sent, answer.key)
    for _ in range(2):
        choose(ledger, answer.key, "five", at=sent, now=sent)
    facts = {each.key: each.chosen for each in ledger.read(Choice)}
    assert sorted(facts.values()) == ["five", "gift"]
    (step,) = [each for each in ledger.read(Liability) if each.state == "chosen"]
    assert (facts[step.because], step.compensation) == ("five", "five")


def test_a_choice_waits_until_the_remedy_has_left(ledger, loop, running, given, sent):
    answer = given(state=None)
    choose(ledger, answer.key, "five", at=loop.START, now=loop.START)
    assert settle_liabilities(ledger, [running], now=loop.START).chosen == 0
    with ledger.transaction(recorded_at=sent) as work:
        (remedy,) = work.find_among(Remedy, "key", [answer.key])
        settle(work, [Outcome(remedy, "sent", "")], channel="t", now=sent)
    assert settle_liabilities(ledger, [running], now=sent).chosen == 1
    (step,) = ledger.read(Liability, state="chosen")
    assert (step.occurred_at, step.amount) == (sent, 500)


def test_who_does_not_choose_gets_nothing_once_no_choice_can_be_on_its_way(
    ledger, loop, running, given, sent
):
    answer, ends = given(), sent + 10 * loop.DAY
    late = settle_liabilities(ledger, [running], now=ends + GRACE - loop.HOUR)
    assert late.expired == 0
    with pytest.raises(StateError, match=LATE):
        choose(ledger, answer.key, "five", at=ends, now=ends)
    feed = Feed(key="f", occurred_at=ends, fact="choice", through=ends)
    with ledger.transaction(recorded_at=ends) as work:
        work.append([feed])
    assert settle_liabilities(ledger, [running], now=ends).expired == 1
    assert life(ledger, answer)[-1] == ("expired", 800)
    assert_held(ledger, loop.NAME, 0)
    record(ledger, answer, "five", ends - loop.DAY)
    assert settle_liabilities(ledger, [running], now=ends).refused == (("choice", LATE),)


def test_or_what_is_declared(ledger, loop, declared, outboxes):
    declared.change("expires_days = 10", 'expires_days = 10\nunchosen = "back"')
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, ARM)
    (answer,) = loop.ask(ledger, running, loop.incident(customer=customer))
    with ledger.transaction(recorded_at=loop.START) as work:
        (remedy,) = work.find_among(Remedy, "key", [answer.key])
        settle(work, [Outcome(remedy, "sent", "")], channel="t", now=loop.START)
    ends = loop.START + 10 * loop.DAY
    assert settle_liabilities(ledger, [running], now=ends + GRACE).chosen == 1
    assert life(ledger, answer)[-2:] == [("chosen", 800), ("redeemed", 800)]
    (step,) = ledger.read(Liability, state="chosen")
    assert (step.because, step.occurred_at) == (UNCHOSEN, ends)
    record(ledger, answer, "five", ends + loop.HOUR)
    assert settle_liabilities(ledger, [running], now=ends + GRACE).refused == (("choice", LATE),)


def test_nothing_is_chosen_for_or_by_the_forgotten(ledger, loop, running, given, sent):
    answer, at = given(), sent + loop.DAY
    forget(ledger, [answer.customer], because="asked", by="ana", now=at)
    with pytest.raises(StateError, match=FORGOTTEN):
        choose(ledger, answer.key, "five", at=at, now=at)
    record(ledger, answer, "five", at)
    found = settle_liabilities(ledger, [running], now=at)
    assert (found.chosen, found.refused) == (0, (("choice", FORGOTTEN),))
    assert settle_liabilities(ledger, [running], now=at + 30 * loop.DAY).expired == 1


def test_what_was_taken_back_or_never_left_cannot_be_chosen_from(ledger, loop, given, sent):
    answer = given()
    failed = given("sorry+pick@1h", state="failed")
    asked = Recall(experiment=loop.NAME, because="test", keys=(answer.key,))
    assert revoke(ledger, asked, now=sent).revoked == (answer.key,)
    assert_held(ledger, loop.NAME, 0)
    for key in (answer.key, failed.key):
        with pytest.raises(StateError, match=ENDED):
            choose(ledger, key, "five", at=sent, now=sent)
    with pytest.raises(NotFoundError, match="nothing was given"):
        choose(ledger, "late_ride/x", "five", at=sent, now=sent)


def test_a_chosen_coupon_can_be_taken_back(ledger, loop, given, sent):
    answer = given()
    choose(ledger, answer.key, "five", at=sent, now=sent)
    asked = Recall(experiment=loop.NAME, because="test", keys=(answer.key,))
    assert revoke(ledger, asked, now=sent).revoked == (answer.key,)
    assert life(ledger, answer)[-1] == ("revoked", 500)
    assert ledger.budgets(loop.NAME) == {}


def test_a_use_before_the_choice_is_known_is_strange_until_it_is(
    ledger, loop, running, given, sent
):
    answer, at = given(), sent + loop.DAY
    use = Redemption(
        key="use", occurred_at=at, customer=answer.customer, compensation="five", amount=500,
        cost_amount=500, currency="USD", assignment=answer.key,
    )  # fmt: skip
    with ledger.transaction(recorded_at=at) as work:
        work.append([use])
    assert settle_liabilities(ledger, [running], now=at).strange == ("use",)
    record(ledger, answer, "five", sent)
    found = settle_liabilities(ledger, [running], now=at)
    assert (found.chosen, found.redeemed, found.strange) == (1, 1, ())
    assert life(ledger, answer)[-2:] == [("chosen", 500), ("redeemed", 500)]


def test_a_use_below_the_least_order_is_told_and_counts(ledger, loop, running, given, sent):
    first = given("none+five@1h")
    second = given("none+five@1h", without=(first.customer,))
    facts = []
    for answer, spent in ((first, 1_499), (second, 1_500)):
        key = answer.customer
        facts += [
            Order(
                key=f"o-{key}", occurred_at=sent, customer=key, list_amount=spent,
                paid_amount=spent - 500, currency="USD",
            ),
            Redemption(
                key=f"use-{key}", occurred_at=sent, customer=key, compensation="five", amount=500,
                cost_amount=500, currency="USD", order=f"o-{key}",
            ),
        ]  # fmt: skip
    with ledger.transaction(recorded_at=sent) as work:
        work.append(facts)
    found = settle_liabilities(ledger, [running], now=sent)
    assert (found.redeemed, found.small) == (2, (f"use-{first.customer}",))


def test_where_everything_stands_and_what_was_never_used(ledger, loop, running, given, sent):
    used = given("none+five@1h")
    given("sorry+five@1h")
    chosen = given()
    choose(ledger, chosen.key, "back", at=sent, now=sent)
    use = Redemption(
        key="use", occurred_at=sent, customer=used.customer, compensation="five", amount=500,
        cost_amount=500, currency="USD",
    )  # fmt: skip
    with ledger.transaction(recorded_at=sent) as work:
        work.append([use])
    found = settle_liabilities(ledger, [running], now=sent + 30 * loop.DAY)
    back, five = found.stands
    assert (five.compensation, five.n, five.amount) == (
        "five", {"redeemed": 1, "expired": 1}, {"redeemed": 500, "expired": 500},
    )  # fmt: skip
    assert five.breakage == 0.5
    assert (back.compensation, back.n, back.breakage) == ("back", {"redeemed": 1}, 0.0)


def test_a_refund_in_doubt_stays_held_and_costs_nothing_yet(ledger, loop, declared, sent):
    declared.change('["none", "pick", "five"]', '["none", "pick", "back"]')
    for nth in ("", ".2"):
        declared.messages["coupon", f"back{nth}", "en"] = f"Have back{nth}."
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, "none+back@1h")
    (answer,) = loop.ask(ledger, running, loop.incident(customer=customer))
    with ledger.transaction(recorded_at=sent) as work:
        (remedy,) = work.find_among(Remedy, "key", [answer.key])
        settle(work, [Outcome(remedy, "in_doubt", "")], channel="t", now=sent)
    assert life(ledger, answer)[-1] == ("committed", 800)
    assert ledger.count(Redemption) == 0
    assert settle_liabilities(ledger, [running], now=sent + 900 * loop.DAY).expired == 0
