"""What ``doctor --ledger`` prints: one line a rule, and who breaks those that do not hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.service.soundness import Level, Looked

WORDS: Final[Mapping[Level, str]] = {
    "ok": "ok", "look": "look", "broken": "BROKEN", "unread": "UNREAD",
}  # fmt: skip


def sound() -> list[Looked]:
    """Ask every rule of the project's ledger, once."""
    from contextlib import closing

    from apologylab import wiring
    from apologylab.cli.console import progress
    from apologylab.service.running import pinned
    from apologylab.service.soundness import conditional, look

    project, now, read = wiring.project(), wiring.clock()(), wiring.declaration_reader()
    with closing(wiring.open_ledger(project)) as ledger:
        running = pinned(ledger, read)
        rules = wiring.ledger_rules(ledger, project, conditional(ledger, read), now=now)
        with progress("looking at the ledger", None) as done:
            return look(ledger, rules, running, now=now, progress=done)


def is_broken(looks: Sequence[Looked]) -> bool:
    """Whether anything does not hold; what somebody should look at is no such thing."""
    return any(each.level in ("broken", "unread") for each in looks)


def show(looks: Sequence[Looked]) -> None:
    """Print the table, then each rule that does not hold with those who break it."""
    from apologylab.cli import console

    rows = [
        (WORDS[each.level], each.rule, f"{each.found:,}" if each.found else "") for each in looks
    ]
    console.show_table("apologylab doctor --ledger", ("", "rule", "found"), rows)
    for each in looks:
        if each.level != "ok":
            console.show()
            console.show("\n".join(_told(each)))
    console.show()
    held = sum(each.level == "ok" for each in looks)
    console.show(f"{held} of {len(looks)} rules hold")


def _told(looked: Looked) -> list[str]:
    more = looked.found - len(looked.examples)
    return [
        f"{WORDS[looked.level]}  {looked.rule}",
        *(f"  {example}" for example in looked.examples),
        *([f"  and {more:,} more"] if more > 0 else []),
        *([f"  do: {looked.do}"] if looked.do else []),
    ]


def document(looks: Sequence[Looked]) -> dict[str, object]:
    """What ``doctor --ledger --json`` prints."""
    return {
        "format": "apologylab.soundness/1",
        "sound": not is_broken(looks),
        "rules": [asdict(each) for each in looks],
    }
