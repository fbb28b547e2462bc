"""``apologylab assign``: answer recorded incidents, or draw arms for a file of units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, Name

if TYPE_CHECKING:
    from apologylab.service.assign_file import FileAssigned
    from apologylab.service.assign_recorded import Answered, Waiting


def assign(
    name: Name,
    *,
    units: Annotated[
        Path | None, typer.Option(help="Draw for this CSV or Parquet file, one row a unit.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV or Parquet file to write; with --units.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Column of ids; `unit`, or the only one, if not named.")
    ] = None,
    phase: Annotated[
        int, typer.Option(min=1, help="Phase whose allocation is drawn from; with --units.")
    ] = 1,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose", help="Write proposals, though budget, cooldown and repeats go unjudged."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Answer the incidents that were recorded, or draw arms for a file of units.

    Without --units: every incident in the ledger that happened since the start and has no answer
    yet is judged and drawn, as the hook does it one by one, and stored. Running it again answers
    only what came in meanwhile. Then `dispatch --once` sends what is due.

    With --units and --out: the same draw as in process: pure, repeatable and not recorded (reason
    PREVIEW). Eligibility is judged on the incident's fields that the file has as columns. Rows
    whose id is refused go to a file beside the output. An experiment with a budget, a cooldown or
    later incidents is decided by its ledger: for such a one `--propose` writes what the draw
    proposes.

    \b
    Example:
      apologylab assign late_ride_apology
      apologylab assign late_notice --units customers.csv --unit client_id --out arms.parquet
    """
    from apologylab.errors import InputError

    if units is not None and out is not None:
        _assign_file(name, units, out, unit=unit, phase=phase, propose=propose, as_json=as_json)
    elif units is None and out is None and unit is None and phase == 1 and not propose:
        _assign_recorded(name, as_json=as_json)
    else:
        raise InputError(
            "--units and --out go together, and the other options with them",
            do="give both to draw for a file, or none to answer the recorded incidents",
        )


def _assign_file(
    name: str,
    units: Path,
    out: Path,
    *,
    unit: str | None,
    phase: int,
    propose: bool,
    as_json: bool,
) -> None:
    from apologylab import wiring
    from apologylab.cli.console import progress, show_json
    from apologylab.errors import ConfigError
    from apologylab.service.assign_file import FileTask, assign_file

    if wiring.pseudonym_key() is not None:
        raise ConfigError(
            "a key of pseudonyms is set, and units of a file are drawn by the ids in it",
            do="unset it, and give a file of pseudonyms: apologylab.hooks.pseudonym(id, key)",
        )
    experiment = wiring.catalogue().experiment(name)
    task = FileTask(units=str(units), out=str(out), unit=unit, phase=phase, propose=propose)
    with progress(f"drawing {experiment.name}", 100) as done:
        became = assign_file(experiment, wiring.unit_files(), task, progress=done)
    if as_json:
        show_json(_document(experiment.name, str(out), became))
    else:
        _tell(str(out), became)


def _assign_recorded(name: str, *, as_json: bool) -> None:

    from apologylab import wiring
    from apologylab.cli import console
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.started import started_name
    from apologylab.service.assign_recorded import assign_recorded, waiting
    from apologylab.service.running import pinned
    from apologylab.wire.running import answered_document

    project = wiring.project()
    with own_ledger(project) as ledger:
        named = [started_name(project, name)]
        (running,) = pinned(ledger, wiring.declaration_reader(), named)
        left = waiting(ledger, running)
        with console.progress(f"answering {running.name}", len(left.incidents)) as done:
            answered = assign_recorded(
                ledger, running, left.incidents, now=wiring.clock()(), progress=done
            )
    if as_json:
        console.show_json(answered_document(answered, left))
    else:
        _tell_answered(answered, left)


def _document(name: str, out: str, became: FileAssigned) -> dict[str, object]:
    return {
        "format": "apologylab.assign/1",
        "experiment": name,
        "out": out,
        "assigned": became.assigned,
        "counts": [
            {"reason": reason, "arm": arm, "units": n} for (reason, arm), n in became.counts.items()
        ],
        "rejected": became.rejected,
        "rejects": became.rejects,
        "not_judged": list(became.not_judged),
    }


def _tell(out: str, became: FileAssigned) -> None:
    from apologylab.cli.console import show, show_table

    rows = [(reason, arm, n) for (reason, arm), n in became.counts.items()]
    show_table(f"{became.assigned} units in {out}", ("reason", "arm", "units"), rows)
    if became.rejected:
        show(f"refused: {became.rejected} rows without a usable id, see {became.rejects}")
    if became.not_judged:
        show(f"not judged, the file has no such column: {', '.join(became.not_judged)}")


def _tell_answered(answered: Answered, left: Waiting) -> None:
    from apologylab.cli.console import show, show_table

    rows = [(reason, arm, n) for (reason, arm), n in sorted(answered.answers.items())]
    if rows:
        total = answered.answers.total()
        show_table(f"{total:,} incidents answered", ("reason", "arm", "incidents"), rows)
    else:
        show(f"no recorded incident waits for an answer of {answered.experiment}")
    if answered.kept_out:
        show()
        why = answered.kept_out.most_common()
        show_table("Why some were not drawn", ("rule", "incidents"), why)
    for because, n in answered.unheard.most_common():
        show(f"not stored: {n:,}: {because}")
    if left.before_start:
        show(f"left alone: {left.before_start:,} that happened before the experiment began")
    if rows:
        show()
        show("next  apologylab dispatch --once")
