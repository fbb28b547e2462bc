"""Patterns of a locale's rules: regular expressions that no text can make slow.

Every repetition has an upper bound, so a search costs at most a constant for each character. They
are searched in text in lower case with plain quotes, dashes and single spaces
(:mod:`apologylab.remedy.lint.normal`), so a pattern is written without thought of those; curly
apostrophes in it, which TOML's own quotes do not end, are plain ones. ``<name>`` stands for the
words that a file keeps under that name.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_GAP: Final = 80
"""The most that ``{m,n}`` may repeat one character."""
LONGEST_GROUP: Final = 10
"""The most that ``{m,n}`` may repeat a group."""
_TOKEN: Final = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<group>\))?\{(?P<low>\d*)(?P<comma>,)?(?P<high>\d*)\}|(?P<endless>(?<!\()[*+])",
    re.DOTALL,
)
_NAMED: Final = re.compile(r"<([a-z_]+)>")
_ESCAPE_OR_LETTER: Final = re.compile(r"\\.|[^\\]", re.DOTALL)


def compile_pattern(
    source: str, *, where: str, words: Mapping[str, str] = MappingProxyType({})
) -> re.Pattern[str]:
    r"""Compile ``source``, a pattern that stands at ``where``; ``words`` are what it may name.

    >>> bool(compile_pattern(r"sorry (that )?you feel", where="en").search("sorry you feel so"))
    True

    Raises:
        InputError: it is no regular expression, or a repetition in it has no small bound.
    """
    source = spelled(source, words, where=where)
    for token in _TOKEN.finditer(source):
        if token["endless"] or (token["low"] is not None and _is_wide(token)):
            raise InputError(
                f"{where}: {token[0]!r} in {source!r} repeats without a small bound",
                do=f"write {{0,40}}: at most {LONGEST_GAP}, of a group {LONGEST_GROUP}",
            )
    lower = _ESCAPE_OR_LETTER.sub(_lowered, source)
    try:
        found = re.compile(lower)
    except re.error as wrong:
        raise InputError(f"{where}: {source!r}: {wrong}", do="mend the pattern") from None
    if found.search(""):
        raise InputError(f"{where}: {source!r} matches nothing at all", do="name a word in it")
    return found


def spelled(source: str, words: Mapping[str, str], *, where: str) -> str:
    """``source`` with the words that it names in place of their names.

    >>> spelled("<sorry> if", {"sorry": "sorry|regret"}, where="en")
    '(?:sorry|regret) if'

    Raises:
        InputError: it names words that are not there.
    """

    def word(found: re.Match[str]) -> str:
        if found[1] not in words:
            raise InputError(
                f"{where}: {found[0]} in {source!r} names no words",
                do=f"known are {', '.join(words) or 'none'}",
            )
        return f"(?:{words[found[1]]})"

    return _NAMED.sub(word, source).replace("\u2019", "'")


def _is_wide(token: re.Match[str]) -> bool:
    high = token["high"] if token["comma"] else token["low"]
    return not high or int(high) > (LONGEST_GROUP if token["group"] else LONGEST_GAP)


def _lowered(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("\\") else found[0].lower()
