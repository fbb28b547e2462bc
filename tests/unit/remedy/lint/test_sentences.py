import pytest

from apologylab.remedy.lint.normal import normal
from apologylab.remedy.lint.sentences import sentences


def cut(text, **settings):
    return [each.lower for each in sentences(normal(text), **settings)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sorry. We were late.", ["sorry.", "we were late."]),
        ("sorry about that. your refund is here", ["sorry about that.", "your refund is here"]),
        ("You paid 3.50 too much. Sorry!", ["you paid 3.50 too much.", "sorry!"]),
        ("Mr. Lee and Dr. No came, e.g. today.", ["mr. lee and dr. no came, e.g. today."]),
        ("It came at 5 p.m. and was cold.", ["it came at 5 p.m. and was cold."]),
        ("It came at 5 p.m. We are sorry.", ["it came at 5 p.m.", "we are sorry."]),
        ("J. Smith called. It was I. Sorry.", ["j. smith called.", "it was i.", "sorry."]),
        ("Well... we were late… Sorry.", ["well... we were late…", "sorry."]),
        ('"Why?" you asked. "No!" We know.', ['"why?" you asked.', '"no!"', "we know."]),
        ("Dear Ana,\nwe are sorry", ["dear ana, we are sorry"]),
        ("Dear Ana,\nWe are sorry", ["dear ana,", "we are sorry"]),
        ("We are sorry for the\nlong wait. Bye", ["we are sorry for the long wait.", "bye"]),
        ("First\n\nsecond", ["first", "second"]),
        ("1. We called.\n2. We wrote.\n- done", ["1. we called.", "2. we wrote.", "- done"]),
        ("すみません。本当に！「はい。」と言う", ["すみません。", "本当に！", "「はい。」", "と言う"]),
        ("Мы опоздали. Простите, т.е. это мы.", ["мы опоздали.", "простите, т.е. это мы."]),
        ("늦어서 죄송합니다. 환불했습니다.", ["늦어서 죄송합니다.", "환불했습니다."]),
        ("Sorry!😀 We are late.", ["sorry!😀", "we are late."]),
        ("  \n ", []),
    ],
)  # fmt: skip
def test_a_text_is_cut_where_its_sentences_end(text, expected):
    assert cut(text) == expected


def test_a_language_brings_its_abbreviations_and_ordinals():
    german = "Am 3. Mai kam z. B. Ihr Paket Nr. 7. Das tut uns leid."
    assert cut(german, abbreviations=frozenset({"nr"}), ordinals=True) == [
        "am 3. mai kam z. b. ihr paket nr. 7. das tut uns leid."
    ]
    assert cut("Nr. 7 kam. Gut.", abbreviations=frozenset({"nr"})) == ["nr. 7 kam.", "gut."]
    assert cut("Nr. 7 kam. Gut.") == ["nr.", "7 kam.", "gut."]


@pytest.mark.parametrize("text", ["." * 8000, "a" * 8000, "\n" * 8000, "a. " * 2600, "!?" * 4000])
def test_nothing_of_a_text_is_lost(text):
    found = normal(text)
    kept = "".join(each.lower for each in sentences(found))
    assert kept.replace(" ", "") == found.lower.replace(" ", "").replace("\n", "")


def test_rules_read_plain_signs_at_the_places_of_the_text():
    given = "We don’t  –\u00a0„so\u00adrry“ cafe\u0301 \u1100\u1161"
    found = normal(given)
    assert found.text == 'We don\'t - "sorry" caf\u00e9 \uac00'
    for words, original in (
        ("sorry", "so\u00adrry"),
        ("caf\u00e9", "cafe\u0301"),
        ("\uac00", "\u1100\u1161"),
    ):
        start = found.text.index(words)
        begin, end = found.place(start, start + len(words))
        assert given[begin:end] == original
    assert len(found.text) == len(found.lower) == len(found.begins) == len(found.ends)
    assert len(normal("İstanbul").lower) == len("İstanbul")
