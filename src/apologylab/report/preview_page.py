"""The page that legal and brand read before a start: every arm in every language, side by side."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from apologylab.report.cards import cards, cards_beside
from apologylab.report.page import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.report.cards import BesideCard, Card
    from apologylab.service.linted import Judge
    from apologylab.service.preview import Preview
    from apologylab.service.sign_off import Standing

    Listed = tuple[str, tuple[Card, ...], tuple[BesideCard, ...]]
    """A locale, its cards, and what is said in it beside them."""

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
    listed: list[Listed] = [
        (locale, cards(preview, locale, judge), cards_beside(preview, locale, judge))
        for locale in experiment.messages.locales
    ]
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
            findings=sum(len(flaws) for flaws in _flaws(listed)),
        )
    )


def _flaws(listed: Iterable[Listed]) -> Iterator[Sequence[Flaw]]:
    for _, found, beside in listed:
        yield from (card.flaws for card in found)
        yield from (card.flaws for card in beside)
