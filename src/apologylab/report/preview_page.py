"""The page that legal and brand read before a start: every arm in every language, side by side."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from apologylab.report.cards import cards
from apologylab.report.page import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.report.cards import Judge
    from apologylab.service.preview import Preview
    from apologylab.service.sign_off import Standing

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "it": "Italiano",
        "ja": "日本語", "ko": "한국어", "lt": "Lietuvių", "lv": "Latviešu", "pl": "Polski",
        "pt": "Português", "ru": "Русский", "uk": "Українська", "nl": "Nederlands",
    }
)  # fmt: skip
"""Locale -> what its language calls itself."""


def preview_page(preview: Preview, judge: Judge, stands: Standing | None) -> str:
    """The page as HTML, with everything in it escaped; it needs no network and no script.

    Args:
        preview: what each arm says and gives.
        judge: finds the flaws of a letter in a locale.
        stands: who has signed these words off; None where nobody must.
    """
    experiment = preview.experiment
    listed = [(locale, cards(preview, locale, judge)) for locale in experiment.messages.locales]
    return (
        environment()
        .get_template("preview.html.j2")
        .render(
            experiment=experiment,
            preview=preview,
            locales=listed,
            names=LANGUAGES,
            arms=len(preview.of(experiment.messages.locales[0])),
            stands=stands,
            findings=sum(len(card.flaws) for _, found in listed for card in found),
        )
    )
