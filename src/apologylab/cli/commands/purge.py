"""``apologylab purge``: delete texts that were kept for long enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By

if TYPE_CHECKING:
    from apologylab.service.purge import Purged


def purge(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go; delete nothing.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Delete the texts that were kept for as long as `retention_days` says.

    It counts from a remedy's delivery, and for what an incident brought for texts only from the
    incident. Texts that still have to leave stay, and so do all facts. Run it daily.

    \b
    Example:
      apologylab purge --dry-run
    """
    from apologylab import wiring
    from apologylab.cli.console import progress, show_json
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.who import who
    from apologylab.errors import ConfigError
    from apologylab.service.purge import purge as delete
    from apologylab.wire.life import purged_document

    project, now = wiring.project(), wiring.clock()()
    if (days := project.retention_days) is None:
        raise ConfigError(
            "how long texts are kept is not declared",
            do="add retention_days = 400 to apologylab.toml, or as many as you need",
        )
    with own_ledger(project) as ledger, progress("purging", None) as done:
        purged = delete(ledger, keep_days=days, dry_run=dry_run, by=who(by), now=now, progress=done)
    if as_json:
        show_json(purged_document(purged))
    else:
        _show(purged, project.time_zone)


def _show(purged: Purged, zone: str) -> None:
    from apologylab.cli.console import show
    from apologylab.wire.trail import counted, local

    does = "deleted" if purged.done else "would go"
    texts = counted(purged.remedies, "message that was", "messages that were")
    incidents = counted(purged.incidents, "incident", "incidents")
    show(f"before    {local(purged.before, zone)}, {zone} time")
    show(f"{does:<8}  {texts} delivered before then")
    show(f"{does:<8}  what {incidents} before then brought for texts only, such as names")
