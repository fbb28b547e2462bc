"""``apologylab revoke``: take back what was given and not used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By, Name

if TYPE_CHECKING:
    from apologylab.service.revoking import Revoked


def revoke(
    name: Name,
    *,
    because: Annotated[str, typer.Option(help="Why; is noted, so name nobody.")],
    customer: Annotated[
        list[str] | None, typer.Option(help="All that this customer was given; repeatable.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="What one assignment gave, like NAME/INCIDENT; repeatable."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Revoke compensations of an experiment that were given and not used.

    The ledger frees their money and uses. That the coupon stops working is up to the shop. What
    has not left yet cannot be taken back, and says so.

    \b
    Example:
      apologylab revoke late_ride_apology --customer c-17 --because "ride was never taken"
    """
    from apologylab import wiring
    from apologylab.cli.console import show_json
    from apologylab.cli.customer import ids_of
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.started import started_name
    from apologylab.cli.who import who
    from apologylab.service.revoking import Recall
    from apologylab.service.revoking import revoke as take_back
    from apologylab.service.traces import all_ids
    from apologylab.wire.money import revoked_document

    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        ids = [one for each in customer or () for one in ids_of(ledger, each)]
        asked = Recall(
            experiment=started_name(project, name),
            because=because,
            customers=all_ids(ledger, ids) if ids else (),
            keys=tuple(key or ()),
            by=who(by),
        )
        revoked = take_back(ledger, asked, now=now)
    if as_json:
        show_json(revoked_document(revoked))
    else:
        _show(revoked)


def _show(revoked: Revoked) -> None:
    from apologylab.cli.console import show

    show(f"revoked    {', '.join(revoked.revoked) or 'nothing'}")
    if revoked.waiting:
        show(f"not sent   {', '.join(revoked.waiting)}: still leaves when due")
    if revoked.ended:
        show(f"over       {', '.join(revoked.ended)}: used, expired or taken back before")
