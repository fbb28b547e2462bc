"""``apologylab audit``: who changed what, and whether that list can be trusted."""

from __future__ import annotations

from string import hexdigits
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.record.chain import Chain
    from apologylab.record.facts import Change


def audit(
    name: Annotated[
        str | None, typer.Argument(help="Only the changes of this experiment; by default all.")
    ] = None,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no change was altered or removed.")
    ] = False,
    head: Annotated[
        str | None, typer.Option(help="With --verify: a head that was printed before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every change by hand: who, when, what.

    Each change holds the hash of the one before. `--verify` walks that chain and prints the hash of
    its end, the head. Keep it elsewhere, for example with the plan: whoever can write to the ledger
    could make the chain anew, but not one that holds the head you kept.

    \b
    Example:
      apologylab audit late_ride_apology
      apologylab audit --verify
    """
    from contextlib import closing

    from apologylab import wiring
    from apologylab.errors import InputError, LedgerError
    from apologylab.service.audit import trail
    from apologylab.service.audit import verify as walk

    if head is not None and not verify:
        raise InputError("--head is compared by --verify", do="add --verify")
    if head is not None and not (len(head) == 64 and set(head) <= set(hexdigits.lower())):
        raise InputError(f"--head is {head!r}", do="give the 64 digits that --verify printed")
    with closing(wiring.open_ledger(project := wiring.project())) as ledger:
        changes = trail(ledger, name)
        if name is not None and not changes:
            _refuse_unknown(name, trail(ledger, None))
        chain = walk(ledger, now=wiring.clock()(), head=head) if verify else None
    if as_json:
        _show_json(changes, chain)
    else:
        _show(changes, chain, project.time_zone)
    if chain and chain.problems:
        raise LedgerError("the list of changes is not whole", do="compare it with a backup")


def _refuse_unknown(name: str, every: list[Change]) -> None:
    from apologylab.errors import NotFoundError

    known = sorted({each.experiment for each in every if each.experiment})
    raise NotFoundError(
        f"no change of {name} is noted", do=f"name one of: {', '.join(known) or 'none yet'}"
    )


def _show_json(changes: list[Change], chain: Chain | None) -> None:
    from apologylab.cli.console import show_json
    from apologylab.wire.trail import audit_document

    show_json(audit_document(changes, chain))


def _show(changes: list[Change], chain: Chain | None, zone: str) -> None:
    from apologylab.cli.console import show, show_table
    from apologylab.wire.trail import in_words, local

    rows = [
        (local(each.occurred_at, zone), each.by, each.what, each.experiment, in_words(each.detail))
        for each in changes
    ]
    if rows:
        show_table(f"Changes, {zone} time", ("when", "who", "what", "experiment", ""), rows)
    else:
        show("nobody changed anything by hand")
    if chain:
        _show_chain(chain)


def _show_chain(chain: Chain) -> None:
    from apologylab.cli.console import show
    from apologylab.wire.trail import counted

    show()
    for problem in chain.problems:
        show(f"BROKEN  {problem}")
    if not chain.problems:
        changes = counted(chain.changes, "change", "changes")
        show(f"whole   {changes}, none altered, removed or moved")
    if chain.head:
        show(f"head    {chain.head}")
