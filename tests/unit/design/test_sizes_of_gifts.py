"""Sizes of levels: money, shares of the price, or none where what is given is no size."""

import pytest

from apologylab.design.contrasts import main_effects
from apologylab.design.forecast import forecast
from apologylab.design.layout import layout
from apologylab.design.worth import lasts
from apologylab.wire.declaration import read

USD5 = '[compensation.usd5]\nkind = "coupon"\nvalue = "5.00 USD"\nexpires_days = 14\n'


def shares(of="fare"):
    return "".join(
        f'[compensation.{name}]\nkind = "credit"\nshare = {share}\nof = "{of}"\n'
        f'at_most = "{most}"\nexpires_days = 14\n'
        for name, share, most in (("tenth", 0.1, "4.00 USD"), ("half", 0.5, "20.00 USD"))
    )


@pytest.fixture
def declared(loop):
    def with_gifts(gifts, levels, price='price = "fare"\n'):
        text = loop.DECLARATION.replace(USD5, gifts).replace('"none", "usd5"', levels)
        return read(text.replace('kind = "late_ride"\n', f'kind = "late_ride"\n{price}'), where="t")

    return with_gifts


def test_shares_of_the_price_are_doses(declared):
    experiment = declared(shares(), '"none", "tenth", "half"')
    assert layout(experiment).values["coupon"] == {"none": 0.0, "tenth": 0.1, "half": 0.5}
    assert main_effects(experiment)


def test_money_is_a_dose_and_a_share_of_something_else_is_none(declared):
    assert layout(declared(USD5, '"none", "usd5"')).values["coupon"] == {"none": 0.0, "usd5": 5.0}
    other = declared(shares("deposit"), '"none", "tenth", "half"')
    assert "coupon" not in layout(other).values
    mixed = declared(USD5 + shares(), '"none", "usd5", "tenth", "half"')
    assert "coupon" not in layout(mixed).values


def test_the_forecast_takes_the_most_of_what_depends_on_the_incident(declared):
    found = forecast(declared(shares(), '"none", "tenth", "half"'))
    # silence, sorry, and two arms each of at most 4 and 20: 48 over six arms
    assert (round(found.mean_liability, 9), found.dearest) == (8, 20)


def test_what_is_on_a_menu_lasts_from_the_last_day_to_choose(declared):
    menu = (
        '[compensation.pick]\nkind = "choice"\nmenu = ["five", "gift"]\nexpires_days = 10\n'
        '[compensation.five]\nkind = "coupon"\nvalue = "5.00 USD"\nexpires_days = 20\n'
        '[compensation.gift]\nkind = "charity"\nvalue = "3.00 USD"\n'
    )
    experiment = declared(menu, '"none", "pick"')
    found = {name: lasts(experiment, each) for name, each in experiment.compensation.items()}
    hours = {name: each.total_seconds() / 3600 - 1 for name, each in found.items()}
    assert hours == {"pick": 240, "five": 720, "gift": 240}
