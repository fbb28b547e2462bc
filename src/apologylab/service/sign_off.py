"""Who agreed to an experiment's words, and whether they are still the same words.

A sign-off is of a text, not of a name: it holds the hash of everything that the experiment can say.
Whoever changes a word, a sender, a promise or what a brand's file rewrites needs it anew; a change
of weights or of outcomes leaves it standing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from apologylab.errors import InputError, StateError
from apologylab.record.later_facts import SignedOff
from apologylab.remedy.brands import only_applied
from apologylab.remedy.fragments import BRAND
from apologylab.service.again import again
from apologylab.service.audit import note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.remedy.fragments import Fragments
    from apologylab.service.ports import Ledger, Transaction


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the sign-off of an experiment's words stands.

    ``signed``: role -> the latest sign-off of these words; ``outdated``: role -> the latest of
    other words, where there is none of these.
    """

    experiment: str
    sha256: str
    roles: tuple[str, ...]
    signed: Mapping[str, SignedOff]
    outdated: Mapping[str, SignedOff]

    @property
    def missing(self) -> tuple[str, ...]:
        """The declared roles that have not agreed to these words."""
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


def standing(experiment: Experiment, sha256: str, facts: Iterable[SignedOff]) -> Standing:
    """Where the sign-off of the words with hash ``sha256`` stands, given all sign-offs."""
    signed: dict[str, SignedOff] = {}
    others: dict[str, SignedOff] = {}
    for each in facts:
        (signed if each.sha256 == sha256 else others)[each.role] = each
    roles = experiment.sign_off.roles if experiment.sign_off else ()
    outdated = {role: each for role, each in others.items() if role not in signed}
    return Standing(
        experiment=experiment.name, sha256=sha256, roles=roles, signed=signed, outdated=outdated
    )


def where_it_stands(ledger: Ledger, experiment: Experiment, fragments: Fragments) -> Standing:
    """Where the sign-off of the words on disk stands in ``ledger``."""
    facts = ledger.read(SignedOff, experiment=experiment.name)
    return standing(experiment, words_sha256(experiment, fragments), facts)


def sign(
    ledger: Ledger,
    experiment: Experiment,
    fragments: Fragments,
    *,
    role: str,
    by: str,
    now: datetime,
) -> Standing:
    """Store that ``by`` agrees for ``role`` to the words as they are; twice changes nothing.

    Raises:
        InputError: the declaration asks no such role to sign.
        StateError: it asks nobody.
    """
    if experiment.sign_off is None:
        raise StateError(
            f"{experiment.name} asks nobody to sign off",
            do='declare it: [sign_off] roles = ["legal", "brand"]',
        )
    if role not in experiment.sign_off.roles:
        raise InputError(
            f"{experiment.name} asks no {role!r} to sign off",
            do=f"name one of: {', '.join(experiment.sign_off.roles)}",
        )
    sha256 = words_sha256(experiment, fragments)
    again(partial(_append, ledger, experiment, role, by, sha256, now))
    return where_it_stands(ledger, experiment, fragments)


def _append(
    ledger: Ledger, experiment: Experiment, role: str, by: str, sha256: str, now: datetime
) -> None:
    fact = SignedOff(
        key=f"{experiment.name}/{role}/{sha256[:32]}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        role=role,
        by=by,
        sha256=sha256,
    )
    with ledger.transaction(recorded_at=now) as work:
        work.lock([f"sign_off/{experiment.name}"])
        if work.find_among(SignedOff, "key", [fact.key]):
            return
        work.append([fact])
        detail: dict[str, object] = {"role": role, "sha256": sha256}
        note(work, experiment=experiment.name, what="sign_off", by=by, detail=detail, now=now)


def refuse_unsigned(work: Transaction, experiment: Experiment, fragments: Fragments) -> None:
    """Refuse to start words that somebody who must agree has not agreed to.

    Raises:
        StateError: it names the roles and what they do next.
    """
    if experiment.sign_off is None:
        return
    facts = work.find_among(SignedOff, "experiment", [experiment.name])
    stands = standing(experiment, words_sha256(experiment, fragments), facts)
    if not stands.missing:
        return
    changed = [role for role in stands.missing if role in stands.outdated]
    why = f"; the words changed since {', '.join(changed)} signed" if changed else ""
    raise StateError(
        f"{experiment.name} is not signed off by {', '.join(stands.missing)}{why}",
        do=f"look at `apologylab preview {experiment.name}`, then run "
        f"`apologylab sign {experiment.name} --role {stands.missing[0]}`",
    )
