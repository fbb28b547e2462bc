import time
import tomllib

import pytest

from apologylab.catalogue import locales
from apologylab.errors import InputError, NotFoundError
from apologylab.remedy.lint.language import read_language
from apologylab.remedy.lint.linting import lint
from apologylab.remedy.lint.names import CUES, LEXICAL, STRUCTURAL
from apologylab.remedy.lint.pattern import compile_pattern

RULE = {
    "name": "minimises", "severity": "warning", "patterns": ["only"], "why": "w", "better": "b",
}  # fmt: skip
SECONDS = 3.0
"""For 8,000 hostile characters; a quiet machine needs a tenth of it."""


def language(**tables):
    return read_language({"locale": "en", **tables}, where="x.toml")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"colour": "red"}, "x.toml: colour is unknown"),
        ({"cues": []}, "x.toml: cues is unknown or of the wrong type"),
        ({"cues": {"joy": ["x"]}}, "'joy' is unknown"),
        ({"cues": {"regret": [3]}}, "3 is no text"),
        ({"reading": {"pages": 3}}, "'pages' is unknown"),
        ({"order": ["regret", "poem"]}, "'poem' is unknown"),
        ({"better": {"poem": "x"}}, "'poem' is unknown"),
        ({"rule": [RULE | {"name": "poem"}]}, "rule 1 .poem.: name 'poem' is unknown"),
        ({"rule": [RULE | {"severity": "fatal"}]}, "'fatal' is unknown"),
        ({"rule": [RULE | {"scope": "word"}]}, "'word' is unknown"),
        ({"rule": [RULE | {"colour": "red"}]}, "'colour' is unknown"),
        ({"rule": [RULE | {"patterns": []}]}, "patterns is missing"),
        ({"rule": [RULE | {"why": ""}]}, "why is missing"),
        ({"rule": [RULE, RULE | {"patterns": ["("]}]}, "rule 2 .minimises.: patterns: '.'"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_place(tables, message):
    with pytest.raises(InputError, match=message):
        language(**tables)


@pytest.mark.parametrize(
    "pattern",
    ["a*", "a+", "(a+)+$", ".*", "a{2,}", "a{0,81}", "(?:ab){0,11}", "[ab]+", r"\w+x", "x*+", "{,}a"],
)  # fmt: skip
def test_a_pattern_that_could_be_slow_is_refused(pattern):
    with pytest.raises(InputError, match="without a small bound"):
        compile_pattern(pattern, where="en")


@pytest.mark.parametrize(
    "pattern", [r"\+1", r"[*+]", r"\*", ".{0,80}x", r"\w{1,20}", "(?:ab){0,10}c", "a{3}"]
)
def test_a_bounded_pattern_is_compiled(pattern):
    assert compile_pattern(pattern, where="en").pattern


def test_a_pattern_that_matches_nothing_or_names_no_words_is_refused():
    with pytest.raises(InputError, match="matches nothing at all"):
        compile_pattern("a?", where="en")
    with pytest.raises(InputError, match=r"<sory> in .* names no words: known are sorry"):
        language(words={"sorry": "sorry|regret"}, cues={"regret": ["<sory>"]})


def test_patterns_share_words_and_need_no_care_for_capitals_and_quotes():
    found = language(
        words={"sorry": "sorry|regret", "very": "very <sorry>"},
        rule=[RULE | {"patterns": ["<very>", "DON’T"]}],
    )
    assert [f.words for f in lint("We are VERY  Regret. We don't.", found)] == [
        "VERY  Regret",
        "don't",
    ]


def test_unless_and_given_silence_a_rule():
    rule = RULE | {"unless": ["not only"], "unless_text": ["never mind"], "given_text": ["late"]}
    found = language(rule=[rule])
    assert [f.words for f in lint("It was only late.", found)] == ["only"]
    assert not lint("It was not only late.", found)
    assert not lint("It was only that.", found)
    assert not lint("It was only late. Never mind.", found)
    by_text = language(rule=[RULE | {"scope": "text", "patterns": ["late.{0,9}only"]}])
    assert [f.words for f in lint("Late.\n\nOnly so.", by_text)] == ["Late.\n\nOnly"]


@pytest.mark.parametrize("locale", locales.locales())
def test_every_file_of_the_package_is_whole(locale):
    found = locales.language(locale)
    assert found.locale == locale
    assert set(found.cues) <= set(CUES)
    assert {"regret", "responsibility", "explanation", "money", "refusal", "offer"} <= set(
        found.cues
    )
    named = {rule.name for rule in found.rules}
    wanted = set(LEXICAL) - {"no_regret"}
    assert wanted <= named, wanted - named
    assert set(STRUCTURAL) - {"order", "formality"} <= set(found.better)
    assert found.reading.get("words") or found.reading.get("characters")
    assert all(rule.why.strip() and rule.better.strip() for rule in found.rules)


@pytest.mark.parametrize("locale", locales.locales())
def test_no_better_example_is_itself_flagged(locale):
    found = locales.language(locale)
    examples = {rule.better for rule in found.rules if "{" not in rule.better}
    flawed = {
        each: [str(f) for f in lint(each, found) if f.rule != "excuse_first"] for each in examples
    }
    assert {each: flaws for each, flaws in flawed.items() if flaws} == {}


HOSTILE = [
    "a" * 8000, "sorry if " * 890, "you should have " * 500, "(" * 8000, "sorry.. " * 1000,
    "we are sorry, but " * 440, "your " * 1600, "the wrong item " * 530, "\u3042" * 8000,
    "verspätung " * 720, "nicht " * 1300, "извините если " * 570, "죄송 " * 2600, " " * 8000,
]  # fmt: skip


@pytest.mark.parametrize("locale", locales.locales())
def test_no_text_makes_the_lint_slow(locale):
    found, slow = locales.language(locale), {}
    for text in HOSTILE:
        begun = time.process_time()
        lint(text[:8000], found)
        taken = time.process_time() - begun
        if taken > SECONDS:
            slow[text[:20]] = taken
    assert slow == {}


def test_a_country_has_the_rules_of_its_language():
    assert locales.language("en-GB") is not None
    assert locales.language("en_US").locale == "en"
    assert set(locales.languages(["en", "xx", "de-CH"])) == {"en", "de-CH"}
    with pytest.raises(NotFoundError, match="no rules of wordings for the locale 'xx'"):
        locales.language("xx")


def test_the_files_are_part_of_the_package(root):
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert "**/*.toml" in settings["tool"]["setuptools"]["package-data"]["apologylab"]
    files = {file.stem for file in (root / "src/apologylab/catalogue/locales").glob("*.toml")}
    assert files == set(locales.locales()) >= {"en", "ko", "ru", "lt", "de", "ja", "es"}
