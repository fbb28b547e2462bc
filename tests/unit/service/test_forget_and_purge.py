"""forget reaches all ids of a person; purge deletes what is old and sent, and nothing else."""

from datetime import timedelta

import pytest

from apologylab.errors import InputError
from apologylab.record.facts import Change, Delivery, Forgotten, Merged, Remedy
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.forget import forget
from apologylab.service.ports import LedgerIdentity
from apologylab.service.purge import purge
from apologylab.service.text_ids import text_id

DAYS = 30


@pytest.fixture
def running(ledger, loop):
    return loop.begin(ledger)


def hit(ledger, loop, running, numbers, **more):
    loop.ask(ledger, running, *(loop.incident(n, first_name=f"Ana{n}", **more) for n in numbers))


def send(ledger, running, outboxes, now):
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5)
    dispatch_once(ledger, outboxes.Outbox(), running, worker)


def texts(ledger, *, of=None):
    """Remedy's key -> its text, of those that have one still."""
    found = {each.key: ledger.text(each.text) for each in ledger.read(Remedy) if each.text}
    return {key: text for key, text in found.items() if text is not None and (not of or key in of)}


def test_all_ids_of_a_person_are_forgotten_together_and_nobody_else(ledger, loop, running):
    hit(ledger, loop, running, range(20))
    spoken = [each.split("/i")[1] for each in sorted(texts(ledger))]
    one, other, stranger = (f"c{number}" for number in spoken[:3])
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([Merged(key="m", occurred_at=loop.START, customer=one, into=other)])
    before = texts(ledger)
    did = forget(ledger, [one], because="asked", by="ana", now=loop.START)
    assert (set(did.ids), did.texts, did.pending) == ({one, other}, 2, 2)
    gone = {f"late_ride/i{each[1:]}" for each in (one, other)}
    assert before.keys() - texts(ledger).keys() == gone
    assert f"late_ride/i{stranger[1:]}" in texts(ledger)
    assert {each.customer for each in ledger.read(Forgotten)} == {one, other}


def test_a_person_who_comes_back_is_forgotten_again_under_a_key_of_its_own(ledger, loop, running):
    hit(ledger, loop, running, range(20))
    customer = "c" + min(texts(ledger)).split("/i")[1]
    for _ in range(2):
        forget(ledger, [customer], because="asked", by="ana", now=loop.START)
    assert len(list(ledger.read(Forgotten))) == 1
    again = loop.incident(99, customer, at=loop.START + loop.HOUR, first_name="Ana")
    loop.ask(ledger, running, again, now=loop.START + loop.HOUR)
    did = forget(ledger, [customer], because="asked again", by="ana", now=loop.START + loop.DAY)
    assert (did.texts, did.before) == (1, loop.START)
    assert [each.key for each in ledger.read(Forgotten)] == [f"{customer}/1", f"{customer}/2"]


@pytest.mark.parametrize("because", ["", "  "])
def test_forgetting_without_a_reason_is_refused(ledger, loop, running, because):
    hit(ledger, loop, running, [1])
    with pytest.raises(InputError, match="not said why"):
        forget(ledger, ["c1"], because=because, by="ana", now=loop.START)


def test_purge_keeps_what_has_not_left_and_what_is_young(ledger, loop, running, outboxes):
    hit(ledger, loop, running, range(20))
    send(ledger, running, outboxes, loop.START + loop.HOUR)
    hit(ledger, loop, running, range(20, 40))
    sent = {each.key for each in ledger.read(Delivery)}
    waits = texts(ledger).keys() - sent
    assert waits
    assert texts(ledger, of=sent)
    young = purge(ledger, keep_days=DAYS, dry_run=False, by="ana",
                  now=loop.START + timedelta(days=DAYS))  # fmt: skip
    assert young.remedies == 0
    old = loop.START + timedelta(days=DAYS, hours=2)
    expected = len(texts(ledger, of=sent))
    planned = purge(ledger, keep_days=DAYS, dry_run=True, by="ana", now=old)
    assert (planned.remedies, planned.done, len(texts(ledger, of=sent))) == (
        expected,
        False,
        expected,
    )
    done = purge(ledger, keep_days=DAYS, dry_run=False, by="ana", now=old)
    assert (done.remedies, done.done) == (expected, True)
    assert texts(ledger).keys() == waits
    (noted,) = ledger.read(Change, what="purge")
    assert noted.detail["texts"] == expected


def test_a_purge_that_was_cut_off_is_finished_by_the_next(ledger, loop, running, outboxes):
    hit(ledger, loop, running, range(40))
    send(ledger, running, outboxes, loop.START + loop.HOUR)
    old = loop.START + timedelta(days=DAYS + 1)

    def cut(done):
        if list(ledger.read(Change, what="purge")):
            raise KeyboardInterrupt(done)

    with pytest.raises(KeyboardInterrupt):
        purge(ledger, keep_days=DAYS, dry_run=False, by="ana", now=old, progress=cut)
    purge(ledger, keep_days=DAYS, dry_run=False, by="ana", now=old)
    assert texts(ledger) == {}
    before = ledger.content_hash()
    assert purge(ledger, keep_days=DAYS, dry_run=False, by="ana", now=old).remedies == 0
    assert ledger.content_hash() == before


def test_ids_of_texts_depend_on_the_secret_alone_of_what_is_not_public():
    one, other = (LedgerIdentity(id="l1", environment="e", simulated=False, secret=s) for s in "ab")
    assert text_id(one, "remedy", "k") == text_id(one, "remedy", "k")
    ids = {text_id(each, of, key) for each in (one, other) for of in ("remedy", "incident")
           for key in ("k", "l")}  # fmt: skip
    assert len(ids) == 8
    assert "secret" not in repr(one)
