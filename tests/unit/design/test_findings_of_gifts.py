"""What each kind of compensation needs, and what makes no sense of it: found, with its place."""

import pytest

from apologylab.wire.declaration import examine

USD5 = '[compensation.usd5]\nkind = "coupon"\nvalue = "5.00 USD"\nexpires_days = 14\n'
MARKETS = '[markets]\nfield = "country"\nrates = { EUR = 1.1 }\n'
MENU = """[compensation.usd5]
kind = "choice"
menu = ["a", "b"]
expires_days = 9
[compensation.a]
kind = "coupon"
value = "1.00 USD"
[compensation.b]
kind = "charity"
value = "2.00 USD"
"""


@pytest.fixture
def found(loop):
    """Path -> what is wrong, of a declaration that gives ``gift`` in the place of its coupon."""

    def look(gift, more="", change=("", "")):
        text = loop.DECLARATION.replace(USD5, gift).replace(*change)
        _, all_found = examine(text.replace("[otherwise]", f"{more}[otherwise]", 1))
        return {each.path: each.what for each in all_found if each.severity == "error"}

    return look


def gift(kind, keys):
    return f'[compensation.usd5]\nkind = "{kind}"\n{keys}\n'


SHARE = 'share = 0.5\nof = "fare"\nat_most = "9.00 USD"'
SOUND = [
    gift("coupon", 'value = "5.00 USD"\nminimum_basket = "10.00 USD"'),
    gift("credit", SHARE + '\nround_to = "0.50 USD"\nat_least = "1.00 USD"'),
    gift("refund", 'share = 1.0\nof = "fare"\nat_most = "90.00 USD"'),
    gift("fee_waiver", 'value = "2.00 USD"'),
    gift("replacement", 'value = "9.00 USD"\ncost_share = 0.4'),
    gift("exchange", 'value = "9.00 USD"\nexpires_days = 30'),
    gift("upgrade", 'value = "9.00 USD"\nexpires_days = 30'),
    gift("points", 'value = "2.50 USD"\npoints = 500'),
    gift("charity", 'value = "3.00 USD"'),
    MENU,
]


@pytest.mark.parametrize("sound", SOUND, ids=lambda text: text.split('"')[1])
def test_every_kind_can_be_declared(found, sound):
    assert found(sound) == {}


@pytest.mark.parametrize(
    ("kind", "keys", "place", "what"),
    [
        ("coupon", "", "value", "is missing"),
        ("coupon", 'value = "5.00 USD"\n' + SHARE, "share", "says again what it is worth"),
        ("coupon", 'value = "5.00 USD"\nof = "fare"', "of", "is of a share"),
        ("coupon", 'value = "5.00 USD"\nat_most = "6.00 USD"', "at_most", "is of a share"),
        ("credit", 'share = 0.1\nat_most = "9.00 USD"', "of", "is missing"),
        ("credit", 'share = 0.1\nof = "fare"', "at_most", "is missing"),
        ("refund", SHARE.replace("0.5", "1.5"), "share", "gives back more than was paid"),
        ("credit", SHARE + '\nround_to = "10.00 USD"', "round_to", "is more than at_most"),
        ("credit", SHARE + '\nat_least = "9.50 USD"', "at_least", "is more than at_most"),
        ("points", 'value = "5.00 USD"', "points", "is missing"),
        ("points", "points = 5\n" + SHARE, "share", "worth the same to everybody"),
        ("coupon", 'value = "5.00 USD"\npoints = 5', "points", "is of kind points"),
        ("refund", SHARE + "\nexpires_days = 9", "expires_days", "makes no sense of a refund"),
        ("replacement", 'value = "5.00 USD"\nexpires_days = 9', "expires_days", "makes no sense"),
        ("charity", 'value = "5.00 USD"\nexpires_days = 9', "expires_days", "makes no sense"),
        ("refund", SHARE + '\nminimum_basket = "9.00 USD"', "minimum_basket", "no order uses"),
        ("coupon", 'value = "5.00 USD"\nmenu = ["a", "b"]', "menu", "is of kind choice"),
        ("coupon", 'value = "5.00 USD"\nunchosen = "a"', "unchosen", "is of kind choice"),
        ("coupon", 'value = "5 JPY"', "value", "amounts here are in USD"),
        ("credit", SHARE.replace("9.00 USD", "900 JPY"), "at_most", "amounts here are in USD"),
        ("coupon", 'value = "5.00 JPY"', "value", "2 decimals"),
        ("coupon", 'value = "5.0000 KWD"', "value", "4 decimals"),
        ("coupon", 'value = "-5.00 USD"', "value", "is out of range"),
        ("coupon", 'value = "9000.00 USD"', "value", "is dearer than budget.total"),
        ("credit", SHARE.replace("9.00", "9000.00"), "at_most", "is dearer than budget.total"),
    ],
)
def test_what_makes_no_sense_of_a_kind_is_found(found, kind, keys, place, what):
    all_found = found(gift(kind, keys))
    assert what in all_found.get(f"compensation.usd5.{place}", ""), all_found


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ('["a", "b"]', '["a"]', "menu", "has 1 entries"),
        ('["a", "b"]', '["a", "b", "c"]', "menu[2]", "is not declared"),
        ('["a", "b"]', '["a", "b", "usd5"]', "menu[2]", "is a choice itself"),
        ("expires_days = 9", "", "expires_days", "until when can the customer choose?"),
        ("expires_days = 9", 'expires_days = 9\nunchosen = "c"', "unchosen", "is not on the menu"),
        ("expires_days = 9", 'expires_days = 9\nvalue = "5.00 USD"', "value", "of a choice"),
        ("expires_days = 9", "expires_days = 9\ncost_share = 0.5", "cost_share", "of a choice"),
    ],
)
def test_what_makes_no_sense_of_a_choice_is_found(found, old, new, place, what):
    all_found = found(MENU.replace(old, new))
    assert what in all_found.get(f"compensation.usd5.{place}", ""), all_found


def test_a_choice_stands_alone_in_its_arm(found):
    more = '[compensation.more]\nkind = "credit"\nvalue = "1.00 USD"\n'
    change = ('coupon = ["none", "usd5"]', 'coupon = ["none", "usd5"]\ncredit = ["none", "more"]')
    said = found(MENU + more, change=change)["compensation.usd5.kind"]
    assert "a choice stands alone" in said


BY_MARKET = 'by_market = { US = "5.00 USD", DE = "4.50 EUR" }'


@pytest.mark.parametrize(
    ("keys", "more", "path", "what"),
    [
        (BY_MARKET, "", "markets", "is missing"),
        (BY_MARKET.replace("EUR", "GBP"), MARKETS, "compensation.usd5.by_market.DE", "in GBP"),
        (BY_MARKET, MARKETS.replace("EUR = 1.1", "EUR = 1.1, USD = 1"), "markets.rates.USD", "own"),
        (BY_MARKET, MARKETS.replace("EUR = 1.1", "EUR = 1.1, euro = 1"), "markets.rates.euro", "no"),
        (
            BY_MARKET + '\nshare = 0.5\nof = "fare"\nround_to = "0.50 USD"', MARKETS,
            "compensation.usd5.round_to", "in one currency",
        ),
        (BY_MARKET + '\nvalue = "5.00 USD"', MARKETS, "compensation.usd5.by_market", "says again"),
    ],
)  # fmt: skip
def test_markets_are_whole(found, keys, more, path, what):
    all_found = found(gift("coupon", keys), more)
    assert what in all_found.get(path, ""), all_found


def test_markets_are_sound(found):
    assert found(gift("coupon", BY_MARKET + "\nexpires_days = 9"), MARKETS) == {}
    share = BY_MARKET + '\nshare = 0.5\nof = "fare"'
    assert found(gift("refund", share), MARKETS) == {}


@pytest.mark.parametrize(
    ("countries", "path", "what"),
    [
        ('["US", "DE", "FR"]', "compensation.usd5.by_market", "nobody there could be drawn"),
        ('["US"]', "compensation.usd5.by_market.DE", "is no market"),
        ('["DE", "US"]', None, None),
    ],
)
def test_every_admitted_market_has_a_value(found, countries, path, what):
    where = ("[repeats]", f"[incident.where]\ncountry = {countries}\n[repeats]")
    all_found = found(gift("coupon", BY_MARKET), MARKETS, where)
    assert {key: what in said for key, said in all_found.items()} == ({path: True} if path else {})


def test_a_share_under_markets_has_a_cap_in_each(found):
    said = found(gift("credit", SHARE), MARKETS)
    assert "orders in several currencies" in said["compensation.usd5.by_market"]


def test_what_is_given_together_is_in_one_currency(found):
    more = '[compensation.more]\nkind = "credit"\nvalue = "1.00 USD"\nexpires_days = 9\n'
    change = ('coupon = ["none", "usd5"]', 'coupon = ["none", "usd5"]\ncredit = ["none", "more"]')
    said = found(gift("coupon", BY_MARKET) + more, MARKETS, change)
    assert "2 currencies in some market" in said["compensation.usd5.by_market"]


def test_nothing_waits_for_approval_where_the_caller_gives(loop, found):
    limit = ("[budget]", '[budget]\napprove_above = "4.00 USD"')
    assert found(USD5, change=limit) == {}
    text = loop.DECLARATION.replace(*limit).replace("hold_seconds = 60", 'by = "caller"')
    _, all_found = examine(text)
    (said,) = (each.what for each in all_found if each.path == "budget.approve_above")
    assert "holds nothing back" in said


def test_a_price_that_nothing_is_relative_to_is_refused(loop):
    text = loop.DECLARATION.replace(USD5, "").replace('coupon = ["none", "usd5"]\n', "")
    text = text.replace('order = ["wording", "coupon"]', 'order = ["wording"]')
    text = text.replace('kind = "late_ride"\n', 'kind = "late_ride"\nprice = "fare"\n')
    _, all_found = examine(text)
    assert "incident.price" in {each.path for each in all_found}


def test_one_code_is_issued_for_one_gift(found):
    """Whoever got two would hold a code that nobody issued; so would who chooses one later."""
    coupon = gift("coupon", 'value = "5.00 USD"\nissuer = "shop"')
    assert found(coupon) == {}
    bonus = '[compensation.bonus]\nkind = "points"\npoints = 5\nvalue = "1.00 USD"\n'
    both = ("[factors]\n", '[factors]\nextra = ["none", "bonus"]\n')
    together = found(coupon + bonus, change=both)["compensation.usd5.issuer"]
    assert "together with bonus" in together
    menu = MENU.replace('value = "1.00 USD"', 'value = "1.00 USD"\nissuer = "shop"')
    assert "chosen from afterwards" in found(menu)["compensation.a.issuer"]
