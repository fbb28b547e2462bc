"""``apologylab doctor``: one screen that says whether everything needed here works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, NamedTuple

import typer

from apologylab.cli.options import AsJson


class Looked(NamedTuple):
    """What one look found: ``detail`` when it passed, otherwise also what to ``do``."""

    name: str
    passed: bool
    detail: str
    do: str = ""


def doctor(
    *,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Check every rule that the ledger could break.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that everything that is needed here works.

    Nothing is sent: of the network it asks only the channels in `apologylab.toml` for an answer.

    With --ledger: whether the ledger's facts, money, queue and texts keep every rule that they
    could break, and who breaks them. It only reads, and may run at any time.

    Exit code 0 when every look passes, otherwise that of a configuration or a ledger error.

    \b
    Example:
      apologylab doctor
      apologylab doctor --ledger
    """
    from apologylab.cli import console, exits
    from apologylab.errors import ConfigError

    if ledger:
        _look_at_ledger(as_json=as_json)
        return

    looks = _looks()
    if as_json:
        console.show_json(_document(looks))
    else:
        console.show_table("apologylab doctor", ["", "look", "found"], [*map(_row, looks)])
    if not all(look.passed for look in looks):
        raise typer.Exit(exits.CODES[ConfigError])


def _look_at_ledger(*, as_json: bool) -> None:
    from apologylab.cli import console, exits, soundness_screen
    from apologylab.errors import LedgerError

    looks = soundness_screen.sound()
    if as_json:
        console.show_json(soundness_screen.document(looks))
    else:
        soundness_screen.show(looks)
    if soundness_screen.is_broken(looks):
        raise typer.Exit(exits.CODES[LedgerError])


def _python() -> str:
    """The interpreter's version and machine."""
    import platform

    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _sqlite() -> str:
    """SQLite's version; its JSON functions are what the ledger needs beyond the usual."""
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        connection.execute("SELECT json_extract('{\"a\": 1}', '$.a')")
    connection.close()
    return sqlite3.sqlite_version


def _duckdb() -> str:
    """DuckDB reads a SQLite file with the reader that came as a wheel."""
    import sqlite3
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from apologylab.warehouse import attach, engine

    with TemporaryDirectory() as folder:
        file = Path(folder) / "look.sqlite"
        written = sqlite3.connect(file)
        written.execute("CREATE TABLE look (x INTEGER)")
        written.close()
        connection = engine.connect()
        attach.attach_sqlite(connection, file, "look")
        connection.execute("SELECT count(*) FROM look.look")
        version = connection.execute("SELECT version()").fetchone()
        connection.close()
    return f"{version[0] if version else ''} reads SQLite files"


def _time_zones() -> str:
    """Time zone data is there, from the pinned package where the system has none."""
    from zoneinfo import ZoneInfo, available_timezones

    ZoneInfo("Europe/Vilnius")
    return f"{len(available_timezones())} zones"


def _project() -> str:
    """The project file is found and right."""
    from apologylab import wiring

    found = wiring.project()
    return f"{found.root} ({found.environment}, {found.currency}, {found.time_zone})"


def _ledger() -> str:
    """The ledger opens, has this version's schema and is of the project's environment."""
    from apologylab import wiring
    from apologylab.errors import LedgerOtherError

    found = wiring.project()
    opened = wiring.open_ledger(found)
    identity = opened.identity
    opened.close()
    if (identity.environment, identity.simulated) != (found.environment, found.simulated):
        raise LedgerOtherError(
            f"the ledger is of {identity.environment!r} (simulated: {identity.simulated}), "
            f"the project of {found.environment!r} (simulated: {found.simulated})",
            do="point ledger_url at the right ledger",
        )
    return f"{found.ledger_place} ({identity.id})"


def _analysis() -> str:
    """The analysis engine reads the ledger, with the reader that came as a wheel."""
    from apologylab import wiring
    from apologylab.warehouse import engine, staging

    connection = engine.connect()
    with staging.attached(connection, wiring.project().ledger_url):
        found = connection.execute(f"SELECT count(*) FROM {staging.LEDGER}.fact_started").fetchone()
    connection.close()
    return f"reads the ledger, experiments started: {found[0] if found else 0}"


def _experiments() -> str:
    """Every declaration can be read."""
    from apologylab import wiring

    catalogue = wiring.catalogue()
    names = catalogue.names()
    for name in names:
        catalogue.experiment(name)
    return f"{len(names)} declared, all without mistakes"


LOOKS: Final[dict[str, Callable[[], str]]] = {
    "python": _python,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "time zones": _time_zones,
    "project": _project,
    "ledger": _ledger,
    "analysis": _analysis,
    "experiments": _experiments,
}
OF_PROJECT: Final = ("ledger", "analysis")


def _channels() -> list[Looked]:
    """Whether each configured channel answers; nothing is sent."""
    from functools import partial

    from apologylab import wiring
    from apologylab.errors import StateError

    def reach(name: str) -> str:
        try:
            return wiring.channel(name, project).reach()
        except OSError as error:
            raise StateError(str(error), do=f"start it, or correct [channels.{name}]") from error

    project = wiring.project()
    return [_look(f"channel {name}", partial(reach, name)) for name in project.channels]


def _looks() -> list[Looked]:
    """Every look in order; without a project those that need one are not had."""
    found: list[Looked] = []
    for name, look in LOOKS.items():
        if name in OF_PROJECT and not _passed(found, "project"):
            found.append(Looked(name, passed=False, detail="not looked at", do="see project"))
        else:
            found.append(_look(name, look))
    return found + (_channels() if _passed(found, "project") else [])


def _passed(found: list[Looked], name: str) -> bool:
    return all(each.passed for each in found if each.name == name)


def _look(name: str, look: Callable[[], str]) -> Looked:
    from apologylab.errors import ApologylabError

    try:
        return Looked(name, passed=True, detail=look())
    except ApologylabError as error:
        return Looked(name, passed=False, detail=error.what, do=error.do)
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what was asked
        return Looked(name, passed=False, detail=f"{type(error).__name__}: {error}")


def _row(look: Looked) -> list[str]:
    detail = look.detail if look.passed or not look.do else f"{look.detail}: {look.do}"
    return ["ok" if look.passed else "FAIL", look.name, detail]


def _document(looks: list[Looked]) -> dict[str, object]:
    from importlib.metadata import version

    return {
        "format": "apologylab.doctor/1",
        "version": version("apologylab"),
        "passed": all(look.passed for look in looks),
        "checks": [look._asdict() for look in looks],
    }
