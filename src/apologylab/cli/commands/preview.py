"""``apologylab preview NAME``: every arm in every language, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from apologylab.cli.options import AsJson, Fields, Name


def preview(
    name: Name,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write an HTML page instead, for legal and brand."),
    ] = None,
    fields: Fields = None,
    at: Annotated[
        str | None,
        typer.Option(help="When the sample incident happens: 2026-05-04T22:15+03:00; now."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what every arm says, gives and when, for a sample incident; nothing is sent.

    What differs between arms is marked. The page also shows what the lint finds, and who has
    signed the words off.

    \b
    Example:
      apologylab preview late_ride_apology
      apologylab preview late_ride_apology -o preview.html --field first_name=Zoë
    """
    from shutil import get_terminal_size

    from apologylab import wiring
    from apologylab.cli.console import show, show_json
    from apologylab.cli.previewed import moment, parsed, stands
    from apologylab.report.preview_page import preview_page
    from apologylab.report.preview_text import preview_text
    from apologylab.service.linted import judge_of
    from apologylab.service.preview import preview as previewed
    from apologylab.wire.previewed import preview_document

    catalogue = wiring.catalogue()
    experiment = catalogue.experiment(name)
    fragments = catalogue.fragments(experiment)
    now = wiring.clock()()
    found = previewed(
        wiring.throwaway_ledger(),
        experiment,
        fragments,
        at=moment(at, now=now),
        fields=parsed(fields or []),
    )
    judge = judge_of(experiment, fragments, catalogue.languages(experiment.messages.locales))
    if output is not None:
        signed = stands(experiment, fragments)
        html = preview_page(found, judge, signed)
        output.write_text(html, encoding="utf-8")
        show(f"wrote {output} ({len(html.encode()) // 1024} kB)")
    elif as_json:
        show_json(preview_document(found))
    else:
        show(preview_text(found, judge, width=get_terminal_size((100, 40)).columns))
