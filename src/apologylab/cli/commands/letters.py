"""``apologylab letters``: dead letters, which no dispatcher tries any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.catalogue.project import Project
    from apologylab.service.letters import Letters

Key = Annotated[
    list[str] | None, typer.Option(help="Only this one, as listed; may be given several times.")
]


def letters(
    name: Annotated[
        str | None, typer.Argument(help="A started experiment, or its folder; by default, all.")
    ] = None,
    *,
    replay: Annotated[bool, typer.Option("--replay", help="Put them back into the queue.")] = False,
    give_up: Annotated[
        bool,
        typer.Option(
            "--give-up", help="End them: as failed, which frees their money; or in doubt."
        ),
    ] = False,
    key: Key = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters: remedies that their channel could not take as often as declared.

    --replay puts them back into the queue. --give-up ends them as failed and frees their money; one
    that may have left all the same ends in doubt, and its compensation counts as given.

    \b
    Example:
      apologylab letters late_ride --replay
    """
    from apologylab import wiring
    from apologylab.cli import console
    from apologylab.cli.started import started_name
    from apologylab.errors import InputError
    from apologylab.wire.letters import letters_document

    if replay and give_up:
        raise InputError("--replay and --give-up are both given", do="choose one")
    if key and (name is None or not (replay or give_up)):
        raise InputError("--key is given alone", do="add NAME, and --replay or --give-up")
    project = wiring.project()
    names = [started_name(project, name)] if name else None
    do = "replay" if replay else "give up" if give_up else "list"
    found = _found(project, names, do, key or [], by)
    if as_json:
        console.show_json(letters_document(found))
    else:
        _show([each for each in found if each.letters], do)


def _found(
    project: Project, names: list[str] | None, do: str, keys: Sequence[str], by: str | None
) -> list[Letters]:
    """Do with the dead letters of ``names`` as told."""
    from apologylab import wiring
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.who import who
    from apologylab.service.letters import dead_letters, give_up, replay
    from apologylab.service.running import pinned

    now = wiring.clock()()
    with own_ledger(project) as ledger:
        started = pinned(ledger, wiring.declaration_reader(), names)
        if do == "list":
            return [dead_letters(ledger, each.name, now=now) for each in started]
        if do == "replay":
            return [replay(ledger, each.name, keys, now=now, by=who(by)) for each in started]
        return [
            give_up(ledger, each.name, keys, now=now, by=who(by), running=each) for each in started
        ]


def _show(found: Sequence[Letters], do: str) -> None:
    from apologylab.cli import console

    if not found:
        console.show("no dead letters")
        return
    columns = ("key", "customer", "arm", "attempts", "reason", "may have left")
    for each in found:
        rows = [
            (
                letter.remedy.key,
                letter.remedy.customer,
                letter.remedy.arm,
                letter.attempts,
                letter.because,
                "yes" if letter.handed else "no",
            )
            for letter in each.letters
        ]
        title = {"list": "Dead letters", "replay": "Back in the queue", "give up": "Given up"}[do]
        console.show_table(f"{title}: {each.experiment}", columns, rows)
    if do == "list":
        console.show("Put them back with --replay, or end them with --give-up.")
    if do == "give up" and any(letter.handed for each in found for letter in each.letters):
        console.show("What may have left ends in doubt: its compensation counts as given.")
    if do == "replay":
        console.show("The next `apologylab dispatch` tries them.")
