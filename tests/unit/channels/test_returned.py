"""Notifications that mail servers send: which message came back, for good or not, and why."""

import json
import mailbox
from datetime import UTC, datetime

import pytest

from apologylab.channels.mail import message_id
from apologylab.channels.returned import read, returned
from apologylab.cli.app import main
from apologylab.errors import NotFoundError
from apologylab.record.facts import Delivery
from apologylab.record.later_facts import Bounce
from apologylab.service.bounces import Returned, record_bounces
from apologylab.storage.sqlite import open_

POSTFIX = """\
Return-Path: <>
Date: Sun, 1 Mar 2026 14:00:00 +0200 (EET)
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: care@shop.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Message-ID: <20260301120000.4XYZ@relay.example>
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4XYZ.1/relay.example"

This is a MIME-encapsulated message.

--4XYZ.1/relay.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--4XYZ.1/relay.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
X-Postfix-Queue-ID: 4XYZ
Arrival-Date: Sun,  1 Mar 2026 13:59:59 +0200 (EET)

Final-Recipient: rfc822; jo@example.com
Original-Recipient: rfc822;jo@example.com
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; {status} <jo@example.com>: Recipient address
    rejected: User unknown

--4XYZ.1/relay.example
Content-Description: Undelivered Message Headers
Content-Type: {kind}

Date: Sun, 1 Mar 2026 11:59:59 +0000
From: Shop <care@shop.example>
To: jo@example.com
Subject: Sorry
Message-ID: {reference}

--4XYZ.1/relay.example--
"""
OUT_OF_OFFICE = """\
From: jo@example.com
To: care@shop.example
Subject: Out of office
Auto-Submitted: auto-replied
In-Reply-To: {reference}

I am away.
"""
OURS = message_id("l/e/1", "care@shop.example")


def notification(reference=OURS, action="failed", status="5.1.1", kind="text/rfc822-headers"):
    told = POSTFIX.format(action=action, status=status, reference=reference, kind=kind)
    return told.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822"])
def test_a_message_that_came_back_for_good(kind):
    found = read(notification(kind=kind))
    assert found == Returned(
        reference=OURS,
        hard=True,
        because="5.1.1 (address): Recipient address rejected: User unknown",
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        digest=found.digest,
    )
    assert found.digest != read(notification(status="5.2.2", kind=kind)).digest


def test_one_that_was_given_up_for_now_is_no_hard_one():
    found = read(notification(status="4.4.7"))
    assert (found.hard, found.because[:5]) == (False, "4.4.7")


@pytest.mark.parametrize(
    "raw",
    [
        notification(action="delayed"),
        notification(action="delivered", status="2.0.0"),
        OUT_OF_OFFICE.format(reference=OURS).encode(),
        b"",
        b"\x00\xff\xfe nonsense",
        notification().replace(b"Message-ID: " + OURS.encode(), b"X-Nothing: x"),
        notification().replace(b"message/delivery-status", b"text/plain"),
        notification()[:700],
    ],
)
def test_what_says_nothing_of_the_kind(raw):
    assert read(raw) is None


@pytest.mark.parametrize("form", ["message", "mbox", "maildir", "folder"])
def test_files_of_mail(tmp_path, form):
    messages = [
        notification(),
        OUT_OF_OFFICE.format(reference=OURS).encode(),
        notification("<x@y>"),
    ]
    place = tmp_path / form
    if form == "message":
        files = [tmp_path / f"{n}.eml" for n in range(3)]
        for file, raw in zip(files, messages, strict=True):
            file.write_bytes(raw)
    elif form == "mbox":
        box = mailbox.mbox(str(place))
        for raw in messages:
            box.add(raw)
        box.close()
        files = [place]
    else:
        inner = place / "new" if form == "maildir" else place
        inner.mkdir(parents=True)
        (place / "cur").mkdir(exist_ok=True)
        for number, raw in enumerate(messages):
            at = (place / "cur") if form == "folder" and number else inner
            (at / str(number)).write_bytes(raw)
        if form == "folder":
            (place / "0").rename(place / "cur" / "0")
        files = [place]
    before = sorted(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    found = [each.reference for each in returned(files) if each is not None]
    assert sorted(found) == sorted([OURS, "<x@y>"])
    after = sorted(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert before == after


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="there is no"):
        list(returned([tmp_path / "none"]))


def deliver(ledger, loop, number=1, reference=OURS):
    each = Delivery(key=f"e/{number}", occurred_at=loop.START, assignment=f"e/{number}",
                    experiment="e", customer=f"c{number}", arm="a", channel="email", state="sent",
                    reference=reference)  # fmt: skip
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([each])


def test_it_is_recorded_once_of_the_delivery_that_it_is_about(ledger, loop):
    deliver(ledger, loop)
    deliver(ledger, loop, 2, "<other@shop.example>")
    told = [read(notification()), None, read(notification("<x@y>"))]
    first = record_bounces(ledger, told, now=loop.START + loop.DAY)
    again = record_bounces(ledger, told, now=loop.START + 2 * loop.DAY)
    assert (first.new, first.known, first.strange, first.others, first.read) == (1, 0, 1, 1, 3)
    assert (again.new, again.known) == (0, 1)
    (found,) = ledger.read(Bounce)
    assert (found.assignment, found.customer, found.channel, found.hard) == (
        "e/1",
        "c1",
        "email",
        True,
    )
    assert found.occurred_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert "@" not in found.because


def test_a_notification_of_before_its_message_is_of_its_time(ledger, loop):
    deliver(ledger, loop)
    early = read(notification())._replace(at=loop.START - loop.DAY)
    record_bounces(ledger, [early], now=loop.START + loop.DAY)
    assert [each.occurred_at for each in ledger.read(Bounce)] == [loop.START]


def test_the_command_tells_what_it_found(tmp_path, loop, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    ledger = open_(tmp_path / "apologylab.sqlite")
    deliver(ledger, loop)
    ledger.close()
    (tmp_path / "a.eml").write_bytes(notification())
    (tmp_path / "b.eml").write_bytes(b"hello")
    capsys.readouterr()
    assert main(["bounces", "a.eml", "b.eml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "apologylab.bounces/1", "read": 2, "new": 1, "known": 0, "not_ours": 0,
        "no_notification": 1,
    }  # fmt: skip
    assert main(["bounces", "a.eml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 messages came back and are recorded", "1 were recorded before",
    ]  # fmt: skip
    assert main(["bounces", "none.eml"]) == 6
