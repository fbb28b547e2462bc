"""Amounts in words, and the budget's forecast."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from apologylab.design.forecast import forecast, liabilities
from apologylab.design.money import Money
from apologylab.design.words import amounts, money_in_words, number_in_words
from apologylab.wire.declaration import read

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (20, "twenty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (101, "one hundred and one"),
        (1_000, "one thousand"),
        (1_005, "one thousand and five"),
        (500_000, "five hundred thousand"),
        (
            1_234_567,
            "one million two hundred and thirty-four thousand five hundred and sixty-seven",
        ),
        (10**12, "one trillion"),
    ],
)
def test_numbers(number, words):
    assert number_in_words(number) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("5.00 USD", "five US dollars"),
        ("1.00 USD", "one US dollar"),
        ("500000.00 USD", "five hundred thousand US dollars"),
        ("3.05 EUR", "three euros and five cents"),
        ("0.15 USD", "fifteen cents (USD)"),
        ("1000 JPY", "one thousand Japanese yen"),
        ("2.00 XYZ", "two XYZ"),
        ("0.002 USD", "zero point two cents (USD)"),
        ("0.0125 EUR", "one point two five cents (EUR)"),
    ],
)
def test_amounts(amount, words):
    assert money_in_words(Money.parse(amount, fine=True)) == words


def experiment(name, **edits):
    text = (EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8")
    for old, new in edits.values():
        assert old in text
        text = text.replace(old, new, 1)
    return read(text, where=name)


def test_every_amount_of_a_declaration_is_found():
    found = dict(amounts(experiment("delivery_timing")))
    assert set(found) == {
        "compensation.eur3.value",
        "budget.total",
        "budget.per_customer.amount",
        "decision.message_cost",
        "decision.handling_cost",
    }


def test_the_forecast_is_the_mean_liability_by_propensity():
    found = forecast(experiment("late_ride_apology"))
    assert found.mean_liability == Decimal("2.5")
    assert found.closes_after == (600_000 - 5) // 2.5 + 1
    assert found.expected == 200_000


def test_weights_move_the_forecast():
    given = liabilities(experiment("delivery_timing"))
    assert sum(share for share, _ in given.values()) == pytest.approx(1)
    assert given["silence"] == (Decimal(3) / 18, 0)
    assert forecast(experiment("delivery_timing")).mean_liability == pytest.approx(Decimal("1.5"))


def capped(budget="", allocation=""):
    declared = (EXPERIMENTS / "late_ride_apology" / "experiment.toml").read_text(encoding="utf-8")
    declared = declared.replace("[today] ", f"{budget}\n[today] ", 1)
    return read(declared.replace("[allocation]", f"[allocation]\n{allocation}", 1), where="capped")


@pytest.mark.parametrize(
    ("budget", "cap", "closes_after"),
    [
        ("", "budget.total", (600_000 - 5) // 2.5 + 1),
        ("uses = 100", "budget.uses", 99 / (4 / 8) + 1),
        (
            '[budget.per_arm]\n"basic+usd5@1h" = { uses = 11 }',
            "budget.per_arm.basic+usd5@1h.uses",
            10 * 8 + 1,
        ),
        (
            '[budget.per_arm]\n"basic+usd5@1h" = { amount = "50 USD", uses = 99 }',
            "budget.per_arm.basic+usd5@1h.amount",
            (50 - 5) / (5 / 8) + 1,
        ),
    ],
)
def test_the_forecast_names_the_cap_that_closes_first(budget, cap, closes_after):
    found = forecast(capped(budget))
    assert (found.cap, found.closes_after, found.in_time) == (cap, closes_after, None)


def test_the_forecast_knows_what_the_plan_has_time_for():
    assert forecast(capped(allocation="units_per_day = 100")).in_time == 30 * 100
    week = "per_period = { uses = 100, days = 7 }"
    assert forecast(capped(week)).in_time == (99 / (4 / 8) + 1) * 30 // 7
    assert forecast(capped(week, "units_per_day = 10")).in_time == 300


def test_nothing_given_has_no_forecast():
    assert forecast(experiment("hillstrom")) is None
