"""What ``apologylab.toml`` and the environment say of one channel, read by the channel itself.

A channel takes each of its keys by its type and ends with :meth:`Settings.all_read`, which refuses
the others: a misspelt key is never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NoReturn

from apologylab.errors import ConfigError

REHEARSALS: Final = "_rehearsals"
"""A folder for what is written in a rehearsal; no channel can have this name."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One table ``[channels.NAME]`` or ``[issuers.NAME]``: its keys without ``kind``, its secrets.

    ``secrets`` holds ``password``, ``secret`` and ``token`` as far as the environment sets them;
    ``root`` is the project's folder, ``clock`` now, aware and in UTC. In a ``rehearsal`` nothing
    that leaves may come where customers' remedies are fetched.

    >>> from datetime import UTC, datetime
    >>> settings = Settings(
    ...     name="email", kind="smtp", values={"host": "mail", "prot": 25}, root=Path(),
    ...     clock=lambda: datetime.now(UTC),
    ... )
    >>> settings.text("host"), settings.number("port", 587, high=65_535)
    ('mail', 587)
    >>> settings.all_read()
    Traceback (most recent call last):
    ...
    apologylab.errors.ConfigError: channels.email: unknown key 'prot': did you mean port?
    """

    name: str
    kind: str
    values: Mapping[str, Any]
    root: Path
    clock: Callable[[], datetime]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    of: str = "channels"
    rehearsal: bool = False
    _known: list[str] = field(default_factory=list, repr=False, compare=False)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; with a default it may be absent."""
        return str(self._get(key, str, "a text in quotes", default))

    def optional_text(self, key: str) -> str | None:
        """A text, or None where it is absent."""
        found = self._get(key, str, "a text in quotes", "")
        return found or None

    def number(self, key: str, default: int | None = None, *, low: int = 1, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        found = self._get(key, int, "a whole number", default)
        if not low <= found <= high:
            self.refuse(f"{key} is {found}", do=f"write {low} to {high}")
        return int(found)

    def switch(self, key: str, *, default: bool) -> bool:
        """True or false."""
        return bool(self._get(key, bool, "true or false", default))

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of some words."""
        found = self.text(key, default)
        if found not in choices:
            self.refuse(f"{key} is {found!r}", do=f"write one of {', '.join(choices)}")
        return found

    def folder(self, usual: str) -> Path:
        """Where ``folder`` says that files are written; those of a rehearsal apart."""
        found = self.root / self.text("folder", usual)
        return found / REHEARSALS if self.rehearsal else found

    def table(self, key: str) -> Mapping[str, Any]:
        """A table, empty where it is absent."""
        found: Mapping[str, Any] = self._get(key, dict, "a table", {})
        return found

    @property
    def variable(self) -> str:
        """What the names of its variables begin with: ``APOLOGYLAB_CHANNEL_SMS_EU``."""
        word = re.sub("[^A-Z0-9]", "_", self.name.upper())
        return f"APOLOGYLAB_{self.of.removesuffix('s').upper()}_{word}"

    def secret(self, word: str) -> str | None:
        """A secret of the environment's: ``APOLOGYLAB_CHANNEL_<NAME>_<WORD>``."""
        return self.secrets.get(word)

    def all_read(self) -> None:
        """Refuse keys that nobody asked for.

        Raises:
            ConfigError: there is one.
        """
        for key in self.values:
            if key not in self._known:
                near = get_close_matches(key, self._known, n=1)
                do = f"did you mean {near[0]}?" if near else f"known are {', '.join(self._known)}"
                self.refuse(f"unknown key {key!r}", do=do)

    def refuse(self, what: str, *, do: str) -> NoReturn:
        """Raise what is wrong with this channel's settings.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self.of}.{self.name}: {what}", do=do)

    def _get(self, key: str, kind: type, word: str, default: Any) -> Any:
        self._known.append(key)
        if key not in self.values:
            if default is None:
                self.refuse(f"{key} is missing", do=f"add it: {word}")
            return default
        value = self.values[key]
        if type(value) is not kind:
            self.refuse(f"{key} is {value!r}", do=f"write {word}")
        return value
