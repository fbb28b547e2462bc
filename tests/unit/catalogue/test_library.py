"""The starter library: complete, honest, and what its own lint would pass, in every language."""

from __future__ import annotations

import itertools
from functools import cache
from typing import get_args

import pytest

from apologylab.catalogue.library import cause_named, causes, library_locales, starter, starters
from apologylab.catalogue.locales import language, locales
from apologylab.design.duration import parse_duration
from apologylab.design.remedies import Part
from apologylab.errors import NotFoundError
from apologylab.record.taxonomy import OTHER, Taxonomy
from apologylab.remedy.composing import compose
from apologylab.remedy.lint.linting import lint
from apologylab.remedy.parted import compile_parted
from apologylab.remedy.starter import LEVELS, NAMES

PARTS = get_args(Part)
CAUSES = [each.name for each in causes()]
LOCALES = ("de", "en", "es", "ja", "ko", "lt", "ru")
BOTH = list(itertools.product(CAUSES, LOCALES))
LETTERS = list(itertools.product(LEVELS, [False, True]))
FILLED = {
    "first_name": "Ana",
    "last_name": "Park",
    "minutes_late": 18,
    "minutes_waited": 45,
    "order": "4471",
    "new_date": "8/6",
    "damaged": True,
    "began": "19:10",
    "ended": "22:40",
    "amount": "39.00 EUR",
    "date": "3/5",
}
VALUES = [FILLED, {}, FILLED | {"damaged": False, "minutes_late": 1, "minutes_waited": 1}]


def letter(words, parts, values, *, second=False):
    source = words.fragment(parts, second=second)
    return compose([compiled(source, words.cause.placeholders)], values)


@cache
def compiled(source, placeholders):
    return compile_parted(source, where="library", placeholders=placeholders)


def test_it_covers_what_was_promised():
    assert CAUSES == [
        "late_ride",
        "late_delivery",
        "wrong_or_damaged_item",
        "outage",
        "billing_error",
        "rude_service",
        "long_wait",
    ]
    assert library_locales() == LOCALES


@pytest.mark.parametrize(("cause", "locale"), BOTH)
def test_every_part_has_words_of_its_own(cause, locale):
    words = starter(cause, locale)
    assert set(words.parts) == set(PARTS)
    assert set(words.again) == {"acknowledge", "regret", "notice"}
    texts = [words.subject, words.greeting, *words.parts.values(), *words.again.values()]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_but_a_courtesy_is_said_of_two_causes(locale):
    """Words that fit every failure say nothing of this one."""
    courtesies = {"forgiveness", "thanks"}
    said = [
        text
        for each in starters_in(locale)
        for part, text in each.parts.items()
        if part not in courtesies
    ]
    assert len(set(said)) == len(said)


def starters_in(locale):
    return [starter(cause, locale) for cause in CAUSES]


@pytest.mark.parametrize(("cause", "locale"), BOTH)
def test_each_part_renders_with_and_without_its_placeholders(cause, locale):
    words = starter(cause, locale)
    for part, second, values in itertools.product(PARTS, [False, True], VALUES):
        found = letter(words, [part], values, second=second)
        assert [each.part for each in found.parts] == ["greeting", part]
        assert found.subject
        assert not set("{}%[]") & set(found.text + found.subject)
        assert "  " not in found.text
        assert found.text.endswith((".", "!", "?", "。"))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_value_is_said_where_it_is_known(locale):
    """A text that forgot its placeholder would render just as well."""
    for cause in causes():
        words = starter(cause.name, locale)
        sources = " ".join([words.greeting, words.subject, *words.parts.values()])
        asked = set(cause.placeholders) - set(NAMES)
        assert {name for name in asked if name in sources} == asked


@pytest.mark.parametrize(("cause", "locale"), BOTH)
def test_a_letter_keeps_its_tags_in_the_order_of_its_language(cause, locale):
    words = starter(cause, locale)
    order = language(locale).order
    for level, second in LETTERS:
        found = letter(words, LEVELS[level], FILLED, second=second)
        tags = [each.part for each in found.parts]
        assert tags == ["greeting", *sorted(LEVELS[level], key=order.index)]


@pytest.mark.parametrize(("cause", "locale"), BOTH)
def test_a_letter_passes_the_lint(cause, locale):
    words = starter(cause, locale)
    for (level, second), values in itertools.product(LETTERS, VALUES):
        found = letter(words, LEVELS[level], values, second=second)
        promised = "promise" in LEVELS[level]
        flaws = lint(found.text, language(locale), tagged=found, promised=promised)
        assert not flaws, found.text


@pytest.mark.parametrize(("cause", "locale"), BOTH)
def test_all_parts_together_pass_the_lint(cause, locale):
    words = starter(cause, locale)
    parts = [part for part in PARTS if part != "notice"]
    for values, second in itertools.product(VALUES, [False, True]):
        found = letter(words, parts, values, second=second)
        assert not lint(found.text, language(locale), tagged=found, promised=True), found.text


@pytest.mark.parametrize("locale", LOCALES)
def test_the_notice_of_a_late_promise_passes_the_lint(locale):
    words = starter("late_ride", locale)
    notice = compiled(words.late_notice(), words.cause.placeholders)
    assert set(notice.tags) == {"subject", "greeting", "acknowledge", "regret", "invitation"}
    found = compose([notice], FILLED)
    assert not lint(found.text, language(locale), tagged=found), found.text
    assert str(parse_duration(words.cause.promise.within).days) in found.text


@pytest.mark.parametrize(("cause", "locale"), BOTH)
def test_the_promise_says_until_when_the_commitment_is_due(cause, locale):
    words = starter(cause, locale)
    promise = words.cause.promise
    assert str(parse_duration(promise.within).days) in words.parts["promise"]
    assert parse_duration(promise.notice) < parse_duration(promise.within)


def test_costs_are_those_of_the_parts_and_a_gift_costs_money():
    assert cause_named("late_ride").cost("responsibility") == "status"
    assert cause_named("late_ride").cost("promise") == "commitment"
    assert cause_named("late_ride").cost("repair") == "none"
    assert cause_named("wrong_or_damaged_item").cost("repair") == "money"


def test_a_country_reads_its_language():
    assert starter("outage", "de-AT").parts == starter("outage", "de").parts
    assert [each.locale for each in starters("outage", ("de-AT", "en"))] == ["de-AT", "en"]


def test_the_second_apology_is_another_text():
    for each in starters("late_ride"):
        for part, text in each.again.items():
            assert text != each.parts[part]
            assert each.fragment([part], second=True) != each.fragment([part])


def test_what_it_does_not_have_is_refused_by_name():
    with pytest.raises(NotFoundError, match="no wordings for 'flood'"):
        starter("flood", "en")
    with pytest.raises(NotFoundError, match="no wordings in 'fi'"):
        starter("outage", "fi")


def test_an_amount_is_written_as_the_language_writes_it():
    credited = {each.locale: each.credited("3.50 EUR", 28) for each in starters("outage")}
    assert "3,50 EUR" in credited["de"]
    assert "3.50 EUR" in credited["en"]
    assert all("28" in text and "AMOUNT" not in text for text in credited.values())
    assert not [locale for locale, text in credited.items() if lint(text, language(locale))]


def test_the_lint_has_rules_for_each_language():
    assert set(LOCALES) <= set(locales())


def test_what_there_are_words_for_has_a_cause_in_the_report():
    assert {Taxonomy().cause(each) for each in CAUSES} == {
        "waiting",
        "quality",
        "availability",
        "billing",
        "rudeness",
    }
    assert Taxonomy().cause("meteor") == OTHER
