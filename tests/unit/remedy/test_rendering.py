import pytest

from apologylab.errors import InputError
from apologylab.remedy.rendering import (
    NESTING,
    SOURCE_CHARACTERS,
    compile_fragment,
    neutral,
    unusable,
)

NAMES = ("name", "minutes")


def _compile(source, placeholders=NAMES):
    return compile_fragment(source, where="messages/wording/x.en.txt", placeholders=placeholders)


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("Plain.", {}, "Plain."),
        ("  Hi {{ name }}!\n\n", {"name": "Ann"}, "Hi Ann!"),
        ("{{ name|upper }}", {"name": "ß"}, "SS"),
        ("{{ name|default('you')|title }}", {}, "You"),
        ("{% if name %}{{ name }}{% else %}you{% endif %}", {}, "you"),
        ("{% if not name %}you{% endif %}", {}, "you"),
        ("{% if name and minutes > 9 %}{{ name }} late{% endif %}", {"name": "A", "minutes": 12},
         "A late"),
        ("{% if minutes >= 60 %}over an hour{% elif minutes == 1 %}a minute{% endif %}",
         {"minutes": 1}, "a minute"),
        ("Hi\n{% if name %}\n{{ name }}\n{% endif %}\nbye", {"name": "A"}, "Hi\nA\nbye"),
        ("e\u0301{{ name }}", {"name": "e\u0301"}, "éé"),
        ("\ufeffHi\r\nyou", {}, "Hi\nyou"),
    ],
)  # fmt: skip
def test_what_is_admitted_renders(source, values, text):
    assert _compile(source).render(values) == text


ATTACKS = [
    "{{ ''.__class__ }}",
    "{{ name.__class__.__mro__ }}",
    "{{ name['__class__'] }}",
    "{{ name() }}",
    "{{ name|attr('x') }}",
    "{{ name|map('upper') }}",
    "{{ name|default(name) }}",
    "{{ name|default(value='x') }}",
    "{{ name|upper(1) }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ (1, 2) }}",
    "{{ 9 * 9 }}",
    "{{ 'a' ~ name }}",
    "{{ 'a' if name }}",
    "{{ -minutes }}",
    "{{ name is defined }}",
    "{{ name in 'abc' }}",
    "{{ none }}",
    "{{ self }}",
    "{{ range(9) }}",
    "{{ cycler }}",
    "{{ config }}",
    "{% for x in name %}{% endfor %}",
    "{% set name = 1 %}",
    "{% macro f() %}{% endmacro %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with name = 1 %}{% endwith %}",
    "{% call name() %}{% endcall %}",
    "{% raw %}{{ name }}{% endraw %}",
    "{% autoescape false %}{% endautoescape %}",
    "{% do name %}",
    "{% if 'a' > 1 %}x{% endif %}",
    "{{ name",
    "{% if name %}",
    "}} name {{",
    "a { brace",
    "{{ '" + "(" * 900 + "' }}{{ " + "(" * 1_500 + "1" + ")" * 1_500 + " }}",
    "{% if name %}" * (NESTING + 1) + "{% endif %}" * (NESTING + 1),
    "{{ " + "not " * 900 + "name }}",
    "x" * (SOURCE_CHARACTERS + 1),
    "bell \a",
    "half \ud800",
    "   \n",
    "",
]


@pytest.mark.parametrize("source", ATTACKS, ids=lambda source: ascii(source)[:40])
def test_everything_else_is_refused_with_its_place(source):
    with pytest.raises(InputError, match=r"messages/wording/x\.en\.txt") as refused:
        _compile(source, (*NAMES, "self"))
    assert refused.value.do


def test_a_comment_leaves_nothing():
    assert _compile("Hi{# {{ secret }} #} you").render({}) == "Hi you"


def test_the_line_is_named():
    with pytest.raises(InputError, match="line 3: secret is not a declared placeholder"):
        _compile("Hi\n{{ name }}\n{{ secret }}")


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("{{ name }}", {"name"}),
        ("{{ name|default('x') }}", set()),
        ("{{ name|default('x')|upper }}{{ minutes|upper }}", {"minutes"}),
        ("{% if name %}{{ name }}{% endif %}", set()),
        ("{% if name %}{% else %}{{ name }}{% endif %}", {"name"}),
        ("{% if name and minutes > 3 %}{{ name }}{% endif %}", {"minutes"}),
        ("{% if minutes and minutes > 3 %}{{ name }}{% endif %}", {"name"}),
        ("{% if name or minutes %}{{ name }}{% endif %}", {"name"}),
        ("{% if not name %}x{% endif %}", set()),
        ("{% if minutes == 3 %}x{% endif %}", {"minutes"}),
    ],
)
def test_what_a_fragment_cannot_do_without(source, needs):
    assert _compile(source).needs == needs


@pytest.mark.parametrize("values", [{}, {"name": None}])
def test_a_missing_value_is_never_printed(values):
    values = {name: value for name, value in values.items() if value is not None}
    with pytest.raises(InputError, match="cannot be rendered"):
        _compile("Hi {{ name }}").render(values)


def test_a_comparison_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="cannot be rendered"):
        _compile("{% if minutes > 3 %}x{% endif %}").render({"minutes": "many"})


def test_data_is_neither_template_nor_tag():
    text = _compile("{{ name }}|{{ name|default('{{x}}') }}").render({"name": "{{ minutes }}<i>"})
    assert text == "(( minutes ))‹i›|(( minutes ))‹i›"
    assert _compile("{{ name|default('{%<') }}").render({}) == "(%‹"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x00\x1b\x85\u2028b", "a    b"),
        ("\u202eevil\u2066", "evil"),
        ("\ud800", "\ufffd"),
        ("👩‍👩‍👧 שלום \u200fعربي", "👩‍👩‍👧 שלום \u200fعربي"),
        (12.5, "12.5"),
        (True, "True"),
    ],
)
def test_neutral(value, text):
    assert neutral(value) == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x" * 201, "longer than 200"),
        ([1], "neither"),
        (object(), "neither"),
        (float("nan"), "finite"),
    ],
)
def test_absurd_values_are_unusable(value, why):
    assert why in unusable(value)
