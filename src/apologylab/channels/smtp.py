"""The SMTP channel: each remedy as an e-mail through the company's own relay.

A relay does not know that it was given a message before, so what it hung up on is in doubt and is
not sent again (R15). It signs (DKIM) and retries towards the world; what comes back later is a
bounce: ``apologylab bounces``.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from apologylab.channels.mail import Letterhead, Mail, UnwritableError, plain_address, written
from apologylab.channels.relay import BrokeOffError, Relay, Session, said
from apologylab.channels.settings import Settings
from apologylab.design.routes import wrong_address
from apologylab.service.channel import Needs, Outgoing, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

CALL_SECONDS: Final = 60.0
"""How long a call may take, well within a worker's lease of two minutes."""
IDLE_SECONDS: Final = 10.0
"""How long a connection waits for the next batch before it is begun anew."""
BREAKS: Final = 10
"""How often in one call the relay may hang up before the rest waits."""
PORTS: Final = {"starttls": 587, "implicit": 465, "none": 25}
_LINK: Final = re.compile(r"https://[!#-;=?-~]{1,490}")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class SmtpChannel:
    """Sends over one connection, message after message; see :mod:`apologylab.channels.relay`."""

    once = False
    harmless = False

    def __init__(
        self,
        name: str,
        relay: Relay,
        head: Letterhead,
        *,
        clock: Callable[[], datetime],
        per_connection: int = 100,
    ) -> None:
        self.name = name
        self._relay, self._head, self._clock = relay, head, clock
        self._per_connection = per_connection
        self._session: Session | None = None
        self._used_at = 0.0

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """See :meth:`apologylab.service.channel.Channel.accepted`: a relay does not tell."""
        del keys
        return frozenset()

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """See :meth:`apologylab.service.channel.Channel.send`."""
        until = time.monotonic() + CALL_SECONDS
        answers: dict[str, Sent] = {}
        mails: dict[str, Mail] = {}
        for each in batch:
            self._write(each, answers, mails)
        self._send(mails, answers, until)
        self._used_at = time.monotonic()
        return [answers[each.key] for each in batch]

    def lacks(self, needs: Needs) -> str:
        """See :meth:`apologylab.service.channel.Channel.lacks`."""
        if needs.format != "email":
            return (
                'name the field of the e-mail address, like address = "email" under [delivery]; '
                "the word email or mail must be in its name"
            )
        if needs.promotional and self._head.unsubscribe is None:
            return (
                f"set channels.{self.name}.unsubscribe_url (RFC 8058), or promotional = false "
                "under [delivery] if what it gives promotes nothing"
            )
        return ""

    def reach(self) -> str:
        """See :meth:`apologylab.service.channel.Channel.reach`."""
        relay = self._relay
        try:
            session = Session(relay, time.monotonic() + relay.seconds)
        except OSError as error:
            raise ConnectionError(f"{relay.host}:{relay.port}: {said(error)}") from error
        answers = session.answers()
        session.quit()
        if not answers:
            raise ConnectionError(f"{relay.host}:{relay.port} turns us away")
        as_whom = f" as {relay.username}" if relay.username else ""
        return f"{relay.host}:{relay.port} answers{as_whom} (tls: {relay.tls})"

    def close(self) -> None:
        """See :meth:`apologylab.service.channel.Channel.close`."""
        if self._session is not None:
            self._session.quit()
            self._session = None

    def _write(self, each: Outgoing, answers: dict[str, Sent], mails: dict[str, Mail]) -> None:
        """Make an e-mail of it, or answer why there is none."""
        if each.text is None:  # it gives without a word, and there is nothing to mail
            answers[each.key] = Sent(key=each.key, state="sent")
            return
        if each.promotional and self._head.unsubscribe is None:
            because = f"it promotes, and channels.{self.name} has no unsubscribe_url"
            answers[each.key] = Sent(key=each.key, state="later", because=because)
            return
        if why := wrong_address(each.to, "email"):
            answers[each.key] = Sent(key=each.key, state="failed", because=f"its address {why}")
            return
        try:
            mails[each.key] = written(each, self._head, self._clock())
        except UnwritableError as error:
            answers[each.key] = Sent(key=each.key, state="failed", because=str(error))

    def _send(self, mails: dict[str, Mail], answers: dict[str, Sent], until: float) -> None:
        """Until all are answered or the relay hangs up too often; the rest is left for later."""
        breaks, because = 0, ""
        tried: set[str] = set()
        waiting = list(mails.items())
        while waiting and breaks < BREAKS:
            key, mail = waiting[0]
            try:
                answers[key] = self._ready(until).deliver(mail, key)
            except OSError as error:
                self._drop()
                breaks, because = breaks + 1, f"the relay broke off {said(error)}"
                if not isinstance(error, BrokeOffError):
                    because, breaks = f"the relay cannot be reached: {said(error)}", BREAKS
                elif key not in tried:
                    tried.add(key)
                    continue  # once more over a new connection: nothing had left
                answers[key] = Sent(key=key, state="later", because=because)
            waiting.pop(0)
        answers |= {key: Sent(key=key, state="later", because=because) for key, _ in waiting}

    def _ready(self, until: float) -> Session:
        """A connection that can be used, the last one if it is fresh."""
        session = self._session
        if session is not None:
            session.until = until
            stale = time.monotonic() - self._used_at > IDLE_SECONDS
            if session.closed or stale or session.given >= self._per_connection:
                session.quit()
                session = None
        self._session = session or Session(self._relay, until)
        self._used_at = time.monotonic()
        return self._session

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def channel(settings: Settings) -> SmtpChannel:
    """The SMTP channel that ``settings`` describe.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    relay = _relay(settings)
    head = _letterhead(settings)
    per_connection = settings.number("per_connection", 100, high=100_000)
    settings.all_read()
    return SmtpChannel(
        settings.name, relay, head, clock=settings.clock, per_connection=per_connection
    )


def _relay(settings: Settings) -> Relay:
    host, tls = settings.text("host"), settings.one_of("tls", tuple(PORTS), "starttls")
    username, password = settings.optional_text("username"), settings.secret("password")
    if (username is None) != (password is None):
        variable = f"{settings.variable}_PASSWORD"
        missing = "username" if username is None else variable
        settings.refuse(f"it has no {missing}", do=f"set both: username here, {variable}")
    if username is not None and tls == "none" and host not in LOOPBACK:
        settings.refuse("a password would go in clear", do='write tls = "starttls"')
    ca_file = settings.optional_text("ca_file")
    return Relay(
        host=host,
        port=settings.number("port", PORTS[tls], high=65_535),
        tls=tls,
        username=username,
        password=password,
        seconds=settings.number("timeout_seconds", 30, high=60),
        hello=settings.optional_text("hello"),
        ca_file=settings.root / ca_file if ca_file else None,
    )


def _letterhead(settings: Settings) -> Letterhead:
    unsubscribe, secret = settings.optional_text("unsubscribe_url"), settings.secret("secret")
    if unsubscribe is not None and not _LINK.fullmatch(unsubscribe):
        settings.refuse(
            f"unsubscribe_url is {unsubscribe!r}",
            do="it must be https, in ASCII, of at most 500 characters (RFC 8058)",
        )
    if unsubscribe is not None and secret is None:
        settings.refuse(
            "its unsubscribe links need a secret to be signed with",
            do=f"set {settings.variable}_SECRET to a long random text",
        )
    list_id = settings.optional_text("list_id")
    if list_id is not None and not _is_list_id(list_id):
        settings.refuse(f"list_id is {list_id!r}", do='write a name like "care.example.com"')
    return Letterhead(
        address=_address(settings, "sender"),
        name=settings.optional_text("sender_name"),
        reply_to=_address(settings, "reply_to") if settings.optional_text("reply_to") else None,
        list_id=list_id,
        unsubscribe=unsubscribe,
        secret=secret,
    )


def _is_list_id(text: str) -> bool:
    labels = text.split(".")
    return len(labels) > 1 and all(
        each and each.isascii() and each.replace("-", "").replace("_", "").isalnum()
        for each in labels
    )


def _address(settings: Settings, key: str) -> str:
    found = settings.text(key)
    if why := wrong_address(found, "email"):
        settings.refuse(f"{key} {why}", do='write one like "care@example.com"')
    try:
        return plain_address(found)
    except UnwritableError as error:
        settings.refuse(f"{key}: {error}", do="correct its domain")
