"""``apologylab migrate``: bring an older ledger to this version's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from apologylab.cli.options import AsJson


def migrate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring an older ledger to this version's schema, all or nothing.

    What writes to the ledger may go on, in the version before this one, too: steps only add. There
    is no way back but a backup, so make one first.

    \b
    Example:
      apologylab migrate --dry-run
      apologylab migrate
    """
    from apologylab import wiring
    from apologylab.cli.console import show, show_json

    steps = wiring.migrate_ledger(wiring.project(), dry_run=dry_run)
    if as_json:
        show_json({"format": "apologylab.migrate/1", "steps": steps, "done": not dry_run})
        return
    for step in steps:
        show(f"{'would run' if dry_run else 'ran'} {step}")
    if not steps:
        show("the ledger has this version's schema: nothing to do")
