"""Letters of tagged parts, whatever the data, the texts, the order and the brand."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apologylab.errors import DeclarationError, InputError
from apologylab.record.facts import Started
from apologylab.remedy.composing import compose
from apologylab.remedy.fragments import BRAND, ORDER
from apologylab.remedy.letter import Letter, Spoken, opened, stored
from apologylab.remedy.parted import compile_parted
from apologylab.remedy.tags import FRAME, PARTS
from apologylab.remedy.wording import Wording
from apologylab.service.running import load
from apologylab.service.start import start

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)
HOSTILE = st.sampled_from(
    ["{{ name }}", "{% if %}", "[subject]\nInjected", "\r\nBcc: all@x", "\x1eapologylab.letter/1\n{}",
     "<script>", "\u202eevil", "]\n[regret]\nno", "', '", "\u2028[closing]"]
)  # fmt: skip
NAMES = st.one_of(ANY_TEXT, HOSTILE)
WORDS = [
    "We are sorry.",
    "It was our mistake.",
    "مرحبا، نعتذر",
    "אנחנו מצטערים.",
    "申し訳ございません。",
    "💐 {{ name }}",
]
TAGS = [*PARTS, *FRAME]
SECTION = st.tuples(st.sampled_from(TAGS), st.sampled_from(WORDS), st.booleans())
SECTIONS = st.lists(SECTION, min_size=1, max_size=6, unique_by=lambda each: each[0])


def source(sections):
    return "".join(
        f"{'' if joins else chr(10)}[{tag}]\n{words}\n" for tag, words, joins in sections
    )


def compiled(*texts):
    return [compile_parted(source(each), where="f", placeholders=("name",)) for each in texts]


@given(st.lists(SECTIONS, min_size=1, max_size=3), NAMES, st.permutations(PARTS), st.booleans())
def test_a_letter_says_what_its_parts_say_and_nothing_from_data_shapes_it(
    texts, name, order, arranged
):
    values = {"name": name} if name.strip() else {"name": "Jo"}
    letter = compose(compiled(*texts), values, order=order if arranged else ())
    assert opened(stored(letter)) == letter
    assert not set(letter.text + (letter.subject or "")) & set("{}<>\x00\x1b\x1e\r\u202e\u2028")
    assert "\n" not in (letter.subject or "")
    assert unicodedata.is_normalized("NFC", letter.text)
    said = [each.part for each in letter.parts]
    assert all(said.count(tag) <= 1 for tag in FRAME)
    assert "subject" not in said
    assert "greeting" not in said[1:]
    assert "closing" not in said[:-1]
    wanted = {tag for text in texts for tag, _, _ in text if tag not in FRAME}
    assert {part for part in said if part not in FRAME} == wanted
    if arranged:
        inner = [order.index(part) for part in said if part not in FRAME]
        assert inner == sorted(inner)


@given(st.lists(SECTIONS, min_size=1, max_size=3), st.permutations(PARTS))
def test_an_order_moves_parts_and_loses_none(texts, order):
    plain = compose(compiled(*texts), {"name": "Jo"})
    moved = compose(compiled(*texts), {"name": "Jo"}, order=order)
    assert sorted((p.part, p.text) for p in plain.parts) == sorted(
        (p.part, p.text) for p in moved.parts
    )
    assert [p.joins for p in plain.parts] == [p.joins for p in moved.parts]


@given(st.sampled_from(["مرحبا", "שלום", "👩‍👩‍👧", "Ž̌", "नमस्ते", "각"]))
def test_letters_of_every_script_survive_from_data_and_from_texts(name):
    composed = unicodedata.normalize("NFC", name)
    letter = compose(compiled([("regret", f"{name} {{{{ name }}}}", False)]), {"name": name})
    assert letter.text == f"{composed} {composed}"


@given(st.lists(st.tuples(st.sampled_from([None, *PARTS]), ANY_TEXT, st.booleans()), max_size=5),
       st.one_of(st.none(), ANY_TEXT))  # fmt: skip
def test_what_is_stored_is_read_again(parts, subject):
    clean = [
        Spoken(tag, text.replace("\ud800", ""), joins and tag is not None)
        for tag, text, joins in parts
        if not any("\ud800" <= character <= "\udfff" or character == "\x1e" for character in text)
    ]
    letter = Letter(tuple(clean), subject)
    found = opened(stored(letter))
    assert (found.text, found.subject) == (letter.text, letter.subject)


CODE = [
    "{% for x in name %}{% endfor %}", "{% set x = 1 %}", "{% include 'x' %}", "{% import 'x' as y %}",
    "{% macro f() %}{% endmacro %}", "{% extends 'x' %}", "{% block b %}{% endblock %}",
    "{% call f() %}{% endcall %}", "{% filter upper %}x{% endfilter %}", "{% raw %}{{ x }}{% endraw %}",
    "{% with %}{% endwith %}", "{% autoescape true %}{% endautoescape %}", "{{ name.__class__ }}",
    "{{ name['x'] }}", "{{ name() }}", "{{ [1] }}", "{{ {'a': 1} }}", "{{ 1 + 1 }}", "{{ name ~ name }}",
    "{{ name|map('x') }}", "{{ name|attr('x') }}", "{{ name|default(other) }}", "{{ self }}",
    "{{ lipsum }}", "{{ range(9) }}", "{{ name is defined }}", "{{ name if name else 1 }}",
    "{{ loop }}", "{{ cycler }}", "{% do name %}", "{% trans %}x{% endtrans %}", "{{ name", "{% if",
]  # fmt: skip


@pytest.mark.parametrize("code", CODE)
@settings(max_examples=10)
@given(st.sampled_from(PARTS), st.sampled_from(WORDS), st.booleans())
def test_code_is_refused_in_any_part(code, tag, words, before):
    """Beyond placeholders, filters on the list and `if`."""
    text = f"[{tag}]\n{code} {words}\n" if before else f"[{tag}]\n{words} {code}\n"
    with pytest.raises(InputError):
        compile_parted(text, where="f", placeholders=("name",))


@pytest.fixture
def dressed(loop):
    """An experiment whose texts have tags, a brand and an order."""
    declared = loop.Declared()
    declared.messages = {
        **loop.FRAGMENTS,
        (
            "wording",
            "sorry",
            "en",
        ): "[subject]\nLate\n[acknowledge]\n{{ minutes_late }} late, acme.\n[regret]\nSorry.",
        ("wording", "sorry.2", "en"): "[subject]\nLate\n[acknowledge]\n{{ minutes_late }} again.\n"
        "[regret]\nSorry.",
        (ORDER, "", "en"): "regret acknowledge",
        (BRAND, "", "en"): json.dumps({"replace": {"acme": "ACME"}, "signature": "Yours"}),
    }
    return declared


VALUES = {"first_name": "Jo", "minutes_late": 12}


def test_a_pinned_version_says_the_same_bytes_for_ever(ledger, loop, dressed):
    """What the ledger holds is all that a text is made of: files may change, and rules too."""
    start(ledger, dressed, loop.NAME, now=loop.START)
    experiment = dressed.experiment(loop.NAME)
    expected = Wording(experiment, dressed.messages).text("sorry+usd5@1h", "en", VALUES)
    assert expected.letter.subject == "Late"
    assert expected.text == "Sorry. 12 late, ACME.\n\nHere are 5 dollars.\n\nYours"
    dressed.messages[ORDER, "", "en"] = "acknowledge regret"
    dressed.messages[BRAND, "", "en"] = json.dumps({"replace": {"acme": "other"}})
    for _ in range(2):
        assert load(ledger, experiment).wording.text("sorry+usd5@1h", "en", VALUES) == expected
    (pinned,) = ledger.read(Started)
    assert {place for place in pinned.messages if place.startswith(".")} == {
        ".brand//en",
        ".order//en",
    }


def test_another_order_in_a_later_release_is_no_edit(ledger, loop, dressed):
    start(ledger, dressed, loop.NAME, now=loop.START)
    dressed.messages[ORDER, "", "en"] = "acknowledge regret"
    assert start(ledger, dressed, loop.NAME, now=loop.START).did == "nothing"
    experiment = dressed.experiment(loop.NAME)
    said = load(ledger, experiment).wording.text("sorry+none@1h", "en", VALUES)
    assert said.text.startswith("Sorry. 12 late")


def test_what_a_brand_only_forbids_is_no_edit_of_a_running_version(ledger, loop, dressed):
    start(ledger, dressed, loop.NAME, now=loop.START)
    brand = json.loads(dressed.messages[BRAND, "", "en"])
    dressed.messages[BRAND, "", "en"] = json.dumps(brand | {"avoid": [], "formality": "you"})
    assert start(ledger, dressed, loop.NAME, now=loop.START).did == "nothing"
    dressed.messages[BRAND, "", "en"] = json.dumps(brand | {"signature": "Ours"})
    with pytest.raises(Exception, match="messages were edited"):
        start(ledger, dressed, loop.NAME, now=loop.START)


def test_what_looks_like_code_in_a_brand_is_words(ledger, loop, dressed):
    dressed.messages[BRAND, "", "en"] = json.dumps({"replace": {"Sorry": "{{ x }}"}})
    start(ledger, dressed, loop.NAME, now=loop.START)
    said = load(ledger, dressed.experiment(loop.NAME)).wording.text("sorry+none@1h", "en", VALUES)
    assert said.text == "(( x )). 12 late, acme."
    with pytest.raises(DeclarationError):
        Wording(dressed.experiment(loop.NAME), {("wording", "sorry", "en"): "{{ x }}"})
