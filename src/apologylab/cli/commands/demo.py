"""``apologylab demo``: the whole loop over simulated riders, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from apologylab.catalogue.project import Project
    from apologylab.report.page import Dossier
    from apologylab.service.ports import Ledger
    from apologylab.service.simulate import Lived

NAME = "late_ride_apology"
WORLD = "uber_2017"
ENVIRONMENT = "demo"
PAGE = "report.html"


def demo(
    *,
    riders: Annotated[int, typer.Option(min=1_000, help="Riders that a late ride hits.")] = 200_000,
    seed: Annotated[int, typer.Option(help="Of the world's randomness.")] = 2017,
    folder: Annotated[Path, typer.Option(help="Where it is made, anew each time.")] = Path("demo"),
) -> None:
    """Run the whole loop over simulated riders: declare, start, assign, dispatch, record, decide.

    Everything passes the real path into a ledger in the folder, which stays there to look into.

    \b
    Example:
      apologylab demo
      apologylab demo --riders 5000
    """
    from apologylab import wiring
    from apologylab.cli.console import show
    from apologylab.cli.living import live
    from apologylab.report.page import page

    project = _anew(folder)
    ledger = wiring.create_ledger(project)
    lived = live(project, ledger, NAME, of=WORLD, customers=riders, seed=seed)
    made = _conclude(project, ledger, lived)
    (folder / PAGE).write_text(page(made), encoding="utf-8")
    show(_ending(made, ledger, folder))
    ledger.close()


def _anew(folder: Path) -> Project:
    """The folder with the declaration, emptied first if a demo made it.

    Raises:
        StateError: something else is there.
    """
    import shutil

    from apologylab.catalogue.project import find_project, write_file

    declared = _declared()
    _clear(folder)
    shutil.copytree(declared, folder / "experiments" / NAME)
    settings = {
        "ledger_url": "sqlite:///apologylab.sqlite",
        "experiments": "experiments",
        "currency": "USD",
        "time_zone": "America/New_York",
        "environment": ENVIRONMENT,
        "simulated": True,
    }
    write_file(folder, settings, anew=True)
    return find_project(folder.resolve(), {})


def _declared() -> Path:
    """The shipped experiment's folder.

    Raises:
        NotFoundError: the working folder is not a clone of the project, nor has the experiment.
    """
    from apologylab import wiring
    from apologylab.errors import NotFoundError

    try:
        return wiring.catalogue().file(NAME).parent
    except NotFoundError as error:
        raise NotFoundError(
            f"there is no experiments/{NAME} here", do="run the demo in a clone of the project"
        ) from error


def _clear(folder: Path) -> None:
    import shutil

    from apologylab.catalogue.project import FILE, find_project
    from apologylab.errors import StateError

    if not folder.exists() or not any(folder.iterdir()):
        return
    made = (folder / FILE).exists() and find_project(folder.resolve(), {})
    if not made or made.environment != ENVIRONMENT or not made.simulated:
        raise StateError(f"{folder} was not made by a demo", do="choose another with --folder")
    shutil.rmtree(folder)


def _conclude(project: Project, ledger: Ledger, lived: Lived) -> Dossier:
    from apologylab import wiring
    from apologylab.cli.dossier import dossier
    from apologylab.cli.living import stage
    from apologylab.cli.subject import Subject

    experiment = lived.experiment
    with stage("analysed and decided", 1) as done:
        panel = wiring.ledger_panel(ledger, experiment, project, as_of=lived.ended)
        found = Subject(experiment=experiment, panel=panel, ledger=ledger, as_of=lived.ended)
        again = f"apologylab report {NAME} -o {PAGE}"
        made = dossier(found, now=lived.ended, again=again, root=project.root)
        done(1)
    return made


def _ending(made: Dossier, ledger: Ledger, folder: Path) -> str:
    from apologylab.record.facts import Redemption
    from apologylab.report.summary import summary

    used = sum(each.cost_amount for each in ledger.read(Redemption)) / 100
    program = _program()
    units = sum(arm.analysed for arm in made.analysis.flow)
    return "\n".join(
        [
            f"SIMULATED {NAME}: {units:,} riders of world {WORLD}, none of them real",
            "",
            summary(made, redeemed=used),
            "",
            "Promptness was not varied here: see delivery_timing.",
            f"The report: {folder / PAGE}",
            "",
            "Next:",
            f"  cd {folder} && {program} status {NAME}",
            f"  cd {folder} && {program} decide {NAME} --json",
            f"  {program} check delivery_timing",
        ]
    )


def _program() -> str:
    """How this program is called from anywhere: by name if that is on the path, else in full."""
    import shutil
    import sys

    from apologylab.cli.app import PROGRAM

    beside = Path(sys.executable).with_name(PROGRAM)
    return PROGRAM if shutil.which(PROGRAM) else str(beside)
