"""Whether an incident can be heard: ids, times and fields that every ledger can hold (R8)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apologylab.assignment.units import normalise
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.record.facts import Incident
    from apologylab.service.running import Running

FIELDS = 100
FIELD_CHARACTERS = 2_000


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """An incident that cannot be stored, and why."""

    because: str


def hear(incident: Incident, running: Running) -> Incident | Unheard:
    """``incident`` with its customer's id normalised, or why it cannot be heard."""
    try:
        _judge_key(incident.key)
        customer = normalise(incident.customer, running.experiment.unit_id)
        _judge(incident)
    except InputError as error:
        return Unheard(because=f"the incident cannot be heard: {error}")
    return incident if customer == incident.customer else replace(incident, customer=customer)


def _judge_key(key: str) -> None:
    try:
        normalise(key, "exact")
    except InputError as error:
        raise InputError("its key cannot be one", do=str(error)) from None


def _judge(incident: Incident) -> None:
    if incident.occurred_at.tzinfo is None:
        raise InputError("occurred_at has no time zone", do="give an aware time")
    named = {"kind": incident.kind, "order": incident.order, "cause": incident.cause}
    for name, text in named.items():
        if text is not None or name == "kind":
            _judge_text(name, text)
    if len(incident.fields) > FIELDS:
        raise InputError("there are too many fields", do=f"give at most {FIELDS} of them")
    for name, value in incident.fields.items():
        if not _is_plain(name):
            _judge_text("the name of a field", name)
        if not _is_plain(value):
            _judge_value(name, value)


def _is_plain(value: object) -> bool:
    """Whether ``value`` is one of the commonest, which need no closer look."""
    if type(value) is str:
        return len(value) <= FIELD_CHARACTERS and value.isascii() and value.isprintable()
    return type(value) is int


def _judge_value(name: str, value: object) -> None:
    if isinstance(value, str):
        _judge_text(name, value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{name} is {value}", do="leave an unknown number out")
    elif isinstance(value, list | tuple):
        for each in value:
            _judge_text(name, each)
    elif value is not None and not isinstance(value, int):
        raise InputError(
            f"{name} is {type(value).__name__}", do="give text, a number, true or a list of texts"
        )


def _judge_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"{name} is {type(value).__name__}", do="give text")
    if len(value) > FIELD_CHARACTERS:
        raise InputError(f"{name} has {len(value)} characters", do=f"at most {FIELD_CHARACTERS}")
    if value.isascii() and "\0" not in value:
        return
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"{name} holds a NUL or half a surrogate pair", do="clean the text")
