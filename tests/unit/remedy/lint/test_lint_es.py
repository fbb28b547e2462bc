"""Wider families of the Spanish rules: each rule's own, good ones near them, and five fresh rounds."""

from pathlib import Path

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

FRESH = Path(__file__).parent / "fresh"
FLAWED = [
    ("passive_evasion", "Sentimos lo sucedido."),
    ("passive_evasion", "Un fallo de comunicación entre áreas anuló su reserva."),
    ("manipulation", "Gracias por confiar en nosotros."),
    ("needless_handover", "Nos pondremos en contacto con usted en breve."),
    ("unkeepable_promise", "Procuraremos que no se repita."),
    ("about_us", "Nuestro personal es muy profesional."),
    ("blames_feelings", "Lamentamos leer su opinión."),
    ("blames_customer", "El mensajero sí acudió, pero usted no abrió."),
    ("arguing", "No se detectó ningún error por nuestra parte."),
    ("refusal_without_offer", "Esta tarifa no es reembolsable."),
]
FINE = [
    "Le llamaremos antes de las 18:00.",
    "Sentimos lo ocurrido: le cobramos dos veces y hoy le devolvemos 20 €.",
    "Esperamos que nos dé otra oportunidad.",
    "Gracias por su paciencia. Cortamos su línea por error a las 9:00.",
    "La tarifa no es reembolsable, pero sí puede cambiar la fecha.",
    "Los datos no quedaron afectados.",
]


def written(kind):
    """The wordings of the five rounds (docs/lint.md has what the first look at them gave)."""
    return (FRESH / f"es.{kind}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("rule", "text"), FLAWED)
def test_a_true_positive_of_the_wider_rules(rule, text):
    assert rule in {flaw.rule for flaw in lint(text, language("es"))}


@pytest.mark.parametrize("text", FINE)
def test_a_good_wording_near_them_is_clean(text):
    assert [str(flaw) for flaw in lint(text, language("es"))] == []


def test_what_got_past_in_the_rounds_does_so_no_more():
    missed = [text for text in written("bad") if not lint(text, language("es"))]
    assert missed == []
    assert len(written("bad")) > 100


def test_the_good_ones_of_the_rounds_are_clean():
    flagged = {text: lint(text, language("es")) for text in written("good")}
    assert {text: flaws for text, flaws in flagged.items() if flaws} == {}
    assert len(flagged) > 80
