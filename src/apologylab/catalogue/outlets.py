"""``[channels.NAME]`` in ``apologylab.toml``, and the secrets that the environment has for them.

A channel's own keys are its own to judge; here stand what all have in common: a name, a kind, and
that no secret stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apologylab.catalogue.secrets import read_variable
from apologylab.design.constraints import NAME
from apologylab.errors import ConfigError

FILE_CHANNEL: Final = "file"
WORDS: Final = ("password", "secret", "token")
"""What a variable ``APOLOGYLAB_CHANNEL_<NAME>_<WORD>``, or the file of its ``_FILE``, may hold."""
_SECRET: Final = re.compile(r"(^|_)(password|passwd|secrets?|tokens?|api_?key|credentials?)($|_)")
_IN_URL: Final = re.compile(r"//[^/?#\s]*:[^/?#\s]*@")


@dataclass(frozen=True, kw_only=True)
class Outlet:
    """One configured channel: its kind, its own keys, and its secrets by word."""

    name: str
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def outlets(
    tables: object, environ: Mapping[str, str], *, of: str = "channels"
) -> Mapping[str, Outlet]:
    """The channels that ``tables`` configures, by name, and the file channel that is always there.

    Raises:
        ConfigError: a table is none, has no kind or holds a secret, or two share their variables.

    >>> outlets({"sms": {"kind": "webhook", "url": "https://sms.example"}}, {})["sms"].kind
    'webhook'
    """
    if not isinstance(tables, Mapping):
        raise ConfigError(f"{of} is {tables!r}", do=f"write tables [{of}.NAME]")
    found = {name: _outlet(of, name, table, environ) for name, table in tables.items()}
    _refuse_shared(of, found)
    if of == "channels":
        own = found.setdefault(FILE_CHANNEL, Outlet(name=FILE_CHANNEL, kind=FILE_CHANNEL))
        if own.kind != FILE_CHANNEL:
            raise ConfigError(f'channels.file is of kind "{own.kind}"', do="give it another name")
    return found


def _outlet(of: str, name: str, table: object, environ: Mapping[str, str]) -> Outlet:
    if not re.fullmatch(NAME, name, re.ASCII) or len(name) > 64:
        raise ConfigError(f"{of}.{name!r} is no name", do="write small letters, digits, _ . -")
    if not isinstance(table, Mapping):
        raise ConfigError(f"{of}.{name} is {table!r}", do=f"write a table [{of}.{name}]")
    values = dict(table)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or not kind:
        raise ConfigError(
            f"{of}.{name} has no kind", do='add kind = "smtp" ("webhook", "file", a plug-in\'s)'
        )
    variable = variable_of(of, name)
    _refuse_secrets(f"{of}.{name}", values, variable)
    read = {word: read_variable(environ, f"{variable}_{word.upper()}") for word in WORDS}
    secrets = {word: value for word, value in read.items() if value is not None}
    return Outlet(name=name, kind=kind, values=values, secrets=secrets)


def variable_of(of: str, name: str) -> str:
    """What the names of a channel's variables begin with.

    >>> variable_of("channels", "sms-eu")
    'APOLOGYLAB_CHANNEL_SMS_EU'
    """
    word = re.sub("[^A-Z0-9]", "_", name.upper())
    return f"APOLOGYLAB_{of.removesuffix('s').upper()}_{word}"


def _refuse_shared(of: str, found: Mapping[str, Outlet]) -> None:
    names: dict[str, str] = {}
    for name in found:
        other = names.setdefault(variable_of(of, name), name)
        if other != name:
            raise ConfigError(
                f"{of}.{other} and {of}.{name} would share {variable_of(of, name)}_PASSWORD",
                do="rename one",
            )


def _refuse_secrets(place: str, values: Mapping[str, Any], variable: str) -> None:
    """Nothing that looks like a secret stands in the file, at any depth."""
    for key, value in values.items():
        if _SECRET.search(key.lower()) or (isinstance(value, str) and _IN_URL.search(value)):
            word = "PASSWORD" if "pass" in key.lower() else "SECRET"
            raise ConfigError(
                f"{place}.{key} holds a secret",
                do=f"take it out and set {variable}_{word}, or {variable}_{word}_FILE to a file",
            )
        if isinstance(value, Mapping):
            _refuse_secrets(f"{place}.{key}", value, variable)
