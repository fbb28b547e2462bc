"""What ``preview`` and ``rehearse`` read of the command line and of the project."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Final

from apologylab.errors import ApologylabError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.remedy.fragments import Fragments
    from apologylab.service.sign_off import Standing

EXAMPLE: Final = "2026-05-04T22:15+03:00"


def parsed(given: Sequence[str]) -> dict[str, object]:
    """Fields written ``name=value``; whole numbers and true and false are what they look like.

    >>> parsed(["minutes_late=25", "first_name=Zoë"])
    {'minutes_late': 25, 'first_name': 'Zoë'}

    Raises:
        InputError: one is not written so.
    """
    fields: dict[str, object] = {}
    for each in given:
        name, found, value = each.partition("=")
        if not found or not name.strip():
            raise InputError(f"--field {each!r} has no value", do="write it like first_name=Zoë")
        fields[name.strip()] = _value(value)
    return fields


def _value(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() else text


def moment(text: str | None, *, now: datetime) -> datetime:
    """A time with its zone, by default now.

    Raises:
        InputError: it is no time, or has no zone.
    """
    if text is None:
        return now
    wrong = InputError(f"--at {text!r} is not a time with a zone", do=f"write {EXAMPLE}")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if found.tzinfo is None:
        raise wrong
    return found.astimezone(now.tzinfo)


def stands(experiment: Experiment, fragments: Fragments) -> Standing | None:
    """Who has signed the words off, as far as there is a project with a ledger to know it."""
    from apologylab import wiring
    from apologylab.service.sign_off import asked_before, standing, where_it_stands, words_sha256

    read = wiring.declaration_reader()
    try:
        with closing(wiring.open_ledger(wiring.project())) as ledger:
            before = asked_before(ledger, experiment, read)
            found = where_it_stands(ledger, experiment, fragments, before)
    except ApologylabError:
        found = standing(experiment, words_sha256(experiment, fragments), [])
    return found if found.roles else None
