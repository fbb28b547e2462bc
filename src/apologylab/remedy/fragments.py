"""Where the fragments of messages stand; light, because the hooks' path reads declarations."""

from __future__ import annotations


def place(factor: str, level: str, locale: str) -> str:
    """The file of a fragment, seen from the experiment's folder.

    >>> place("wording", "basic", "en")
    'messages/wording/basic.en.txt'
    """
    return f"messages/{factor}/{level}.{locale}.txt"
