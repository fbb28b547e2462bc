"""``apologylab commitments``: what messages promised, what is due, and what was broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.commitments import Commitments

ROWS = 40
"""Commitments that are shown; ``--json`` has all."""


def commitments(
    name: Annotated[
        str | None, typer.Argument(help="An experiment; without it, all of the ledger.")
    ] = None,
    *,
    kept: Annotated[
        list[str] | None, typer.Option("--kept", help="A key that was kept; `all` means all open.")
    ] = None,
    broken: Annotated[
        list[str] | None, typer.Option("--broken", help="A key that will not be kept; or `all`.")
    ] = None,
    because: Annotated[str, typer.Option(help="What was done, or why not. Is noted.")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """List what messages promised: open, due soon, kept and broken; or say how one ended.

    A promise is made when its message went out. One whose date has passed and that nobody kept is
    broken: that is a fact, an outcome, and an incident of kind broken_promise.

    \b
    Example:
      apologylab commitments
      apologylab commitments late_ride_apology --kept all --because "new estimates are live"
    """
    from apologylab.cli.console import show_json
    from apologylab.cli.who import who
    from apologylab.errors import InputError
    from apologylab.wire.promised import commitments_document

    if (kept or broken) and name is None:
        raise InputError(
            "--kept and --broken need an experiment",
            do="name it: apologylab commitments NAME --kept all",
        )
    if kept and broken:
        raise InputError("--kept and --broken together", do="give them one after the other")
    found = _found(name, kept or broken or [], kept=bool(kept), because=because, by=who(by))
    if as_json:
        show_json(commitments_document(found))
    else:
        _show(found)


def _found(
    name: str | None, chosen: Sequence[str], *, kept: bool, because: str, by: str
) -> Commitments:
    """All that stands, after what is past its date was broken and ``chosen`` were ended."""
    from apologylab import wiring
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.started import started_name
    from apologylab.service.commitments import commitments as listed
    from apologylab.service.commitments import end, settle_commitments
    from apologylab.service.running import pinned

    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        if name is not None:
            name = started_name(project, name)
            pinned(ledger, wiring.declaration_reader(), [name])
        did = settle_commitments(ledger, now=now, experiment=name)
        if name is not None and chosen:
            keys = [] if chosen == ["all"] else chosen
            did += end(ledger, name, keys, kept=kept, because=because, by=by, now=now)
        return listed(ledger, now=now, experiment=name, did=did)


def _show(found: Commitments) -> None:
    from apologylab.cli.console import show, show_table

    if not found.listed:
        show("nothing was promised yet: a promise is made when its message goes out")
        return
    counted = ", ".join(f"{count:,} {state}" for state, count in sorted(found.counts.items()))
    rows = [
        [each.state, f"{made.until:%Y-%m-%d}", made.keeper, made.what, made.key]
        for each in found.listed[:ROWS]
        for made in [each.commitment]
    ]
    show_table(counted, ["state", "until", "keeper", "what", "key"], rows)
    if len(found.listed) > ROWS:
        show(f"... and {len(found.listed) - ROWS:,} more; --json has all")
