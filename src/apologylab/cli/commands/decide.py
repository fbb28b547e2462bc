"""``apologylab decide NAME``: the declared rule applied, and what to do."""

from __future__ import annotations

from apologylab.cli.options import AsJson, AsOf, Name, PanelFile


def decide(
    name: Name,
    panel: PanelFile = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Apply the rule that was declared before launch, and say what to do and why.

    The verdict is ship, do not ship, keep running, ended without an answer, or not estimable.

    \b
    Example:
      apologylab decide late_ride_apology
      apologylab decide starbucks_promo --panel training.csv --json
    """
    from apologylab import wiring
    from apologylab.cli.console import show, show_json
    from apologylab.cli.subject import subject
    from apologylab.decision.words import as_text
    from apologylab.service import decide as service
    from apologylab.wire.results import verdict_document

    now = wiring.clock()()
    with subject(name, panel=panel, as_of=as_of) as found:
        if found.ledger is None:
            verdict = service.decide_panel(found.experiment, found.panel, now=now)
        else:
            verdict = service.decide(
                found.experiment, found.panel, found.ledger, as_of=found.as_of, now=now
            )
    if as_json:
        show_json(verdict_document(verdict))
    else:
        show("\n".join([as_text(verdict), *(f"Assumption: {each}" for each in found.assumed)]))
