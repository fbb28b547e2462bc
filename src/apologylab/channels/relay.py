"""A conversation with a mail relay, in which it is always known whether a message may have left.

Up to the line that ends a message's data nothing has left, and an error there costs nothing but
another try. From that line on only the relay knows, until it answers (RFC 5321, 4.2.5; RFC 1047).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apologylab.channels.mail import Mail
from apologylab.service.channel import Sent

if TYPE_CHECKING:
    from pathlib import Path

OK: Final = (250, 251)
GO_AHEAD: Final = 354
END: Final = b".\r\n"
HUNG_UP: Final = "the relay hung up after it was given the whole message"
_ADDRESS: Final = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_SHOWN: Final = 120


class BrokeOffError(OSError):
    """The conversation ended before the message was given to the relay: nothing has left."""


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Where a relay is and how it is spoken to; ``seconds`` it may take for one answer."""

    host: str
    port: int
    tls: str = "starttls"
    username: str | None = None
    password: str | None = None
    seconds: float = 30.0
    hello: str | None = None
    ca_file: Path | None = None


class Session:
    """One connection; ``until`` is when, by :func:`time.monotonic`, the caller must have answers.

    Raises:
        OSError: it cannot be reached, or turns us away.
    """

    def __init__(self, relay: Relay, until: float) -> None:
        self._relay, self.until = relay, until
        self.given = 0
        self._smtp = _connected(relay, self._left())
        try:
            self._greet()
        except BaseException:
            self._smtp.close()
            raise

    def _greet(self) -> None:
        smtp, relay = self._smtp, self._relay
        self._ready().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        smtp.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            smtp.starttls(context=_context(relay))
            smtp.ehlo()
        if relay.username is not None:
            smtp.login(relay.username, relay.password or "")

    def deliver(self, mail: Mail, key: str) -> Sent:
        """Give one message to the relay.

        Raises:
            BrokeOffError: it hung up before it was given the message: nothing has left.
        """
        if mail.utf8 and not self._smtp.has_extn("smtputf8"):
            return Sent(key=key, state="failed", because="the relay takes addresses in ASCII only")
        try:
            refused = self._begin(mail, key)
            if refused is not None:
                return refused
            self._ready().sendall(_stuffed(mail.content))
            relay = self._ready()
        except (OSError, ValueError) as error:
            raise BrokeOffError(f"before it was given the message: {said(error)}") from error
        return self._end(relay, mail, key)

    def _begin(self, mail: Mail, key: str) -> Sent | None:
        """Name sender and recipient and announce the data; what it said if it refused one."""
        commands = self._commands(mail)
        together = self._smtp.has_extn("pipelining")
        if together:
            self._put("".join(f"{command}\r\n" for command in commands))
        for number, command in enumerate(commands):
            if not together:
                self._put(f"{command}\r\n")
            code, words = self._answer()
            if code in (*OK, GO_AHEAD):
                continue
            if together:
                self._pass_over(len(commands) - number - 1)
            self._forget(code)
            return _refused(key, code, words, ours=number == 0)
        return None

    def _commands(self, mail: Mail) -> tuple[str, str, str]:
        options = [f"SIZE={len(mail.content)}"] if self._smtp.has_extn("size") else []
        options += ["SMTPUTF8", "BODY=8BITMIME"] if mail.utf8 else []
        begin = " ".join([f"MAIL FROM:<{mail.sender}>", *options])
        return begin, f"RCPT TO:<{mail.to}>", "DATA"

    def _pass_over(self, answers: int) -> None:
        """Read what it says to commands that were sent with a refused one (RFC 2920, 3.1)."""
        for _ in range(answers):
            code, _ = self._answer()
            if code == GO_AHEAD:
                self._put(END.decode())
                self._answer()

    def _forget(self, code: int) -> None:
        """Begin anew after a refusal; a relay that says 421 is about to close."""
        if code == 421:
            raise BrokeOffError("before it was given the message: the relay closes (421)")
        self._put("RSET\r\n")
        self._answer()

    def _end(self, relay: socket.socket, mail: Mail, key: str) -> Sent:
        """Say that the message is whole, and hear whether it was taken."""
        try:
            relay.sendall(END)
            code, words = self._answer()
        except (OSError, ValueError) as error:
            self.close()
            because = f"{HUNG_UP}: {said(error)}"
            return Sent(key=key, state="unknown", because=because, reference=mail.message_id)
        self.given += 1
        if 200 <= code < 300:
            return Sent(key=key, state="sent", reference=mail.message_id)
        if not 400 <= code < 600:
            because = f"the relay answered {code} to the whole message"
            return Sent(key=key, state="unknown", because=because, reference=mail.message_id)
        return _refused(key, code, words, ours=False)

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self._smtp.sock is None

    def answers(self) -> bool:
        """Whether it answers when nothing is asked of it; closed if not."""
        try:
            self._put("NOOP\r\n")
            return self._answer()[0] == 250
        except (OSError, ValueError):
            self.close()
            return False

    def quit(self) -> None:
        """Say goodbye and close; a second is enough for that."""
        self.until = time.monotonic() + 1.0
        with suppress(OSError, ValueError):
            self._put("QUIT\r\n")
            self._answer()
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self._smtp.close()

    def _put(self, text: str) -> None:
        self._ready().sendall(text.encode())

    def _answer(self) -> tuple[int, str]:
        self._ready()
        code, words = self._smtp.getreply()
        if code < 200:
            raise smtplib.SMTPServerDisconnected(f"the relay answered {code}")
        return code, words.decode("utf-8", "replace")

    def _ready(self) -> socket.socket:
        """The open connection, whose next step is bounded by what is left of the caller's time."""
        found = self._smtp.sock
        if found is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        found.settimeout(self._left())
        return found

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the relay is too slow")
        return min(left, self._relay.seconds)


def _connected(relay: Relay, seconds: float) -> smtplib.SMTP:
    name = relay.hello or socket.gethostname()
    if relay.tls == "implicit":
        return smtplib.SMTP_SSL(
            relay.host, relay.port, local_hostname=name, timeout=seconds, context=_context(relay)
        )
    return smtplib.SMTP(relay.host, relay.port, local_hostname=name, timeout=seconds)


def _context(relay: Relay) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)


def _stuffed(content: bytes) -> bytes:
    """The data with a second dot where a line begins with one, and whole lines (RFC 5321, 4.5.2).

    >>> _stuffed(b"a\\r\\n.b")
    b'a\\r\\n..b\\r\\n'
    """
    stuffed = re.sub(rb"(?m)^\.", b"..", content)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _refused(key: str, code: int, words: str, *, ours: bool) -> Sent:
    """What a refusal means; ``ours``: of our own address, which is no fault of the recipient's.

    552 is about the message's size, wherever it is said.
    """
    told = f"{code} {plain(words)}".strip()
    if ours and code != 552:
        return Sent(key=key, state="later", because=f"the relay refused our address: {told}")
    if 500 <= code < 600:
        return Sent(key=key, state="failed", because=f"bounced: {told}")
    return Sent(key=key, state="later", because=f"the relay put it off: {told}")


def plain(words: str) -> str:
    """A relay's words on one line, short, without the addresses that it repeats (R21).

    >>> plain("5.1.1 <jo@example.com>: Recipient\\nunknown")
    '5.1.1 (address): Recipient unknown'
    """
    line = " ".join(_ADDRESS.sub("(address)", words).split())
    line = "".join(each for each in line if each.isprintable())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def said(error: BaseException) -> str:
    """What went wrong, without addresses.

    >>> said(smtplib.SMTPAuthenticationError(535, b"5.7.8 no such user jo@example.com"))
    '535 5.7.8 no such user (address)'
    """
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        told = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        return f"{error.smtp_code} {plain(told)}"
    words = getattr(error, "strerror", None) or str(error)
    return plain(str(words)) or type(error).__name__
