"""A number has the digits that its error supports, money no more than its currency, both ends."""

from __future__ import annotations

import math
import re

import pytest

from apologylab.inference.rounding import decimals, digits, rounded

NUMBER = re.compile(r"[-+]?[0-9,]+(?:\.([0-9]+))?")


@pytest.mark.parametrize(
    ("spread", "unit", "shown"),
    [
        (0.0757, "USD", 2),
        (0.0757, "USD per affected customer", 2),
        (0.0757, "KWD", 3),
        (7.57, "JPY", 0),
        (31.0, "USD", 0),
        (0.41, "share of customers", 2),
        (0.0021, "contacts per customer", 4),
        (0.0008, "USD", 5),
        (math.inf, "JPY", 0),
        (0.0, "USD", 2),
        (0.5, "USDC", 2),
        (0.05, "USDC", 3),
    ],
)
def test_digits(spread, unit, shown):
    assert digits(spread, unit) == shown


@pytest.mark.parametrize("power", range(-4, 4))
def test_two_digits_of_the_error_are_kept_where_there_are_so_many(power):
    spread = 3.14159 * 10.0**power
    shown = rounded(spread, decimals(spread))
    assert float(shown.replace(",", "")) == pytest.approx(spread, rel=0.05)


def test_a_point_and_its_interval_have_equally_many():
    for values in ((-0.1315, 0.09107, 0.3136), (-1234.567, 0.4, 1e6), (-0.001, 0.0, 0.004)):
        written = [rounded(each, 2, signed=True) for each in values]
        assert {len(NUMBER.fullmatch(each)[1]) for each in written} == {2}
    assert rounded(-0.001, 2, signed=True) == rounded(0.001, 2, signed=True) == "0.00"
