"""``apologylab.remedy/1``: a remedy on its way out as a JSON document, and the schema of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from apologylab.design.money import Money
from apologylab.wire.events import event_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.service.channel import Outgoing

FORMAT: Final = "apologylab.remedy/1"


def remedy_document(each: Outgoing) -> dict[str, Any]:
    """``each`` as a webhook's body tells it; the same whenever it is sent."""
    return {
        "format": FORMAT,
        "type": f"apologylab.{each.purpose}",
        "id": event_id(each.key),
        "key": each.key,
        "purpose": each.purpose,
        "customer": each.customer,
        "to": each.to,
        "experiment": each.experiment,
        "arm": each.arm,
        "locale": each.locale,
        "subject": each.subject,
        "text": each.text,
        "parts": [{"part": part, "text": text} for part, text in each.parts],
        "sender": {"name": each.sender, "address": each.sender_address},
        "compensation": _compensation(each),
        "promotional": each.promotional,
    }


def _compensation(each: Outgoing) -> dict[str, Any] | None:
    if each.compensation is None:
        return None
    return {
        "name": each.compensation,
        "value": str(Money(each.amount, each.currency)) if each.currency else None,
        "minor_units": each.amount,
        "currency": each.currency,
        "expires_days": each.expires_days,
        "code": each.code,
    }


def remedy_body(each: Outgoing) -> bytes:
    """The document's bytes, which are what is signed."""
    document = remedy_document(each)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _object(about: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": about,
        "required": list(properties),
        "properties": dict(properties),
    }


def _text(about: str) -> dict[str, Any]:
    return {"type": "string", "description": about}


def _maybe(about: str, kind: str = "string") -> dict[str, Any]:
    return {"type": [kind, "null"], "description": about}


SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://apologylab.dev/schemas/remedy-1.json",
    "title": FORMAT,
    **_object(
        "A remedy that is due: what to say to whom, and what it gives. Fields may be added.",
        {
            "format": {"const": FORMAT},
            "type": _text("the kind of event: apologylab. and the purpose"),
            "id": _text("the header webhook-id: the same each time this remedy is sent"),
            "key": _text("the ledger's id and the assignment's key"),
            "purpose": _text("remedy, survey, notice or test"),
            "customer": _text("the customer's id as the ledger holds it"),
            "to": _maybe("the customer's address on the channel"),
            "experiment": _text("the experiment's name"),
            "arm": _text("the arm drawn"),
            "locale": _maybe("the language of the text"),
            "subject": _maybe("the subject, where the wording has one"),
            "text": _maybe("what to say; null where the remedy gives without a word"),
            "parts": {
                "type": "array",
                "description": "the text in its parts, in order",
                "items": _object(
                    "one part",
                    {"part": _maybe("what it does, like regret"), "text": _text("its words")},
                ),
            },
            "sender": _object(
                "who speaks; null where the company does",
                {"name": _maybe("their name"), "address": _maybe("their e-mail address")},
            ),
            "compensation": {
                "anyOf": [
                    {"type": "null"},
                    _object(
                        "what it gives",
                        {
                            "name": _text("the level's name"),
                            "value": _maybe('like "5.00 USD"'),
                            "minor_units": {"type": "integer", "description": "the same in cents"},
                            "currency": _maybe("ISO 4217"),
                            "expires_days": _maybe("days that it can be used", "integer"),
                            "code": _maybe("the coupon's code, where it has one"),
                        },
                    ),
                ]
            },
            "promotional": {"type": "boolean", "description": "whether it promotes"},
        },
    ),
}
