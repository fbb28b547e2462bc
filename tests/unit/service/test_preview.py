"""What every arm would say and give, answered by the code that answers customers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.channels.file import FileChannel
from apologylab.design.arms import arms
from apologylab.errors import InputError, StateError
from apologylab.record.facts import Assignment, Remedy
from apologylab.remedy.letter import Letter, Spoken
from apologylab.report.cards import cards, cards_beside, span
from apologylab.report.differences import marked
from apologylab.report.preview_page import preview_page
from apologylab.report.preview_text import preview_text
from apologylab.service.linted import judge_of
from apologylab.service.preview import preview
from apologylab.service.rehearse import as_test, rehearse
from apologylab.wire.declaration import read
from apologylab.wire.previewed import preview_document
from apologylab.wiring import throwaway_ledger

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
SHIPPED = FolderCatalogue(Path(__file__).parents[3] / "experiments")
TEXT = """
name = "sorry"
question = "Do words help <b>more</b>?"
owner = "care"
factors = { wording = ["none", "plain", "owned"], coupon = ["none", "eur3"], timing = ["1h", "visit"] }
incident = { kind = "late", recurs = false, severity = { field = "minutes_late", at_least = 40 } }
otherwise = { INELIGIBLE = "today", CLOSED = "today", FALLBACK = "today" }
today = { wording = "template" }
eligibility = { consent = "service", cooldown_days = 30 }
allocation = { entry = 0.5 }
holdout = { share = 0.1, salt = "programme" }
messages = { order = ["wording", "coupon"], locales = ["en", "de"], placeholders = ["first_name"] }
[timing.visit]
after = "next_visit"
within = "5d"
[compensation.eur3]
kind = "coupon"
value = "3.00 EUR"
expires_days = 20
[budget]
total = "3.00 EUR"
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""
WORDS = {
    ("wording", "plain", "en"): "Hi {{ first_name }}, your parcel came late. We are sorry.",
    (
        "wording",
        "owned",
        "en",
    ): "Hi {{ first_name }}, your parcel came late. We are sorry: our mistake.",
    ("wording", "plain", "de"): "Guten Tag, {{ first_name }}. Es tut uns leid.",
    ("wording", "owned", "de"): "Guten Tag, {{ first_name }}. Es tut uns leid: unser Fehler.",
    ("coupon", "eur3", "en"): "Here are 3 EUR.",
    ("coupon", "eur3", "de"): "Hier sind 3 EUR.",
}


def shown(text=TEXT, words=WORDS, **fields):
    ledger = throwaway_ledger()
    experiment = read(text, where="sorry")
    return preview(ledger, experiment, words, at=NOW, fields=fields), ledger


def test_every_arm_in_every_locale_as_it_would_be_pinned():
    """Whatever holds customers back (entry, holdout, a budget for one coupon) holds no arm back."""
    found, ledger = shown(first_name="Zoë")
    names = [arm.name for arm in arms(found.experiment)]
    assert [(each.arm, each.locale) for each in found.shown] == [
        (name, locale) for locale in ("en", "de") for name in names
    ]
    assert {each.because for each in found.shown} == {""}
    by = {(each.arm, each.locale): each for each in found.shown}
    one = by["owned+eur3@1h", "de"]
    assert one.letter.text.startswith("Guten Tag, Zoë. Es tut uns leid: unser Fehler.\n\nHier")
    assert (one.gives, one.due_at.hour, one.awaits) == (
        "eur3: coupon worth 3.00 EUR, good for 20 days",
        10,
        None,
    )
    assert by["silence", "en"].letter is None
    assert by["plain+none@visit", "en"].awaits == "next_visit"
    assert sum(each.probability for each in found.of("en")) == pytest.approx(1.0)
    assert len(list(ledger.read(Remedy))) == 2 * len(names)
    assert {each.reason for each in ledger.read(Assignment)} == {"OVERRIDE"}


def test_the_sample_incident_fits_the_declaration_unless_it_is_told_not_to():
    found, _ = shown()
    assert found.fields == {"first_name": "Anna", "minutes_late": 40}
    late, _ = shown(first_name="x" * 300)
    assert {each.because for each in late.shown} == {
        "messages.placeholders: first_name is longer than 200 characters"
    }


@pytest.mark.parametrize(
    "name", [n for n in SHIPPED.names() if n not in ("hillstrom", "starbucks_promo")]
)
def test_every_shipped_experiment_can_be_previewed_and_rehearsed(name, tmp_path):
    experiment = SHIPPED.experiment(name)
    fragments = SHIPPED.fragments(experiment)
    found = preview(throwaway_ledger(), experiment, fragments, at=NOW)
    assert [each for each in found.shown if each.because] == []
    assert any(each.letter for each in found.shown)
    html = preview_page(found, lambda *_, **__: (), None)
    assert html.count('class="card') >= len(experiment.messages.locales)


def test_arms_that_are_never_drawn_are_left_out():
    text = TEXT.replace("entry = 0.5", 'weights = { "*" = 1, "owned+eur3@1h" = 0 }')
    found, _ = shown(text)
    assert found.left_out == 1
    assert "owned+eur3@1h" not in {each.arm for each in found.shown}


def test_what_describes_a_file_says_nothing():
    experiment = SHIPPED.experiment("hillstrom")
    with pytest.raises(StateError, match="describes a file of finished outcomes"):
        preview(throwaway_ledger(), experiment, {}, at=NOW)


def test_arms_that_say_and_give_the_same_are_one_card():
    found, _ = shown()
    listed = cards(found, "en", lambda *_, **__: ())
    assert [len(card.leaving) for card in listed] == [1, 2, 2, 2, 2, 2]
    assert [each.wait for each in listed[1].leaving] == ["1 h", "5 d"]


def test_what_differs_is_marked():
    found, _ = shown()
    by_arms = {card.leaving[0].arm: card for card in cards(found, "en", lambda *_, **__: ())}
    owned = by_arms["owned+none@1h"].parts[0]
    assert [run.text for run in owned.runs if run.differs] in (
        [["sorry: our mistake."]],
        ["sorry: our mistake."],
        [],
    )
    marks = [
        run.text
        for arm in ("plain+none@1h", "owned+none@1h")
        for run in by_arms[arm].parts[0].runs
        if run.differs
    ]
    assert marks in (["sorry: our mistake."], ["sorry."])
    coupon = by_arms["plain+eur3@1h"].parts[1]
    assert not coupon.everywhere
    assert [run.differs for run in coupon.runs] == [False]


def test_words_with_little_in_common_are_parts_of_their_own():
    one = Letter((Spoken("regret", "We are sorry that it came late."),))
    two = Letter((Spoken("regret", "Please accept our apology for yesterday."),))
    assert [part.everywhere for (part,) in marked([one, two])] == [False, False]


def test_japanese_is_marked_by_character():
    one = Letter((Spoken("regret", "遅くなり申し訳ございません。"),))
    two = Letter((Spoken("regret", "遅くなり誠に申し訳ございません。"),))
    assert [run.text for run in marked([one, one, two])[2][0].runs if run.differs] == ["誠に"]


def test_what_is_said_beside_the_remedies_and_who_keeps_promises_is_shown():
    """Sign-offs hold these words, so that those who sign must see them, in every language."""
    experiment = """
[wording.owned]
parts = ["promise"]
promise = { what = "write to you", keeper = "Ana <ops>", within = "14d", notice = "2d" }
[survey]
share = 0.25
after = "24h"
questions = ["right"]
"""
    beside = {
        ("notice", "owned", "en"): "{{ first_name }}, it may take longer.",
        ("notice", "owned", "de"): "{{ first_name }}, es dauert vielleicht länger.",
        ("survey", "right", "en"): "Did we make it right?",
        ("survey", "right", "de"): "Haben wir es wiedergutgemacht?",
    }
    found, _ = shown(TEXT + experiment, WORDS | beside)
    told = {(each.title.split(":")[0], each.locale): each for each in found.beside}
    assert {key: each.letter.text for key, each in told.items()} == {
        ("Notice", "en"): "Anna, it may take longer.",
        ("Notice", "de"): "Anna, es dauert vielleicht länger.",
        ("Survey", "en"): "Did we make it right?",
        ("Survey", "de"): "Haben wir es wiedergutgemacht?",
    }
    assert told["Survey", "en"].when == "24h after the incident, to 25% of every arm"
    html = preview_page(found, lambda *_, **__: (), None)
    assert all(each.letter.text in html for each in found.beside)
    assert html.count("Ana &lt;ops&gt;") == 2 * 2
    assert len(preview_document(found)["beside"]) == 4
    assert "Did we make it right?" in preview_text(found, lambda *_, **__: (), width=120)


def test_the_page_escapes_everything_and_says_what_is_missing():
    found, _ = shown(first_name="<script>alert(1)</script>")
    html = preview_page(found, lambda *_, **__: (), None)
    assert "<script" not in html
    assert "Do words help &lt;b&gt;more&lt;/b&gt;?" in html
    assert "http" not in html.replace("http-equiv", "")
    assert 'lang="de"' in html


def test_the_terminal_shows_as_many_side_by_side_as_it_is_wide():
    found, _ = shown()
    wide = preview_text(found, lambda *_, **__: (), width=120)
    narrow = preview_text(found, lambda *_, **__: (), width=40)
    assert max(map(len, wide.splitlines())) <= 120
    assert max(map(len, narrow.splitlines())) <= 40
    assert len(narrow.splitlines()) > 2 * len(wide.splitlines())
    assert "+ Here are 3 EUR." in narrow


def test_the_document_has_the_text_and_its_parts():
    found, _ = shown()
    document = preview_document(found)
    assert document["format"] == "apologylab.preview/1"
    one = next(each for each in document["arms"] if each["arm"] == "plain+eur3@1h")
    assert (
        one["letter"]["text"] == "Hi Anna, your parcel came late. We are sorry.\n\nHere are 3 EUR."
    )
    assert one["due_at"] == "2026-05-04T10:00:00+00:00"


def test_spans_in_words():
    assert [span(s) for s in (0, 59, 3_600, 86_400 * 2 + 60)] == [
        "at once",
        "59 s",
        "1 h",
        "2 d 1 min",
    ]


class Kept(FileChannel):
    """The file channel, which also keeps what it was given."""

    def __init__(self, folder):
        super().__init__(folder)
        self.given = []

    def send(self, batch):
        self.given += batch
        return super().send(batch)


def test_a_rehearsal_sends_every_arm_in_every_locale_as_a_test(tmp_path):
    channel = Kept(tmp_path)
    ledger = throwaway_ledger(simulated=False)
    experiment = read(TEXT, where="sorry")
    found = rehearse(ledger, {"file": channel}, experiment, WORDS, to=[], at=NOW)
    spoken = [arm.name for arm in arms(experiment) if arm.name != "silence"]
    assert [(each.arm, each.locale) for each in found] == [
        (arm, locale) for locale in ("en", "de") for arm in spoken
    ]
    assert {each.state for each in found} == {"sent"}
    assert {each.purpose for each in channel.given} == {"test"}
    assert {each.compensation for each in channel.given} == {None, "TEST-eur3"}
    subjects = {each.subject for each in channel.given}
    assert "[TEST owned+eur3@visit, de]" in subjects
    assert len(subjects) == len(found)
    texts = {each.text for each in channel.given if each.arm == "owned+none@1h"}
    assert texts == {
        "Hi Anna, your parcel came late. We are sorry: our mistake.",
        "Guten Tag, Anna. Es tut uns leid: unser Fehler.",
    }


def test_a_second_rehearsal_is_sent_again(tmp_path):
    channel = Kept(tmp_path)
    experiment = read(TEXT, where="sorry")
    for _ in range(2):
        rehearse(
            throwaway_ledger(simulated=False), {"file": channel}, experiment, WORDS, to=[], at=NOW
        )
    assert len({each.key for each in channel.given}) == 2 * 20


def test_addresses_must_fit_the_channels():
    by_mail = TEXT + '\n[delivery]\nchannel = "email"\n'
    experiment = read(by_mail, where="sorry")
    ledger = throwaway_ledger(simulated=False)
    with pytest.raises(InputError, match="no --to is an address for the incident's field email"):
        rehearse(ledger, {}, experiment, WORDS, to=["+37060000000"], at=NOW)
    with pytest.raises(InputError, match="fits no channel of sorry"):
        rehearse(ledger, {}, experiment, WORDS, to=["a@b.example", "+37060000000"], at=NOW)


def test_a_test_keeps_its_words(tmp_path):
    channel = Kept(tmp_path)
    experiment = read(TEXT, where="sorry")
    rehearse(throwaway_ledger(simulated=False), {"file": channel}, experiment, WORDS, to=[], at=NOW)
    again = as_test(channel.given[0])
    assert again.text == channel.given[0].text


def test_a_page_judges_as_check_does():
    """A subject is linted, and a promise that nobody keeps is seen beside one that somebody does."""
    text = TEXT + (
        '\n[wording.plain]\nparts = ["regret"]\n[wording.owned]\nparts = ["regret", "promise"]\n'
        'promise = { what = "it", keeper = "Ana", within = "30d" }\n'
    )
    never = "This will never happen again."
    words = WORDS | {
        ("wording", "plain", "en"): f"[subject]\nSorry if you were offended\n[regret]\n{never}",
        ("wording", "owned", "en"): f"[subject]\nYour parcel\n[regret]\nSorry.\n[promise]\n{never}",
    }
    experiment = read(text, where="sorry")
    languages = SHIPPED.languages(["en"])
    judge = judge_of(experiment, words, languages)
    found = preview(throwaway_ledger(), experiment, words, at=NOW)
    rules = {
        card.leaving[0].arm: {flaw.rule for flaw in card.flaws}
        for card in cards(found, "en", judge)
    }
    assert rules["plain+none@1h"] >= {"conditional_apology", "unkeepable_promise"}
    assert "unkeepable_promise" not in rules["owned+none@1h"]
    assert {flaw.rule for card in cards(found, "de", judge) for flaw in card.flaws} == set()


def test_a_page_and_a_terminal_show_what_is_wrong_with_a_survey():
    text = TEXT + '\n[survey]\nshare = 0.25\nquestions = ["heard", "again"]\n'
    never = "This will never happen again."
    words = WORDS | {
        ("survey", name, locale): said
        for name, said in (("heard", "Did you feel heard?"), ("again", never))
        for locale in ("en", "de")
    }
    experiment = read(text, where="sorry")
    judge = judge_of(experiment, words, SHIPPED.languages(["en"]))
    found = preview(throwaway_ledger(), experiment, words, at=NOW)
    ((said, (flaw,)),) = cards_beside(found, "en", judge)
    assert (said.title, flaw.rule, flaw.words) == (
        "Survey",
        "unkeepable_promise",
        "will never happen",
    )
    assert f"{flaw.severity}: unkeepable promise" in preview_page(found, judge, None)
    assert f"{flaw.severity}: unkeepable_promise: {flaw.words!r}" in preview_text(found, judge)
