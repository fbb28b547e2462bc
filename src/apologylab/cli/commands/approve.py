"""``apologylab approve``: remedies that give so much that a person must release them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By, Name

if TYPE_CHECKING:
    from apologylab.service.approving import Decided, Waiting


def approve(
    name: Name,
    *,
    release: Annotated[
        list[str] | None, typer.Option(help="Let this one leave, as listed; repeatable.")
    ] = None,
    refuse: Annotated[
        list[str] | None, typer.Option(help="Do not give this one, as listed; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Let all that waits leave.")] = False,
    reason: Annotated[
        str | None,
        typer.Option(
            help="Code: agreed, too_much, wrong_amount, not_our_fault, settled_otherwise, abuse, "
            "other."
        ),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """List remedies that give more than budget.approve_above, and release or refuse them.

    They wait until somebody does, past their due time. What is refused is not given, nor said: it
    is suppressed as not_approved, its money is free again, and the unit stays in its arm.

    \b
    Example:
      apologylab approve late_ride --refuse late_ride/i-7 --reason wrong_amount --by ana
    """
    from apologylab.cli import console
    from apologylab.wire.approvals import approvals_document

    decided = _decided(release or [], refuse or [], reason, by, every=every)
    found = _found(name, decided)
    if as_json:
        console.show_json(approvals_document(found))
    else:
        _show(found)


def _decided(
    release: list[str], refuse: list[str], reason: str | None, by: str | None, *, every: bool
) -> Decided | None:
    """What is decided; None where it is only listed."""
    from apologylab.cli.who import who
    from apologylab.errors import InputError
    from apologylab.service.approving import Decided

    if sum(map(bool, (release, refuse, every))) > 1:
        raise InputError("more than one of --release, --refuse and --all", do="choose one")
    if not (release or refuse or every):
        if reason is not None:
            raise InputError("--reason is given alone", do="add --release, --refuse or --all")
        return None
    if refuse and reason is None:
        raise InputError("--refuse gives no reason", do="add --reason CODE, like wrong_amount")
    return Decided(
        released=not refuse,
        keys=tuple(dict.fromkeys([*release, *refuse])),
        reason=reason or "agreed",
        by=who(by),
    )


def _found(name: str, decided: Decided | None) -> Waiting:

    from apologylab import wiring
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.started import started_name
    from apologylab.service.approving import awaiting_approval, decide_on
    from apologylab.service.running import pinned

    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        asked = [started_name(project, name)]
        (running,) = pinned(ledger, wiring.declaration_reader(), asked)
        if decided is None:
            return awaiting_approval(ledger, running)
        return decide_on(ledger, running, decided, now=now)


def _show(found: Waiting) -> None:
    from apologylab.cli import console
    from apologylab.design.money import Money

    if not found.remedies:
        console.show("nothing waits for approval" if found.did == "listed" else "nothing to decide")
        return
    rows = [
        (
            each.key,
            each.customer,
            each.arm,
            str(Money(each.amount, each.currency or "")),
            f"{each.due_at:%Y-%m-%d %H:%M}",
        )
        for each in found.remedies
    ]
    title = {"listed": "Waiting for approval", "released": "Released", "refused": "Refused"}
    columns = ("key", "customer", "arm", "gives", "due (UTC)")
    console.show_table(title[found.did], columns, rows)
    if found.did == "listed":
        console.show(
            "next  --all or --release KEY lets them leave, --refuse KEY --reason CODE does not"
        )
