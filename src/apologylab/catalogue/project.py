"""``apologylab.toml``: which ledger, which experiments, which currency and clock.

The file is looked for in the working folder and its parents, as git finds its own. Each key can be
overridden by an environment variable ``APOLOGYLAB_<KEY>``; a ledger URL that holds a password comes
from ``APOLOGYLAB_LEDGER_URL`` or from the file that ``APOLOGYLAB_LEDGER_URL_FILE`` names, never
from ``apologylab.toml``. So does the key of pseudonyms: ``APOLOGYLAB_PSEUDONYM_KEY``, or
``APOLOGYLAB_PSEUDONYM_KEY_FILE``; where it is set, customers' ids are hashed with it at every door.
``retention_days`` says how long texts are kept after they were delivered; ``apologylab purge``
deletes the others. Tables ``[channels.NAME]`` say through what remedies leave; a channel's password
or secret comes from ``APOLOGYLAB_CHANNEL_<NAME>_PASSWORD``, ``_SECRET`` or ``_TOKEN``, or from the
file that the same with ``_FILE`` names. ``[taxonomy]`` names the company's departments and causes
of incidents, which docs/how-to/record-complaints.md explains.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apologylab.catalogue.outlets import Outlet, outlets
from apologylab.catalogue.secrets import read_variable
from apologylab.catalogue.taxonomy import taxonomy_of
from apologylab.errors import ConfigError, StateError
from apologylab.record.taxonomy import Taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "apologylab.toml"
PREFIX: Final = "APOLOGYLAB_"
SQLITE: Final = "sqlite:///"
HEAD: Final = """\
# One company, one environment. A variable APOLOGYLAB_<KEY> overrides a key; a ledger_url that holds
# a password stands only there. The words are explained in docs/glossary.md.
"""
KEYS: Final[dict[str, type]] = {
    "ledger_url": str,
    "experiments": str,
    "currency": str,
    "time_zone": str,
    "environment": str,
    "simulated": bool,
    "retention_days": int,
}
TABLES: Final = ("channels", "issuers", "taxonomy")
"""Tables of tables, each read by a module of its own."""
SECRETS: Final = ("ledger_url", "pseudonym_key")
"""What a variable, or the file that ``<variable>_FILE`` names, may hold."""
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PASSWORD: Final = re.compile(r"//[^/?#]*:[^/?#]*@|(?<=[?&])password=[^&]*")
_LEDGER_URL: Final = re.compile(r"sqlite:///.+|postgresql(\+psycopg)?://[^/?#]*/[^/?#]+(\?.*)?")
_SWITCH: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, kw_only=True)
class Project:
    """One company's set-up in one environment.

    Raises:
        ConfigError: a value cannot be meant; the message names it and says what can.
    """

    root: Path
    ledger_url: str
    experiments: Path
    currency: str
    time_zone: str
    environment: str = "development"
    simulated: bool = False
    retention_days: int | None = None
    pseudonym_key: str | None = field(default=None, repr=False)
    channels: Mapping[str, Outlet] = field(default_factory=lambda: outlets({}, {}))
    issuers: Mapping[str, Outlet] = field(default_factory=dict)
    taxonomy: Taxonomy = field(default_factory=Taxonomy)

    def __post_init__(self) -> None:
        _refuse_unprintable(self)
        _refuse_currency(self.currency)
        _refuse_time_zone(self.time_zone)
        _refuse_ledger_url(self.ledger_url)
        if not self.environment:
            raise ConfigError('environment is ""', do='name it, for example "production"')
        if self.retention_days is not None and self.retention_days < 1:
            raise ConfigError(f"retention_days is {self.retention_days}", do="write 1 or more")

    @property
    def ledger_place(self) -> str:
        """``ledger_url`` as it may be shown: without a password."""
        return _PASSWORD.sub(_masked, self.ledger_url)


def find_project(start: Path, environ: Mapping[str, str]) -> Project:
    """The project around ``start``: its file, overridden by ``environ``.

    Without a file the environment alone can say everything; the project's root is then ``start``.

    Raises:
        ConfigError: there is no project, or a key or a value of it is wrong.
    """
    file = find_file(start)
    overrides = from_environment(environ)
    if file is None and "ledger_url" not in overrides:
        raise ConfigError(
            f"no {FILE} in {start} or a folder above it",
            do=f"run `apologylab init` where the project shall live, or set {PREFIX}LEDGER_URL",
        )
    root = file.parent if file else start
    found = read_file(file) if file else {}
    tables = {
        "channels": outlets(found.pop("channels", {}), environ),
        "issuers": outlets(found.pop("issuers", {}), environ, of="issuers"),
        "taxonomy": taxonomy_of(found.pop("taxonomy", {})),
    }
    return _build(root, found | overrides | tables)


def find_file(start: Path) -> Path | None:
    """The nearest ``apologylab.toml`` in ``start`` or a folder above it."""
    start = start.resolve()
    candidates = (folder / FILE for folder in (start, *start.parents))
    return next((file for file in candidates if file.is_file()), None)


def read_file(file: Path) -> dict[str, Any]:
    """The keys of ``file``, each known and of its type.

    Raises:
        ConfigError: not TOML, an unknown key, a wrong type, or a password.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}", do="correct that line") from error
    for key, value in found.items():
        _refuse_key(file, key, value)
    return found


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The keys that environment variables set.

    Raises:
        ConfigError: a switch is neither true nor false, or a named file cannot be read.

    >>> from_environment({"APOLOGYLAB_CURRENCY": "EUR", "APOLOGYLAB_SIMULATED": "true"})
    {'currency': 'EUR', 'simulated': True}
    """
    found: dict[str, Any] = {
        key: environ[PREFIX + key.upper()] for key in KEYS if environ.get(PREFIX + key.upper())
    }
    if "simulated" in found:
        found["simulated"] = _switch(found["simulated"])
    if "retention_days" in found:
        found["retention_days"] = _days(found["retention_days"])
    for key in SECRETS:
        if (secret := read_variable(environ, PREFIX + key.upper())) is not None:
            found[key] = secret
    return found


def write_file(folder: Path, settings: Mapping[str, Any], *, anew: bool = False) -> Path:
    """Write ``settings`` as ``folder``'s ``apologylab.toml`` and return its path.

    Raises:
        ConfigError: a setting is wrong; nothing is written.
        StateError: there is a file and ``anew`` is false.
    """
    file = folder.resolve() / FILE
    for key, value in settings.items():
        _refuse_key(file, key, value)
    _build(file.parent, settings)
    if file.exists() and not anew:
        raise StateError(f"{file} is there already", do="edit it, or pass --force to write it anew")
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    draft = file.with_name(f".{FILE}.new")
    try:
        draft.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return file


def _build(root: Path, found: Mapping[str, Any]) -> Project:
    needed = [each.name for each in fields(Project) if each.name in KEYS]
    optional = {"environment", "simulated", "retention_days"}
    for key in needed:
        if key not in found and key not in optional:
            raise ConfigError(f"{key} is not set in {root / FILE}", do=f'add it: {key} = "…"')
    values = dict(found)
    values["experiments"] = root / found["experiments"]
    values["ledger_url"] = _absolute(root, found["ledger_url"])
    return Project(root=root, **values)


def _absolute(root: Path, url: str) -> str:
    """A relative SQLite file is relative to the project, wherever the command runs."""
    if not url.startswith(SQLITE):
        return url
    return SQLITE + str(root / url.removeprefix(SQLITE))


def _refuse_key(file: Path, key: str, value: object) -> None:
    if key in TABLES:
        return
    if key not in KEYS:
        known = ", ".join((*KEYS, *(f"[{each}.NAME]" for each in TABLES)))
        raise ConfigError(f"{file}: unknown key {key!r}", do=f"known are {known}")
    wanted = KEYS[key]
    if type(value) is not wanted:
        word = {str: "a text in quotes", bool: "true or false", int: "a whole number"}[wanted]
        raise ConfigError(f"{file}: {key} is {value!r}", do=f"write {word}")
    if key == "ledger_url" and _PASSWORD.search(str(value)):
        raise ConfigError(
            f"{file}: ledger_url holds a password",
            do=f"take it out and set {PREFIX}LEDGER_URL, or {PREFIX}LEDGER_URL_FILE to a file",
        )


def _refuse_unprintable(project: Project) -> None:
    for key in KEYS:
        if _UNPRINTABLE.search(value := str(getattr(project, key))):
            raise ConfigError(f"{key} is {value!r}", do="write it without control characters")


def _refuse_currency(currency: str) -> None:
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ConfigError(f"currency is {currency!r}", do='write its ISO 4217 code, like "USD"')


def _refuse_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"time_zone {name!r} is unknown", do='write an IANA name, like "Europe/Vilnius"'
        ) from error


def _masked(found: re.Match[str]) -> str:
    return "//***@" if found[0].startswith("//") else "password=***"


def ledger_file(url: str) -> Path | None:
    """The SQLite file that ``url`` means, None if it means a PostgreSQL database.

    Raises:
        ConfigError: the URL is of another kind.

    >>> ledger_file("sqlite:///a.sqlite"), ledger_file("postgresql://lab@db/shop")
    (PosixPath('a.sqlite'), None)
    """
    _refuse_ledger_url(url)
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def _refuse_ledger_url(url: str) -> None:
    if not re.fullmatch(_LEDGER_URL, url):
        scheme = url.split(":", 1)[0]
        raise ConfigError(
            f"ledger_url begins with {scheme!r}",
            do=f'write "{SQLITE}apologylab.sqlite", or "postgresql://user@host/database"',
        )


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ConfigError(f"{PREFIX}SIMULATED is {text!r}", do="write true or false")
    return _SWITCH[text.lower()]


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"{PREFIX}RETENTION_DAYS is {text!r}", do="write a number of days")
    return int(text)
