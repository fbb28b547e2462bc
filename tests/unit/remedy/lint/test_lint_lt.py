"""Wider families of the Lithuanian rules: each rule's own, good ones near them, and five fresh rounds."""

from pathlib import Path

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

FRESH = Path(__file__).parent / "fresh"
FLAWED = [
    ("passive_evasion", "Atsiprašome už nepatogumus."),
    ("passive_evasion", "Programa pati atšaukė užsakymą."),
    ("manipulation", "Ačiū, kad renkatės mus."),
    ("needless_handover", "Netrukus su jumis susisieksime."),
    ("unkeepable_promise", "Stengsimės būti atidesni."),
    ("about_us", "Mūsų restoranas jau 15 metų brangina savo reputaciją."),
    ("blames_feelings", "Liūdna skaityti tokį atsiliepimą."),
    ("blames_customer", "Kurjeris buvo atvykęs, bet jūsų neradome, nes niekas neatidarė."),
    ("arguing", "Juk jau atsiprašėme."),
    ("refusal_without_offer", "Išimčių nedarome."),
]
FINE = [
    "Paskambinsime jums iki 18:00.",
    "Atsiprašome už nesusipratimą: du kartus nuskaitėme mokestį, tai mūsų klaida.",
    "Remontas truko penkiomis dienomis ilgiau, nei sakėme. Atsiprašome.",
    "Ačiū už kantrybę. Ryšį išjungėme per klaidą.",
    "Keitimas užtruks tik porą minučių.",
    "Kambarys buvo paruoštas tik 18 val., nors sakėme 15 val. Atsiprašome.",
]


def written(kind):
    """The wordings of the five rounds (docs/lint.md has what the first look at them gave)."""
    return (FRESH / f"lt.{kind}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("rule", "text"), FLAWED)
def test_a_true_positive_of_the_wider_rules(rule, text):
    assert rule in {flaw.rule for flaw in lint(text, language("lt"))}


@pytest.mark.parametrize("text", FINE)
def test_a_good_wording_near_them_is_clean(text):
    assert [str(flaw) for flaw in lint(text, language("lt"))] == []


def test_what_got_past_in_the_rounds_does_so_no_more():
    missed = [text for text in written("bad") if not lint(text, language("lt"))]
    assert missed == []
    assert len(written("bad")) > 100


def test_the_good_ones_of_the_rounds_are_clean():
    flagged = {text: lint(text, language("lt")) for text in written("good")}
    assert {text: flaws for text, flaws in flagged.items() if flaws} == {}
    assert len(flagged) > 80
