"""Letters of parts: their order, paragraphs, frame, and how they are stored."""

import pytest

from apologylab.remedy.composing import compose
from apologylab.remedy.letter import MARK, Letter, Spoken, opened, stored
from apologylab.remedy.parted import compile_parted

PLACEHOLDERS = ("name", "late")


def letter(*sources, order=(), signature=None, values=None):
    found = [compile_parted(each, where="f", placeholders=PLACEHOLDERS) for each in sources]
    return compose(found, values or {}, order=order, signature=signature)


def test_untagged_texts_are_paragraphs_as_ever():
    found = letter("Sorry.", "Here is a coupon.")
    assert found.text == "Sorry.\n\nHere is a coupon."
    assert stored(found) == found.text


def test_parts_join_in_a_paragraph_and_fragments_begin_one():
    found = letter(
        "[regret]\nSorry.\n[repair]\nMended.\n\n[thanks]\nThanks.", "[notice]\nA coupon."
    )
    assert found.text == "Sorry. Mended.\n\nThanks.\n\nA coupon."


def test_one_greeting_begins_and_one_closing_ends_it():
    hi, bye = "[greeting]\nHi,\n", "\n[closing]\nYours"
    found = letter(f"{hi}[regret]\nSorry.{bye}", f"{hi}[repair]\nMended.{bye}", "[closing]\nYours")
    assert found.text == "Hi, Sorry.\n\nMended.\n\nYours"
    assert [each.part for each in found.parts] == ["greeting", "regret", "repair", "closing"]


def test_a_greeting_of_a_later_text_comes_first_all_the_same():
    found = letter("[regret]\nSorry.", "[greeting]\nHi,\n[repair]\nMended.")
    assert found.text == "Hi,\n\nSorry.\n\nMended."


def test_the_signature_ends_what_says_something():
    assert letter("[regret]\nSorry.", signature="Acme").text == "Sorry.\n\nAcme"
    nothing = letter("{% if name %}Hi{% endif %}", signature="Acme")
    assert nothing.text == ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[greeting]\n{% if name %}Hi {{ name }},{% endif %}\n[regret]\nSorry.", "Sorry."),
        ("[regret]\nA.\n\n[repair]\n{% if name %}B{% endif %}\n[thanks]\nC.", "A.\n\nC."),
        ("[regret]\nA.\n[repair]\n{% if name %}B{% endif %}\n[thanks]\nC.", "A. C."),
        ("[regret]\nA.\n[repair]\n{% if name %}B{% endif %}\n\n[thanks]\nC.", "A.\n\nC."),
    ],
)
def test_an_empty_part_leaves_no_gap_and_keeps_its_paragraph(source, text):
    assert letter(source).text == text


def test_the_language_says_in_which_order_parts_stand():
    source = "[greeting]\nHi,\n\n[acknowledge]\nLate.\n[regret]\nSorry.\n[repair]\nMended.\n\n[closing]\nWe"
    german = ("regret", "acknowledge", "repair")
    assert letter(source, order=german).text == "Hi,\n\nSorry. Late. Mended.\n\nWe"
    assert letter(source).text == "Hi,\n\nLate. Sorry. Mended.\n\nWe"


def test_parts_of_several_texts_are_ordered_together():
    found = letter("[acknowledge]\nLate.", "[repair]\nMended.", "[regret]\nSorry.",
                   order=("regret", "acknowledge", "repair"))  # fmt: skip
    assert found.text == "Sorry.\n\nLate.\n\nMended."


def test_the_subject_is_one_line_and_no_part():
    found = letter("[subject]\nYour late\n  order\n[regret]\nSorry.", "[subject]\nYour late order")
    assert (found.subject, found.text) == ("Your late order", "Sorry.")
    assert letter("[subject]\n{% if name %}x{% endif %}\n[regret]\nSorry.").subject is None


def test_scripts_without_spaces_are_joined_without():
    source = "[acknowledge]\n遅れました。\n[regret]\n申し訳ございません。"
    assert letter(source).text == "遅れました。申し訳ございません。"
    korean = "[acknowledge]\n늦었습니다.\n[regret]\n죄송합니다."
    assert letter(korean).text == "늦었습니다. 죄송합니다."


def test_what_is_stored_is_what_is_opened():
    found = letter("[subject]\nÄ\n[regret]\nSorry “so”.\n[repair]\nמתוקן 🙏")
    assert stored(found).startswith(MARK)
    assert opened(stored(found)) == found
    assert opened("a text of an older ledger") == Letter(
        (Spoken(None, "a text of an older ledger"),)
    )


def test_a_plain_text_with_a_subject_is_marked():
    assert opened(stored(Letter((Spoken(None, "Sorry."),), "S"))).subject == "S"
