"""Unit ids: normalised by a declared rule, then judged, before draw, storage and pseudonym (R8)."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING
from unicodedata import normalize as to_form

from apologylab.errors import UnitIdError

if TYPE_CHECKING:
    from apologylab.design.experiment import NormaliseRule

# 255 characters are at most 1,020 bytes in UTF-8, so R8's bound of 1,024 bytes holds by itself.
LONGEST = 255
_BAD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def normalise(unit: str, rule: NormaliseRule) -> str:
    """The unit id as it is drawn, stored and compared.

    ``exact`` keeps it, ``nfc`` composes it (Unicode NFC), ``nfc_ascii_lower`` also lowers A-Z.
    Spaces count: they are never trimmed.

    >>> normalise("Zoe\\u0308-7", "nfc_ascii_lower")
    'zoë-7'

    Raises:
        UnitIdError: it is not text, is empty or too long, or holds a control character or half a
            surrogate pair.
    """
    if not isinstance(unit, str):
        raise UnitIdError(
            f"unit id {_shown(unit)} is not text", do="pass the id as a string, as it is stored"
        )
    if rule != "exact" and not unit.isascii():
        unit = to_form("NFC", unit)
    if rule == "nfc_ascii_lower":
        unit = unit.translate(_LOWER)
    # Printable ASCII, by far the commonest, has no bad character: this saves the search.
    if 0 < len(unit) <= LONGEST and unit.isascii() and unit.isprintable():
        return unit
    return _judged(unit)


def _judged(unit: str) -> str:
    if not unit:
        raise UnitIdError("the unit id is empty", do="leave the unit out, or find its id")
    if len(unit) > LONGEST:
        raise UnitIdError(
            f"unit id {_shown(unit)} has {len(unit)} characters",
            do=f"at most {LONGEST}: use the customer's key, or a hash of it",
        )
    if bad := _BAD.search(unit):
        raise UnitIdError(
            f"unit id {_shown(unit)} holds U+{ord(bad[0]):04X} at character {bad.start() + 1}",
            do="clean it at its source: no control characters, no half surrogate pairs",
        )
    return unit


def _shown(unit: object) -> str:
    text = ascii(unit)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"
