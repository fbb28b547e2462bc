"""A brand's words: what it does to texts, and what it finds in them."""

import pytest

from apologylab.design.brand import Avoided, Brand
from apologylab.remedy.brands import (
    Applied,
    applied,
    brand_source,
    only_applied,
    read_brands,
    slips,
)
from apologylab.remedy.fragments import BRAND

BRAND_OF_RIDES = Brand(
    use={"ride": ("trip", "journey*")},
    avoid=(Avoided(term="inconvenience*", why="it is nobody's", instead="the wait"),),
    replace={"acme": "ACME"},
    formality="you",
    signature="Your ACME team",
)


def test_a_brand_is_read_as_it_was_written():
    assert read_brands({(BRAND, "", "en"): brand_source(BRAND_OF_RIDES)}) == {"en": BRAND_OF_RIDES}


def test_only_what_changes_texts_is_pinned():
    kept = only_applied(brand_source(BRAND_OF_RIDES))
    assert applied(kept) == applied(brand_source(BRAND_OF_RIDES))
    assert "inconvenience" not in kept
    assert only_applied(brand_source(Brand(formality="du"))) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("your acme ride", "your ACME ride"),
        ("Acme and acmes stay", "Acme and acmes stay"),
        ("acme's, (acme)", "ACME's, (ACME)"),
    ],
)
def test_a_term_is_replaced_as_a_whole_word_in_its_case(text, said):
    assert applied(brand_source(BRAND_OF_RIDES)).amend(text) == said


def test_the_longest_term_wins_and_nothing_is_replaced_twice():
    brand = Applied(replace={"our app": "Acme", "app": "programme", "Acme": "no"})
    assert brand.amend("In our\n app, not an app.") == "In Acme, not an programme."


def test_what_a_brand_writes_is_plain_text():
    found = applied(brand_source(Brand(replace={"we": "{{ x }}"}, signature="<b>Acme</b>\x1e")))
    assert found.amend("we") == "(( x ))"
    assert found.signature == "‹b›Acme‹/b›"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[regret]\nSorry for the\ntrip.", [(3, "trip", "'ride'")]),
        ("Your Journeys.", [(1, "Journeys", "'ride'")]),
        ("Sorry for any Inconveniences.", [(1, "Inconveniences", "'the wait'")]),
        ("A tripod, {{ trip }}{% if trip %}, no{% endif %}.", []),
        ("[regret]\nA ride.", []),
    ],
)
def test_terms_are_found_with_their_line(text, found):
    slipped = [(each.line, each.found) for each in slips(text, BRAND_OF_RIDES)]
    assert slipped == [(line, words) for line, words, _ in found]
    assert all(
        do in each.do for (_, _, do), each in zip(found, slips(text, BRAND_OF_RIDES), strict=True)
    )


def test_what_the_brand_replaces_by_itself_is_no_slip():
    brand = Brand(use={"ride": ("trip",)}, replace={"trip": "ride"})
    assert list(slips("Your trip.", brand)) == []


def test_words_of_scripts_without_spaces_are_found_within_others():
    brand = Brand(avoid=(Avoided(term="ご迷惑", why="x"), Avoided(term="불편", why="x")))
    assert [each.found for each in slips("大変ご迷惑をおかけし、불편을", brand)] == [
        "ご迷惑",
        "불편",
    ]


def test_two_words_are_one_term_across_a_line_break():
    brand = Brand(avoid=(Avoided(term="our policy", why="it is a shield"),))
    assert [each.line for each in slips("By our\npolicy, no.", brand)] == [1]
