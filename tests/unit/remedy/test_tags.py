import pytest

from apologylab.errors import InputError
from apologylab.remedy.parted import compile_parted
from apologylab.remedy.tags import pieces


def said(source, **more):
    found = compile_parted(source, where="a.txt", placeholders=("name",), **more)
    return [(each.tag, each.joins, each.fragment.render({"name": "Jo"})) for each in found.sections]


def test_a_text_without_tags_is_one_part_as_it_stands():
    assert said("Sorry,\n\n{{ name }}.\n") == [(None, False, "Sorry,\n\nJo.")]


def test_a_blank_line_before_a_tag_begins_a_paragraph():
    source = (
        "[greeting]\nHi {{ name }},\n\n[regret]\nSorry.\n[repair]\nMended.\n\n\n[closing]\nWe\n"
    )
    assert said(source) == [
        ("greeting", False, "Hi Jo,"),
        ("regret", False, "Sorry."),
        ("repair", True, "Mended."),
        ("closing", False, "We"),
    ]


def test_a_text_without_tags_can_have_one_by_its_place():
    assert said("Ann", untagged="closing") == [("closing", False, "Ann")]
    assert said("[regret]\nSorry", untagged="closing") == [("regret", False, "Sorry")]


def test_windows_ends_of_lines_and_spaces_around_tags_are_no_text():
    assert said("\ufeff  [regret] \t\r\nSorry.\r\n") == [("regret", False, "Sorry.")]


def test_brackets_within_a_line_are_words():
    assert said("We [regret] it.") == [(None, False, "We [regret] it.")]


@pytest.mark.parametrize(
    ("source", "what", "do"),
    [
        ("[regrets]\nSorry", r"line 1: \[regrets\] is not a tag", "[regret]"),
        ("[regret]\nSorry\n[Zzz]\nx", r"line 3: \[Zzz\] is not a tag", "the tags are acknowledge"),
        ("[Regret]\nSorry", r"line 1: \[Regret\] is not a tag", "[regret]"),
        ("Hi\n[regret]\nSorry", "line 1: text stands above the first tag", "inside a part"),
        ("{% if name %}\n[regret]\nSorry\n{% endif %}", "above the first tag", "inside a part"),
        ("[regret]\n \n\n[repair]\nx", r"line 1: \[regret\] has no text", "delete the tag"),
        ("[regret]\nSorry\n[repair]", r"line 3: \[repair\] has no text", "delete the tag"),
        ("[subject]\na\n[subject]\nb", r"\[subject\] stands there twice", "make them one"),
        ("[greeting]\na\n[greeting]\na", r"\[greeting\] stands there twice", "make them one"),
        ("[regret]\n{% if name %}Sorry\n[repair]\nx{% endif %}", "line 2: Unexpected end", "if"),
        ("[regret]\nSorry\n\n[repair]\n{{ nam }}", "line 5: nam is not", "declare it"),
        ("[regret]\nSorry\n[repair]\n{{ name.x }}", "line 4: Getattr", "write text"),
    ],
)
def test_a_mistake_is_told_at_its_line(source, what, do):
    with pytest.raises(InputError, match=what) as wrong:
        compile_parted(source, where="a.txt", placeholders=("name",))
    assert do in wrong.value.do


def test_parts_may_be_said_twice_and_the_frame_once():
    assert [each.tag for each in pieces("[regret]\na\n[regret]\nb", where="a")] == ["regret"] * 2


def test_what_a_fragment_needs_is_what_its_parts_need():
    source = "[regret]\n{% if name %}{{ name }}{% endif %} Sorry\n[repair]\n{{ other }}"
    found = compile_parted(source, where="a.txt", placeholders=("name", "other"))
    assert (found.uses, found.needs) == ({"name", "other"}, {"other"})
    assert found.tags == ("regret", "repair")


def test_words_are_amended_and_data_is_not():
    assert said(
        "[regret]\nJo is not {{ name }}.", amend=lambda text: text.replace("Jo", "She")
    ) == [("regret", False, "She is not Jo.")]


def test_an_amended_text_is_judged_too():
    with pytest.raises(InputError, match=r"a\.txt, line 1"):
        compile_parted(
            "Sorry", where="a.txt", placeholders=(), amend=lambda text: text + " {{ x }}"
        )
