"""The ship rule: what it admits, and why it refuses the rest (R34)."""

from decimal import Decimal

import pytest

from apologylab.design.rule import parse_rule
from apologylab.errors import InputError


@pytest.mark.parametrize(
    ("text", "threshold", "currency"),
    [
        ("lower(value_vs_reference) > 0", "0", None),
        ("  lower( value_vs_reference )>-0.25 ", "-0.25", None),
        ("lower(value_vs_reference) > 0.10 USD", "0.10", "USD"),
        ("lower(value_vs_reference) > 5 JPY", "5", "JPY"),
        ("lower(value_vs_reference) > 0.002 USD", "0.002", "USD"),
    ],
)
def test_admitted_rules(text: str, threshold: str, currency: str | None) -> None:
    rule = parse_rule(text)
    assert rule.threshold == Decimal(threshold)
    assert rule.currency == currency
    assert rule.text == text.strip()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("value > 0", "the level of an arm"),
        ("lower(value) > 0", "the level of an arm"),
        ("value_vs_reference > 0", "lucky draw"),
        ("upper(value_vs_reference) > 0", "lucky draw"),
        ("lower(spend) > 0", "'lower\\(spend\\)'"),
        ("lower(value_vs_reference) >= 0", "compares with >="),
        ("lower(value_vs_reference) < 0", "compares with <"),
        ("lower(value_vs_reference) > zero", "'zero'"),
        ("lower(value_vs_reference) > 5 dollars", "'5 dollars'"),
        ("lower(value_vs_reference) > ", "is not a rule"),
        ("lower(value_vs_reference)", "is not a rule"),
        ("", "is not a rule"),
        ("lower(value_vs_reference) > 0 or 1 > 0", "'0 or 1 > 0'"),
    ],
)
def test_refused_rules_say_why_and_what_to_write(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        parse_rule(text)
    assert "write" in refused.value.do or "lower(value_vs_reference) > 0" in refused.value.do
