"""True and false positives of each rule in six languages, and whole wordings, kept in cases/."""

import tomllib
from pathlib import Path

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint
from apologylab.remedy.lint.names import LEXICAL

CASES = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).parent / "cases").glob("*.toml"))
}
AT_LEAST = 2
LETTERS = 10
NAMED = {*LEXICAL, "excuse_first", "money_first", "refusal_without_offer", "about_us"} - {
    "no_regret"
}
WRONG_FORM = [
    ("de", "Sie", "Dein Paket kam zu spät."),
    ("de", "du", "Haben Sie Ihr Paket schon bekommen?"),
    ("es", "usted", "Tu pedido llegó tarde."),
    ("es", "tú", "Su pedido llegó tarde."),
    ("es", "usted o tú", "Lo sentimos: su pedido llegó tarde y tú esperaste."),
    ("ru", "вы", "Твой заказ опоздал."),
    ("ru", "ты", "Ваш заказ опоздал."),
    ("lt", "jūs", "Tavo siunta vėlavo."),
    ("lt", "tu", "Jūsų siunta vėlavo."),
    ("ko", "합쇼체", "늦어서 미안해."),
    ("ko", "해요체", "배송이 늦었습니다."),
    ("ja", "です・ます", "届くのが遅れた。"),
]
RIGHT_FORM = [
    ("de", "du", "Dein Paket kam zu spät, das tut uns leid."),
    ("es", "usted", "Lamentamos que su pedido llegara tarde."),
    ("es", "tú", "Sentimos que tu pedido llegara tarde."),
    ("ru", "ты", "Прости, твой заказ опоздал."),
    ("lt", "tu", "Atleisk, tavo siunta vėlavo."),
    ("ko", "해요체", "배송이 늦어서 죄송해요."),
    ("ja", "です・ます", "お届けが遅れました。"),
]


def rules(locale, text, formality=None):
    return {flaw.rule for flaw in lint(text, language(locale), formality=formality)}


def cases(kind):
    return [
        (locale, rule, text)
        for locale, tables in CASES.items()
        for rule, texts in tables[kind].items()
        for text in texts
    ]


@pytest.mark.parametrize(("locale", "rule", "text"), cases("flawed"))
def test_a_true_positive(locale, rule, text):
    assert rule in rules(locale, text)


@pytest.mark.parametrize(("locale", "rule", "text"), cases("fine"))
def test_a_false_positive_stays_away(locale, rule, text):
    assert rules(locale, text) == set(), rule


@pytest.mark.parametrize(("locale", "kind", "text"), cases("whole"))
def test_a_whole_wording(locale, kind, text):
    flaws = [str(flaw) for flaw in lint(text, language(locale))]
    assert bool(flaws) == (kind == "bad"), flaws


@pytest.mark.parametrize("locale", CASES)
def test_each_rule_of_a_language_has_both(locale):
    tables = CASES[locale]
    assert set(tables["flawed"]) >= NAMED
    for rule in NAMED:
        assert min(len(tables["flawed"][rule]), len(tables["fine"][rule])) >= AT_LEAST, rule
    assert len(tables["whole"]["good"]) >= LETTERS


def test_no_language_is_left_out():
    assert set(CASES) == {"de", "es", "ja", "ko", "lt", "ru"}


@pytest.mark.parametrize(("locale", "form", "text"), WRONG_FORM)
def test_another_form_of_address_breaks_the_one_that_is_asked_for(locale, form, text):
    assert "formality" in rules(locale, text, form)


@pytest.mark.parametrize(("locale", "form", "text"), RIGHT_FORM)
def test_the_form_that_is_asked_for_is_fine(locale, form, text):
    assert "formality" not in rules(locale, text, form)


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("es", "Segun nuestra politica no procede ningun reembolso."),
        ("lt", "Pagal taisykles pinigu grazinti negalime."),
        ("ru", "Приносим извинения, если ещё остались недочеты."),
        ("de", "Ausserhalb unserer Kontrolle."),
    ],
)
def test_marks_that_a_keyboard_lacks_hide_nothing(given, bare):
    assert rules(given, bare)
