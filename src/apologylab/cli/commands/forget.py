"""``apologylab forget``: delete what is personal of one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By

if TYPE_CHECKING:
    from apologylab.service.forget import Forgot


def forget(
    customer: Annotated[str, typer.Argument(help="The customer's id, as it is recorded.")],
    *,
    because: Annotated[
        str, typer.Option(help="Why: who asked for it and when; is noted, so name nobody.")
    ],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Delete the texts of a customer for good, and list what cannot be reached.

    The facts stay under the customer's id: they hold no name, and counts by arm must not change.
    Their outcomes count as missing from then on. A remedy that is not sent yet ends suppressed.
    Ids that were recorded as one customer's are forgotten together.

    \b
    Example:
      apologylab forget c-17 --because "asked by mail on 2 May, request 1044"
    """
    from apologylab import wiring
    from apologylab.cli.console import show_json
    from apologylab.cli.customer import ids_of
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.who import who
    from apologylab.service.forget import forget as delete
    from apologylab.wire.life import forgot_document

    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        ids = ids_of(ledger, customer)
        forgot = delete(ledger, ids, because=because, by=who(by), now=now)
    if as_json:
        show_json(forgot_document(forgot))
    else:
        _show(forgot)


def _several(kind: str) -> str:
    """More than one fact of a kind, in words.

    >>> _several("liability"), _several("order"), _several("goodwill")
    ('liabilities', 'orders', 'goodwill')
    """
    if kind in ("goodwill", "merged"):
        return kind
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _show(forgot: Forgot) -> None:
    from apologylab.cli.console import show
    from apologylab.wire.trail import counted

    kept = ", ".join(counted(n, kind, _several(kind)) for kind, n in forgot.kept.items())
    show(f"customer     {', '.join(forgot.ids)}")
    show(f"deleted      {counted(forgot.texts, 'text', 'texts')}")
    if forgot.pending:
        pending = counted(forgot.pending, "remedy", "remedies")
        show(f"not sent     {pending}: suppressed when due")
    show(f"stays        facts, under the id: {kept}; outcomes count as missing")
    if forgot.fields:
        show(f"look at      fields of facts, if they name somebody: {', '.join(forgot.fields)}")
    if forgot.channels:
        show(f"not reached  texts that left through {', '.join(forgot.channels)}")
    show("not reached  backups, exports and reports made before; the order system's own data")
