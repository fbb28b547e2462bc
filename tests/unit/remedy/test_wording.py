import hashlib

import pytest

from apologylab.design.arms import arms
from apologylab.errors import DeclarationError, InputError
from apologylab.remedy.fragments import BRAND, ORDER
from apologylab.remedy.letter import opened
from apologylab.remedy.wording import Wording, choose_locale, said_levels


@pytest.fixture
def experiment(loop):
    return loop.Declared().experiment(loop.NAME)


@pytest.fixture
def wording(loop, experiment):
    return Wording(experiment, loop.FRAGMENTS)


VALUES = {"first_name": "Jo", "minutes_late": 12}


@pytest.mark.parametrize(
    ("arm", "locale", "nth", "text"),
    [
        ("sorry+usd5@1h", "en", 1, "Jo, sorry: 12 minutes late.\n\nHere are 5 dollars."),
        ("sorry+none@1h", "lt", 1, "Jo, atsiprašome: vėlavome 12 min."),
        ("none+usd5@1h", "en", 1, "Here are 5 dollars."),
        ("none+usd5@1h", "en", 2, "Here are 5 dollars more."),
    ],
)
def test_a_text_is_its_levels_fragments_in_the_declared_order(wording, arm, locale, nth, text):
    pinned = wording.text(arm, locale, VALUES, nth=nth)
    assert pinned.text == text
    assert pinned.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_order_is_the_declarations(loop):
    declared = loop.Declared().change(
        'order = ["wording", "coupon"]', 'order = ["coupon", "wording"]'
    )
    experiment = declared.experiment(loop.NAME)
    (both,) = (each for each in arms(experiment) if each.name == "sorry+usd5@1h")
    assert said_levels(experiment, both) == (("coupon", "usd5"), ("wording", "sorry"))


def test_silence_says_nothing(wording):
    assert not wording.speaks("silence")
    assert wording.speaks("none+usd5@1h")
    with pytest.raises(InputError, match="0 characters"):
        wording.text("silence", "en", {})


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [("lt", "lt"), ("LT_lt", "lt"), ("de", "en"), (None, "en"), (7, "en"), ("", "en")],
)
def test_the_first_locale_is_the_default(asked, chosen):
    assert choose_locale(asked, ("en", "lt")) == chosen


def test_two_texts_differ_in_every_arm_and_a_third_does_not(loop, experiment, wording):
    assert wording.texts() == 2
    fragments = {key: text for key, text in loop.FRAGMENTS.items() if key[1] != "usd5.2"}
    assert Wording(experiment, fragments).texts() == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"minutes_late": 12}, None),
        ({"minutes_late": 12, "first_name": "  "}, None),
        ({"first_name": "Jo"}, "minutes_late is missing"),
        ({"minutes_late": ""}, "minutes_late is missing"),
        ({"minutes_late": [1]}, "minutes_late is neither"),
        ({"minutes_late": 12, "first_name": "x" * 201}, "first_name is longer"),
        ({"minutes_late": 12, "first_name": {}}, "first_name is neither"),
    ],
)
def test_what_the_texts_lack(wording, values, why):
    found = wording.lacking("en", values)
    assert (found is None) if why is None else (why in found)


def test_equal_values_of_other_types_are_other_texts(loop, experiment):
    fragments = {**loop.FRAGMENTS, ("wording", "sorry", "en"): "{{ minutes_late }}"}
    wording = Wording(experiment, fragments)
    texts = [
        wording.text("sorry+none@1h", "en", {"minutes_late": value}).text
        for value in (1, True, 1.0, "1")
    ]
    assert texts == ["1", "True", "1.0", "1"]


def test_every_missing_fragment_is_reported(loop, experiment):
    fragments = {key: text for key, text in loop.FRAGMENTS.items() if key[2] != "lt"}
    with pytest.raises(DeclarationError) as missing:
        Wording(experiment, fragments)
    assert [each.path for each in missing.value.findings] == [
        "messages/coupon/usd5.lt.txt",
        "messages/wording/sorry.lt.txt",
    ]


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("de-CH", "lt"),
        ("de", "en"),
        ("de-AT", "en"),
        ("DE_ch", "lt"),
        ("fr", None),
        ("fr-CA", None),
        ("ja", "lt"),
        ("en-GB", "en"),
        (None, "en"),
    ],
)
def test_a_missing_locale_falls_back_as_declared(asked, chosen):
    fallback = {"de-CH": ("it", "lt"), "de": ("en",), "fr": (), "*": ("lt",)}
    assert choose_locale(asked, ("en", "lt"), fallback) == chosen


SENDER = '[sender.ann]\nkind = "person"\nname = "Ann Low"\n'
SIGNED = {("sender", "ann", locale): "Ann Low" for locale in ("en", "lt")}


def signed(loop):
    declared = loop.Declared().change(
        'coupon = ["none", "usd5"]\n', 'coupon = ["none", "usd5"]\nsender = ["none", "ann"]\n'
    )
    declared.text += SENDER
    return declared.experiment(loop.NAME)


def test_who_sends_signs_last_whatever_is_said(loop):
    wording = Wording(signed(loop), {**loop.FRAGMENTS, **SIGNED})
    said = wording.text("sorry+usd5+ann@1h", "en", VALUES)
    assert said.text.endswith("Here are 5 dollars.\n\nAnn Low")
    assert said.letter.parts[-1].part == "closing"
    unsigned = wording.text("sorry+usd5+none@1h", "en", VALUES)
    assert said.text == f"{unsigned.text}\n\nAnn Low"


def test_a_sender_without_a_text_is_missing(loop):
    with pytest.raises(DeclarationError) as missing:
        Wording(signed(loop), loop.FRAGMENTS)
    assert {each.path for each in missing.value.findings} == {
        "messages/sender/ann.en.txt",
        "messages/sender/ann.lt.txt",
    }


def test_what_is_given_without_a_word_is_not_said(loop):
    declared = loop.Declared().change('coupon = ["none", "usd5"]', 'coupon = ["none", "quiet"]')
    declared.change("[compensation.usd5]", "[compensation.quiet]\ntold = false")
    declared.change('order = ["wording", "coupon"]', 'order = ["wording"]')
    fragments = {key: text for key, text in loop.FRAGMENTS.items() if key[0] == "wording"}
    wording = Wording(declared.experiment(loop.NAME), fragments)
    assert not wording.speaks("none+quiet@1h")
    both, words = (wording.text(f"sorry+{level}@1h", "en", VALUES) for level in ("quiet", "none"))
    assert both == words


TAGGED = {
    ("wording", "sorry", "en"): "[subject]\nLate\n[acknowledge]\nacme was late.\n[regret]\nSorry.",
    ("wording", "sorry", "lt"): "[acknowledge]\nVėlavome.\n[regret]\nAtsiprašome.",
}


def test_the_order_and_the_brand_come_with_the_fragments(loop, experiment):
    fragments = {**loop.FRAGMENTS, **TAGGED, (ORDER, "", "en"): "regret acknowledge"}
    fragments[BRAND, "", "en"] = '{"replace": {"acme": "ACME"}, "signature": "Yours"}'
    wording = Wording(experiment, fragments)
    english = wording.text("sorry+none@1h", "en", VALUES)
    assert english.text == "Sorry. ACME was late.\n\nYours"
    assert english.letter.subject == "Late"
    assert wording.text("sorry+none@1h", "lt", VALUES).text == "Vėlavome. Atsiprašome."


def test_the_hash_is_of_what_is_stored(loop, experiment):
    wording = Wording(experiment, {**loop.FRAGMENTS, **TAGGED})
    pinned = wording.text("sorry+usd5@1h", "en", VALUES)
    assert pinned.sha256 == hashlib.sha256(pinned.body.encode()).hexdigest()
    assert opened(pinned.body) == pinned.letter
    assert pinned.body != pinned.text
