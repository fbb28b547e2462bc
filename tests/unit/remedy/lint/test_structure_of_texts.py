import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.letter import Letter, Spoken
from apologylab.remedy.lint.language import read_language
from apologylab.remedy.lint.linting import lint, parts_of

EN = language("en")


def rules(text, **settings):
    return [flaw.rule for flaw in lint(text, EN, **settings)]


@pytest.mark.parametrize(
    ("rule", "flawed", "fine"),
    [
        ("excuse_first",
         "Because of heavy traffic your ride came late. We are sorry.",
         "We are sorry. Your ride came late because of heavy traffic, and we had not planned for it."),
        ("excuse_first",
         "Owing to high demand, we are sorry that you waited.",
         "Your bus leaves from stop D today because of roadworks."),
        ("money_first",
         "We have put $5 into your account. We are sorry that your food was cold.",
         "We are sorry that your food was cold. We have put $5 into your account."),
        ("money_first",
         "Here is a voucher. Your order was late.",
         "Here is a voucher for your next ride."),
        ("refusal_without_offer",
         "We cannot refund a used ticket.",
         "We cannot refund a used ticket. We can move it to another day, free of charge."),
        ("about_us",
         "We know our trade. We built our own vans, we train our drivers, and we love our work.",
         "We lost your bag. We looked for it. We found your bag, and we bring it to you and yours."),
        ("reading_level",
         "We are sorry that " + "and ".join(["we came late "] * 9) + ".",
         "We are sorry that we came late. You waited, and it rained."),
        ("reading_level",
         ("Operational disruptions necessitated infrastructure reconfiguration, and considerably "
          "longer transportation intervals were unavoidable everywhere."),
         "Our vans broke down and your parcel came two days late, on Thursday, in the rain."),
        ("length", "We are sorry. " * 60, "We are sorry. We lost your bag."),
        ("empty_placeholder", "Dear , we lost your bag.", "Dear Ana, we lost your bag."),
        ("empty_placeholder", "Hi {first_name}, we lost your bag.", "Hi Ana, we lost your bag."),
        ("empty_placeholder", "Dear [CUSTOMER NAME], we lost it.", "Dear Ana, we lost it [twice]."),
        ("empty_placeholder", "Your refund of $ is here.", "Your refund of $5 is here."),
        ("empty_placeholder", "Your refund of is here.", "Your refund is here, 5 €."),
        ("empty_placeholder", "Hi undefined, we lost it.", "None of this was your fault."),
    ],
)  # fmt: skip
def test_structure_is_read_from_cues(rule, flawed, fine):
    assert rule in rules(flawed)
    assert rule not in rules(fine)


def test_one_regret_is_enough():
    assert "grovelling" in rules("Sorry. " * 5)
    assert "grovelling" not in rules("Sorry. We lost your bag. Sorry.")


@pytest.mark.parametrize("faults", [("company", "unknown"), ("third_party",), ("customer",)])
def test_responsibility_needs_a_fault_that_is_the_company_s(faults):
    owned = "We are sorry. The delay was our mistake."
    (flaw,) = lint(owned, EN, faults=faults)
    assert (flaw.rule, flaw.severity) == ("responsibility_without_fault", "error")
    assert owned[flaw.start : flaw.end] == flaw.words == "our mistake"
    assert faults[-1] in flaw.why
    assert rules("We are sorry for the hour that you lost.", faults=faults) == []
    assert rules(owned, faults=("company",)) == rules(owned) == []


def test_a_part_that_is_tagged_as_responsibility_takes_it():
    letter = Letter((Spoken("regret", "We are sorry."), Spoken("responsibility", "That is ours.")))
    (flaw,) = lint(letter.text, EN, faults=("unknown",), tagged=letter)
    assert flaw.words == "That is ours."
    assert not lint(letter.text, EN, faults=("unknown",))


def test_a_commitment_may_stand_behind_a_promise():
    text = "This will never happen again."
    assert "unkeepable_promise" in rules(text)
    assert "unkeepable_promise" not in rules(text, promised=True)


def test_a_language_with_a_strict_order_wants_it_of_tagged_parts():
    letter = Letter((Spoken("explanation", "A van broke."), Spoken("regret", "Sorry.", joins=True)))
    strict = read_language(
        {"locale": "de", "order": ["regret", "explanation"], "strict_order": True}, where="x"
    )
    (flaw,) = lint(letter.text, strict, tagged=letter)
    assert (flaw.rule, flaw.words) == ("order", "Sorry.")
    assert "regret before explanation" in flaw.why
    turned = Letter((Spoken("regret", "Sorry."), Spoken("explanation", "A van broke.")))
    assert not lint(turned.text, strict, tagged=turned)
    assert not lint(letter.text, strict)


def test_a_brand_may_address_its_customers_in_another_form():
    tables = {
        "locale": "de",
        "formality": "Sie",
        "formalities": {"Sie": [r"\bdu\b"], "du": [r"\bihnen\b"]},
    }
    found = read_language(tables, where="x")
    assert [f.words for f in lint("Das tut uns leid, du.", found)] == ["du"]
    assert not lint("Das tut uns leid, du.", found, formality="du")
    assert [f.words for f in lint("Wir danken Ihnen.", found, formality="du")] == ["Ihnen"]


def test_parts_are_known_by_their_cues():
    text = "Your ride was late. We are sorry. That was our mistake. Your fare is refunded."
    assert parts_of(text, EN) == ("acknowledge", "regret", "responsibility", "repair")


def test_flaws_stand_in_the_order_of_the_text_at_their_words():
    text = "Mistakes were made.\n\nWe’re sorry\u00a0if you were\nupset. It will never happen again!"
    found = lint(text, EN)
    assert [each.start for each in found] == sorted(each.start for each in found)
    assert {text[each.start : each.end] == each.words for each in found} == {True}
    assert {"passive_evasion", "conditional_apology", "unkeepable_promise"} <= {
        f.rule for f in found
    }
    assert lint("", EN) == lint(" \n", EN) == ()
