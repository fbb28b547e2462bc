"""The stratum of an incident: its fields as one text that people can read (R3).

``country=US,tier=gold``. A missing field is a value of its own, written ``?``; what would make the
text ambiguous (``\\``, ``,``, a lone ``?``) or hard to read (control characters) is escaped.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MISSING = "?"
LONGEST_BYTES = 500
"""A longer text is named by its hash: databases cannot index any length."""
_LEVEL = re.compile(r"(?:\\.|[^\\,])+")
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_ESCAPES = {ord("\\"): "\\\\", ord(","): "\\,"} | {code: f"\\x{code:02x}" for code in _CONTROLS}


def stratum(fields: Mapping[str, object], names: Sequence[str]) -> str:
    """The stratum that ``fields`` make of the fields ``names``; empty where there are no names.

    >>> stratum({"country": "US", "tier": None}, ("country", "tier"))
    'country=US,tier=?'
    """
    return bounded(",".join(levels(fields, names)))


def levels(fields: Mapping[str, object], names: Sequence[str]) -> tuple[str, ...]:
    """Each field with its value.

    >>> levels({"country": "US", "vip": True}, ("country", "vip"))
    ('country=US', 'vip=true')
    """
    return tuple(bounded(f"{name}={_written(fields.get(name))}") for name in names)


def split(stratum: str) -> tuple[str, ...]:
    """The levels that a stratum was made of, where it is not a hash.

    >>> split("country=US,tier=a\\\\,b")
    ('country=US', 'tier=a\\\\,b')
    """
    return tuple(_LEVEL.findall(stratum))


def bounded(text: str) -> str:
    """``text``, or where it is long a hash of it that no short text equals."""
    body = text.encode()
    return text if len(body) <= LONGEST_BYTES else f"#{sha256(body).hexdigest()}"


def spelt(value: object) -> str | None:
    """A field's value as text: 7, 7.0 and "7" are one; None where it is missing.

    >>> spelt(7.0), spelt("7"), spelt(True), spelt(None)
    ('7', '7', 'true', None)
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return normalize("NFC", str(value))
    return json.dumps(value, ensure_ascii=False, default=str)


def _written(value: object) -> str:
    text = spelt(value)
    if text is None:
        return MISSING
    return "\\?" if text == MISSING else text.translate(_ESCAPES)
