"""What a declaration may ask for one day: this version says so instead of guessing a typo."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Later(NamedTuple):
    """The work that will bring a key, and what to do until then."""

    work: str
    do: str


KEYS: Mapping[str, Later] = MappingProxyType(
    {
        "plan.clusters": Later(
            "errors clustered above the randomised unit",
            'delete it; by_cause in plan.estimators, such as "by_cause(column=agent)", is an '
            "interval whose errors cluster by agent, or by cause",
        ),
    }
)
"""Path of a key -> the work that will bring it."""
WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "allocation.scheme": frozenset({"rerandomisation"}),
    }
)
"""Path of a key, without names and places -> values that are not carried out yet."""
