"""Surveys of a random share of all arms; promises, their notices, and how they end."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.assignment.assigner import Assigner
from apologylab.assignment.survey import is_invited
from apologylab.errors import DeclarationError, NotFoundError, StateError
from apologylab.record.columns import columns
from apologylab.record.facts import Assignment, Change, CustomerSnapshot, Delivery, Incident, Remedy
from apologylab.record.integrity import Understood
from apologylab.record.later_facts import Commitment, CommitmentEnded, SurveyDraw
from apologylab.remedy.wording import Wording
from apologylab.service.assign import assign
from apologylab.service.commitments import commitments, end, settle_commitments
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ending import end as kill
from apologylab.service.explain import explain
from apologylab.service.forget import forget
from apologylab.service.landing import Meant, land
from apologylab.service.letters import dead_letters, give_up, replay
from apologylab.service.preview import begin
from apologylab.service.promising import ended
from apologylab.service.running import Running, pinned
from apologylab.service.start import start
from apologylab.service.text_ids import text_ids
from apologylab.wire.declaration import read
from apologylab.wiring import throwaway_ledger

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = """
name = "sorry"
question = "Do words help?"
owner = "care"
factors = { wording = ["none", "plain", "promise"] }
incident = { kind = "late", recurs = true }
repeats = { next_incident = "sticky", text = "same" }
otherwise = { INELIGIBLE = "today", CLOSED = "today", FALLBACK = "today" }
today = { wording = "template" }
eligibility = { consent = "service" }
messages = { locales = ["en"], placeholders = ["first_name"] }
[wording.plain]
parts = ["regret"]
[wording.promise]
parts = ["regret", "promise"]
promise = { what = "arrival times you can count on", keeper = "dispatch team", within = "30d", notice = "5d" }
[survey]
share = 0.25
after = "36h"
questions = ["satisfied", "heard"]
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""
WORDS = {
    ("wording", "plain", "en"): "[regret]\nWe are sorry, {{ first_name }}.",
    ("wording", "promise", "en"): "[regret]\nWe are sorry, {{ first_name }}.\n\n"
    "[promise]\nWe are working on arrival times you can count on.",
    ("survey", "satisfied", "en"): "Hi {{ first_name }}, how satisfied are you with us, 1 to 5?",
    ("survey", "heard", "en"): "Did you feel heard?",
    ("notice", "promise", "en"): "Hi {{ first_name }}, what we promised you will take longer.",
}


class Outbox:
    """A channel that keeps what it is given."""

    name, once, harmless = "file", True, True

    def __init__(self):
        self.sent = []

    def accepted(self, keys):
        return frozenset(each.key for each in self.sent) & frozenset(keys)

    def send(self, batch):
        from apologylab.service.channel import Sent

        self.sent += batch
        return [Sent(key=each.key, state="sent") for each in batch]


def a_running(text=TEXT, words=WORDS):
    experiment = read(text, where="sorry")
    return Running(experiment, Assigner(experiment), Wording(experiment, words))


@pytest.fixture
def running():
    return a_running()


@pytest.fixture
def ledger(running):
    made = throwaway_ledger()
    begin(made, running, NOW)
    return made


def answer(ledger, running, number, *, at=NOW, name="", **fields):
    told = [
        Incident(
            key=f"i{i}{name}",
            occurred_at=at,
            customer=f"c{i}",
            kind="late",
            fields={"consent": "service", "first_name": f"Ann{i}"}
            | {field: text.format(i) for field, text in fields.items()},
        )
        for i in range(number)
    ]
    return assign(ledger, running, told, now=at)


def dispatch(ledger, running, at):
    """All queues at one moment; what left."""
    outbox = Outbox()
    worker = Worker(holder=f"w{at}", clock=lambda: at, chance=lambda: 0.5)
    for each in (running, *running.beside()):
        dispatch_once(ledger, outbox, each, worker)
    return outbox.sent


# surveys


def test_a_quarter_of_every_arm_is_surveyed_36_hours_after_the_incident(ledger, running):
    answer(ledger, running, 4_000)
    draws = {each.key: each for each in ledger.read(SurveyDraw)}
    arms = {each.key: each.arm for each in ledger.read(Assignment)}
    assert draws.keys() == arms.keys()
    assert {each.share for each in draws.values()} == {0.25}
    units = Counter(arms.values())
    invited = Counter(arms[key] for key, each in draws.items() if each.invited)
    for arm, n in units.items():  # each within 5 standard errors: false alarm below 1e-6
        assert abs(invited[arm] - 0.25 * n) < 5 * (n * 0.25 * 0.75) ** 0.5
    remedies = [each for each in ledger.read(Remedy) if each.experiment == "sorry/survey"]
    assert {each.due_at for each in remedies} == {NOW + timedelta(hours=36)}
    assert Counter(each.arm for each in remedies) == invited


def test_silence_is_surveyed_too_and_the_invitation_leaves_at_its_time(ledger, running):
    answer(ledger, running, 400)
    early = dispatch(ledger, running, NOW + timedelta(hours=35))
    assert {each.purpose for each in early} == {"remedy"}
    sent = [
        e for e in dispatch(ledger, running, NOW + timedelta(hours=37)) if e.purpose == "survey"
    ]
    drawn = sum(each.invited for each in ledger.read(SurveyDraw))
    assert len(sent) == drawn > 50
    assert "silence" in {each.arm for each in sent}
    one = sent[0]
    name = one.customer.replace("c", "Ann")
    assert one.text == (f"Hi {name}, how satisfied are you with us, 1 to 5?\n\nDid you feel heard?")
    assert (one.promotional, one.compensation) == (False, None)
    states = {e.state for e in ledger.read(Delivery) if e.experiment == "sorry/survey"}
    assert states == {"sent"}
    assert dispatch(ledger, running, NOW + timedelta(hours=38)) == []


def test_a_unit_is_drawn_once_and_stays_so(ledger, running):
    answer(ledger, running, 50)
    answer(ledger, running, 50, at=NOW + DAY, name="-again")
    assert len(list(ledger.read(SurveyDraw))) == 50
    before = {
        each.unit: is_invited(running.experiment, each.unit) for each in ledger.read(Assignment)
    }
    again = {f"c{i}": is_invited(running.experiment, f"c{i}") for i in range(50)}
    assert before == again


def test_the_draw_does_not_depend_on_the_arm(ledger, running):
    """Chi-square of arm by invited over 4,000 units, 2 degrees of freedom: below its 1e-6 point."""
    answer(ledger, running, 4_000)
    arms = {each.key: each.arm for each in ledger.read(Assignment)}
    table = Counter((arms[each.key], each.invited) for each in ledger.read(SurveyDraw))
    names = sorted(set(arms.values()))
    rows = {arm: sum(table[arm, yes] for yes in (True, False)) for arm in names}
    share = sum(table[arm, True] for arm in names) / 4_000
    statistic = sum(
        (table[arm, yes] - rows[arm] * p) ** 2 / (rows[arm] * p)
        for arm in names
        for yes, p in ((True, share), (False, 1 - share))
    )
    assert statistic < 27.7


def test_whoever_opts_out_or_is_forgotten_is_not_asked(ledger, running):
    answer(ledger, running, 200)
    invited = [each.customer for each in ledger.read(SurveyDraw) if each.invited]
    out, gone = invited[:2]
    with ledger.transaction(recorded_at=NOW) as work:
        snapshot = CustomerSnapshot(
            key="s1", occurred_at=NOW + timedelta(hours=1), customer=out, consent="none"
        )
        work.append([snapshot])
    forget(ledger, [gone], because="asked", by="x", now=NOW + timedelta(hours=2))
    sent = dispatch(ledger, running, NOW + timedelta(hours=37))
    asked = {each.customer for each in sent if each.purpose == "survey"}
    assert asked == set(invited[2:])
    because = {
        e.customer: e.because for e in ledger.read(Delivery) if e.experiment == "sorry/survey"
    }
    assert because[out] == "opted_out"
    assert because[gone] == "forgotten"


def test_forget_reaches_the_words_and_addresses_of_what_is_sent_beside(ledger):
    text = TEXT.replace("[wording.plain]", 'delivery = { channel = "email" }\n[wording.plain]')
    running = a_running(text)
    answer(ledger, running, 60, email="ann{}@x.example")
    gone, stays = sorted({e.customer for e in ledger.read(Remedy) if e.experiment != "sorry"})[:2]

    def held(customer):
        mine = [each for each in ledger.read(Remedy) if each.customer == customer]
        return {id_ for id_ in text_ids(mine) if ledger.text(id_) is not None}

    before = held(gone)
    kept = held(stays)
    assert len(before) >= 2
    did = forget(ledger, [gone], because="asked", by="x", now=NOW)
    assert (held(gone), held(stays)) == (set(), kept)
    assert did.texts == len(before)


def test_a_life_tells_what_is_sent_beside_at_its_incident(ledger, running):
    answer(ledger, running, 60)
    asked = next(each.customer for each in ledger.read(SurveyDraw) if each.invited)
    life = explain(ledger, [asked], zone=UTC, now=NOW)
    (survey,) = [e for e in life.events if e.letter and "how satisfied" in e.letter.text]
    assert survey.incident == asked.replace("c", "i")
    assert "says and gives nothing" not in survey.words


def test_a_survey_without_words_is_refused():
    words = {key: text for key, text in WORDS.items() if key[1] != "heard"}
    with pytest.raises(DeclarationError, match="1 mistakes in messages"):
        a_running(words=words)


def test_nothing_beside_where_nothing_is_declared():
    text = TEXT.replace("[survey]", "[panel_off]").split("[panel_off]")[0]
    text += TEXT[TEXT.index("[[outcomes]]") :]
    text = text.replace(', notice = "5d"', "")
    running = a_running(text)
    assert running.beside() == []


# commitments


def promised(ledger, running, number=60):
    """Answer incidents and send the remedies; the commitments made."""
    answer(ledger, running, number)
    dispatch(ledger, running, NOW + timedelta(minutes=5))
    return list(ledger.read(Commitment))


def test_a_promise_is_made_when_its_message_went_out(ledger, running):
    answer(ledger, running, 60)
    assert list(ledger.read(Commitment)) == []
    dispatch(ledger, running, NOW + timedelta(minutes=5))
    made = list(ledger.read(Commitment))
    arms = {each.key: each.arm for each in ledger.read(Assignment)}
    assert {each.assignment for each in made} == {k for k, arm in arms.items() if arm == "promise"}
    one = made[0]
    assert one.what == "arrival times you can count on"
    assert (one.keeper, one.level) == ("dispatch team", "promise")
    assert one.until == NOW + timedelta(minutes=5) + 30 * DAY
    assert one.key == f"{one.assignment}/promise"
    assert one.incident == one.assignment.removeprefix("sorry/")


def test_one_that_nobody_kept_is_broken_once_and_is_an_incident(ledger, running):
    made = promised(ledger, running)
    assert settle_commitments(ledger, now=NOW + 29 * DAY) == 0
    later = NOW + 31 * DAY
    assert settle_commitments(ledger, now=later) == len(made)
    assert settle_commitments(ledger, now=later) == 0
    over = list(ledger.read(CommitmentEnded))
    assert {each.kept for each in over} == {False}
    incidents = [each for each in ledger.read(Incident) if each.kind == "broken_promise"]
    assert {each.customer for each in incidents} == {each.customer for each in made}
    assert {each.cause for each in incidents} == {"broken_promise:sorry/promise"}
    listed = commitments(ledger, now=later)
    assert listed.counts == {"broken": len(made)}


def test_kept_in_time_stays_kept(ledger, running):
    made = promised(ledger, running)
    one, *rest = made
    did = end(ledger, "sorry", [one.key], kept=True, because="done", by="ana", now=NOW + 2 * DAY)
    assert did == 1
    assert settle_commitments(ledger, now=NOW + 40 * DAY) == len(rest)
    states = {each.commitment.key: each.state for each in commitments(ledger, now=NOW).listed}
    assert states[one.key] == "kept"
    assert Counter(states.values()) == {"kept": 1, "broken": len(rest)}
    (change,) = ledger.read(Change)
    assert (change.what, change.by) == ("keep commitments", "ana")
    assert change.detail["keys"] == [one.key]
    with pytest.raises(StateError, match="was broken"):
        end(ledger, "sorry", [rest[0].key], kept=True, because="", by="ana", now=NOW + 50 * DAY)
    with pytest.raises(NotFoundError, match="'nope' is no commitment of sorry"):
        end(ledger, "sorry", ["nope"], kept=True, because="", by="ana", now=NOW)


def test_all_that_are_open_are_kept_at_once(ledger, running):
    made = promised(ledger, running)
    did = end(ledger, "sorry", [], kept=True, because="live", by="ana", now=NOW + DAY)
    assert did == len(made)
    again = end(ledger, "sorry", [], kept=True, because="live", by="ana", now=NOW + DAY)
    assert again == 0


def test_those_that_end_next_come_first(ledger, running):
    promised(ledger, running, 20)
    answer(ledger, running, 20, at=NOW + 3 * DAY, name="-2")
    dispatch(ledger, running, NOW + 3 * DAY + timedelta(minutes=1))
    listed = commitments(ledger, now=NOW + 24 * DAY).listed
    untils = [each.commitment.until for each in listed]
    assert untils == sorted(untils)
    assert {each.state for each in listed} == {"soon", "open"}


def test_a_notice_goes_out_before_the_date_of_what_is_not_kept(ledger, running):
    made = promised(ledger, running)
    kept = made[0]
    end(ledger, "sorry", [kept.key], kept=True, because="done", by="ana", now=NOW + DAY)
    dispatch(ledger, running, NOW + 2 * DAY)
    assert [
        each for each in dispatch(ledger, running, NOW + 24 * DAY) if each.purpose == "notice"
    ] == []
    sent = [e for e in dispatch(ledger, running, NOW + 26 * DAY) if e.purpose == "notice"]
    assert {each.customer for each in sent} == {each.customer for each in made[1:]}
    assert sent[0].text.endswith("what we promised you will take longer.")
    because = {
        e.customer: e.because for e in ledger.read(Delivery) if e.experiment == "sorry/notice"
    }
    assert because[kept.customer] == "kept"


def test_no_notice_of_what_was_never_promised(ledger, running):
    """The message was suppressed, so nothing was promised."""
    answer(ledger, running, 60)
    with ledger.transaction(recorded_at=NOW) as work:
        work.append(
            [
                CustomerSnapshot(
                    key=f"s{i}",
                    occurred_at=NOW + timedelta(seconds=1),
                    customer=f"c{i}",
                    consent="none",
                )
                for i in range(60)
            ]
        )
    assert dispatch(ledger, running, NOW + timedelta(minutes=5)) == []
    with ledger.transaction(recorded_at=NOW) as work:
        work.append(
            [
                CustomerSnapshot(
                    key=f"t{i}", occurred_at=NOW + DAY, customer=f"c{i}", consent="service"
                )
                for i in range(60)
            ]
        )
    assert [e for e in dispatch(ledger, running, NOW + 26 * DAY) if e.purpose == "notice"] == []
    notices = [e for e in ledger.read(Delivery) if e.experiment == "sorry/notice"]
    assert {each.because for each in notices} == {"not_promised"}


def test_an_incident_whose_key_looks_like_a_follow_up_disturbs_nothing(ledger, running):
    for key in ("survey:sorry/i0", "notice/promise:sorry/i0", "i0", "/survey/i0"):
        incident = Incident(
            key=key,
            occurred_at=NOW,
            customer=f"c-{key}",
            kind="late",
            fields={"consent": "service", "first_name": "Ann"},
        )
        (found,) = assign(ledger, running, [incident], now=NOW)
        assert found.assignment.reason == "RANDOMISED"
    keys = [each.key for each in ledger.read(Remedy)]
    assert len(keys) == len(set(keys))


class Shut(Outbox):
    """It is not there, but for what it may have taken before it hung up."""

    def __init__(self, state):
        super().__init__()
        self.state = state

    def send(self, batch):
        from apologylab.service.channel import Sent

        return [Sent(key=each.key, state=self.state, because="shut") for each in batch]


def through(channel, ledger, running, at):
    worker = Worker(holder=f"w{at}", clock=lambda: at, chance=lambda: 0.5)
    for each in (running, *running.beside()):
        dispatch_once(ledger, channel, each, worker)


def test_dead_letters_of_surveys_and_notices_are_seen_replayed_and_given_up():
    running = a_running(
        TEXT.replace("[wording.plain]", "delivery = { attempts = 1 }\n[wording.plain]")
    )
    ledger = throwaway_ledger()
    begin(ledger, running, NOW)
    answer(ledger, running, 40)
    through(Outbox(), ledger, running, NOW + timedelta(hours=1))
    at = NOW + 26 * DAY
    through(Shut("later"), ledger, running, at)
    found = dead_letters(ledger, "sorry", now=at).letters
    assert {each.remedy.experiment for each in found} == {"sorry/survey", "sorry/notice"}
    one = found[0].remedy.key
    assert [each.remedy.key for each in replay(ledger, "sorry", [one], now=at, by="x").letters] == [
        one
    ]
    outbox = Outbox()
    through(outbox, ledger, running, at)
    assert [each.key.partition("/")[2] for each in outbox.sent] == [one]
    give_up(ledger, "sorry", [], now=at, by="x", running=running)
    assert dead_letters(ledger, "sorry", now=at).letters == []
    states = {each.key: each.state for each in ledger.read(Delivery)}
    assert {states[each.remedy.key] for each in found[1:]} == {"failed"}


def test_what_may_have_been_read_is_promised_though_it_was_given_up():
    running = a_running(
        TEXT.replace("[wording.plain]", "delivery = { attempts = 1 }\n[wording.plain]")
    )
    ledger = throwaway_ledger()
    begin(ledger, running, NOW)
    answer(ledger, running, 40)
    at = NOW + timedelta(hours=1)
    through(Shut("unknown"), ledger, running, at)
    assert list(ledger.read(Commitment)) == []
    give_up(ledger, "sorry", [], now=at, by="x", running=running)
    arms = {each.key: each.arm for each in ledger.read(Assignment)}
    doubtful = {e.key for e in ledger.read(Delivery) if e.state == "in_doubt"}
    promised = {each.assignment for each in ledger.read(Commitment)}
    assert promised == {key for key in doubtful if "promise" in arms[key]} != set()


def told_by_file(ledger, *rows, at):
    """As ``record --as commitment_ended`` lands them."""
    names = [column.name for column in columns(CommitmentEnded)]
    values = [tuple(getattr(each, name) for name in names) for each in rows]
    understood = Understood(rows=values, places=range(len(values)))
    return land(ledger, CommitmentEnded, understood, Meant(), at)


def test_a_file_that_says_broken_tells_of_the_second_failure_too(ledger, running):
    answer(ledger, running, 40)
    dispatch(ledger, running, NOW + timedelta(hours=1))
    broken, kept, *rest = ledger.read(Commitment)
    at = NOW + DAY
    rows = [ended(e, kept=e is kept, because="a file", by=None, now=at) for e in (broken, kept)]
    strange = [
        replace(rows[1], key="ticket-7"),
        replace(rows[1], key=rest[0].key),  # the commitment of somebody else
    ]
    for new in (2, 0):
        landed = told_by_file(ledger, *rows, *strange, at=at)
        assert landed.appended.new == new
        assert landed.wrong.keys() == {2, 3}
    twice = [e for e in ledger.read(Incident) if e.kind == "broken_promise"]
    assert [(e.key, e.customer) for e in twice] == [
        (f"broken_promise:{broken.key}", broken.customer)
    ]
    assert settle_commitments(ledger, now=NOW + 40 * DAY) == len(rest)
    late = told_by_file(ledger, replace(rows[0], key=kept.key, assignment=kept.assignment,
                                        customer=kept.customer), at=at)  # fmt: skip
    assert "kept is False, stands as True" in late.wrong[0]
    assert f"broken_promise:{kept.key}" not in {e.key for e in ledger.read(Incident)}


@pytest.fixture
def started(loop):
    """``started(ledger, text, words, at)`` is the version that was started with them."""

    def begun(ledger, text, words, at):
        start(ledger, loop.Declared(text, words, "sorry"), "sorry", now=at)
        (found,) = pinned(ledger, lambda text: read(text, where="sorry"))
        return found

    return begun


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_an_earlier_version_would_ask_is_asked_unless_that_was_killed(started, is_killed):
    ledger = throwaway_ledger()
    one = started(ledger, TEXT, WORDS, NOW)
    answer(ledger, one, 40)
    if is_killed:
        kill(ledger, "sorry", because="wrong words", now=NOW, how="kill")
    silent = TEXT.replace('name = "sorry"', 'name = "sorry"\nversion = 2', 1)
    silent = silent[: silent.index("[survey]")] + silent[silent.index("[[outcomes]]") :]
    words = {key: text for key, text in WORDS.items() if key[0] != "survey"}
    two = started(ledger, silent, words, NOW + timedelta(minutes=1))
    dispatch(ledger, two, NOW + timedelta(hours=37))
    asked = [each for each in ledger.read(Remedy) if each.experiment == "sorry/survey"]
    ends = {each.key: (each.state, each.because) for each in ledger.read(Delivery)}
    expected = ("suppressed", "killed") if is_killed else ("sent", "")
    assert asked
    assert {ends.get(each.key) for each in asked} == {expected}
