import pytest

from apologylab.errors import (
    DeclarationError,
    InputError,
    LedgerOtherError,
    NotFoundError,
    StateError,
)
from apologylab.record.facts import Closed, PhaseBegan, Started
from apologylab.service.ending import end
from apologylab.service.running import load, pinned
from apologylab.service.same_ledger import refuse_other
from apologylab.service.start import start
from apologylab.wire.declaration import read


def test_start_pins_declaration_messages_and_phase_one(ledger, loop):
    declared = loop.Declared()
    begun = start(ledger, declared, loop.NAME, now=loop.START)
    (started,) = ledger.read(Started)
    (phase,) = ledger.read(PhaseBegan)
    assert (begun.did, begun.phase, begun.closed) == ("started", 1, None)
    assert started.declaration == loop.DECLARATION
    assert started.fingerprint == begun.fingerprint
    assert started.messages["wording/sorry.2/en"] == loop.FRAGMENTS["wording", "sorry.2", "en"]
    assert phase.weights == {
        "silence": 1, "none+usd5@1h": 1, "sorry+none@1h": 1, "sorry+usd5@1h": 1,
    }  # fmt: skip


def test_starting_again_changes_nothing(ledger, loop):
    declared = loop.Declared()
    start(ledger, declared, loop.NAME, now=loop.START)
    before = ledger.content_hash()
    again = start(ledger, declared, loop.NAME, now=loop.START + loop.DAY)
    assert again.did == "nothing"
    assert ledger.content_hash() == before


def test_another_comment_or_owner_is_no_edit(ledger, loop):
    declared = loop.Declared()
    start(ledger, declared, loop.NAME, now=loop.START)
    declared.change('owner = "riders"', 'owner = "rides" # new')
    assert start(ledger, declared, loop.NAME, now=loop.START).did == "nothing"


def test_an_edit_is_refused_until_the_version_is_raised(ledger, loop):
    declared = loop.Declared()
    start(ledger, declared, loop.NAME, now=loop.START)
    declared.change('minutes_late", at_least = 10', 'minutes_late", at_least = 20')
    with pytest.raises(StateError, match="raise `version` to 2"):
        start(ledger, declared, loop.NAME, now=loop.START)
    with pytest.raises(StateError, match="was edited"):
        load(ledger, declared.experiment(loop.NAME))
    declared.change('owner = "riders"', 'owner = "riders"\nversion = 2')
    with pytest.raises(StateError, match="version 2 of late_ride is not started"):
        load(ledger, declared.experiment(loop.NAME))
    assert start(ledger, declared, loop.NAME, now=loop.START).version == 2
    (closed,) = ledger.read(Closed)
    assert (closed.version, closed.because) == (1, "version 2 was started")
    assert load(ledger, declared.experiment(loop.NAME)).experiment.version == 2


def test_an_edited_message_is_refused_and_named(ledger, loop):
    declared = loop.Declared()
    start(ledger, declared, loop.NAME, now=loop.START)
    declared.messages["coupon", "usd5", "lt"] = "Kitaip."
    with pytest.raises(StateError, match=r"messages were edited \(coupon/usd5/lt\)"):
        start(ledger, declared, loop.NAME, now=loop.START)


def test_missing_and_wrong_messages_are_all_found(ledger, loop):
    declared = loop.Declared()
    del declared.messages["coupon", "usd5", "lt"]
    with pytest.raises(DeclarationError) as missing:
        start(ledger, declared, loop.NAME, now=loop.START)
    assert [each.path for each in missing.value.findings] == ["messages/coupon/usd5.lt.txt"]
    declared.messages["wording", "sorry", "en"] = "{{ secret }}"
    declared.messages["wording", "sorry", "lt"] = "{{ ''.__class__ }}"
    with pytest.raises(DeclarationError) as wrong:
        start(ledger, declared, loop.NAME, now=loop.START)
    assert len(wrong.value.findings) == 2
    assert ledger.count(Started) == 0


def test_phases_begin_in_their_order(ledger, loop):
    declared = loop.Declared().change(
        "[compensation.usd5]", "[[allocation.phases]]\nentry = 0.5\n[compensation.usd5]"
    )
    start(ledger, declared, loop.NAME, now=loop.START)
    for wrong in (3, 0):
        with pytest.raises(StateError, match="begin phase 2"):
            start(ledger, declared, loop.NAME, now=loop.START, phase=wrong)
    assert start(ledger, declared, loop.NAME, now=loop.START, phase=2).did == "phase"
    assert start(ledger, declared, loop.NAME, now=loop.START, phase=2).did == "nothing"
    with pytest.raises(StateError, match="declare another phase"):
        start(ledger, declared, loop.NAME, now=loop.START, phase=3)
    assert [each.entry for each in ledger.read(PhaseBegan)] == [1.0, 0.5]


def test_stop_is_final_and_idempotent(ledger, loop):
    declared = loop.Declared()
    start(ledger, declared, loop.NAME, now=loop.START)
    stopped = end(ledger, loop.NAME, because="spring", now=loop.START)
    again = end(ledger, loop.NAME, because="other", now=loop.START)
    assert (stopped.did, stopped.closed) == ("stopped", "spring")
    assert (again.did, again.closed) == ("nothing", "spring")
    assert start(ledger, declared, loop.NAME, now=loop.START).closed == "spring"


@pytest.mark.parametrize("because", ["", " \n"])
def test_a_stop_without_a_reason_is_refused_and_would_close_all_the_same(ledger, loop, because):
    running = loop.begin(ledger)
    with pytest.raises(InputError, match="why it is ended"):
        end(ledger, loop.NAME, because=because, now=loop.START)
    closed = Closed(
        key="late_ride/1/1", occurred_at=loop.START, experiment=loop.NAME, version=1, phase=1,
        because=because,
    )  # fmt: skip
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([closed])
    (answer,) = loop.ask(ledger, running, loop.incident(1))
    assert answer.reason == "CLOSED"


def test_what_was_never_started_cannot_be_stopped(ledger, loop):
    with pytest.raises(StateError, match="is not started"):
        end(ledger, loop.NAME, because="spring", now=loop.START)


def test_the_pinned_declaration_runs_on_though_the_file_was_edited(ledger, loop):
    start(ledger, loop.Declared(), loop.NAME, now=loop.START)
    (running,) = pinned(ledger, lambda text: read(text, where="pinned"))
    assert running.experiment == loop.Declared().experiment(loop.NAME)
    with pytest.raises(NotFoundError, match="other is not started"):
        pinned(ledger, lambda text: read(text, where="pinned"), ["other"])


@pytest.mark.parametrize(("environment", "simulated"), [("live", True), ("test", False)])
def test_another_ledger_is_refused(ledger, environment, simulated):
    refuse_other(ledger, environment="test", simulated=True)
    with pytest.raises(LedgerOtherError):
        refuse_other(ledger, environment=environment, simulated=simulated)


def test_a_neighbour_in_the_same_slice_of_a_layer_refuses_the_start(ledger, loop):
    layer = '\n[layer]\nname = "riders"\nstart = {}\nend = {}\n'
    ours = loop.Declared()
    ours.text += layer.format(0.0, 0.6)
    beside = ours.text.replace(f'name = "{loop.NAME}"', 'name = "beside"')

    class Two(loop.Declared):
        other = beside

        def names(self):
            return (loop.NAME, "beside")

        def source(self, name):
            return self.other if name == "beside" else super().source(name)

    two = Two(text=ours.text)
    with pytest.raises(DeclarationError, match="beside claims the same incident"):
        start(ledger, two, loop.NAME, now=loop.START)
    assert list(ledger.read(Started)) == []
    two.other = beside.replace("start = 0.0\nend = 0.6", "start = 0.6\nend = 1.0")
    assert start(ledger, two, loop.NAME, now=loop.START).did == "started"
