"""How what we send is signed, and how a receiver knows that it is ours.

Webhooks are signed by the Standard Webhooks specification 1.0.0; so are the links by which a
customer leaves a list with one click (RFC 8058), by a code of our own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from apologylab.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
"""How far a timestamp may be from the receiver's clock."""
FEWEST_BYTES, MOST_BYTES = 24, 64
"""Of a signing key, as the specification asks."""


def signing_keys(written: str) -> tuple[bytes, ...]:
    """The keys that a secret holds: one, or several apart by spaces while they are changed.

    Each is base64 of 24 to 64 bytes, with or without ``whsec_`` before it.

    Raises:
        ConfigError: one is not, or there is none.
    """
    keys = tuple(_key(each) for each in written.split())
    if not keys:
        raise ConfigError("the signing secret is empty", do=_MAKE)
    return keys


_MAKE: Final = (
    "make one: python3 -c \"import base64, secrets; print('whsec_' + "
    'base64.b64encode(secrets.token_bytes(32)).decode())"'
)


def _key(written: str) -> bytes:
    try:
        found = base64.b64decode(written.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not FEWEST_BYTES <= len(found) <= MOST_BYTES:
        what = f"a signing secret is no base64 of {FEWEST_BYTES} to {MOST_BYTES} bytes"
        raise ConfigError(what, do=_MAKE)
    return found


def remedy_id(key: str) -> str:
    """What a remedy is called outside: the same whenever it is sent, and tells nothing of it.

    >>> remedy_id("ledger/late_ride/i1")
    '3236b1dd31a1440872bc631853379dd7'
    """
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def event_id(key: str) -> str:
    """The webhook-id of a remedy's key.

    >>> event_id("ledger/late_ride/i1")
    'msg_3236b1dd31a1440872bc631853379dd7'
    """
    return f"msg_{remedy_id(key)}"


def signed_headers(
    keys: Sequence[bytes], event: str, body: bytes, *, timestamp: int
) -> dict[str, str]:
    """The three headers of a webhook, signed with every key; the first is the newest.

    >>> key = signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> headers = signed_headers(
    ...     key, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', timestamp=1614265330
    ... )
    >>> headers["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = [f"v1,{_signature(key, event, timestamp, body)}" for key in keys]
    return {
        "webhook-id": event,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signed),
    }


def verify_webhook(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, now: float
) -> str:
    """The webhook-id of what was received, if one of ``keys`` signed it within five minutes.

    ``headers`` have names in small letters; ``now`` is in seconds since 1970.

    Raises:
        InputError: a header is missing, it is too old or too new, or no signature is ours.
    """
    try:
        event, sent = headers["webhook-id"], headers["webhook-timestamp"]
        given = headers["webhook-signature"].split()
    except KeyError as error:
        raise InputError(f"the header {error} is missing", do="answer 400") from None
    if not (sent.isascii() and sent.isdigit() and abs(now - int(sent)) <= TOLERANCE_S):
        raise InputError(f"webhook-timestamp is {sent[:20]!r}", do="answer 400")
    ours = [f"v1,{_signature(key, event, int(sent), body)}".encode() for key in keys]
    if not any(hmac.compare_digest(one, each.encode()) for one in ours for each in given):
        raise InputError("no signature of the webhook is ours", do="answer 401")
    return event


def _signature(key: bytes, event: str, timestamp: int, body: bytes) -> str:
    signed = b".".join((event.encode(), str(timestamp).encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def unsubscribe_url(base: str, key: str, secret: str) -> str:
    """The one-click link of the remedy ``key``; :func:`verify_unsubscribe` knows it.

    >>> url = unsubscribe_url("https://example.com/u?l=1", "ledger/late_ride/i1", "s")
    >>> url.split("&")[:2]
    ['https://example.com/u?l=1', 'remedy=3236b1dd31a1440872bc631853379dd7']
    """
    remedy = remedy_id(key)
    said = urlencode({"remedy": remedy, "signature": _unsubscribe(remedy, secret)})
    return f"{base}{'&' if urlsplit(base).query else '?'}{said}"


def verify_unsubscribe(remedy: str, signature: str, secret: str) -> bool:
    """Whether we made the link that holds ``remedy`` and ``signature``.

    ``remedy`` is the left part of the message's Message-ID, which is its delivery's reference.
    """
    return hmac.compare_digest(_unsubscribe(remedy, secret).encode(), signature.encode())


def _unsubscribe(remedy: str, secret: str) -> str:
    message = f"unsubscribe|{remedy}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:32]
