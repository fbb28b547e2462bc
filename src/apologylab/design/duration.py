"""Durations as a team writes them: ``15min``, ``1h``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta

from apologylab.errors import InputError

SPELLING = r"(0|[1-9][0-9]{0,5})(s|min|h|d)"
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}


def parse_duration(text: str) -> timedelta:
    """Read ``"15min"``.

    >>> parse_duration("15min")
    datetime.timedelta(seconds=900)

    Raises:
        InputError: the text is not a number followed by s, min, h or d.
    """
    found = re.fullmatch(SPELLING, text, re.ASCII)
    if not found:
        raise InputError(f"{text!r} is not a duration", do="write it like 15min, 1h or 2d")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
