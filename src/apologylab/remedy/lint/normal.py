"""Text as rules read it: composed, in plain signs, and each character with its place.

Curly quotes, long dashes and odd spaces are written in many ways; a rule shall not depend on the
keyboard. What a reader cannot see (soft hyphens, joiners of no width) is left out.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from unicodedata import normalize

_MARKS: Final = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f"
_HIDDEN: Final = "\u00ad\u200b\u2060\ufeff\u200e\u200f"
_CLUSTER: Final = re.compile(
    rf"[\s{_HIDDEN}]+|[\u1100-\u11ff]+|.[{_MARKS}\u1160-\u11ff]*", re.DOTALL
)
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)


class Normal(NamedTuple):
    """``text`` as rules read it and ``lower`` the same without capitals, as long.

    ``begins`` and ``ends``: where each of its characters stands in the text that was given.
    """

    text: str
    lower: str
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]``, which is not empty, stands in the text that was given."""
        return self.begins[start], self.ends[end - 1]


def normal(given: str) -> Normal:
    """``given`` as rules read it.

    >>> found = normal("We don\\u2019t  know \\u2013 yet")
    >>> found.text, found.place(9, 13)
    ("We don't know - yet", (10, 14))
    """
    letters, begins, ends = [], [], []
    for cluster in _CLUSTER.finditer(given):
        for letter in _plain(cluster[0]):
            letters.append(letter)
            begins.append(cluster.start())
            ends.append(cluster.end())
    text = "".join(letters)
    return Normal(text, "".join(map(_lower, letters)), tuple(begins), tuple(ends))


def _plain(cluster: str) -> str:
    if cluster[0].isspace() or cluster[0] in _HIDDEN:
        return _space(cluster)
    return normalize("NFC", cluster).translate(_PLAIN)


def _space(cluster: str) -> str:
    """One space, line break or paragraph for a run of them; nothing for what is hidden alone."""
    if "\n" in cluster:
        return "\n\n" if cluster.count("\n") > 1 else "\n"
    return " " if any(map(str.isspace, cluster)) else ""


def _lower(letter: str) -> str:
    lower = letter.lower()
    return lower if len(lower) == 1 else letter
