"""What an experiment's messages promised: what is open, at risk, kept and broken; and ending it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from apologylab.errors import NotFoundError, StateError
from apologylab.record.later_facts import Commitment, CommitmentEnded
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.ports import Appended
from apologylab.service.promising import PAST, broken, due_by, ended, second_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact
    from apologylab.service.ports import F, Ledger, Transaction

AT_ONCE: Final = 500
"""Commitments that one transaction ends."""
SHOWN: Final = 20
"""How many keys a change of many notes."""
SOON: Final = timedelta(days=7)
State = Literal["open", "soon", "due", "kept", "broken"]


@dataclass(frozen=True, kw_only=True)
class Promised:
    """One commitment and where it stands: open, due within a week, past its date, kept, broken."""

    commitment: Commitment
    state: State
    ended: CommitmentEnded | None = None


@dataclass(frozen=True, kw_only=True)
class Commitments:
    """The commitments of a ledger, or of one experiment, those due first at the top.

    ``did``: how many were ended by this call.
    """

    listed: Sequence[Promised]
    did: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)


def commitments(
    ledger: Ledger, *, now: datetime, experiment: str | None = None, did: int = 0
) -> Commitments:
    """All commitments, those that end next first; what has ended stands last."""
    over = {each.key: each for each in _of(ledger, CommitmentEnded, experiment)}
    made = _of(ledger, Commitment, experiment)
    listed = [_promised(each, over.get(each.key), now) for each in made]
    listed.sort(key=lambda each: (each.ended is not None, each.commitment.until))
    counts: dict[str, int] = {}
    for each in listed:
        counts[each.state] = counts.get(each.state, 0) + 1
    return Commitments(listed=listed, did=did, counts=counts)


def _of(ledger: Ledger, kind: type[F], experiment: str | None) -> Iterator[F]:
    return ledger.read(kind) if experiment is None else ledger.read(kind, experiment=experiment)


def _promised(made: Commitment, over: CommitmentEnded | None, now: datetime) -> Promised:
    if over is not None:
        return Promised(commitment=made, state="kept" if over.kept else "broken", ended=over)
    if made.until <= now:
        return Promised(commitment=made, state="due")
    return Promised(commitment=made, state="soon" if made.until <= now + SOON else "open")


def settle_commitments(ledger: Ledger, *, now: datetime, experiment: str | None = None) -> int:
    """Break every commitment whose date has passed and that nobody kept; how many there were.

    Whoever dispatches does so now and then; twice, or by two at once, is as once.
    """
    listed = commitments(ledger, now=now, experiment=experiment).listed
    late = [each.commitment for each in listed if each.state == "due"]
    parts = (late[start : start + AT_ONCE] for start in range(0, len(late), AT_ONCE))
    return sum(again(partial(_break, ledger, part, now)) for part in parts)


def _break(ledger: Ledger, late: Sequence[Commitment], now: datetime) -> int:
    with ledger.transaction(recorded_at=now) as work:
        left = due_by(_open(work, late), now)
        facts: list[Fact] = []
        for each in left:
            facts += broken(each, because=PAST, by=None, now=now)
        if facts:
            work.append(facts)
    return len(left)


def end(  # noqa: PLR0913 - which, how, why, who and when
    ledger: Ledger,
    experiment: str,
    keys: Sequence[str],
    *,
    kept: bool,
    because: str,
    by: str,
    now: datetime,
) -> int:
    """End commitments of ``experiment`` by hand, as kept or as broken; how many.

    Without ``keys``, all that are open: a promise to many is mostly kept for all at once.

    Raises:
        NotFoundError: one of ``keys`` is no commitment of the experiment.
        StateError: one of ``keys`` has ended the other way.
    """
    listed = commitments(ledger, now=now, experiment=experiment).listed
    chosen = _chosen(listed, experiment, keys, kept=kept)
    parts = (chosen[start : start + AT_ONCE] for start in range(0, len(chosen), AT_ONCE))
    return sum(again(partial(_end, ledger, part, kept, because, by, now)) for part in parts)


def _chosen(
    listed: Sequence[Promised], experiment: str, keys: Sequence[str], *, kept: bool
) -> list[Commitment]:
    open_ = {each.commitment.key: each.commitment for each in listed if each.ended is None}
    if not keys:
        return list(open_.values())
    over = {each.commitment.key: each for each in listed if each.ended is not None}
    for key in keys:
        if key not in open_ and key not in over:
            raise NotFoundError(
                f"{key!r} is no commitment of {experiment}",
                do=f"run `apologylab commitments {experiment}` for their keys",
            )
        if key in over and (over[key].state == "kept") != kept:
            raise StateError(
                f"the commitment {key} was {over[key].state}",
                do="what has ended stays so; record a correction if it was a mistake",
            )
    return [open_[key] for key in keys if key in open_]


def take_ends(
    work: Transaction, told: Sequence[CommitmentEnded]
) -> tuple[Appended, frozenset[str]]:
    """Append how commitments ended as a file says, each broken one with the incident that it is.

    Left out, and given by key, are those that end no commitment of this customer.
    """
    made = {each.key: each for each in work.find_among(Commitment, "key", _keys(told))}
    work.lock(sorted({f"commitments/{each.experiment}" for each in made.values()}))
    ours = [each for each in told if each.key in made and _is_of(each, made[each.key])]
    appended = work.append(ours)
    stands = frozenset(_keys(ours)).difference(appended.contradicting)
    failures = [
        second_failure(made[each.key], each.occurred_at)
        for each in ours
        if each.key in stands and not each.kept
    ]
    if failures:
        work.append(failures)
    return appended, frozenset(_keys(told)) - frozenset(_keys(ours))


def _keys(told: Iterable[CommitmentEnded]) -> list[str]:
    return sorted({each.key for each in told})


def _is_of(told: CommitmentEnded, made: Commitment) -> bool:
    named = (made.assignment, made.experiment, made.customer)
    return (told.assignment, told.experiment, told.customer) == named


def _end(
    ledger: Ledger,
    chosen: Sequence[Commitment],
    kept: bool,  # noqa: FBT001 - given by partial
    because: str,
    by: str,
    now: datetime,
) -> int:
    with ledger.transaction(recorded_at=now) as work:
        left = _open(work, chosen)
        facts: list[Fact] = []
        for each in left:
            facts += (
                [ended(each, kept=True, because=because, by=by, now=now)]
                if kept
                else broken(each, because=because, by=by, now=now)
            )
        if left:
            _note(work, left, "keep" if kept else "break", because, by, now)
            work.append(facts)
    return len(left)


def _note(
    work: Transaction,
    left: Sequence[Commitment],
    what: str,
    because: str,
    by: str,
    now: datetime,
) -> None:
    keys = [each.key for each in left]
    detail: dict[str, object] = {"keys": keys[:SHOWN], "number": len(keys), "because": because}
    note(
        work,
        experiment=left[0].experiment,
        what=f"{what} commitments",
        by=by,
        detail=detail,
        now=now,
    )


def _open(work: Transaction, made: Iterable[Commitment]) -> list[Commitment]:
    """Those that have not ended; kept so by locks until the commit."""
    listed = list(made)
    work.lock(sorted({f"commitments/{each.experiment}" for each in listed}))
    over = work.find_among(CommitmentEnded, "key", [each.key for each in listed])
    gone = {each.key for each in over}
    return [each for each in listed if each.key not in gone]
