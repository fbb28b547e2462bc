"""The chain of changes: each holds the SHA-256 of the one before, so that tampering shows.

Whoever can write to the ledger could make the whole chain anew. Against that helps only the hash of
its last change, its head, kept where they cannot write.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.record.facts import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class Chain:
    """How long a chain is, the hash of its last change, and what is wrong with it."""

    changes: int
    head: str
    problems: tuple[str, ...] = ()


def key_of(number: int) -> str:
    """The key of change ``number``: texts that sort as numbers do.

    >>> key_of(7)
    '00000007'
    """
    return f"{number:0{_DIGITS}d}"


def link(  # noqa: PLR0913 - the parts of one change
    *,
    number: int,
    follows: str,
    experiment: str | None,
    what: str,
    by: str,
    detail: Mapping[str, object],
    at: datetime,
) -> Change:
    """The change ``number``, from 1, of a chain whose last hash is ``follows``."""
    bare = Change(
        key=key_of(number),
        occurred_at=at,
        experiment=experiment,
        what=what,
        by=by,
        detail=detail,
        follows=follows,
        sha256="",
    )
    return Change(**{**vars(bare), "sha256": digest(bare)})


def digest(change: Change) -> str:
    """SHA-256, in hex, over a change's fields but its own hash, as JSON with sorted keys.

    Times are ISO 8601 in UTC; the JSON is ASCII without spaces.
    """
    fields = {name: value for name, value in vars(change).items() if name != "sha256"}
    fields |= {"occurred_at": change.occurred_at.isoformat(), "detail": dict(change.detail)}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def examine(changes: Iterable[Change], *, head: str | None = None) -> Chain:
    """Walk the chain in the ledger's order; ``head`` is a hash that was kept elsewhere."""
    problems: list[str] = []
    hashes: set[str] = set()
    follows, number = "", 0
    for change in changes:
        problems += _problems(change, number + 1, follows)
        follows, number = change.sha256, _number(change, number + 1)
        hashes.add(change.sha256)
    if head and head not in hashes:
        problems.append(f"no change has the hash {head}: changes were removed or written anew")
    return Chain(changes=len(hashes), head=follows, problems=tuple(problems))


def _problems(change: Change, expected: int, follows: str) -> list[str]:
    found = []
    number = _number(change, expected)
    if number > expected:
        gone = f"{expected}" if number == expected + 1 else f"{expected} to {number - 1}"
        found.append(f"change {gone} is missing before change {number}")
    elif number < expected:
        found.append(f"change {change.key} does not stand in its place, {expected}")
    elif change.follows != follows:
        found.append(f"change {number} does not follow the one before it")
    if digest(change) != change.sha256:
        found.append(f"change {number} was altered: {change.what} by {change.by}")
    return found


def _number(change: Change, otherwise: int) -> int:
    return int(change.key) if change.key.isdecimal() else otherwise
