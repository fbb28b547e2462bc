"""Whatever the data: no placeholder, no markup, composed, and the same bytes each time."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apologylab.errors import InputError
from apologylab.remedy.rendering import TEXT_CHARACTERS, compile_fragment
from apologylab.remedy.wording import Wording

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)
VALUES = st.one_of(
    ANY_TEXT,
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(["{{ name }}", "{%", "#}", "<script>", "{{{{", "\u202e}}", "{" * 200]),
)


@pytest.fixture(scope="module")
def wording(loop):
    experiment = loop.Declared().experiment(loop.NAME)
    return Wording(experiment, loop.FRAGMENTS), Wording(experiment, loop.FRAGMENTS)


@given(name=VALUES, minutes=VALUES)
def test_rendered_text_is_plain(wording, name, minutes):
    one, two = wording
    values = {"first_name": name, "minutes_late": minutes}
    if one.lacking("lt", values):
        return
    pinned = one.text("sorry+usd5@1h", "lt", values)
    assert not set(pinned.text) & set("{}<>\x00\x1b\u202e")
    assert unicodedata.is_normalized("NFC", pinned.text)
    assert 0 < len(pinned.text) <= TEXT_CHARACTERS
    assert pinned == two.text("sorry+usd5@1h", "lt", values)
    pinned.text.encode()


SOURCES = st.lists(
    st.sampled_from(
        ["{{", "}}", "{%", "%}", "{#", "#}", " ", "name", "|", "upper", "if ", "endif", "else",
         "x", "'", "(", ")", ".", "__class__", "[", "]", "=", ">", "1", "\n", "{", "}", "not "]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(SOURCES)
def test_a_source_is_refused_or_renders_without_a_brace(source):
    try:
        fragment = compile_fragment(source, where="f", placeholders=("name",))
        text = fragment.render({"name": "{{ 7 }}"})
    except InputError:
        return
    assert not set(text) & set("{}")
