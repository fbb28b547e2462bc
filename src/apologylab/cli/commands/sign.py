"""``apologylab sign NAME``: agree to an experiment's words, or see who has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By, Name

if TYPE_CHECKING:
    from apologylab.service.sign_off import Standing


def sign(
    name: Name,
    *,
    role: Annotated[
        str | None, typer.Option(help="Agree for this role of [sign_off]; without it, list.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Sign off the words of an experiment as they are; `start` refuses until every role has.

    The sign-off holds who it was and the hash of all that the experiment can say. Changed words
    need it anew, and a version that asks a role no longer needs it of that role, too. `apologylab
    preview` shows what is agreed to.

    \b
    Example:
      apologylab sign late_ride_apology --role legal --by ana@shop.example
      apologylab sign late_ride_apology
    """
    from apologylab.cli.console import show_json
    from apologylab.errors import InputError
    from apologylab.wire.previewed import sign_off_document

    if by is not None and role is None:
        raise InputError("--by is given alone", do="add --role, like --role legal")
    stands = _stands(name, role, by)
    if as_json:
        show_json(sign_off_document(stands))
    else:
        _show(stands)


def _stands(name: str, role: str | None, by: str | None) -> Standing:
    """Who has signed the words off, ``role`` included if it is given."""
    from apologylab import wiring
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.who import who
    from apologylab.errors import StateError
    from apologylab.service.sign_off import asked_before, where_it_stands
    from apologylab.service.sign_off import sign as agree

    project, now = wiring.project(), wiring.clock()()
    catalogue = wiring.catalogue(project)
    experiment = catalogue.experiment(name)
    fragments = catalogue.fragments(experiment)
    with own_ledger(project) as ledger:
        before = asked_before(ledger, experiment, catalogue.read)
        if role is None:
            return where_it_stands(ledger, experiment, fragments, before)
        if catalogue.check(name).has_errors:
            raise StateError(
                f"{experiment.name} has mistakes", do=f"run `apologylab check {name}` first"
            )
        return agree(ledger, experiment, fragments, role=role, by=who(by), now=now, before=before)


def _show(stands: Standing) -> None:
    from apologylab.cli.console import show, show_table
    from apologylab.wire.previewed import sign_off_document

    if not stands.roles:
        show(f"{stands.experiment} asks nobody to sign off: declare [sign_off] roles to ask")
        return
    rows = [
        [each["role"], "yes" if each["signed"] else "no", each["by"] or "", (each["at"] or "")[:10]]
        for each in sign_off_document(stands)["roles"]
    ]
    title = f"{stands.experiment}: words {stands.sha256[:16]}"
    show_table(title, ["role", "these words", "by", "on"], rows)
    if stands.left_out:
        show(f"{', '.join(stands.left_out)}: asked no longer; whoever signs agrees to that, too")
