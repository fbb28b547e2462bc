"""Wider families of the German rules: hints, thanks and passives, and good wordings near them."""

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

BAD = [
    "Vielen Dank für Ihr Verständnis.",
    "Wir danken Ihnen für Ihr wertvolles Feedback und werden es intern besprechen.",
    "Mit einer vollständigen Anschrift wäre Ihr Paket rechtzeitig angekommen.",
    "Verspätetes Gepäck ist Sache des Flughafens, da können wir als Airline nichts machen.",
    "Wir versichern Ihnen, dass Sie sich künftig voll und ganz auf uns verlassen können.",
    "Um diese Uhrzeit ist das leider immer so.",
    "Durch einen Systemfehler wurden überhöhte Beträge abgebucht.",
    "Preisanpassungen liegen in unserem Ermessen und müssen nicht gesondert mitgeteilt werden.",
    "So gravierend, wie Sie es darstellen, ist der Mangel nicht.",
    "Wir werden aus diesem Vorfall lernen und als Unternehmen daran wachsen.",
    "Unsere Kolleginnen und Kollegen geben jeden Tag ihr Bestes, bitte bedenken Sie das.",
]
GOOD = [
    "Es tut uns leid: Ihr Sofa sollte heute um 10 Uhr kommen und ist noch nicht unterwegs. Wir bringen es morgen zwischen 9 und 11 Uhr.",
    "Wir haben unser Wort nicht gehalten: Donnerstag war zugesagt, am Samstag kamen wir. Das tut uns leid.",
    "Am 25. November ist die App von 2 bis 4 Uhr nicht erreichbar. Mit der Karte können Sie wie gewohnt bezahlen.",
    "Vier Stunden ohne Heizung, mit einem Baby im Haus: Wir hätten schneller kommen müssen. Es tut uns leid.",
    "Danke, dass Sie uns Bescheid gegeben haben. Den Fehler an der Kasse haben wir heute um 15 Uhr behoben und Ihnen 2 € erstattet.",
]


@pytest.mark.parametrize("text", BAD)
def test_a_hint_a_thank_you_or_a_passive_in_place_of_owning_is_flagged(text):
    assert lint(text, language("de"))


@pytest.mark.parametrize("text", GOOD)
def test_a_good_wording_near_them_is_clean(text):
    assert [str(flaw) for flaw in lint(text, language("de"))] == []
