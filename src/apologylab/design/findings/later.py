"""What a declaration may ask for one day: this version says so instead of guessing a typo."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "plan.clusters": "errors clustered above the randomised unit",
        "sign_off": "sign-off before start",
    }
)
"""Path of a key -> the work that will bring it."""
WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "allocation.scheme": frozenset({"rerandomisation"}),
        "delivery.channel": frozenset({"email", "sms", "push", "webhook", "agent"}),
        "compensation.kind": frozenset({"refund", "replacement", "points", "fee_waiver"}),
    }
)
"""Path of a key, without names and places -> values that are not carried out yet."""
