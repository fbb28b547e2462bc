"""What a compensation gives to one incident: exact minor units, rounding, bounds, markets (R14)."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apologylab.design.arms import arms
from apologylab.design.faces import in_own, most, written
from apologylab.errors import InputError
from apologylab.remedy.amounts import priced, term, unfit
from apologylab.remedy.compensation import given as given_at_most
from apologylab.remedy.compensation import given_to
from apologylab.remedy.terms import read_terms, written_terms
from apologylab.wire.declaration import read

USD5 = '[compensation.usd5]\nkind = "coupon"\nvalue = "5.00 USD"\nexpires_days = 14\n'
MARKETS = """
[markets]
field = "country"
rates = { EUR = 1.085, JPY = 0.0067, KWD = 3.25 }
"""


@pytest.fixture
def declared(loop):
    def with_given(gift, more="", level="usd5"):
        text = loop.DECLARATION.replace(USD5, gift).replace('"usd5"]', f'"{level}"]')
        return read(text.replace("[otherwise]", f"{more}\n[otherwise]", 1), where="test")

    return with_given


def share(**changed):
    keys = {"kind": '"credit"', "share": 0.1, "of": '"fare"', "at_most": '"8.00 USD"'} | changed
    lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
    return "\n".join(["[compensation.usd5]", *lines, ""])


def amount(experiment, **fields):
    return term(experiment, "usd5", fields)[0].amount


@pytest.mark.parametrize(
    ("keys", "fare", "gives"),
    [
        ({}, 1_250, 125),
        ({}, 1_255, 126),  # 125.5: half up
        ({}, 1_254, 125),
        ({"rounding": '"up"'}, 1_251, 126),
        ({"rounding": '"down"'}, 1_259, 125),
        ({"round_to": '"0.50 USD"'}, 1_250, 150),  # 1.25 lies between 1.00 and 1.50: half up
        ({"round_to": '"0.50 USD"', "rounding": '"down"'}, 1_499, 100),
        ({"at_least": '"2.00 USD"'}, 1_250, 200),
        ({}, 1_000_000, 800),
        ({"share": 0.29}, 100, 29),  # 0.29 * 100 is 28.999999999999996 in floats
        ({"share": 1.1}, 3, 3),
    ],
)
def test_a_share_is_exact_and_rounded_as_declared(declared, keys, fare, gives):
    assert amount(declared(share(**keys)), fare=fare) == gives


@given(
    st.integers(1, 10**9),
    st.decimals("0.001", "3", places=3),
    st.sampled_from(["up", "down", "nearest"]),
    st.integers(1, 500),
)
def test_rounding_is_that_of_decimal_arithmetic(loop, fare, part, rounding, step):
    """Held against the decimal module's own rounding, a second opinion."""
    modes = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_UP}
    gift = share(
        share=f"{part}", rounding=f'"{rounding}"', at_most='"99999999.00 USD"', kind='"credit"',
        round_to=f'"{step / 100:.2f} USD"',
    )  # fmt: skip
    text = loop.DECLARATION.replace(USD5, gift).replace("5000.00", "99999999999.00")
    experiment = read(text, where="test")
    exact = Decimal(fare) * part / step
    expected = min(int(exact.to_integral_value(modes[rounding])) * step, 9_999_999_900)
    if expected == 0:
        with pytest.raises(InputError, match="is nothing"):
            amount(experiment, fare=fare)
    else:
        assert amount(experiment, fare=fare) == expected


def test_a_refund_never_gives_back_more_than_was_paid(declared):
    gift = share(kind='"refund"', share=1.0, at_least='"5.00 USD"', at_most='"50.00 USD"')
    assert amount(declared(gift), fare=300) == 300
    assert amount(declared(gift), fare=70_00) == 50_00


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "fare is missing"),
        ({"fare": -1}, "fare is negative: -1"),
        ({"fare": 10**12}, "fare is absurd"),
        ({"fare": 12.5}, "fare is 12.5"),
        ({"fare": True}, "fare is True"),
        ({"fare": "1250"}, "fare is '1250'"),
        ({"fare": 1250, "currency": "EUR"}, "fare is in EUR"),
        ({"fare": 0}, "a share of fare = 0 is nothing"),
    ],
)
def test_a_field_that_cannot_be_money_keeps_the_incident_out(declared, fields, why):
    assert unfit(declared(share()), fields).startswith(f"compensation.usd5: {why}")


def test_a_plain_coupon_asks_nothing_of_an_incident(loop):
    assert unfit(loop.Declared().experiment(loop.NAME), {}) is None


def test_each_market_has_its_currency_and_exponent(declared):
    gift = (
        '[compensation.usd5]\nkind = "coupon"\n'
        'by_market = { US = "5.00 USD", DE = "4.50 EUR", JP = "700 JPY", KW = "1.500 KWD" }\n'
    )
    experiment = declared(gift, MARKETS)
    found = {each: term(experiment, "usd5", {"country": each}) for each in ("US", "DE", "JP", "KW")}
    assert {name: (each.amount, code) for name, (each, code) in found.items()} == {
        "US": (500, "USD"), "DE": (450, "EUR"), "JP": (700, "JPY"), "KW": (1_500, "KWD"),
    }  # fmt: skip
    # 4.50 EUR x 1.085 = 4.8825 USD; 700 JPY x 0.0067 = 4.69; 1.500 KWD x 3.25 = 4.875: rounded up
    charges = {name: each.charge for name, (each, _) in found.items()}
    assert charges == {"US": 500, "DE": 489, "JP": 469, "KW": 488}
    assert most(experiment, "usd5").minor == 500
    assert "country is 'FR'" in unfit(experiment, {"country": "FR"})
    assert "country is missing" in unfit(experiment, {})


def test_a_share_in_a_market_is_capped_in_its_currency(declared):
    gift = share(at_most=None, by_market='{ US = "8.00 USD", JP = "900 JPY" }')
    experiment = declared(gift, MARKETS)
    assert amount(experiment, country="JP", fare=5_005, currency="JPY") == 501
    assert amount(experiment, country="JP", fare=90_000) == 900
    assert "fare is in USD" in unfit(experiment, {"country": "JP", "fare": 100, "currency": "USD"})
    assert most(experiment, "usd5").minor == 800


@pytest.mark.parametrize(
    ("minor", "currency", "own"), [(1, "JPY", 1), (1_000, "JPY", 670), (1, "KWD", 1), (0, "EUR", 0)]
)
def test_what_is_charged_is_rounded_up(declared, minor, currency, own):
    experiment = declared(USD5, MARKETS)
    assert in_own(experiment, minor, currency) == own


def test_a_rate_is_what_was_written_and_no_binary_fraction():
    assert written(0.1) * 3 == written(0.3)


MENU = """
[compensation.pick]
kind = "choice"
menu = ["five", "give", "back"]
expires_days = 10
unchosen = "give"
[compensation.five]
kind = "coupon"
value = "5.00 USD"
expires_days = 30
minimum_basket = "15.00 USD"
[compensation.give]
kind = "charity"
value = "3.00 USD"
[compensation.back]
kind = "refund"
share = 0.5
of = "fare"
at_most = "9.00 USD"
"""


def test_a_menu_holds_room_for_its_dearest(declared):
    experiment = declared(MENU, level="pick")
    (arm,) = (each for each in arms(experiment) if each.name == "none+pick@1h")
    assert given_at_most(experiment, arm)[:5] == ("pick", 900, "USD", 10, 900)
    found = given_to(experiment, arm, {"fare": 1_000})
    assert (found.amount, found.charge) == (500, 500)
    assert {name: each.amount for name, each in found.terms.menu.items()} == {
        "five": 500, "give": 300, "back": 500,
    }  # fmt: skip
    assert (found.terms.menu["five"].basket, found.terms.menu["give"].at_once) == (1_500, True)
    assert read_terms(written_terms(found.terms)) == found.terms


def test_a_plain_coupon_writes_no_terms_down(loop):
    experiment = loop.Declared().experiment(loop.NAME)
    (arm,) = (each for each in arms(experiment) if each.name == "none+usd5@1h")
    assert given_to(experiment, arm, {}) == ("usd5", 500, "USD", 14, 500, None)


def test_a_price_may_be_in_the_currency_that_is_said():
    assert priced({"fare": 5, "currency": "JPY"}, "fare", "JPY") == 5
