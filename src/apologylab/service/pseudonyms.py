"""One key of pseudonyms a ledger, for good: it does not rotate while experiments run (R8)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from apologylab.assignment.pseudonyms import fingerprint, pseudonym
from apologylab.errors import ConfigError, StateError
from apologylab.record.columns import columns, kind_of
from apologylab.record.facts import KINDS, Change
from apologylab.service.again import again
from apologylab.service.audit import LOCK, note
from apologylab.service.start import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from apologylab.service.ports import Ledger

    KnownAs = Callable[[str], str]

FIRST_USE: Final = "pseudonym key"


def known_as(ledger: Ledger, key: str | None, *, now: datetime) -> KnownAs | None:
    """What makes pseudonyms of the ids that come in; None if this ledger's ids are in clear.

    The first key is noted by its fingerprint.

    Raises:
        ConfigError: there is no key and the ledger's ids are pseudonyms, or it is another one.
        StateError: there is a key and the ledger holds ids in clear.
    """
    noted = [each.detail["fingerprint"] for each in ledger.read(Change, what=FIRST_USE)]
    if key is None:
        if noted:
            raise ConfigError(
                "the ids in this ledger are pseudonyms, and their key is not set",
                do="set APOLOGYLAB_PSEUDONYM_KEY, or APOLOGYLAB_PSEUDONYM_KEY_FILE to its file",
            )
        return None
    mark = fingerprint(key)
    if not noted:
        noted = [again(partial(_hold, ledger, mark, now))]
    if noted[0] != mark:
        raise ConfigError(
            "the key of pseudonyms is not the one that this ledger began with",
            do="set the first one: with another, every customer would be somebody else",
        )
    return partial(pseudonym, key=key)


def _hold(ledger: Ledger, mark: str, now: datetime) -> object:
    """Note the first key, unless somebody was faster; gives the one that is noted."""
    _refuse_clear(ledger)
    with ledger.transaction(recorded_at=now) as work:
        work.lock([LOCK])
        if found := work.find(Change, what=FIRST_USE):
            return found[0].detail["fingerprint"]
        detail = {"fingerprint": mark}
        note(work, experiment=None, what=FIRST_USE, by=PROGRAM, detail=detail, now=now)
        return mark


def _refuse_clear(ledger: Ledger) -> None:
    for kind in KINDS.values():
        named = "customer" in {column.name for column in columns(kind)}
        if named and (count := ledger.count(kind)):
            raise StateError(
                f"the ledger holds ids in clear: {count} facts of kind {kind_of(kind)}",
                do="unset the key of pseudonyms, or begin a new ledger with it",
            )
