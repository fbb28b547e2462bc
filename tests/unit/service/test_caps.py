"""Every cap, judged before the draw and alike for every arm; spent for good or until it returns."""

from collections import Counter
from datetime import timedelta

import pytest

from apologylab.record.facts import Assignment, Closed, Liability
from apologylab.service.caps import period
from apologylab.service.held import held
from apologylab.service.ports import Standing
from apologylab.service.start import start

COUPON = "none+usd5@1h"


def capped(loop, budget="", allocation=""):
    """The experiment with more keys under [budget], and under [allocation]."""
    declared = loop.Declared().change('total = "5000.00 USD"', f'total = "5000.00 USD"\n{budget}')
    return declared.change(
        "[compensation.usd5]", f"[allocation]\n{allocation}\n[compensation.usd5]"
    )


def ask(ledger, loop, running, numbers, *, now, **fields):
    """A batch of incidents of customers of their own, which happen as they are asked."""
    asked = [loop.incident(n, at=now, **fields) for n in numbers]
    return loop.ask(ledger, running, *asked, now=now)


def reasons(given):
    return Counter(each.reason for each in given)


@pytest.mark.parametrize(
    ("budget", "because"),
    [
        ("uses = 3", "budget.uses: all of them are given"),
        (f'[budget.per_arm]\n"{COUPON}" = {{ uses = 3 }}',
         f"budget.per_arm: all uses of {COUPON} are given"),
        (f'[budget.per_arm]\n"{COUPON}" = {{ amount = "19.99 USD" }}',
         f"budget.per_arm: what is left for {COUPON} does not cover one more"),
    ],
)  # fmt: skip
def test_a_cap_on_the_whole_closes_the_phase_for_all_arms(ledger, loop, budget, because):
    running = loop.begin(ledger, capped(loop, budget))
    given = ask(ledger, loop, running, range(10), now=loop.START)
    assert reasons(given) == {"RANDOMISED": 3, "CLOSED": 7}
    assert {each.because for each in given if each.reason == "CLOSED"} == {because}
    (closed,) = ledger.read(Closed)
    assert (closed.because, closed.phase) == (because, 1)
    # Final: though the three drew other arms, and the row has room again, nobody is drawn.
    later = ask(ledger, loop, running, range(10, 20), now=loop.START + 90 * loop.DAY)
    assert reasons(later) == {"CLOSED": 10}
    assert ledger.budgets(loop.NAME)[loop.NAME].sealed == "1/1"


def test_one_by_one_a_cap_admits_what_it_covers_and_no_more(ledger, loop):
    running = loop.begin(ledger, capped(loop, f'[budget.per_arm]\n"{COUPON}" = {{ uses = 3 }}'))
    given = [
        each
        for n in range(40)
        for each in ask(ledger, loop, running, [n], now=loop.START + n * loop.HOUR)
    ]
    drawn = [each for each in given if each.reason == "RANDOMISED"]
    assert sum(each.arm == COUPON for each in drawn) == 3
    assert drawn[-1].arm == COUPON
    assert {each.reason for each in given[len(drawn) :]} == {"CLOSED"}


def test_a_spent_period_returns_and_is_never_final(ledger, loop):
    running = loop.begin(ledger, capped(loop, "per_period = { uses = 4, days = 7 }"))
    week = timedelta(days=7)
    begins = loop.START - timedelta(days=(loop.START - period_start(loop.START)).days)
    found = []
    for n in range(3):
        now = begins + n * week + 6 * loop.DAY
        found.append(ask(ledger, loop, running, range(20 * n, 20 * n + 20), now=now))
    assert [reasons(each)["RANDOMISED"] for each in found] == [4, 4, 4]
    until = f"{begins + week:%Y-%m-%d}"
    assert {each.because for each in found[0] if each.reason == "CLOSED"} == {
        f"budget.per_period: all uses until {until} are given"
    }
    assert ledger.count(Closed) == 0
    rows = {row for row in ledger.budgets(loop.NAME) if "/period/" in row}
    assert rows <= {f"{loop.NAME}/period/{period(begins, 7) + n}" for n in range(3)}


def period_start(at):
    return at - timedelta(days=at.timestamp() // 86_400 % 7)


def test_a_period_in_money_admits_floor_of_left_by_dearest(ledger, loop):
    running = loop.begin(ledger, capped(loop, 'per_period = { amount = "14.99 USD", days = 30 }'))
    given = ask(ledger, loop, running, range(9), now=loop.START)
    assert reasons(given) == {"RANDOMISED": 2, "CLOSED": 7}
    again = ask(ledger, loop, running, range(9), now=loop.START)
    assert again == given


def test_of_two_caps_as_tight_the_final_one_is_named(ledger, loop):
    running = loop.begin(ledger, capped(loop, "uses = 4\nper_period = { uses = 4, days = 7 }"))
    ask(ledger, loop, running, range(9), now=loop.START)
    assert [each.because for each in ledger.read(Closed)] == ["budget.uses: all of them are given"]


def test_a_ramp_counts_units_of_all_arms_and_begins_anew_each_day(ledger, loop):
    phases = "units_per_day = 5\n[[allocation.phases]]\nunits_per_day = 8"
    declared = capped(loop, allocation=phases)
    running = loop.begin(ledger, declared)
    noon = loop.START + 12 * loop.HOUR
    first = ask(ledger, loop, running, range(3), now=noon)
    second = ask(ledger, loop, running, range(3, 12), now=noon + 11 * loop.HOUR)
    assert (reasons(first), reasons(second)["RANDOMISED"]) == ({"RANDOMISED": 3}, 2)
    assert second[-1].because == "allocation.units_per_day: 5 were drawn on 2026-03-01"
    third = ask(ledger, loop, running, range(12, 30), now=noon + 12 * loop.HOUR)
    assert reasons(third)["RANDOMISED"] == 5
    start(ledger, declared, loop.NAME, now=noon + 13 * loop.HOUR, phase=2)
    fourth = ask(ledger, loop, running, range(30, 50), now=noon + 13 * loop.HOUR)
    assert reasons(fourth)["RANDOMISED"] == 3
    assert ledger.count(Closed) == 0
    assert ledger.budgets(f"{loop.NAME}/units/")[f"{loop.NAME}/units/2026-03-02"].uses == 8


def test_a_ramp_lets_sticky_repeats_pass_and_spends_no_budget_on_whom_it_keeps_out(ledger, loop):
    declared = capped(loop, "uses = 4", "units_per_day = 2")
    running = loop.begin(ledger, declared)
    (first, _) = ask(ledger, loop, running, range(2), now=loop.START)
    repeat = loop.incident(key="again", customer=first.customer)
    given = loop.ask(ledger, running, repeat, *map(loop.incident, range(2, 9)))
    assert [each.reason for each in given] == ["RANDOMISED"] + ["CLOSED"] * 7
    assert {each.because[:10] for each in given[1:]} == {"allocation"}
    assert ledger.count(Closed) == 0  # four uses, three drawn: the ramp was in the way


def test_a_budget_below_what_the_ramp_lets_in_still_closes(ledger, loop):
    running = loop.begin(ledger, capped(loop, "uses = 3", "units_per_day = 5"))
    given = ask(ledger, loop, running, range(9), now=loop.START)
    assert reasons(given) == {"RANDOMISED": 3, "CLOSED": 6}
    assert {each.because.split(":")[0] for each in given[3:]} == {"budget.uses"}
    assert ledger.count(Closed) == 1


def test_a_customers_uses_count_every_arm_as_if_it_gave(ledger, loop):
    running = loop.begin(ledger, capped(loop, "per_customer = { uses = 2, days = 30 }"))
    for customer in (loop.customer_in(running, "silence"), loop.customer_in(running, COUPON)):
        asked = [loop.incident(key=f"{customer}{n}", customer=customer) for n in range(3)]
        given = loop.ask(ledger, running, *asked)
        assert [each.reason for each in given] == ["RANDOMISED", "RANDOMISED", "INELIGIBLE"]
        assert given[2].because.startswith("budget.per_customer")


def test_a_new_phase_opens_a_sealed_budget_that_has_room_again(ledger, loop):
    declared = capped(loop, "uses = 3", "[[allocation.phases]]\nentry = 1.0")
    running = loop.begin(ledger, declared)
    given = ask(ledger, loop, running, range(10), now=loop.START)
    left = 3 - sum("usd5" in each.arm for each in given)
    assert left > 0  # the seed of the hash: not all three drew a coupon
    start(ledger, declared, loop.NAME, now=loop.START, phase=2)
    assert ledger.budgets(loop.NAME).get(loop.NAME, Standing()).sealed is None
    given = ask(ledger, loop, running, range(10, 20), now=loop.START)
    assert (reasons(given)["RANDOMISED"], given[0].phase) == (left, 2)


def test_what_a_liability_was_charged_to_is_what_the_budgets_hold(ledger, loop):
    budget = f'per_period = {{ uses = 9, days = 7 }}\n[budget.per_arm]\n"{COUPON}" = {{ uses = 9 }}'
    running = loop.begin(ledger, capped(loop, budget))
    people = [loop.customer_in(running, arm) for arm in (COUPON, "sorry+usd5@1h", "silence")]
    loop.ask(ledger, running, *(loop.incident(key=each, customer=each) for each in people))
    by_arm = {each.arm: each.charged.split() for each in ledger.read(Liability)}
    week = f"{loop.NAME}/period/{period(loop.START, 7)}"
    assert by_arm[COUPON] == [loop.NAME, f"{loop.NAME}/arm/{COUPON}", week]
    assert by_arm["sorry+usd5@1h"] == [loop.NAME, week]
    stands = ledger.budgets(loop.NAME)
    assert {row: replace_seal(each) for row, each in stands.items()} == held(ledger.read(Liability))


def replace_seal(standing):
    return Standing(reserved=standing.reserved, uses=standing.uses)


def test_where_nothing_is_given_nothing_is_capped(ledger, loop):
    declared = capped(loop, "uses = 3", "weights = { silence = 1, 'sorry+none@1h' = 1, '*' = 0 }")
    running = loop.begin(ledger, declared)
    assert reasons(ask(ledger, loop, running, range(9), now=loop.START)) == {"RANDOMISED": 9}
    assert ledger.budgets(loop.NAME) == {}
    assert ledger.count(Assignment) == 9
