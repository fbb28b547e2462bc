"""What ``check`` finds in the texts of an experiment, and ``start`` refuses."""

import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.errors import DeclarationError
from apologylab.service.start import start

SORRY = '[wording.sorry]\nparts = ["regret", "responsibility"]\n'
OURS = '[wording.ours]\nparts = ["regret", "repair"]\n'
TAGGED = "[greeting]\nHi,\n\n[regret]\nWe are sorry.\n[responsibility]\nIt was our mistake.\n"
SECOND = TAGGED.replace("sorry", "very sorry")


@pytest.fixture
def written(loop, tmp_path):
    """Write an experiment with English texts; gives its catalogue."""

    def write(texts, more="", *edits):
        declared = loop.Declared().change('locales = ["en", "lt"]', 'locales = ["en"]')
        for old, new in edits:
            declared.change(old, new)
        declared.text += more
        kept = {key: text for key, text in declared.messages.items() if key[2] == "en"}
        declared.messages = kept | {(*name.split("/"), "en"): text for name, text in texts.items()}
        loop.write(tmp_path, declared)
        return FolderCatalogue(tmp_path / "experiments")

    return write


def found(catalogue, loop, *ignored):
    """Findings but those of the lint, which has tests of its own."""
    checked = catalogue.check(loop.NAME)
    own = ("has no rules", "for example", *ignored)
    return [
        each for each in checked.findings if not any(word in each.do + each.what for word in own)
    ]


TWO = {"wording/sorry": TAGGED, "wording/sorry.2": SECOND}


def test_texts_that_say_what_is_declared_pass(written, loop):
    assert found(written(TWO, SORRY), loop) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("We are sorry.", "has no tags, but wording.sorry.parts declares parts"),
        ("[regret]\nWe are sorry.", "lacks [responsibility], unlike wording.sorry.parts"),
        (f"{TAGGED}[thanks]\nThank you.", "has [thanks], unlike wording.sorry.parts"),
        ("[regret]\nSorry.\n[thanks]\nOk.", "lacks [responsibility] and has [thanks], unlike"),
    ],
)
def test_parts_are_those_declared_in_every_text(written, loop, text, what):
    (one,) = found(written({**TWO, "wording/sorry": text}, SORRY), loop)
    place = "messages/wording/sorry.en.txt"
    assert (one.path, one.file, one.severity) == (place, place, "error")
    assert what in one.what


def test_a_later_text_has_the_same_parts(written, loop):
    (one,) = found(written({**TWO, "wording/sorry.2": "[regret]\nSorry again."}, SORRY), loop)
    assert (one.path, one.severity) == ("messages/wording/sorry.2.en.txt", "error")


def test_tags_that_nobody_declares_are_a_warning(written, loop):
    (one, two) = found(written(TWO), loop)
    assert (one.severity, two.severity) == ("warning", "warning")
    assert one.do == 'add [wording.sorry] with parts = ["regret", "responsibility"]'


def test_a_promise_has_its_keeper_wherever_it_is_said(written, loop):
    texts = {**TWO, "coupon/usd5": "[promise]\nWe will call you tomorrow."}
    (one,) = found(written(texts, SORRY), loop)
    assert (one.severity, one.path) == ("error", "messages/coupon/usd5.en.txt")
    assert "what and who keeps it" in one.what


def test_a_sender_signs_and_says_nothing_else(written, loop):
    edit = ('coupon = ["none", "usd5"]\n', 'coupon = ["none", "usd5"]\nsender = ["none", "ann"]\n')
    ann = '[sender.ann]\nkind = "person"\nname = "Ann"\n'
    texts = {**TWO, "sender/ann": "Ann Low, head of rides"}
    assert found(written(texts, SORRY + ann, edit), loop) == []
    texts["sender/ann"] = "[regret]\nI am sorry.\n[closing]\nAnn"
    (one,) = found(written(texts, SORRY + ann, edit), loop)
    assert "other parts than [closing]" in one.what
    del texts["sender/ann"]
    (one,) = found(written(texts, SORRY + ann, edit), loop, "never read")
    assert one.path == "messages/sender/ann.en.txt" or "has no text in en" in one.what


def test_two_greetings_in_one_letter_are_refused_and_the_same_one_is_not(written, loop):
    texts = {**TWO, "coupon/usd5": "[greeting]\nHi,\n\n[repair]\nHere are 5 dollars."}
    assert found(written(texts, SORRY), loop) == []
    texts["coupon/usd5"] = "[greeting]\nHello,\n\n[repair]\nHere are 5 dollars."
    one, *more = found(written(texts, SORRY), loop)
    assert one.what == (
        "brings another [greeting] than messages/wording/sorry.en.txt, and sorry+usd5@1h says both"
    )
    assert {each.severity for each in (one, *more)} == {"error"}


def test_a_silent_gift_has_no_text(written, loop):
    quiet = '[compensation.quiet]\nkind = "credit"\nvalue = "1.00 USD"\nexpires_days = 9\ntold = false\n'
    edit = ('coupon = ["none", "usd5"]', 'coupon = ["none", "usd5", "quiet"]')
    assert found(written(TWO, SORRY + quiet, edit), loop) == []
    (one,) = found(written({**TWO, "coupon/quiet": "A credit."}, SORRY + quiet, edit), loop)
    assert (one.severity, one.path) == ("warning", "messages/coupon/quiet.en.txt")


LEVELS = ('wording = ["none", "sorry"]', 'wording = ["none", "sorry", "ours"]')
MENDED = "[greeting]\nHi,\n\n[regret]\nWe are sorry.\n[repair]\nIt is mended since then.\n"
THREE = {
    **TWO,
    "wording/ours": MENDED,
    "wording/ours.2": SECOND.replace("responsibility", "repair"),
}


def test_levels_that_differ_in_their_parts_alone_pass(written, loop):
    assert found(written(THREE, SORRY + OURS, LEVELS), loop) == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("We are sorry.", "We apologise.", "regret"),
        ("Hi,", "Dear,", "greeting"),
        ("[greeting]", "[subject]\nYour ride\n[greeting]", "subject"),
        ("It is mended", "It is mended, and looked at by two of us", "length"),
        ("since then.\n", "since then.\n\n[closing]\nWe\n", "closing"),
    ],
)
def test_what_differs_beside_the_parts_is_another_explanation(written, loop, old, new, named):
    texts = {**THREE, "wording/ours": MENDED.replace(old, new)}
    one, *rest = found(written(texts, SORRY + OURS, LEVELS), loop, "without a subject")
    assert rest == []
    assert (one.path, one.severity) == ("wording.ours", "warning")
    assert f"arms_differ: not like sorry in {named} too (in en)" in one.what
    assert one.detail.startswith(
        "--- messages/wording/sorry.en.txt\n+++ messages/wording/ours.en.txt"
    )
    assert any(line.startswith("+") for line in one.detail.splitlines()[2:])
    meant = f'{OURS}differs = ["{named}"]\n'
    assert found(written(texts, SORRY + meant, LEVELS), loop, "without a subject") == []


def test_some_arms_with_a_subject_and_others_without(written, loop):
    texts = {name: f"[subject]\nYour ride\n{text}" for name, text in TWO.items()}
    (one,) = found(written(texts, SORRY), loop)
    assert (
        one.what
        == "arms_differ: none+usd5@1h would be sent without a subject, and other arms have one"
    )


def test_an_e_mail_has_a_subject(written, loop):
    mail = ("hold_seconds = 60", 'hold_seconds = 60\nchannel = "email"')
    (one,) = found(written(TWO, SORRY, mail), loop)
    assert (one.severity, one.path) == ("warning", "factors")
    assert one.what.startswith("none+usd5@1h, sorry+none@1h, sorry+usd5@1h would be sent by e-mail")
    sms = ("hold_seconds = 60", 'hold_seconds = 60\nchannel = "sms"')
    assert found(written(TWO, SORRY, sms), loop) == []


def test_a_subject_is_short(written, loop):
    texts = {name: f"[subject]\n{'Your late ride ' * 9}\n{text}" for name, text in TWO.items()}
    one, two = found(written(texts, SORRY), loop, "without a subject")
    assert (one.severity, two.severity) == ("error", "error")
    assert one.what == "has a subject of 134 characters"


def test_second_apologies_are_held_against_each_other_too(written, loop):
    texts = {**THREE, "wording/ours.2": THREE["wording/ours.2"].replace("very", "so")}
    (one,) = found(written(texts, SORRY + OURS, LEVELS), loop)
    assert one.detail.startswith("--- messages/wording/sorry.2.en.txt")
    assert "arms_differ: not like sorry in regret too (in en)" in one.what


def test_a_second_apology_says_something_new(written, loop):
    (one,) = found(written({**TWO, "wording/sorry.2": TAGGED}, SORRY), loop)
    assert (one.path, one.severity) == ("messages/wording/sorry.2.en.txt", "error")
    assert "word for word messages/wording/sorry.en.txt" in one.what


def test_the_same_apology_again_is_a_warning_where_it_is_declared(written, loop):
    same = ('text = "vary"', 'text = "same"')
    (one,) = found(written(TWO, SORRY, same), loop)
    assert (one.path, one.severity) == ("repeats.text", "warning")
    first = (
        'next_incident = "sticky"\ntext = "vary"',
        'next_incident = "first_only"\ntext = "same"',
    )
    assert found(written(TWO, SORRY, first), loop, "max_apologies") == []


def test_an_order_of_the_language_needs_tags(written, loop):
    arrange = ('locales = ["en"]', 'locales = ["en"]\narrange = "locale"')
    untagged = found(written(TWO, SORRY, arrange), loop)
    assert {each.path for each in untagged} == {
        "messages/coupon/usd5.en.txt",
        "messages/coupon/usd5.2.en.txt",
    }
    coupons = {f"coupon/{name}": f"[repair]\n{name}: 5 dollars." for name in ("usd5", "usd5.2")}
    assert found(written({**TWO, **coupons}, SORRY, arrange), loop) == []


def test_a_language_without_an_order_is_told(written, loop, tmp_path):
    arrange = ('locales = ["en"]', 'locales = ["en", "xx"]\narrange = "locale"')
    catalogue = written(TWO, SORRY, arrange)
    one = next(each for each in found(catalogue, loop) if each.path.startswith("messages.locales"))
    assert one.what == "is a locale of which no order of parts is known"


def test_start_refuses_what_check_calls_an_error(written, loop, ledger):
    catalogue = written({**TWO, "wording/sorry": "[regret]\nWe are sorry."}, SORRY)
    with pytest.raises(DeclarationError, match="lacks"):
        start(ledger, catalogue, loop.NAME, now=loop.START)
    assert start(ledger, written(TWO, SORRY), loop.NAME, now=loop.START).did == "started"
