"""A generic issuer: one signed JSON request a code (``apologylab.issue/1``, Standard Webhooks).

``webhook-id`` and the header ``Idempotency-Key`` are the same each time a code is asked for; the
receiver answers 2xx once it works, also if it worked before.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from apologylab.channels.answers import from_status
from apologylab.channels.egress import Line, NoAnswerError, NotSentError, declared_place
from apologylab.channels.issuing import Issued
from apologylab.design.money import Money
from apologylab.service.channel import TEST
from apologylab.wire.events import event_id, signed_headers, signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from apologylab.channels.egress import Place
    from apologylab.channels.issuing import Issue
    from apologylab.channels.settings import Settings

FORMAT: Final = "apologylab.issue/1"


class HttpIssuer:
    """Posts ``apologylab.issue/1`` documents to one URL."""

    def __init__(
        self, place: Place, keys: tuple[bytes, ...], clock: Callable[[], datetime]
    ) -> None:
        self._line, self._place = Line(place), place
        self._keys, self._clock = keys, clock

    def issue(self, issue: Issue) -> Issued:
        """See :meth:`apologylab.channels.issuing.Issuer.issue`."""
        body = json.dumps(document(issue), ensure_ascii=False, separators=(",", ":")).encode()
        event = event_id(f"issue/{issue.key}")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": event,
            "User-Agent": f"apologylab/{version('apologylab')}",
            **signed_headers(self._keys, event, body, timestamp=int(self._clock().timestamp())),
        }
        try:
            return from_status(self._line.post(body, headers), self._clock())
        except (NotSentError, NoAnswerError) as error:
            return Issued(state="later", because=f"{self._place.shown}: {error}")

    def reach(self) -> str:
        """See :meth:`apologylab.channels.issuing.Issuer.reach`."""
        Line(self._place).touch()
        return f"{self._place.shown} can be reached"

    def close(self) -> None:
        """See :meth:`apologylab.channels.issuing.Issuer.close`."""
        self._line.close()


def document(issue: Issue) -> dict[str, Any]:
    """What is asked for, the same each time but for when it expires."""
    money = Money(issue.amount, issue.currency) if issue.currency else None
    return {
        "format": FORMAT,
        "key": issue.key,
        "code": issue.code,
        "customer": issue.customer,
        "compensation": f"{TEST}-{issue.compensation}" if issue.test else issue.compensation,
        "value": str(money) if money else None,
        "minor_units": issue.amount,
        "currency": issue.currency,
        "single_use": True,
        "expires_at": issue.expires_at.isoformat() if issue.expires_at else None,
        "minimum_minor_units": issue.minimum,
        "test": issue.test,
    }


def issuer(settings: Settings) -> HttpIssuer:
    """The issuer that ``settings`` describe.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    place = declared_place(settings)
    settings.all_read()
    secret = settings.secret("secret")
    if secret is None:
        settings.refuse("it has no secret to sign with", do=f"set {settings.variable}_SECRET")
    return HttpIssuer(place, signing_keys(secret), settings.clock)
