"""The rules by name: one list for all languages."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from apologylab.design.remedies import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.remedy.lint.flaw import Severity

LEXICAL: Final = (
    "blames_feelings",
    "conditional_apology",
    "passive_evasion",
    "policy_shield",
    "blames_customer",
    "blames_third_party",
    "minimises",
    "unkeepable_promise",
    "grovelling",
    "manipulation",
    "arguing",
    "needless_handover",
    "no_regret",
)
"""Rules that are patterns alone, in the locale's file."""


class Structural(NamedTuple):
    """A rule over what the sentences of a text do: how grave it is, and why it matters."""

    severity: Severity
    why: str


STRUCTURAL: Final[Mapping[str, Structural]] = MappingProxyType(
    {
        "excuse_first": Structural(
            "warning", "a reason before the regret reads as an excuse: say sorry, then why"
        ),
        "money_first": Structural(
            "warning", "money before we own the failure reads as a price for silence"
        ),
        "refusal_without_offer": Structural(
            "warning", "a refusal alone ends the talk: say what we can do"
        ),
        "about_us": Structural("warning", "it speaks of us far more than of the customer"),
        "reading_level": Structural("warning", "it is hard to read on a telephone in a bad hour"),
        "length": Structural("warning", "it is longer than anybody reads"),
        "empty_placeholder": Structural("error", "a placeholder is left empty or unfilled"),
        "formality": Structural("warning", "it does not address the customer as it should"),
        "order": Structural(
            "warning", "its parts stand in another order than the language expects"
        ),
        "responsibility_without_fault": Structural(
            "error", "it takes responsibility for incidents that may not be the company's fault"
        ),
    }
)
"""Rules that are code over cues; a locale's file may add patterns to them."""
OF_ARMS: Final = ("parts_differ", "arms_differ", "repeated_text", "brand_term")
"""Rules about an experiment's arms and brand, which no single text can break."""
NAMES: Final = frozenset((*LEXICAL, *STRUCTURAL, *OF_ARMS))
CUES: Final = (*get_args(Part), "money", "refusal", "offer", "us", "customer")
"""What a sentence does or speaks of, known by its words."""
READING: Final = (
    "words_per_sentence",
    "words",
    "characters_per_sentence",
    "characters",
    "us_at_least",
    "us_share",
    "long_word_letters",
    "long_words_share",
)
"""Limits that a locale's file may set: of length; how often we may speak of us, from how many words
on and as a share of the words for us and the customer; and which share of the words may be long."""
