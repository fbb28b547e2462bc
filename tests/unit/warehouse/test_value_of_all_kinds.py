"""v of units who were given money of every kind, in two currencies, beside sums made by hand."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.moments import Request, cell_means
from apologylab.record.facts import Feed, Goodwill, Order, Redemption, Remedy
from apologylab.service.choose import choose
from apologylab.service.liabilities import settle_liabilities
from apologylab.service.ports import LedgerIdentity
from apologylab.service.settling import Outcome, settle
from apologylab.storage.sqlite import create
from apologylab.warehouse.engine import connect
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.warehouse.soundness.money import MONEY
from apologylab.warehouse.staging import attached

GIFTS = """
[compensation.local]
kind = "coupon"
by_market = { US = "5.00 USD", DE = "4.50 EUR" }
expires_days = 60
cost_share = 0.8
[compensation.back]
kind = "refund"
share = 0.5
of = "fare"
by_market = { US = "9.00 USD", DE = "9.00 EUR" }
[compensation.gift]
kind = "charity"
by_market = { US = "3.00 USD", DE = "3.00 EUR" }
cost_share = 0.5
[compensation.pick]
kind = "choice"
menu = ["local", "back", "gift"]
expires_days = 40
[markets]
field = "country"
rates = { EUR = 1.085 }
"""
EUR = Fraction("1.085")
LIFE = timedelta(days=28)


@pytest.fixture
def ledger(tmp_path):
    identity = LedgerIdentity(id="t", environment="test", simulated=True, secret="s")
    opened = create(tmp_path / "ledger.sqlite", identity)
    yield opened
    opened.close()


@pytest.fixture
def declared(loop):
    found = loop.Declared()
    i, j = found.text.index("[compensation.usd5]"), found.text.index("[budget]")
    found.text = found.text[:i] + GIFTS.lstrip() + found.text[j:]
    found.change('coupon = ["none", "usd5"]', 'coupon = ["none", "local", "back", "pick"]')
    found.change('wording = ["none", "sorry"]\n', "")
    found.change('order = ["wording", "coupon"]', 'order = ["coupon"]')
    found.change('kind = "late_ride"\nseverity', 'kind = "late_ride"\nprice = "fare"\nseverity')
    found.change('locales = ["en", "lt"]', 'locales = ["en"]')
    found.messages = {
        ("coupon", f"{level}{nth}", "en"): f"Have {level}{nth}."
        for level in ("local", "back", "pick")
        for nth in ("", ".2")
    }
    return found


@pytest.fixture
def lived(ledger, loop, declared):
    """One unit an arm and country, each with its story; gives the running experiment."""
    running = loop.begin(ledger, declared)
    customers = {}
    for arm in ("silence", "local@1h", "back@1h", "pick@1h"):
        for country in ("US", "DE"):
            customer = loop.customer_in(running, arm, without=tuple(customers.values()))
            customers[arm, country] = customer
            asked = loop.incident(
                0, customer, key=customer, country=country, fare=2_000,
                currency={"US": "USD", "DE": "EUR"}[country],
            )  # fmt: skip
            loop.ask(ledger, running, asked)
    sent = loop.START + loop.HOUR
    with ledger.transaction(recorded_at=sent) as work:
        remedies = work.find_among(Remedy, "experiment", [loop.NAME])
        given = [Outcome(each, "sent", "") for each in remedies if each.arm != "silence"]
        settle(work, given, channel="t", now=sent)
    return running, customers


def append(ledger, at, *facts):
    with ledger.transaction(recorded_at=at) as work:
        work.append(list(facts))


def panel(ledger, experiment, loop):
    as_of = loop.START + timedelta(days=90)
    feeds = [
        Feed(key=f"f-{kind}", occurred_at=as_of, fact=kind, through=as_of)
        for kind in ("order", "redemption", "contact", "goodwill")
    ]
    append(ledger, as_of, *feeds)
    mark = ledger.mark(as_of)
    ledger.close()
    url = f"sqlite:///{ledger.database.path}"
    return panel_ledger(url, experiment, as_of=as_of, mark=mark)


def means(found, name):
    (moments,) = found.source.moments([Request(name)])
    return dict(zip((c.arm for c in moments.cells), cell_means(moments)[:, 0], strict=True))


def story(ledger, loop, customers):
    """Orders, a goodwill, a use and choices, in both currencies."""
    day, at = loop.DAY, loop.START + 2 * loop.DAY
    facts = [
        Order(
            key=f"o-{customer}", occurred_at=at, customer=customer, list_amount=10_000,
            paid_amount=10_000, currency={"US": "USD", "DE": "EUR"}[country],
        )
        for (_, country), customer in customers.items()
    ]  # fmt: skip
    german = customers["local@1h", "DE"]
    use = Redemption(
        key="use", occurred_at=at, customer=german, compensation="local", amount=450,
        cost_amount=360, currency="EUR",
    )  # fmt: skip
    credit = Goodwill(
        key="gw", occurred_at=at, customer=customers["silence", "DE"], kind="credit", amount=333,
        currency="EUR",
    )  # fmt: skip
    append(ledger, at, *facts, use, credit)
    choose(ledger, f"{loop.NAME}/{customers['pick@1h', 'US']}", "gift", at=at, now=at)
    choose(ledger, f"{loop.NAME}/{customers['pick@1h', 'DE']}", "local", at=at + day, now=at + day)


def in_usd(minor):
    """Minor units of EUR as the warehouse counts them: whole cents, half up."""
    return int(minor * EUR + Fraction(1, 2)) / 100


def test_v_is_the_one_worked_out_by_hand(ledger, loop, declared, lived):
    running, customers = lived
    story(ledger, loop, customers)
    settle_liabilities(ledger, [running], now=loop.START + 3 * loop.DAY)
    found = panel(ledger, declared.experiment(loop.NAME), loop)
    sales = (0.2 * 100.00, 0.2 * in_usd(10_000))
    # what is charged for a liability is rounded up: 450 x 1.085 = 488.25 -> 4.89 USD
    hand = {
        "silence": (sales[0], sales[1] - in_usd(333)),
        # the American's coupon is open at the end of the window, the German's was used
        "local@1h": (sales[0] - 0.01 - 0.8 * 5.00, sales[1] - 0.01 - in_usd(360)),
        # half of the fare, at most 9: refunded when it left
        "back@1h": (sales[0] - 0.01 - 9.00, sales[1] - 0.01 - in_usd(900)),
        # a gift costs half of it at once; a chosen coupon is open
        "pick@1h": (sales[0] - 0.01 - 1.50, sales[1] - 0.01 - 0.8 * 4.89),
    }
    np.testing.assert_allclose(
        [means(found, "value")[arm] for arm in hand],
        [sum(v) / 2 for v in hand.values()],
        rtol=1e-12,
    )
    zero = means(found, "value_at_zero")
    face = means(found, "value_at_face")
    gaps = {arm: zero[arm] - face[arm] for arm in hand}
    np.testing.assert_allclose(
        list(gaps.values()), [0, 0.8 * 5.00 / 2, 0, 0.8 * 4.89 / 2], atol=1e-12
    )


def test_what_was_given_is_a_share_of_the_price(ledger, loop, declared, lived):
    found = panel(ledger, declared.experiment(loop.NAME), loop)
    share = means(found, "given_share")
    assert share["silence"] == 0
    assert share["back@1h"] == pytest.approx(0.45, abs=1e-12)  # 9 of 20, in either currency
    assert share["local@1h"] == pytest.approx((5 / 20 + 4.50 / 20) / 2, abs=1e-12)
    assert share["pick@1h"] == share["back@1h"]  # the dearest of the menu


def test_a_menu_nobody_has_chosen_from_is_open_at_its_dearest(ledger, loop, declared, lived):
    found = panel(ledger, declared.experiment(loop.NAME), loop)
    gap = means(found, "value_at_zero")["pick@1h"] - means(found, "value_at_face")["pick@1h"]
    assert gap == pytest.approx((9.00 + 9.77) / 2)  # 900 x 1.085 = 976.5 -> 9.77


def test_a_currency_without_a_rate_is_refused(ledger, loop, declared, lived):
    _, customers = lived
    at = loop.START + loop.DAY
    append(
        ledger, at,
        Order(
            key="yen", occurred_at=at, customer=customers["silence", "US"], list_amount=100,
            paid_amount=100, currency="JPY",
        ),
    )  # fmt: skip
    with pytest.raises(InputError, match="amounts are in JPY, the declaration's in USD"):
        panel(ledger, declared.experiment(loop.NAME), loop)


def test_expected_counts_the_share_that_is_used(ledger, loop, declared, lived):
    _, customers = lived
    declared.change('open_liability = "face"', 'open_liability = "expected"')
    story(ledger, loop, customers)
    found = panel(ledger, declared.experiment(loop.NAME), loop)
    face, zero = means(found, "value_at_face"), means(found, "value_at_zero")
    value = means(found, "value")
    # of the three coupons called local (two drawn, one chosen) one was used
    expected = zero["local@1h"] - (zero["local@1h"] - face["local@1h"]) / 3
    assert value["local@1h"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "tampered",
    [
        "UPDATE fact_liability SET amount = amount + 1000 WHERE state = 'chosen'",
        "UPDATE fact_liability SET amount = amount - 1 WHERE state = 'redeemed'",
        "UPDATE fact_liability SET amount = amount - 1 WHERE state = 'committed'",
        "UPDATE fact_liability SET state = 'chosen' WHERE state = 'reserved'",
    ],
)
def test_the_doctor_sees_an_amount_that_no_choice_lowered(ledger, loop, lived, tampered):
    _, customers = lived
    story(ledger, loop, customers)
    file = ledger.database.path
    ledger.close()
    (rule,) = (each for each in MONEY if "moves only as it may" in each.says)
    assert offenders(file, rule) == []
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(tampered)
    assert offenders(file, rule)


def offenders(file, rule):
    connection = connect()
    with attached(connection, f"sqlite:///{file}"):
        connection.execute(
            "CREATE TEMP TABLE liability AS SELECT seq, assignment, state, amount "
            "FROM ledger.fact_liability"
        )
    return connection.execute(rule.offenders).fetchall()
