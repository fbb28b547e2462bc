"""Facts by which somebody changes what others mean: each file of them is noted (R8, R18)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from apologylab.service.again import again
from apologylab.service.audit import note

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.service.ports import Ledger
    from apologylab.service.record import Recorded

BY_HAND: Final = frozenset({"correction", "merged"})


def note_by_hand(ledger: Ledger, recorded: Recorded, file: str, *, by: str, now: datetime) -> None:
    """Note who corrected or merged, if ``recorded`` did; a file that brought nothing new did not.

    The note follows its facts in a transaction of its own: after a crash between the two, the facts
    stand without one.
    """
    if recorded.kind in BY_HAND and recorded.new:
        again(partial(_note, ledger, recorded, file, by, now))


def _note(ledger: Ledger, recorded: Recorded, file: str, by: str, now: datetime) -> None:
    detail = {"file": file, "facts": recorded.new}
    with ledger.transaction(recorded_at=now) as work:
        note(work, experiment=None, what=recorded.kind, by=by, detail=detail, now=now)
