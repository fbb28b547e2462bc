"""What a declaration may ask for one day: this version says so instead of guessing a typo."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "plan.clusters": "errors clustered above the randomised unit",
    }
)
"""Path of a key -> the work that will bring it."""
WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "allocation.scheme": frozenset({"rerandomisation"}),
    }
)
"""Path of a key, without names and places -> values that are not carried out yet."""
