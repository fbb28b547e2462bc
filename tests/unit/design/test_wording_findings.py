"""Rules about what is said, by whom and through what: one edit, the path it is reported at."""

import pytest

from apologylab.design.arms import arms, factor_order
from apologylab.design.carriers import carried
from apologylab.errors import DeclarationError
from apologylab.wire.declaration import check, read

SAID = '[wording.sorry]\nparts = ["regret", "promise"]\n'
PROMISE = 'promise = { what = "a call", keeper = "care", within = "2d" }\n'
SENDERS = (
    '[sender.ann]\nkind = "person"\nname = "Ann Low"\naddress = "ann@shop.example"\n'
    '[sender.shop]\nkind = "brand"\nname = "The Shop"\n'
)
CREDIT = (
    '[compensation.quiet]\nkind = "credit"\nvalue = "5.00 USD"\nexpires_days = 14\ntold = false\n'
)


def declared(loop, *edits, more=""):
    text = loop.DECLARATION
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text + more


def paths(text):
    return [(each.path, each.severity) for each in check(text, where="x")]


FACTORS = 'coupon = ["none", "usd5"]\n'
WITH_SENDER = (FACTORS, FACTORS + 'sender = ["ann", "shop"]\n')
WITH_CHANNEL = (FACTORS, FACTORS + 'channel = ["email", "sms"]\n')
WITH_CREDIT = (FACTORS, 'coupon = ["none", "usd5", "quiet"]\n')


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (SAID + PROMISE, []),
        (SAID, ["wording.sorry.parts"]),
        (SAID.replace(', "promise"', "") + PROMISE, ["wording.sorry.promise"]),
        (SAID + PROMISE + 'costs = { promise = "none" }\n', []),
        (SAID + PROMISE + 'costs = { repair = "effort" }\n', ["wording.sorry.costs.repair"]),
        (SAID.replace("sorry", "sory") + PROMISE, ["wording.sory"]),
        (SAID.replace("sorry", "usd5") + PROMISE, ["wording.usd5"]),
        (SAID.replace("sorry", "none") + PROMISE, ["wording.none"]),
        (SAID.replace("sorry", '"1h"') + PROMISE, ["wording.1h"]),
        (SAID.replace("sorry", "ann") + PROMISE, ["wording.ann"]),
    ],
)
def test_what_a_wording_says(loop, more, wrong):
    assert paths(declared(loop, more=more)) == [(path, "error") for path in wrong]


def test_a_level_of_two_factors_says_nothing_certain(loop):
    two = (FACTORS, FACTORS + 'repair = ["none", "sorry"]\n')
    order = ('order = ["wording", "coupon"]', 'order = ["wording", "coupon", "repair"]')
    found = check(declared(loop, two, order, more=SAID + PROMISE), where="x")
    (one,) = (each for each in found if each.path == "wording.sorry")
    assert one.what == "is a level of repair and wording"


@pytest.mark.parametrize(
    ("edits", "more", "wrong"),
    [
        ((WITH_SENDER,), SENDERS, []),
        ((WITH_CHANNEL,), "", []),
        ((), SENDERS, ["sender.ann", "sender.shop"]),
        ((WITH_SENDER,), SENDERS.replace("ann]", "anna]"), ["factors.sender", "sender.anna"]),
        (((FACTORS, FACTORS + 'channel = ["none", "sms"]\n'),), "", ["factors.channel[0]"]),
        (((FACTORS, FACTORS + 'channel = ["usd5", "sms"]\n'),), "", ["factors.channel[0]"]),
        ((WITH_SENDER, ('order = ["wording", "coupon"]', 'order = ["wording", "coupon", "sender"]')),
         SENDERS, ["messages.order[2]"]),
        ((('order = ["wording", "coupon"]', 'order = ["wording"]'),), "", ["messages.order"]),
    ],
)  # fmt: skip
def test_senders_and_channels(loop, edits, more, wrong):
    found = [
        path for path, severity in paths(declared(loop, *edits, more=more)) if severity == "error"
    ]
    for path in wrong:
        assert path in found
    assert wrong or not found


def test_a_cell_that_only_differs_in_who_speaks_is_silence(loop):
    text = declared(loop, WITH_SENDER, more=SENDERS)
    experiment = read(text, where="x")
    assert factor_order(experiment) == ("wording", "coupon", "sender", "timing")
    assert [arm.name for arm in arms(experiment)] == [
        "silence",
        "none+usd5+ann@1h", "none+usd5+shop@1h",
        "sorry+none+ann@1h", "sorry+none+shop@1h",
        "sorry+usd5+ann@1h", "sorry+usd5+shop@1h",
    ]  # fmt: skip


def test_each_arm_has_its_sender_and_channel(loop):
    both = (FACTORS, FACTORS + 'channel = ["email", "sms"]\nsender = ["none", "ann"]\n')
    found = carried(
        read(declared(loop, both, more=SENDERS.split("[sender.shop]", maxsplit=1)[0]), where="x")
    )
    assert found["silence"] == (None, None)
    assert found["sorry+none+ann+sms@1h"] == ("sms", "Ann Low <ann@shop.example>")
    assert found["sorry+none+none+email@1h"] == ("email", None)


def test_what_nobody_can_tell_apart_is_a_warning(loop):
    text = declared(loop, (FACTORS, WITH_CREDIT[1] + 'sender = ["ann", "shop"]\n'),
                    more=SENDERS + CREDIT)  # fmt: skip
    (one,) = (each for each in check(text, where="x") if each.severity == "warning")
    assert one.what.startswith("draws none+quiet+ann@1h and none+quiet+shop@1h, which say nothing")
    weighed = text.replace(
        "[budget]", '[allocation]\nweights = { "*" = 1, "none+quiet+ann@1h" = 0 }\n[budget]'
    )
    assert not [each for each in check(weighed, where="x") if "which say nothing" in each.what]


@pytest.mark.parametrize(
    ("fallback", "wrong"),
    [
        ('{ de = ["lt"], "*" = [] }', []),
        ('{ de = ["fr"] }', ["messages.fallback.de[0]"]),
        ('{ lt = ["en"] }', ["messages.fallback.lt"]),
    ],
)
def test_a_locale_falls_back_to_one_with_texts(loop, fallback, wrong):
    text = declared(
        loop, ('locales = ["en", "lt"]', f'locales = ["en", "lt"]\nfallback = {fallback}')
    )
    assert paths(text) == [(path, "error") for path in wrong]


def test_a_language_without_a_name_is_refused(loop):
    text = declared(loop, ('locales = ["en", "lt"]', 'locales = ["en"]\nfallback = { "**" = [] }'))
    with pytest.raises(DeclarationError, match="fallback"):
        read(text, where="x")


def test_no_level_is_called_as_a_later_text_of_another(loop):
    edit = ('wording = ["none", "sorry"]', 'wording = ["none", "sorry", "sorry.2"]')
    assert ("factors.wording[2]", "error") in paths(declared(loop, edit))


def test_effort_is_in_the_currency_of_the_rest(loop):
    more = '[wording.sorry]\nparts = ["regret"]\neffort = "0.50 EUR"\n'
    assert ("wording.sorry.effort", "error") in paths(declared(loop, more=more))
