import hashlib

import pytest

from apologylab.design.arms import arms
from apologylab.errors import DeclarationError, InputError
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
