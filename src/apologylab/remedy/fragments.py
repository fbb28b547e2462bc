"""Where the fragments of messages stand; light, because the hooks' path reads declarations.

Beside fragments a catalogue brings what else shapes a text, under factors that no declaration can
name: the order of parts that a locale expects, and the brand's terms and tone. Both are pinned with
the fragments, so that neither a new release nor an edited file changes a text that runs (R6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Fragments = Mapping[tuple[str, str, str], str]
"""(factor, level, locale) -> source."""
ORDER: Final = ".order"
"""(ORDER, "", locale) -> the names of parts in the order that the locale expects, by spaces."""
BRAND: Final = ".brand"
"""(BRAND, "", locale) -> the brand's file, as JSON."""


def place(factor: str, level: str, locale: str) -> str:
    """The file of a fragment, seen from the experiment's folder.

    >>> place("wording", "basic", "en")
    'messages/wording/basic.en.txt'
    """
    return f"messages/{factor}/{level}.{locale}.txt"


def settings(fragments: Fragments, of: str) -> dict[str, str]:
    """Locale -> source of what is no fragment: ``ORDER`` or ``BRAND``.

    >>> settings({(ORDER, "", "de"): "regret repair", ("wording", "a", "de"): "x"}, ORDER)
    {'de': 'regret repair'}
    """
    return {key[2]: source for key, source in fragments.items() if key[:2] == (of, "")}


def texts(fragments: Fragments) -> dict[tuple[str, str, str], str]:
    """The fragments alone.

    >>> texts({(ORDER, "", "de"): "regret repair"})
    {}
    """
    return {key: source for key, source in fragments.items() if key[1]}
