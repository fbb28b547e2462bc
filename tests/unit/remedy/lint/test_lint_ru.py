"""Wider families of the Russian rules: each rule's own, good ones near them, and five fresh rounds."""

from pathlib import Path

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

FRESH = Path(__file__).parent / "fresh"
FLAWED = [
    ("passive_evasion", "Извините за ситуацию."),
    ("passive_evasion", "Произошёл сбой в программе."),
    ("manipulation", "Спасибо, что выбираете нас."),
    ("needless_handover", "Наши специалисты уже занимаются вопросом."),
    ("unkeepable_promise", "Постараемся впредь быть внимательнее."),
    ("about_us", "Наш ресторан 15 лет дорожит репутацией."),
    ("blames_feelings", "Грустно читать такой отзыв."),
    ("blames_customer", "Курьер приезжал, но вас не было."),
    ("arguing", "Мы ведь уже извинились."),
    ("refusal_without_offer", "Предоплата не возвращается."),
]
FINE = [
    "Мы перезвоним вам до 18:00.",
    "Простите за ситуацию: мы дважды списали оплату, это наша ошибка.",
    "Вы опоздали на пересадку из-за нашей задержки. Простите нас.",
    "Спасибо за терпение. Мы отключили связь по ошибке.",
    "Предоплата не возвращается, но её можно перенести на другую дату.",
    "Обмен займёт всего пару минут.",
]


def written(kind):
    """The wordings of the five rounds (docs/lint.md has what the first look at them gave)."""
    return (FRESH / f"ru.{kind}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("rule", "text"), FLAWED)
def test_a_true_positive_of_the_wider_rules(rule, text):
    assert rule in {flaw.rule for flaw in lint(text, language("ru"))}


@pytest.mark.parametrize("text", FINE)
def test_a_good_wording_near_them_is_clean(text):
    assert [str(flaw) for flaw in lint(text, language("ru"))] == []


def test_what_got_past_in_the_rounds_does_so_no_more():
    missed = [text for text in written("bad") if not lint(text, language("ru"))]
    assert missed == []
    assert len(written("bad")) > 100


def test_the_good_ones_of_the_rounds_are_clean():
    flagged = {text: lint(text, language("ru")) for text in written("good")}
    assert {text: flaws for text, flaws in flagged.items() if flaws} == {}
    assert len(flagged) > 80
