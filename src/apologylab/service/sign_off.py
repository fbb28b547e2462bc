"""Who agreed to an experiment's words, and whether they are still the same words.

A sign-off is of a text, not of a name: it holds the hash of everything that the experiment can say.
Whoever changes a word, a sender, a promise or what a brand's file rewrites needs it anew; a change
of weights or of outcomes leaves it standing. A version that asks a role no longer must be signed by
that role too: nobody is left out without their word.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from apologylab.errors import InputError, StateError
from apologylab.record.facts import Started
from apologylab.record.later_facts import SignedOff
from apologylab.remedy.brands import only_applied
from apologylab.remedy.fragments import BRAND
from apologylab.service.again import again
from apologylab.service.audit import note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.remedy.fragments import Fragments
    from apologylab.service.ports import Ledger, Transaction


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the sign-off of an experiment's words stands.

    ``signed``: role -> the latest sign-off of these words; ``outdated``: role -> the latest of
    other words, where there is none of these. ``roles`` end with those ``left_out``, whom the
    version before asks and this one does not: they sign that version, and not only its words.
    """

    experiment: str
    sha256: str
    roles: tuple[str, ...]
    signed: Mapping[str, SignedOff]
    outdated: Mapping[str, SignedOff]
    left_out: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The roles that have not agreed."""
        return tuple(role for role in self.roles if role not in self.signed)


def words_sha256(experiment: Experiment, fragments: Fragments) -> str:
    """SHA-256 over all that ``experiment`` can say, and over who says it: 64 hex digits."""
    said: dict[str, object] = {
        "fragments": sorted([*key, each] for key, each in _saying(fragments)),
        "factors": {name: list(levels) for name, levels in sorted(experiment.factors.items())},
        "messages": asdict(experiment.messages),
        "wording": {name: asdict(each) for name, each in experiment.wording.items()},
        "sender": {name: asdict(each) for name, each in experiment.sender.items()},
        "told": {name: each.told for name, each in experiment.compensation.items()},
    }
    if experiment.survey is not None:
        said["asked"] = list(experiment.survey.questions)
    text = json.dumps(said, ensure_ascii=True, sort_keys=True, default=str)
    return hashlib.sha256(b"apologylab/words/1\n" + text.encode()).hexdigest()


def _saying(fragments: Fragments) -> Iterator[tuple[tuple[str, str, str], str]]:
    """What words are made of: of a brand's file only what rewrites them, as ``start`` pins it."""
    for key, source in fragments.items():
        said = only_applied(source) if key[0] == BRAND else source
        if said is not None:
            yield key, said


def asked_before(
    ledger: Ledger, experiment: Experiment, read: Callable[[str], Experiment]
) -> tuple[str, ...]:
    """The roles that the version started before ``experiment`` asks.

    ``read`` reads a declaration as ``start`` pinned it.
    """
    return _roles_before(ledger.read(Started, experiment=experiment.name), experiment, read)


def _roles_before(
    begun: Iterable[Started], experiment: Experiment, read: Callable[[str], Experiment]
) -> tuple[str, ...]:
    earlier = [each for each in begun if each.version < experiment.version]
    return _asked(read(earlier[-1].declaration)) if earlier else ()


def _asked(experiment: Experiment) -> tuple[str, ...]:
    return experiment.sign_off.roles if experiment.sign_off is not None else ()


def standing(
    experiment: Experiment,
    sha256: str,
    facts: Iterable[SignedOff],
    before: Sequence[str] = (),
) -> Standing:
    """Where the sign-off of the words with hash ``sha256`` stands, given all sign-offs.

    ``before``: the roles that the version before asks (:func:`asked_before`).
    """
    asked = _asked(experiment)
    left_out = tuple(role for role in before if role not in asked)
    signed: dict[str, SignedOff] = {}
    others: dict[str, SignedOff] = {}
    for each in facts:
        same = each.sha256 == sha256
        agrees = same and (each.role not in left_out or each.version == experiment.version)
        (signed if agrees else others)[each.role] = each
    return Standing(
        experiment=experiment.name,
        sha256=sha256,
        roles=(*asked, *left_out),
        signed=signed,
        outdated={role: each for role, each in others.items() if role not in signed},
        left_out=left_out,
    )


def where_it_stands(
    ledger: Ledger, experiment: Experiment, fragments: Fragments, before: Sequence[str] = ()
) -> Standing:
    """Where the sign-off of the words on disk stands in ``ledger``.

    ``before``: the roles that the version before asks (:func:`asked_before`).
    """
    facts = ledger.read(SignedOff, experiment=experiment.name)
    return standing(experiment, words_sha256(experiment, fragments), facts, before)


def sign(  # noqa: PLR0913 - who agrees, to what, and whom the version before asks
    ledger: Ledger,
    experiment: Experiment,
    fragments: Fragments,
    *,
    role: str,
    by: str,
    now: datetime,
    before: Sequence[str] = (),
) -> Standing:
    """Store that ``by`` agrees for ``role`` to the words as they are; twice changes nothing.

    ``before``: the roles that the version before asks (:func:`asked_before`); one that is left out
    now agrees to this version.

    Raises:
        InputError: the declaration asks no such role to sign.
        StateError: it asks nobody.
    """
    stands = where_it_stands(ledger, experiment, fragments, before)
    if not stands.roles:
        raise StateError(
            f"{experiment.name} asks nobody to sign off",
            do='declare it: [sign_off] roles = ["legal", "brand"]',
        )
    if role not in stands.roles:
        raise InputError(
            f"{experiment.name} asks no {role!r} to sign off",
            do=f"name one of: {', '.join(stands.roles)}",
        )
    of = f"{role}/{experiment.version}" if role in stands.left_out else role
    fact = SignedOff(
        key=f"{experiment.name}/{of}/{stands.sha256[:32]}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        role=role,
        by=by,
        sha256=stands.sha256,
    )
    again(partial(_append, ledger, fact, now))
    return where_it_stands(ledger, experiment, fragments, before)


def _append(ledger: Ledger, fact: SignedOff, now: datetime) -> None:
    with ledger.transaction(recorded_at=now) as work:
        work.lock([f"sign_off/{fact.experiment}"])
        if work.find_among(SignedOff, "key", [fact.key]):
            return
        work.append([fact])
        detail: dict[str, object] = {"role": fact.role, "sha256": fact.sha256}
        name, by = fact.experiment, fact.by
        note(work, experiment=name, what="sign_off", by=by, detail=detail, now=now)


def refuse_unsigned(
    work: Transaction,
    experiment: Experiment,
    fragments: Fragments,
    read: Callable[[str], Experiment],
) -> None:
    """Refuse to start words that somebody who must agree has not agreed to.

    ``read`` reads a declaration as ``start`` pinned it: whom the version before asks must agree to
    one that leaves them out. Where nobody ever signed, nobody was asked.

    Raises:
        StateError: it names the roles and what they do next.
    """
    facts = work.find_among(SignedOff, "experiment", [experiment.name])
    begun = work.find(Started, experiment=experiment.name) if facts else ()
    before = _roles_before(begun, experiment, read)
    stands = standing(experiment, words_sha256(experiment, fragments), facts, before)
    if not stands.missing:
        return
    if unasked := [role for role in stands.missing if role in stands.left_out]:
        raise _left_out(stands, unasked, experiment.version)
    changed = [role for role in stands.missing if role in stands.outdated]
    why = f"; the words changed since {', '.join(changed)} signed" if changed else ""
    raise StateError(
        f"{experiment.name} is not signed off by {', '.join(stands.missing)}{why}",
        do=f"look at `apologylab preview {experiment.name}`, then run "
        f"`apologylab sign {experiment.name} --role {stands.missing[0]}`",
    )


def _left_out(stands: Standing, roles: Sequence[str], version: int) -> StateError:
    name, named = stands.experiment, ", ".join(roles)
    return StateError(
        f"version {version} of {name} no longer asks {named} to sign off, to which they have not "
        "agreed",
        do=f"write {named} into [sign_off] roles again; or let them agree: "
        f"`apologylab sign {name} --role {roles[0]}`",
    )
