"""``apologylab explain``: one customer's life with us, and what may be said to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.remedy.letter import Letter
    from apologylab.service.explain import Life


def explain(
    customer: Annotated[str, typer.Argument(help="The customer's id, as it is recorded.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell what was drawn for a customer and why, what was said and given, and what came of it.

    Ends with the sentences that an agent may say to the customer. The rest is for those who work
    here: it names experiments, arms and probabilities. Of other customers it tells nothing.

    \b
    Example:
      apologylab explain c-17
    """
    from contextlib import closing
    from zoneinfo import ZoneInfo

    from apologylab import wiring
    from apologylab.cli.console import show_json
    from apologylab.cli.customer import ids_of
    from apologylab.service.explain import explain as told
    from apologylab.wire.life import life_document

    project = wiring.project()
    with closing(wiring.open_ledger(project)) as ledger:
        ids = ids_of(ledger, customer)
        life = told(ledger, ids, zone=ZoneInfo(project.time_zone), now=wiring.clock()())
    if as_json:
        show_json(life_document(life))
    else:
        _show(life, project.time_zone)


def _show(life: Life, zone: str) -> None:
    from apologylab.cli.console import show, show_table
    from apologylab.wire.trail import local

    first, *others = life.ids
    also = f", also {', '.join(others)}" if others else ""
    rows = [
        (local(each.at, zone), each.incident or "", each.kind, each.words) for each in life.events
    ]
    show_table(f"Customer {first}{also}; {zone} time", ("when", "incident", "what", ""), rows)
    for each in life.events:
        if each.letter is not None:
            _show_letter(each.letter, f"{local(each.at, zone)}  {each.words}")
    show()
    show("An agent may say:")
    for sentence in life.may_say:
        show(f"  - {sentence}")


def _show_letter(letter: Letter, head: str) -> None:
    """What the customer reads, line by line as they do."""
    from apologylab.cli.console import show

    show()
    show(head)
    for line in letter.text.splitlines():
        show(f"    {line}" if line else "")
