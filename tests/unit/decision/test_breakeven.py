"""Break-evens satisfy the equation that defines them: there the arm's value is 0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apologylab.decision.breakeven import break_even_compensation, break_even_margin

amount = st.floats(0.01, 100)


@given(margin=st.floats(0.01, 1), sales=amount, cost=amount)
def test_at_the_break_even_margin_the_value_is_zero(margin, sales, cost):
    found = break_even_margin(value=margin * sales - cost, sales=sales, margin=margin)
    assert found * sales - cost == pytest.approx(0, abs=1e-9)


@given(earned=st.floats(0, 100), redeemed=amount, face=amount)
def test_at_the_break_even_value_what_is_redeemed_eats_what_is_earned(earned, redeemed, face):
    found = break_even_compensation(value=earned - redeemed, redeemed=redeemed, face=face)
    assert earned - redeemed * found / face == pytest.approx(0, abs=1e-9)


def test_there_is_none_where_no_margin_and_no_value_would_do():
    assert break_even_margin(value=-1.0, sales=-2.0, margin=0.25) is None
    assert break_even_compensation(value=-1.0, redeemed=0.5, face=5.0) is None
    assert break_even_compensation(value=1.0, redeemed=0.0, face=5.0) is None


def test_a_free_arm_that_sells_more_pays_at_any_margin():
    assert break_even_margin(value=0.5, sales=2.0, margin=0.25) == 0.0
