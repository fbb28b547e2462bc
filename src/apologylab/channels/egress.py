"""HTTP requests to a URL that a person configured, and nowhere else (SSRF).

The name is looked up once, every address that it has is judged, and the connection goes to the
address that was judged: what the name means a moment later changes nothing. Redirects and proxies
of the environment are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import select
import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Timer
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from apologylab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from apologylab.channels.settings import Settings

LONGEST_WAIT: Final = 86_400.0
"""Seconds that an answer may ask us to wait."""
MOST_BYTES: Final = 65_536
"""Of an answer; nobody needs more."""
_WRAPS: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96")))
"""NAT64, and what is left of IPv4-compatible addresses: the last 32 bits are one of IPv4."""
_INSIDE: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "fec0::/10")))
"""Private by their RFCs (8215, 3879), which :mod:`ipaddress` does not know of."""


class NotSentError(OSError):
    """The request did not leave as a whole: it had no effect."""


class NoAnswerError(OSError):
    """The request left, and nobody said what came of it."""


class ForbiddenAddressError(NotSentError):
    """The name stands for an address inside a private network."""


class Answer(NamedTuple):
    """What the other side said; headers' names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where requests go: the parts of a URL, and whether it may be a private network."""

    host: str
    port: int
    path: str
    tls: bool
    private: bool = False
    seconds: float = 10.0
    ca_file: Path | None = None

    @property
    def shown(self) -> str:
        """The place without its path, which may hold a secret."""
        return f"{self.host}:{self.port}"


def place_of(
    url: str, *, private: bool = False, seconds: float = 10.0, ca_file: Path | None = None
) -> Place:
    """The place that ``url`` names: https, or http within private networks.

    Raises:
        ConfigError: it cannot be meant.

    >>> place_of("https://hooks.example/a?b=1").path
    '/a?b=1'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(
            f"url is {url!r}", do="write one like https://example.com/hook"
        ) from error
    plain = parts.scheme == "http" and private
    if not host or not (parts.scheme == "https" or plain) or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            f"url is {url!r}",
            do="write https://host/path; http only with allow_private = true, never a password",
        )
    if not url.isascii() or any(each.isspace() or not each.isprintable() for each in url):
        raise ConfigError(f"url is {url!r}", do="write it in ASCII, without spaces")
    return Place(
        host=host,
        port=port or (80 if plain else 443),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        tls=not plain,
        private=private,
        seconds=seconds,
        ca_file=ca_file,
    )


def declared_place(settings: Settings, *, ca_file: Path | None = None) -> Place:
    """The place that the keys ``url``, ``allow_private`` and ``timeout_seconds`` name.

    Raises:
        ConfigError: one of them cannot be meant.
    """
    return place_of(
        settings.text("url"),
        private=settings.switch("allow_private", default=False),
        seconds=settings.number("timeout_seconds", 10, high=30),
        ca_file=ca_file,
    )


def vetted(place: Place) -> list[str]:
    """The addresses of a place, each of which may be connected to.

    Raises:
        ForbiddenAddressError: one of them is private, or not and would be spoken to in clear.
        NotSentError: it has none.
    """
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotSentError(f"{place.host} cannot be looked up: {error.strerror}") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    for each in addresses:
        if not place.private and not is_public(each):
            raise ForbiddenAddressError(
                f"{place.host} is inside a private network; allow_private = true would permit it"
            )
        if not place.tls and is_public(each):
            raise ForbiddenAddressError(f"{place.host} is not within a private network: use https")
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet, also where it wraps one of another kind.

    >>> [is_public(each) for each in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254")]
    [True, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if any(found in each for each in _INSIDE):
            return False
        if any(found in each for each in _WRAPS):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


class Line:
    """One connection to a place, kept open from request to request."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._http: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body`` and hear the answer.

        Raises:
            NotSentError: it did not leave.
            NoAnswerError: it left, and there was no answer in time.
        """
        sized = {**headers, "Content-Length": str(len(body))}
        return self._ask("POST", self._place.path, sized, body)

    def get(self, query: str, headers: Mapping[str, str]) -> Answer:
        """Ask the place with ``query``, as in ``a=1&b=2``; errors as of :meth:`post`."""
        joint = "&" if "?" in self._place.path else "?"
        return self._ask("GET", f"{self._place.path}{joint}{query}", headers, b"")

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = self._open()
        try:
            _put(connection, (method, path), headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NotSentError(_words(error)) from error
        try:
            with _within(connection, 2 * self._place.seconds):
                return self._hear(connection)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswerError(_words(error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def touch(self) -> None:
        """Connect, and shake hands where it is TLS, without a request.

        Raises:
            NotSentError: it cannot be reached.
        """
        self._open()
        self.close()

    def _hear(self, connection: http.client.HTTPConnection) -> Answer:
        response = connection.getresponse()
        content = _content(response)
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, content
        )
        if response.will_close or not response.isclosed():
            self.close()
        return answer

    def _open(self) -> http.client.HTTPConnection:
        if self._http is not None and _is_over(self._http):
            self.close()
        if self._http is None:
            self._http = self._connected()
        return self._http

    def _connected(self) -> http.client.HTTPConnection:
        place = self._place
        made = http.client.HTTPConnection(place.host, place.port, timeout=place.seconds)
        made.default_port = 443 if place.tls else 80  # what a Host header leaves out
        made.sock = self._socket()
        return made

    def _socket(self) -> socket.socket:
        place, last = self._place, NotSentError("it has no address")
        for address in vetted(place):
            try:
                opened = socket.create_connection((address, place.port), timeout=place.seconds)
            except OSError as error:
                last = NotSentError(_words(error))
                continue
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._wrapped(opened) if place.tls else opened
        raise last

    def _wrapped(self, opened: socket.socket) -> socket.socket:
        place = self._place
        context = ssl.create_default_context(cafile=str(place.ca_file) if place.ca_file else None)
        try:
            return context.wrap_socket(opened, server_hostname=place.host)
        except OSError as error:
            opened.close()
            raise NotSentError(_words(error)) from error


def _put(
    connection: http.client.HTTPConnection,
    what: tuple[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    """An error here means that its last byte was not sent, so nobody has the whole of it."""
    connection.putrequest(*what, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    if body:
        connection.send(body)


@contextmanager
def _within(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    """Hang up if the whole answer has not come in time, however slowly it drips."""
    opened = connection.sock
    watch = Timer(seconds, _hang_up, [opened])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _hang_up(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


def _content(response: http.client.HTTPResponse) -> bytes:
    """What the answer holds; its status stands, whatever becomes of the rest."""
    try:
        return response.read(MOST_BYTES)
    except (OSError, http.client.HTTPException):
        return b""


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed it meanwhile: there is something to read unasked."""
    if connection.sock is None:
        return True
    with suppress(OSError, ValueError):
        readable, _, _ = select.select([connection.sock], [], [], 0)
        return bool(readable)
    return True


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def wait_s_of(headers: Mapping[str, str], now: datetime) -> float | None:
    """What Retry-After asks for, in seconds or as a date (RFC 9110, 10.2.3); None if nothing.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> wait_s_of({"retry-after": "120"}, now)
    120.0
    >>> wait_s_of({"retry-after": "Thu, 01 Jan 2026 00:01:00 GMT"}, now)
    60.0
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(asked)
        return min(max((at - now).total_seconds(), 0.0), LONGEST_WAIT)
    except (ValueError, TypeError):
        return None
