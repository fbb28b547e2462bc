"""Whether an incident can be heard: ids, times and fields that every ledger can hold (R8)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from apologylab.assignment.units import normalise
from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.record.facts import Incident
    from apologylab.service.running import Running

FIELDS = 100
FIELD_CHARACTERS = 2_000
FIRST_YEAR, LAST_YEAR = 1971, 2999
"""Outside of these, a time is a placeholder for none; its windows would leave the calendar."""


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """An incident that cannot be stored, and why."""

    because: str


def hear(incident: Incident, running: Running) -> Incident | Unheard:
    """``incident`` with its customer's id normalised or hashed, or why it cannot be heard."""
    try:
        _judge_key(incident.key)
        customer = _known_as(incident.customer, running)
        _judge(incident)
    except InputError as error:
        return Unheard(because=f"the incident cannot be heard: {error}")
    return incident if customer == incident.customer else replace(incident, customer=customer)


def _known_as(customer: str, running: Running) -> str:
    if running.known_as is not None:
        return running.known_as(customer)
    return normalise(customer, running.experiment.unit_id)


def _judge_key(key: str) -> None:
    try:
        normalise(key, "exact")
    except InputError as error:
        raise InputError("its key cannot be one", do=str(error)) from None


def _judge(incident: Incident) -> None:
    _judge_time(incident.occurred_at)
    named = {"kind": incident.kind, "order": incident.order, "cause": incident.cause}
    for name, text in named.items():
        if text is not None or name == "kind":
            _judge_text(name, text)
    _judge_fields(incident.fields)


def _judge_time(moment: object) -> None:
    if not isinstance(moment, datetime):
        raise InputError(f"occurred_at is {type(moment).__name__}", do="give a datetime")
    if moment.tzinfo is None:
        raise InputError("occurred_at has no time zone", do="give an aware time")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InputError(f"occurred_at is {moment.isoformat()}", do="give the time it happened")


def _judge_fields(fields: object) -> None:
    if not isinstance(fields, Mapping):
        raise InputError(f"fields is {type(fields).__name__}", do="give a dict")
    if len(fields) > FIELDS:
        raise InputError("there are too many fields", do=f"give at most {FIELDS} of them")
    for name, value in fields.items():
        if not _is_plain_text(name):
            _judge_text("the name of a field", name)
        if not _is_plain_text(value):
            _judge_value(name, value)


def _is_plain_text(value: object) -> bool:
    """Whether ``value`` is a text of the commonest sort, which needs no closer look."""
    return (
        type(value) is str
        and len(value) <= FIELD_CHARACTERS
        and value.isascii()
        and value.isprintable()
    )


def _judge_value(name: str, value: object) -> None:
    if isinstance(value, str):
        _judge_text(name, value)
    elif isinstance(value, int | float):
        _judge_number(name, value)
    elif isinstance(value, list | tuple):
        _judge_list(name, value)
    elif value is not None:
        raise InputError(
            f"{name} is {type(value).__name__}", do="give text, a number, true or a list of texts"
        )


def _judge_number(name: str, value: float) -> None:
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise InputError(f"{name} has more than 64 bits", do="give it as text")
    elif not math.isfinite(value):
        raise InputError(f"{name} is {value}", do="leave an unknown number out")


def _judge_list(name: str, values: Sequence[object]) -> None:
    if len(values) > FIELDS:
        raise InputError(f"{name} has {len(values)} entries", do=f"give at most {FIELDS}")
    for each in values:
        _judge_text(name, each)


def _judge_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"{name} is {type(value).__name__}", do="give text")
    if len(value) > FIELD_CHARACTERS:
        raise InputError(f"{name} has {len(value)} characters", do=f"at most {FIELD_CHARACTERS}")
    if value.isascii() and "\0" not in value:
        return
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"{name} holds a NUL or half a surrogate pair", do="clean the text")
