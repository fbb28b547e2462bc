"""``[taxonomy]`` in ``apologylab.toml``: a company's causes, departments and kinds of incident."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_type_hints

from apologylab.errors import ConfigError, InputError
from apologylab.record.taxonomy import Cause, Taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = "taxonomy"


def taxonomy_of(said: object) -> Taxonomy:
    """What the table says; a company that says nothing has the causes that all have.

    >>> found = taxonomy_of({"causes": {"waiting": {"incidents": ["late_ride"]}}})
    >>> found.cause("late_ride")
    'waiting'

    Raises:
        ConfigError: a key is unknown, a value is of another type, or two causes claim one kind.
    """
    given = dict(_table(said, TABLE))
    causes = {
        name: Cause(**_read(cause, Cause, f"{TABLE}.causes.{name}"))
        for name, cause in _table(given.pop("causes", {}), f"{TABLE}.causes").items()
    }
    try:
        return Taxonomy(causes=causes, **_read(given, Taxonomy, TABLE))
    except InputError as refused:
        raise ConfigError(f"apologylab.toml, {refused}", do="correct [taxonomy]") from None


def _table(said: object, where: str) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise ConfigError(f"apologylab.toml: {where} is {said!r}", do=f"write it as [{where}]")
    return said


def _read(said: object, kind: type[Cause | Taxonomy], where: str) -> dict[str, Any]:
    """The keys of one table, each known and of its type; a list becomes a tuple."""
    hints = get_type_hints(kind)
    known = [each.name for each in fields(kind) if each.name != "causes"]
    found = {}
    for key, value in _table(said, where).items():
        if key not in known:
            raise ConfigError(
                f"apologylab.toml: unknown key {where}.{key}", do=f"known are {', '.join(known)}"
            )
        found[key] = _value(value, hints[key], f"{where}.{key}")
    return found


def _value(value: object, hint: object, where: str) -> object:
    if hint == tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(each, str) and each for each in value):
            return tuple(value)
        word = "a list of texts"
    elif hint is int:
        if type(value) is int:
            return value
        word = "a whole number"
    else:
        if isinstance(value, str) and value:
            return value
        word = "a text in quotes"
    raise ConfigError(f"apologylab.toml: {where} is {value!r}", do=f"write {word}")
