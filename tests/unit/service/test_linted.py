"""check and start lint every arm in every locale, and say where in which fragment."""

import json
from dataclasses import replace

import pytest

from apologylab.catalogue.locales import languages
from apologylab.design.remedies import Promise, Said, Survey
from apologylab.errors import DeclarationError
from apologylab.record.facts import Started
from apologylab.remedy.fragments import BRAND
from apologylab.remedy.lint.names import NAMES
from apologylab.service.declare import around, refuse_around
from apologylab.service.linted import linted
from apologylab.service.start import start

BAD = "Your ride was late.\nWe’re sorry if\nyou were offended, {{ first_name|default('') }}."


def findings(declared):
    experiment = declared.experiment("late_ride")
    known = languages(experiment.messages.locales)
    return list(linted(experiment, declared.messages, known))


def of(found, rule):
    return [each for each in found if each.what.startswith(f"{rule}: ")]


def said(loop, **texts):
    declared = loop.Declared()
    for name, text in texts.items():
        declared.messages["wording", name.replace("_", "."), "en"] = text
    return declared


def test_good_texts_have_no_findings(loop):
    good = "{% if first_name %}Hi {{ first_name }}, {% endif %}we are sorry that we came late."
    declared = said(loop, sorry=good, sorry_2=good.replace("came", "again came"))
    assert [each for each in findings(declared) if each.path.endswith(".en.txt")] == []


def test_a_flaw_is_found_once_at_its_line_of_its_fragment(loop):
    found = findings(said(loop, sorry=BAD))
    (conditional,) = of(found, "conditional_apology")
    assert (conditional.file, conditional.line) == ("messages/wording/sorry.en.txt", 2)
    assert conditional.path == conditional.file
    assert conditional.severity == "error"
    assert conditional.value == "sorry if"
    assert conditional.do.startswith("for example: We are sorry")


def test_later_apologies_are_linted_too(loop):
    (found,) = of(
        findings(said(loop, sorry_2="This will never happen again.")), "unkeepable_promise"
    )
    assert found.file == "messages/wording/sorry.2.en.txt"


def test_notices_of_promises_are_linted_too(loop):
    """A notice is an apology for the second failure, and must not be worse than the first."""
    bad = "We are sorry if you are still waiting."
    declared = said(loop, sorry="[promise]\nWe will write to you.")
    experiment = declared.experiment("late_ride")
    declared.messages |= {("notice", "sorry", each): bad for each in experiment.messages.locales}
    promise = Promise(what="write", keeper="Ana", within="14d", notice="2d")
    promising = replace(experiment, wording={"sorry": Said(parts=("promise",), promise=promise)})
    known = languages(experiment.messages.locales)
    (found,) = of(list(linted(promising, declared.messages, known)), "conditional_apology")
    assert (found.file, found.line, found.severity) == (
        "messages/notice/sorry.en.txt",
        1,
        "error",
    )
    silent = replace(promise, notice=None)
    unwarned = replace(experiment, wording={"sorry": Said(parts=("promise",), promise=silent)})
    assert of(list(linted(unwarned, declared.messages, known)), "conditional_apology") == []


def asking(declared, *questions):
    """The declared experiment with a survey of these texts, and its rules of wordings."""
    experiment = declared.experiment("late_ride")
    named = {f"q{number}": text for number, text in enumerate(questions)}
    for locale in experiment.messages.locales:
        declared.messages |= {("survey", name, locale): text for name, text in named.items()}
    survey = Survey(share=0.5, questions=tuple(named))
    return replace(experiment, survey=survey), languages(experiment.messages.locales)


def test_the_texts_of_a_survey_are_linted_too(loop):
    declared = said(loop, sorry="We are sorry that we came late.")
    bad = "Did you feel heard?\nSorry if\nthat is one question too many."
    experiment, known = asking(declared, "How did we do, 1 to 5?", bad)
    (found,) = of(list(linted(experiment, declared.messages, known)), "conditional_apology")
    assert (found.file, found.line, found.severity) == ("messages/survey/q1.en.txt", 2, "error")
    with pytest.raises(DeclarationError, match="conditional_apology"):
        refuse_around(experiment, declared.messages, (), known)


def test_a_survey_without_flaws_has_no_findings(loop):
    declared = said(loop, sorry="We are sorry that we came late.")
    experiment, known = asking(declared, "How did we do, 1 to 5?", "Did you feel heard?")
    found = linted(experiment, declared.messages, known)
    assert [each for each in found if each.path.startswith("messages/survey")] == []


def test_a_survey_speaks_as_the_brand_does(loop):
    declared = said(loop, sorry="We are sorry that we came late.")
    declared.messages[BRAND, "", "en"] = json.dumps(
        {"avoid": [{"term": "guest", "why": "nobody is", "instead": "customer"}]}
    )
    experiment, known = asking(declared, "Were you a happy guest?")
    found = [each for each in around(experiment, declared.messages, (), known) if each.file]
    assert [(each.file, each.value) for each in found if each.what.startswith("brand_term")] == [
        ("messages/survey/q0.en.txt", "guest")
    ]


def test_a_placeholder_is_tried_without_its_value(loop):
    (found,) = of(
        findings(said(loop, sorry='Dear {{ first_name|default("") }}, we are sorry we were late.')),
        "empty_placeholder",
    )
    assert found.value == "Dear ,"
    assert found.file == "messages/wording/sorry.en.txt"


def test_responsibility_is_judged_by_the_faults_that_are_admitted(loop):
    declared = said(loop, sorry="We are sorry. That was our mistake.")
    assert of(findings(declared), "responsibility_without_fault") == []
    declared.change('kind = "late_ride"', 'kind = "late_ride"\nfault = ["company", "unknown"]')
    flaws = of(findings(declared), "responsibility_without_fault")
    (found,) = [each for each in flaws if each.path.endswith("sorry.en.txt")]
    assert found.severity == "error"
    assert "admits unknown" in found.what


def test_start_refuses_with_place_rule_reason_and_example(ledger, loop):
    declared = said(loop, sorry=BAD)
    with pytest.raises(DeclarationError, match="conditional_apology") as refused:
        start(ledger, declared, loop.NAME, now=loop.START)
    assert list(ledger.read(Started)) == []
    (finding,) = of(refused.value.findings, "conditional_apology")
    assert (finding.file, finding.line) == ("messages/wording/sorry.en.txt", 2)


def test_warnings_let_it_start(ledger, loop):
    declared = said(loop, sorry="Mistakes were made. Sorry: {{ minutes_late }} minutes late.")
    assert of(findings(declared), "passive_evasion")[0].severity == "warning"
    assert start(ledger, declared, loop.NAME, now=loop.START).did == "started"


def test_a_locale_without_rules_is_told(loop):
    experiment = loop.Declared().experiment(loop.NAME)
    found = list(linted(experiment, loop.FRAGMENTS, languages(["en"])))
    (finding,) = [each for each in found if each.path.startswith("messages.locales")]
    assert (finding.value, finding.severity) == ("lt", "warning")
    assert {each.what.partition(":")[0] for each in found if each is not finding} <= NAMES
