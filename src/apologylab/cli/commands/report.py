"""``apologylab report NAME``: the page that a head of product reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from apologylab.cli.options import AsOf, Name, PanelFile


def report(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")],
    panel: PanelFile = None,
    as_of: AsOf = None,
) -> None:
    """Write one self-contained page: verdict, money, doubts, effects, flow, checks, design.

    It needs no network and no script, so that it can be mailed and printed.

    \b
    Example:
      apologylab report late_ride_apology -o page.html
      apologylab report hillstrom --panel hillstrom_email_2008.csv -o page.html
    """
    from apologylab import wiring
    from apologylab.cli.console import show
    from apologylab.cli.dossier import dossier
    from apologylab.cli.subject import subject
    from apologylab.report.page import page

    with subject(name, panel=panel, as_of=as_of) as found:
        root = wiring.project().root if found.ledger is not None else None
        given = f" --panel {panel.name}" if panel else ""
        again = f"apologylab report {found.experiment.name}{given} -o {output.name}"
        html = page(dossier(found, now=wiring.clock()(), again=again, root=root))
    output.write_text(html, encoding="utf-8")
    show(f"wrote {output} ({len(html) // 1024} kB)")
