"""``apologylab.task/1``: a remedy as a task for an agent, as JSON and as a row of a CSV file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from apologylab.design.money import Money
from apologylab.wire.events import event_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.service.channel import Outgoing

FORMAT: Final = "apologylab.task/1"
REPLIES: Final = ("said", "changed", "skipped")
"""What an agent did with the card: said as it stands, in other words, or not at all."""
COLUMNS: Final = (
    "key", "assignment", "experiment", "customer", "to", "locale", "subject", "say", "parts",
    "may_give", "occurred_at", "agent", "did", "amount", "currency", "because",
)  # fmt: skip
"""Of a CSV file: the card, then what the agent fills in; recorded as ``agent_answer``."""
_LEAD: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""


def task_document(each: Outgoing) -> dict[str, Any]:
    """The card of one remedy; the same whenever it is sent."""
    gives = each.compensation is not None and each.currency is not None
    return {
        "format": FORMAT,
        "id": event_id(each.key),
        "key": each.key,
        "assignment": assignment_of(each.key),
        "purpose": each.purpose,
        "experiment": each.experiment,
        "arm": each.arm,
        "customer": each.customer,
        "to": each.to,
        "locale": each.locale,
        "subject": each.subject,
        "say": [{"part": part, "text": text} for part, text in each.parts],
        "text": each.text,
        "give": each.compensation,
        "may_give": str(Money(each.amount, str(each.currency))) if gives else None,
        "code": each.code,
        "replies": list(REPLIES),
    }


def task_body(each: Outgoing) -> bytes:
    """The document's bytes."""
    return json.dumps(task_document(each), ensure_ascii=False, separators=(",", ":")).encode()


def assignment_of(key: str) -> str:
    """The assignment's key in a channel's: after the ledger's id.

    >>> assignment_of("8f1a/late_ride/i1")
    'late_ride/i1'
    """
    return key.partition("/")[2]


def task_row(line: Mapping[str, Any]) -> list[str]:
    """The row of a line that the file channel wrote; cells of the agent's are empty."""
    said = {
        "key": line["key"],
        "assignment": assignment_of(line["key"]),
        "experiment": line["experiment"],
        "customer": line["customer"],
        "to": line["to"],
        "locale": line["locale"],
        "subject": line["subject"],
        "say": line["text"],
        "parts": " ".join(str(each["part"]) for each in line["parts"] if each["part"]),
        "may_give": line["amount"],
    }
    return [_cell(said.get(name)) for name in COLUMNS]


def _cell(value: object) -> str:
    """A value that no spreadsheet takes for a formula.

    >>> _cell("=1+1"), _cell(None)
    ("'=1+1", '')
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_LEAD) else text
