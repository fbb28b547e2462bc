"""``apologylab init``: write the project file, the experiments folder and an empty ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Time = Annotated[str, typer.Option(help="IANA time zone of the company, like Europe/Vilnius.")]
Currency = Annotated[str, typer.Option(help="ISO 4217 code of the money you decide in.")]


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the project shall live.")] = Path(),
    *,
    ledger_url: Annotated[
        str, typer.Option(help="Where facts are kept: a SQLite file or a PostgreSQL database.")
    ] = "sqlite:///apologylab.sqlite",
    experiments: Annotated[str, typer.Option(help="Folder of the declarations.")] = "experiments",
    currency: Currency = "USD",
    time_zone: Time = "UTC",
    environment: Annotated[
        str, typer.Option(help="What this ledger is for; start and dispatch check it.")
    ] = "development",
    simulated: Annotated[
        bool, typer.Option("--simulated", help="The ledger will hold simulated facts only.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write apologylab.toml anew if there is one.")
    ] = False,
) -> None:
    """Write apologylab.toml, the experiments folder and an empty ledger.

    A ledger that is there already is kept as it is; a project without one, such as a fresh clone,
    keeps its apologylab.toml and gets its ledger.

    \b
    Example:
      apologylab init --currency EUR --time-zone Europe/Vilnius
    """
    from apologylab import wiring
    from apologylab.catalogue.project import FILE, write_file
    from apologylab.cli.console import show

    settings = {
        "ledger_url": ledger_url,
        "experiments": experiments,
        "currency": currency,
        "time_zone": time_zone,
        "environment": environment,
        "simulated": simulated,
    }
    if not force:
        _refuse_ignored(context, folder, settings)
    is_clone = not force and (folder / FILE).is_file() and not _has_ledger(folder)
    file = folder.resolve() / FILE if is_clone else write_file(folder, settings, anew=force)
    project = wiring.project(folder)
    project.experiments.mkdir(parents=True, exist_ok=True)
    show(f"{'kept' if is_clone else 'wrote':<10}{file}")
    show(f"folder    {project.experiments}")
    if wiring.has_ledger(project):
        show(f"kept      {project.ledger_place}")
    else:
        wiring.create_ledger(project).close()
        show(f"created   {project.ledger_place}")
    show("next      apologylab new NAME --incident late_delivery --wording none,notice,sorry")


def _refuse_ignored(context: typer.Context, folder: Path, settings: dict[str, object]) -> None:
    """An option that the file there contradicts would have no effect, for example after a typo."""
    from apologylab.catalogue.project import FILE, read_file
    from apologylab.errors import StateError

    if not (file := folder.resolve() / FILE).is_file():
        return
    there = read_file(file)
    for key, value in settings.items():
        source = context.get_parameter_source(key)
        typed = source is not None and source.name == "COMMANDLINE"
        if typed and there.get(key, value) != value:
            raise StateError(
                f"{file} is there already and says {key} = {there[key]!r}",
                do="edit it, or pass --force to write it anew",
            )


def _has_ledger(folder: Path) -> bool:
    from apologylab import wiring

    return wiring.has_ledger(wiring.project(folder))
