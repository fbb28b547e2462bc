"""The webhook channel: each remedy as a signed HTTP request (Standard Webhooks 1.0.0).

SMS, push and any other system of the company's are spoken to so. ``webhook-id`` is the same each
time a remedy is sent; where the receiver takes it as an idempotency key, ``once = true`` says so,
and nothing is left in doubt (R15).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from apologylab.channels.egress import (
    Line,
    NoAnswerError,
    NotSentError,
    Place,
    declared_place,
    wait_s_of,
)
from apologylab.channels.settings import Settings
from apologylab.service.channel import Needs, Outgoing, Sent
from apologylab.wire.events import event_id, signed_headers, signing_keys
from apologylab.wire.remedies import remedy_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from apologylab.channels.egress import Answer

CALL_SECONDS: Final = 60.0
"""How long a call may take, well within a worker's lease of two minutes."""
OURS: Final = (401, 403, 407)
"""Answers about our credentials, which are no fault of the remedy's."""
LATER: Final = (408, 425, 429, 500, 501, 503)
GATEWAY: Final = (502, 504)
"""What stands behind it may have taken the request."""
TAKEN_BEFORE: Final = 409
UNREACHED: Final = 3
"""How often in one call it may not be reached before the rest waits."""


@dataclass(frozen=True, kw_only=True)
class Signing:
    """The keys of a webhook, the newest first, and the clock of its timestamps."""

    keys: tuple[bytes, ...]
    clock: Callable[[], datetime]


class WebhookChannel:
    """Posts ``apologylab.remedy/1`` documents to one URL, one after another."""

    harmless = False

    def __init__(
        self,
        name: str,
        place: Place,
        signing: Signing,
        *,
        once: bool = False,
        body: Callable[[Outgoing], bytes] = remedy_body,
    ) -> None:
        self.name, self.once = name, once
        self._body = body
        self._place, self._signing = place, signing
        self._line = Line(place)
        self._agent = f"apologylab/{version('apologylab')}"

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """See :meth:`apologylab.service.channel.Channel.accepted`: it cannot be asked."""
        del keys
        return frozenset()

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """See :meth:`apologylab.service.channel.Channel.send`."""
        until = time.monotonic() + CALL_SECONDS - self._place.seconds
        answers: dict[str, Sent] = {}
        unreached, because = 0, "the others of its batch took too long"
        for each in {each.key: each for each in batch}.values():
            if time.monotonic() > until or unreached >= UNREACHED:
                answers[each.key] = Sent(key=each.key, state="later", because=because)
                continue
            try:
                answers[each.key] = self._post(each)
            except NotSentError as error:
                unreached, because = unreached + 1, f"{self._place.shown}: {error}"
                answers[each.key] = Sent(key=each.key, state="later", because=because)
        return [answers[each.key] for each in batch]

    def lacks(self, needs: Needs) -> str:
        """See :meth:`apologylab.service.channel.Channel.lacks`: the receiver may know them."""
        del needs
        return ""

    def reach(self) -> str:
        """See :meth:`apologylab.service.channel.Channel.reach`."""
        Line(self._place).touch()
        return f"{self._place.shown} can be reached ({'TLS' if self._place.tls else 'no TLS'})"

    def close(self) -> None:
        """See :meth:`apologylab.service.channel.Channel.close`."""
        self._line.close()

    def _post(self, each: Outgoing) -> Sent:
        body = self._body(each)
        event = event_id(each.key)
        timestamp = int(self._signing.clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": self._agent,
            **signed_headers(self._signing.keys, event, body, timestamp=timestamp),
        }
        try:
            answer = self._line.post(body, headers)
        except NoAnswerError as error:
            because = f"it hung up before it answered: {error}"
            return Sent(key=each.key, state="unknown", because=because, reference=event)
        return self._understood(each.key, event, answer)

    def _understood(self, key: str, event: str, answer: Answer) -> Sent:
        status = answer.status
        if 200 <= status < 300:
            return Sent(key=key, state="sent", reference=event)
        because = f"it answered {status}"
        if status == TAKEN_BEFORE and self.once:
            return Sent(key=key, state="sent", reference=event)
        if status in GATEWAY:
            wait_s = wait_s_of(answer.headers, self._signing.clock())
            return Sent(key=key, state="unknown", because=because, reference=event, wait_s=wait_s)
        if status in OURS or status in LATER or status < 400 or status >= 500:
            wait_s = wait_s_of(answer.headers, self._signing.clock())
            return Sent(key=key, state="later", because=because, wait_s=wait_s)
        return Sent(key=key, state="failed", because=because)


def channel(
    settings: Settings, *, body: Callable[[Outgoing], bytes] = remedy_body
) -> WebhookChannel:
    """The webhook channel that ``settings`` describe, which posts what ``body`` makes.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    ca_file = settings.optional_text("ca_file")
    place = declared_place(settings, ca_file=settings.root / ca_file if ca_file else None)
    once = settings.switch("once", default=False)
    settings.all_read()
    secret = settings.secret("secret")
    if secret is None:
        settings.refuse("it has no secret to sign with", do=f"set {settings.variable}_SECRET")
    signing = Signing(keys=signing_keys(secret), clock=settings.clock)
    return WebhookChannel(settings.name, place, signing, once=once, body=body)
