"""Pseudonyms: a keyed hash that is the customer's id at every door (R8).

``ps1_`` and the first 40 hex digits of HMAC-SHA-256 over ``apologylab/pseudonym/1|`` and the id's
UTF-8 bytes, the id in Unicode's form NFC. Who has the key computes the same; who has not learns
nothing, not even by trying all ids.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from apologylab.assignment.units import normalise
from apologylab.errors import ConfigError

SHORTEST_KEY = 32
_DOMAIN = b"apologylab/pseudonym/1|"
_PSEUDONYM = re.compile(r"ps1_[0-9a-f]{40}", re.ASCII)


def pseudonym(unit: str, key: str) -> str:
    """The pseudonym of ``unit``; one that is a pseudonym already stays, so no door hashes twice.

    >>> pseudonym("customer-17", "k" * 32)
    'ps1_6c5aa6fdf8b1207769b9ad78a1b7aa75ff4da629'
    >>> pseudonym(pseudonym("customer-17", "k" * 32), "another key")
    'ps1_6c5aa6fdf8b1207769b9ad78a1b7aa75ff4da629'

    Raises:
        UnitIdError: it cannot be an id.
    """
    clear = normalise(unit, "nfc")
    if is_pseudonym(clear):
        return clear
    return (
        "ps1_" + hmac.new(key.encode(), _DOMAIN + clear.encode(), hashlib.sha256).hexdigest()[:40]
    )


def is_pseudonym(unit: str) -> bool:
    """Whether ``unit`` is written as a pseudonym is.

    >>> is_pseudonym("ps1_" + "0" * 40), is_pseudonym("customer-17")
    (True, False)
    """
    return _PSEUDONYM.fullmatch(unit) is not None


def fingerprint(key: str) -> str:
    """What a ledger may store of a key, to know it again.

    >>> len(fingerprint("k" * 32))
    16

    Raises:
        ConfigError: the key is so short that it could be guessed from this.
    """
    if len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"the key of pseudonyms has {len(key)} characters",
            do=f"make one of at least {SHORTEST_KEY}: `openssl rand -hex 32`",
        )
    return hashlib.sha256(b"apologylab/pseudonym-key/1|" + key.encode()).hexdigest()[:16]
