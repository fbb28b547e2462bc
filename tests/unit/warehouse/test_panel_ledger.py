"""The panel of a real SQLite ledger, beside the same numbers worked out in plain Python."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.moments import Request, cell_means
from apologylab.record.facts import (
    Assignment,
    Contact,
    Correction,
    CustomerSnapshot,
    Delivery,
    Feed,
    Forgotten,
    Goodwill,
    Incident,
    Liability,
    Order,
    Redemption,
)
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger
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


def declaration(expires=20, liability=""):
    text = DECLARATION.format(expires=expires, liability=liability)
    return read(text, where="late")


def units(n=400, seed=1):
    """Who was hit, when, and what they got: customer -> (anchor, arm)."""
    chance = random.Random(seed)
    found = {}
    for i in range(n):
        anchor = START + timedelta(
            hours=chance.randrange(30 * 24), microseconds=chance.randrange(9)
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
        yield _order(f"failed-{customer}", customer, anchor, 9_999)
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
            yield _order(f"o-{customer}-{k}", customer, at, chance.randrange(1, 9_000), chance)
        yield from _costs(customer, anchor, arm, chance)


def _order(key, customer, at, amount, chance=None):
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


@pytest.fixture
def ledger(tmp_path):
    identity = LedgerIdentity(id="t", environment="test", simulated=True)
    opened = create(tmp_path / "ledger.sqlite", identity)
    yield opened
    opened.close()


def append(ledger, facts, at=START + 100 * DAY):
    with ledger.transaction(recorded_at=at) as work:
        appended = work.append(list(facts))
    assert not appended.contradicting


def panel(ledger, experiment, as_of=START + 200 * DAY):
    mark = ledger.mark(as_of)
    ledger.close()
    return panel_ledger(ledger.path, experiment, as_of=as_of, mark=mark)


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


COLUMNS = ("spend_28d", "back_late", "contacts_14d", "value")


def assert_equal_to(found, rows):
    """Sums and products of every outcome with the covariate, arm by arm."""
    requests = [Request(name, ("spend_28d:pre",)) for name in COLUMNS]
    for request, moments in zip(requests, found.source.moments(requests), strict=True):
        assert [cell.arm for cell in moments.cells] == sorted(ARMS)
        for g, cell in enumerate(moments.cells):
            mine = [row for row in rows.values() if row["arm"] == cell.arm]
            z = np.array([[row[request.outcome], row["spend_28d:pre"]] for row in mine])
            z = z - moments.shift
            assert moments.n[g] == len(mine)
            np.testing.assert_allclose(moments.sums[g], z.sum(axis=0), rtol=1e-10, atol=1e-9)
            np.testing.assert_allclose(moments.products[g], z.T @ z, rtol=1e-10, atol=1e-9)


def test_every_tally_equals_the_one_worked_out_by_hand(ledger):
    found = units()
    facts = list(happenings(found))
    append(ledger, [*enrolment(found), *facts, *feeds(START + 90 * DAY)])
    assert_equal_to(panel(ledger, declaration()), expected(found, facts))


def test_units_without_any_fact_are_zeros_not_missing(ledger):
    found = units()
    orders = [
        _order(f"o-{customer}", customer, anchor + DAY, 1_000)
        for i, (customer, (anchor, _)) in enumerate(found.items())
        if i % 5 >= 3
    ]
    append(ledger, [*enrolment(found), *orders, *feeds(START + 90 * DAY)])
    (moments,) = panel(ledger, declaration()).source.moments([Request("spend_28d")])
    assert moments.n.tolist() == [100] * 4
    np.testing.assert_allclose(cell_means(moments)[:, 0], [0.4 * 10.00] * 4, rtol=1e-12)


def test_only_first_randomised_rows_of_this_version_enter(ledger):
    found = units(40)
    append(ledger, [*enrolment(found), *feeds(START + 90 * DAY)])
    strangers = [
        randomised("x1", START, "silence", reason="OVERRIDE"),
        randomised("x2", START, "silence", reason="HOLDOUT"),
        randomised("x3", START, "silence", version=2),
        randomised("x4", START, "silence", experiment="other"),
        randomised("c1", START, "silence", key="late/c1/2", incident="i2", first=False),
    ]
    append(ledger, strangers)
    flow = panel(ledger, declaration()).flow()
    assert flow.assigned == {1: dict.fromkeys(ARMS, 10)}


def test_a_unit_is_mature_when_its_window_has_settled_and_the_feed_reaches_there(ledger):
    anchor = START + 10 * DAY
    found = {"c1": (anchor, "silence"), "c2": (anchor + timedelta(microseconds=1), "silence")}
    append(ledger, enrolment(found))
    append(ledger, feeds(anchor + 30 * DAY))
    flow = panel(ledger, declaration()).flow()
    assert flow.mature["spend_28d"] == {1: {"silence": 1}}  # window 28, settling 2
    assert flow.mature["back_late"] == {1: {"silence": 2}}
    assert flow.mature["value"] == {1: {"silence": 1}}


def test_as_of_bounds_maturity_as_the_feeds_do(ledger):
    anchor = START + 10 * DAY
    append(ledger, enrolment({"c1": (anchor, "silence")}), at=START + 11 * DAY)
    append(ledger, feeds(START + 90 * DAY), at=START + 12 * DAY)
    early = panel(ledger, declaration(), as_of=anchor + 30 * DAY - timedelta(seconds=1))
    assert early.flow().mature["spend_28d"] == {1: {"silence": 0}}
    late = panel(ledger, declaration(), as_of=anchor + 30 * DAY)
    assert late.flow().mature["spend_28d"] == {1: {"silence": 1}}


def test_a_feed_never_declared_complete_leaves_nobody_mature_and_says_so(ledger):
    append(ledger, [*enrolment(units(8)), feeds(START + 90 * DAY)[0]])
    flow = panel(ledger, declaration()).flow()
    assert flow.mature["spend_28d"] == flow.assigned
    assert set(flow.mature["contacts_14d"][1].values()) == {0}
    assert any("--as contact --complete-through" in note for note in flow.notes)


def test_facts_after_the_mark_are_not_seen(ledger):
    found = units(40)
    append(ledger, [*enrolment(found), *feeds(START + 90 * DAY)], at=START + 100 * DAY)
    before = panel(ledger, declaration(), as_of=START + 101 * DAY)
    append(ledger, happenings(found), at=START + 102 * DAY)
    again = panel(ledger, declaration(), as_of=START + 101 * DAY)
    for found_then in (before, again):
        (moments,) = found_then.source.moments([Request("value")])
        assert moments.sums.tolist() == [[0.0]] * 4
    (now,) = panel(ledger, declaration()).source.moments([Request("value")])
    assert (now.products > 0).all()


def test_the_last_correction_of_a_fact_counts(ledger):
    found = {"c1": (START, "silence"), "c2": (START, "sorry+none")}
    order = _order("o1", "c1", START + DAY, 1_000)
    append(ledger, [*enrolment(found), order, *feeds(START + 90 * DAY)])
    for k, amount in enumerate((5_000, 2_500)):
        fields = {"list_amount": amount, "occurred_at": (START + 2 * DAY).isoformat()}
        correction = Correction(
            key=f"x{k}", occurred_at=START, fact="order", corrects="o1", because="typo",
            fields=fields,
        )  # fmt: skip
        append(ledger, [correction])
    (moments,) = panel(ledger, declaration()).source.moments([Request("spend_28d")])
    assert cell_means(moments)[:, 0].tolist() == [25.0, 0.0]


def test_outcomes_of_the_forgotten_are_missing_and_they_stay_counted(ledger):
    found = units(40)
    gone = Forgotten(key="f", occurred_at=START, customer="c1", because="asked")
    append(ledger, [*enrolment(found), *happenings(found), gone, *feeds(START + 90 * DAY)])
    opened = panel(ledger, declaration())
    (moments,) = opened.source.moments([Request("spend_28d")])
    assert moments.n.sum() == 39
    assert sum(opened.flow().assigned[1].values()) == 40


def test_shorter_histories_get_an_indicator(ledger):
    found = units(400)
    append(ledger, [*enrolment(found), *feeds(START + 90 * DAY)])
    young = [
        CustomerSnapshot(
            key=f"y-{customer}", occurred_at=START, customer=customer, since=anchor - 27 * DAY
        )
        for i, (customer, (anchor, _)) in enumerate(found.items())
        if i % 8 < 4
    ]
    append(ledger, young)
    opened = panel(ledger, declaration())
    assert opened.covariates == ("spend_28d:pre", "spend_28d:pre:missing")
    (moments,) = opened.source.moments([Request("spend_28d:pre:missing")])
    assert cell_means(moments)[:, 0].tolist() == [0.5] * 4


@pytest.mark.parametrize(
    ("liability", "kept"), [("face", 4.0), ("zero", 0.0), ("expected", 4.0 * 0.25)]
)
def test_a_coupon_that_outlives_the_window_is_counted_as_declared(ledger, liability, kept):
    found = {f"c{i}": (START, "none+usd5" if i < 4 else "silence") for i in range(8)}
    facts = [
        Liability(
            key=f"l{i}", occurred_at=START, assignment=f"late/c{i}", experiment="late",
            customer=f"c{i}", arm="none+usd5", compensation="usd5", state="committed", amount=500,
            currency="USD",
        )
        for i in range(4)
    ]  # fmt: skip
    facts.append(
        Redemption(
            key="r0", occurred_at=START + DAY, customer="c0", compensation="usd5", amount=500,
            cost_amount=400, currency="USD",
        )
    )  # fmt: skip
    append(ledger, [*enrolment(found), *facts, *feeds(START + 90 * DAY)])
    experiment = declaration(expires=60, liability=f'open_liability = "{liability}"')
    names = ("value", "value_at_face", "value_at_zero")
    got = panel(ledger, experiment).source.moments([Request(name) for name in names])
    value, face, zero = (float(cell_means(each)[0, 0]) for each in got)
    assert value == pytest.approx(-(4.0 + 3 * kept) / 4)
    assert (face, zero) == (pytest.approx(-4.0), pytest.approx(-1.0))


def test_amounts_in_two_currencies_are_refused(ledger):
    found = units(8)
    euro = Order(
        key="o", occurred_at=START, customer="c1", list_amount=1, paid_amount=1, currency="EUR"
    )
    append(ledger, [*enrolment(found), euro, *feeds(START + 90 * DAY)])
    with pytest.raises(InputError, match="EUR"):
        panel(ledger, declaration())


def test_ids_are_normalised_as_before_the_draw(ledger):
    composed, decomposed = "cafe\u0301", "caf\u00e9"
    order = _order("o1", composed, START + DAY, 1_000)
    append(ledger, [*enrolment({decomposed: (START, "silence")}), order, *feeds(START + 90 * DAY)])
    (moments,) = panel(ledger, declaration()).source.moments([Request("spend_28d")])
    assert cell_means(moments)[:, 0].tolist() == [10.0]


def test_deliveries_count_what_went_out_and_what_would_have(ledger):
    found = units(40)
    append(ledger, [*enrolment(found), *happenings(found), *feeds(START + 90 * DAY)])
    assert panel(ledger, declaration()).flow().delivered == dict.fromkeys(ARMS, 10)
