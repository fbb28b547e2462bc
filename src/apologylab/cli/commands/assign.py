"""``apologylab assign``: draw arms for a file of units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from apologylab.service.assign_file import FileAssigned


def assign(
    name: Annotated[str, typer.Argument(help="An experiment's name, its folder or its file.")],
    *,
    units: Annotated[Path, typer.Option(help="CSV or Parquet file, one row a unit.")],
    out: Annotated[Path, typer.Option(help="CSV or Parquet file to write.")],
    unit: Annotated[
        str | None, typer.Option(help="Column of ids; `unit`, or the only one, if not named.")
    ] = None,
    phase: Annotated[int, typer.Option(min=1, help="Phase whose allocation is drawn from.")] = 1,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose", help="Write proposals, though budget, cooldown and repeats go unjudged."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Draw arms for a file of units.

    The same draw as in process: pure, repeatable and not recorded (reason PREVIEW). Eligibility is
    judged on the incident's fields that the file has as columns. Rows whose id is refused go to a
    file beside the output. An experiment with a budget, a cooldown or later incidents is decided by
    its ledger: for such a one `--propose` writes what the draw proposes.

    \b
    Example:
      apologylab assign late_notice --units customers.csv --unit client_id --out arms.parquet
    """
    from apologylab import wiring
    from apologylab.cli.console import progress, show_json
    from apologylab.service.assign_file import FileTask, assign_file

    experiment = wiring.catalogue().experiment(name)
    task = FileTask(units=str(units), out=str(out), unit=unit, phase=phase, propose=propose)
    with progress(f"drawing {experiment.name}", 100) as done:
        became = assign_file(experiment, wiring.unit_files(), task, progress=done)
    if as_json:
        show_json(_document(experiment.name, str(out), became))
    else:
        _tell(str(out), became)


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
