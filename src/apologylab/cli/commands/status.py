"""``apologylab status NAME``: where a started experiment stands."""

from __future__ import annotations

from apologylab.cli.options import AsJson, AsOf, Name


def status(
    name: Name,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show where an experiment stands: dates, pace, counts, budget, feeds and checks.

    Outcomes are shown over all arms together; no arm is compared, so it may be read at any time.

    \b
    Example:
      apologylab status late_ride_apology
    """
    from apologylab import wiring
    from apologylab.cli.console import show, show_json
    from apologylab.cli.status_screen import as_text
    from apologylab.cli.subject import subject
    from apologylab.errors import StateError
    from apologylab.service import status as service
    from apologylab.wire.results import status_document

    if wiring.catalogue().experiment(name).panel is not None:
        raise StateError(
            f"{name} is a file of finished outcomes: it neither runs nor waits for anything",
            do=f"run `apologylab analyse {name} --panel FILE`",
        )
    with subject(name, panel=None, as_of=as_of) as found:
        assert found.ledger is not None
        census = wiring.census(found.ledger, found.experiment, wiring.project(), as_of=found.as_of)
        standing = service.status(
            found.experiment, found.panel, census, found.ledger, as_of=found.as_of
        )
    if as_json:
        show_json(status_document(standing))
    else:
        show(as_text(standing))
