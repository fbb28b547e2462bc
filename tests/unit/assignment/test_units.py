from __future__ import annotations

import pytest

from apologylab.assignment.units import normalise
from apologylab.errors import UnitIdError


@pytest.mark.parametrize(
    ("unit", "rule", "wanted"),
    [
        ("Cafe\u0301", "exact", "Cafe\u0301"),
        ("Cafe\u0301", "nfc", "Caf\u00e9"),
        ("CAFE\u0301", "nfc_ascii_lower", "caf\u00c9"),
        ("\u0130D", "nfc_ascii_lower", "\u0130d"),
        (" 007 ", "nfc_ascii_lower", " 007 "),
        ("x" * 255, "nfc", "x" * 255),
        ("e\u0301" * 255, "nfc", "\u00e9" * 255),
        ("a\u00a0b\u202e", "nfc", "a\u00a0b\u202e"),
    ],
)
def test_an_id_is_normalised_by_its_rule(unit, rule, wanted):
    assert normalise(unit, rule) == wanted


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("", "empty"),
        ("x" * 256, "256 characters"),
        ("a\nb", "U\\+000A at character 2"),
        ("\x7f", "U\\+007F"),
        ("a\x85", "U\\+0085"),
        ("a\ud83d", "U\\+D83D"),
        (7, "7 is not text"),
        (None, "None is not text"),
        (b"abc", "is not text"),
    ],
)
def test_a_bad_id_is_refused_saying_what_and_what_to_do(unit, said):
    with pytest.raises(UnitIdError, match=said) as caught:
        normalise(unit, "nfc")
    assert caught.value.do


def test_a_long_id_is_not_repeated_whole():
    with pytest.raises(UnitIdError) as caught:
        normalise("secret" * 1000, "exact")
    assert len(str(caught.value)) < 200


def test_the_bound_in_bytes_holds_by_itself():
    assert len(normalise("\U0001f600" * 255, "nfc").encode()) <= 1024
