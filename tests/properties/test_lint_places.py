"""Whatever is typed: the lint ends, points at words of the text, and says the same twice."""

from hypothesis import given
from hypothesis import strategies as st

from apologylab.catalogue.locales import language, locales
from apologylab.remedy.lint.linting import lint
from apologylab.remedy.lint.normal import normal

WORDS = [
    "sorry", "if", "you", "were", "offended", "Mistakes", "made", "never", "again", "We", "don’t",
    "{{ x }}", "Dear", ",", ".", "!", "…", "\n", "\n\n", "\u00ad", "cafe\u0301", "죄송합니다", "。",
    "申し訳ございません", "извините", "Entschuldigung", "atsiprašome", "lo sentimos", "si", "🙏", "İ", "ß",
    "\ud83d", "\x00", "(", ")", "$", "100%", "only", "a", "few", "minutes",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=30).map(" ".join)


@given(TEXTS)
def test_every_character_has_its_place(text):
    found = normal(text)
    assert len(found.text) == len(found.lower) == len(found.begins) == len(found.ends)
    assert list(found.begins) == sorted(found.begins)
    assert all(
        0 <= start < end <= len(text) for start, end in zip(found.begins, found.ends, strict=True)
    )
    assert normal(found.text).text == found.text


@given(st.sampled_from(locales()), TEXTS)
def test_findings_stand_at_their_words_and_do_not_change(locale, text):
    rules = language(locale)
    found = lint(text, rules)
    assert all(text[each.start : each.end] == each.words and each.words for each in found)
    assert len({(each.rule, each.start) for each in found}) == len(found)
    assert found == lint(text, rules)
