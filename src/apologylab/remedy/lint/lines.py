"""Where words that were found in a rendered text stand in its source."""

from __future__ import annotations

import re
from typing import Final

LONGEST_SEARCHED: Final = 12
"""Words that are looked for; the more, the surer."""


def line_of(words: str, *sources: str) -> int | None:
    """The line of the first of ``sources`` that has them all, or as many as any has; from 1.

    A value that stands between them ends the search there; None where not even one is found.

    >>> line_of("sorry you feel", "Hello.\\nWe are sorry\\nyou feel so.")
    2
    """
    found = place_of(words, sources)
    return found[1] if found else None


def place_of(words: str, sources: tuple[str, ...]) -> tuple[int, int] | None:
    """As :func:`line_of`, with the number of the source before the line, from 0."""
    parts = [re.escape(word) for word in words.split()[:LONGEST_SEARCHED]]
    for count in range(len(parts), 0, -1):
        wanted = re.compile(r"\s+".join(parts[:count]), re.IGNORECASE)
        for number, source in enumerate(sources):
            if match := wanted.search(source):
                return number, source.count("\n", 0, match.start()) + 1
    return None
