"""Whether a ledger keeps the rules that it could break; what does not hold, and what to do.

The engine looks at rows; money, the trail of changes and the pinned declarations are looked at
here, by the functions that the rest of the program uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from apologylab.errors import ApologylabError
from apologylab.record.facts import Liability, Started
from apologylab.service import schemes
from apologylab.service.audit import verify
from apologylab.service.caps import money_caps
from apologylab.service.drawn_again import drawn_again
from apologylab.service.held import held
from apologylab.service.ports import Standing
from apologylab.service.soundness_of_timing import out_of_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Ledger, Progress
    from apologylab.service.running import Running

Level = Literal["ok", "look", "broken", "unread"]
"""It holds; somebody should look; it does not hold; it could not be looked at."""
EXAMPLES: Final = 3
RESTORE: Final = "find out who wrote to the tables by hand; compare with a backup"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one look found: the rule in words, how many break it, some of them, and what to do."""

    rule: str
    level: Level
    found: int = 0
    examples: tuple[str, ...] = ()
    do: str = ""


class Rules(Protocol):
    """Looks at a ledger's rows as they stood at one moment."""

    def looks(self) -> Sequence[Callable[[], Looked]]:
        """One function a rule."""
        ...


def look(
    ledger: Ledger,
    rules: Rules,
    running: Iterable[Running],
    *,
    now: datetime,
    progress: Progress = lambda _: None,
) -> list[Looked]:
    """Every rule once, in an order that puts causes before what follows from them."""
    live = list(running)
    asked: list[Callable[[], Looked]] = [
        *rules.looks(),
        lambda: _charged(ledger),
        *(lambda each=each: _capped(ledger, each, now) for each in live),
        *(lambda each=each: _drawn(ledger, each) for each in live if schemes.counts(each)),
        *(lambda each=each: _in_time(ledger, each) for each in live if each.timing.is_bounded),
        lambda: _chained(ledger, now),
    ]
    found = []
    for each in asked:
        found.append(each())
        progress(1)
    return found


def conditional(ledger: Ledger, read: Callable[[str], Experiment]) -> list[tuple[str, int]]:
    """Experiments and versions in which a probability depends on what was drawn before (R3)."""
    declared = [read(begun.declaration) for begun in ledger.read(Started)]
    return [
        (each.name, each.version)
        for each in declared
        if each.allocation.scheme == "minimisation" or each.unit == "cluster"
    ]


def finding(rule: str, offenders: Sequence[str], do: str, level: Level = "broken") -> Looked:
    """What a look found, given all or the first ``offenders``."""
    if not offenders:
        return Looked(rule=rule, level="ok")
    shown = tuple(offenders[:EXAMPLES])
    return Looked(rule=rule, level=level, found=len(offenders), examples=shown, do=do)


def unread(rule: str, error: ApologylabError) -> Looked:
    """A look that could not be had."""
    return Looked(rule=rule, level="unread", examples=(error.what,), do=error.do)


def _charged(ledger: Ledger) -> Looked:
    rule = "what each budget has reserved is what is held of the liabilities charged to it"
    try:
        owed = held(ledger.read(Liability))
        standing = ledger.budgets("")
    except ApologylabError as error:
        return unread(rule, error)
    return finding(rule, list(_differences(owed, standing)), RESTORE)


def _differences(owed: Mapping[str, Standing], standing: Mapping[str, Standing]) -> Iterator[str]:
    """Rows that count units a day hold no money and are never given back."""
    for row in sorted({*owed, *standing}):
        if _UNITS in row:
            continue
        due, there = owed.get(row, Standing()), standing.get(row, Standing())
        if due.reserved != there.reserved:
            yield f"{row}: {there.reserved} reserved, {due.reserved} held"
        elif due.uses != there.uses:
            yield f"{row}: {there.uses} uses counted, {due.uses} held"


_UNITS: Final = "/units/"


def _capped(ledger: Ledger, running: Running, now: datetime) -> Looked:
    rule = f"no cap of {running.name} is exceeded"
    try:
        standing = ledger.budgets(running.name)
    except ApologylabError as error:
        return unread(rule, error)
    over = [
        f"{cap.row}: {there.reserved} of {cap.amount} reserved, {there.uses} of {cap.uses} uses"
        for cap in money_caps(running.giving, now)
        if (there := standing.get(cap.row))
        and (
            (cap.amount is not None and there.reserved > cap.amount)
            or (cap.uses is not None and there.uses > cap.uses)
        )
    ]
    return finding(rule, over, f"run `apologylab stop {running.name}` and find out how")


def _drawn(ledger: Ledger, running: Running) -> Looked:
    rule = f"every arm of {running.name} is the one that its scheme draws after those before it"
    try:
        return finding(rule, list(drawn_again(ledger, running)), RESTORE)
    except ApologylabError as error:
        return unread(rule, error)


def _in_time(ledger: Ledger, running: Running) -> Looked:
    rule = f"{running.name} sent nothing in quiet hours, and dropped nothing that was in time"
    try:
        return finding(rule, list(out_of_time(ledger, running)), "see the clocks of its workers")
    except ApologylabError as error:
        return unread(rule, error)


def _chained(ledger: Ledger, now: datetime) -> Looked:
    rule = "the chain of changes by hand is whole"
    try:
        chain = verify(ledger, now=now)
    except ApologylabError as error:
        return unread(rule, error)
    return finding(rule, chain.problems, "run `apologylab audit --verify --head HASH`; " + RESTORE)
