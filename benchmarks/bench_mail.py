"""E-mail through a local server: our channel and the whole dispatch, beside a bare smtplib loop."""

from __future__ import annotations

import random
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from apologylab.channels.mail import Letterhead
from apologylab.channels.relay import Relay
from apologylab.channels.smtp import SmtpChannel
from apologylab.record.facts import Delivery
from apologylab.service.channel import Outgoing
from apologylab.service.dispatch import IN_DOUBT, Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite
from measure import Row, medians, rate

sys.path.append(str(Path(__file__).parent.parent / "tests"))

import loop

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = 1_500
ROUNDS = 3
SENDER = "care@shop.example"
TEXT = "Hello Jo,\n\nwe are sorry: your ride was 12 minutes late.\n\nHere are 5 dollars."
DUE = loop.START + timedelta(hours=1)


def rows() -> list[Row]:
    """Messages a second; the server announces pipelining, as Postfix and Exim do."""
    with tempfile.TemporaryDirectory() as name, _server() as port:
        folder = Path(name)
        speaking = _fill(folder / "ledger.sqlite")
        copies = [Path(shutil.copy(folder / "ledger.sqlite", folder / f"{n}.sqlite"))
                  for n in range(ROUNDS + 1)]  # fmt: skip
        taken = medians(
            {
                "channel": lambda: _through_the_channel(port),
                "dispatch": lambda: _dispatch(copies.pop(), port),
                "bare": lambda: _bare(port),
            },
            rounds=ROUNDS,
        )
    bare = MESSAGES / taken["bare"]
    against = "a bare smtplib loop: the same message by EmailMessage, one connection"
    return [
        rate("e-mails through the SMTP channel", against, ours=MESSAGES / taken["channel"],
             theirs=bare, unit="messages/s"),
        rate("e-mails dispatched from the ledger", against, ours=speaking / taken["dispatch"],
             theirs=bare, unit="messages/s"),
    ]  # fmt: skip


@contextmanager
def _server() -> Iterator[int]:
    sink = [sys.executable, str(Path(__file__).parent / "mail_sink.py"), "pipelining"]
    with subprocess.Popen(sink, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.kill()


def _channel(port: int) -> SmtpChannel:
    relay = Relay(host="127.0.0.1", port=port, tls="none")
    head = Letterhead(address=SENDER, name="Shop")
    return SmtpChannel("email", relay, head, clock=lambda: datetime.now(UTC), per_connection=10_000)


def _outgoing(number: int) -> Outgoing:
    return Outgoing(
        key=f"l/e/i{number}", customer=f"c{number}", experiment="e", arm="a", text=TEXT,
        locale="en", compensation=None, amount=0, currency=None, to=f"jo{number}@example.com",
        subject="Your ride",
    )  # fmt: skip


def _through_the_channel(port: int) -> None:
    with closing(_channel(port)) as channel:
        for first in range(0, MESSAGES, IN_DOUBT):
            batch = [_outgoing(n) for n in range(first, first + IN_DOUBT)]
            assert {each.state for each in channel.send(batch)} == {"sent"}


def _declared() -> loop.Declared:
    declared = loop.Declared().change('"5000.00 USD"', '"5000000.00 USD"')
    return declared.change("hold_seconds = 60", 'channel = "email"\npromotional = false')


def _fill(path: Path) -> int:
    """A ledger with as many incidents as messages; how many of their arms speak."""
    identity = LedgerIdentity(id="bench", environment="bench", simulated=False)
    ledger = sqlite.create(path, identity)
    running = loop.begin(ledger, _declared())
    incidents = [loop.incident(n, email=f"jo{n}@example.com") for n in range(MESSAGES)]
    answers = loop.ask(ledger, running, *incidents)
    ledger.close()
    return sum(each.arm != "silence" for each in answers)


def _dispatch(path: Path, port: int) -> None:
    ledger = sqlite.open_(path)
    running = loop.load(ledger, _declared().experiment(loop.NAME))
    worker = Worker(holder="bench", clock=lambda: DUE, chance=random.Random(1).random,
                    seconds=time.monotonic)  # fmt: skip
    with closing(_channel(port)) as channel:
        dispatch_once(ledger, channel, running, worker)
    assert ledger.count(Delivery) == MESSAGES
    ledger.close()


def _bare(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for number in range(MESSAGES):
            message = EmailMessage()
            message["From"], message["To"] = f"Shop <{SENDER}>", f"jo{number}@example.com"
            message["Subject"] = "Your ride"
            message["Message-ID"] = f"<{number}@shop.example>"
            message.set_content(TEXT)
            message.add_alternative(f"<p>{TEXT}</p>", subtype="html")
            relay.send_message(message)
