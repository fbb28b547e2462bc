"""Give remedies to the channel, and say what its word means for each (R15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.service.channel import Sent
from apologylab.service.outgoing import outgoing, outgoing_key
from apologylab.service.retrying import Retry
from apologylab.service.settling import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.service.channel import Channel, Outgoing
    from apologylab.service.claiming import Leaving, Taken
    from apologylab.service.ports import LedgerIdentity
    from apologylab.service.retrying import Fate

NEVER_TOLD: Final = "a worker ended between handing it over and telling what came of it"
NO_ANSWER: Final = "the channel did not say what it did with it"


def hand(
    channel: Channel, ledger: LedgerIdentity, taken: Taken, experiment: Experiment
) -> list[Fate]:
    """Send what was taken, asking first what became of the doubtful ones.

    A key is sent again only if the channel promises that this has no second effect, and nothing at
    all after a kill. ``ledger``'s id makes keys differ from those of other ledgers; ``experiment``
    says what a remedy gives and whether it promotes, unless an earlier version drew it.
    """
    ids = {each.remedy.key: outgoing_key(ledger, each.remedy.key) for each in taken.leaving}
    fates = _asked(channel, ids, taken)
    leaving = [each for each in taken.leaving if each.remedy.key not in fates]
    batch = [outgoing(each.drawn_by or experiment, each, ledger) for each in leaving]
    told = _sent(channel, batch)
    for each in leaving:
        key = each.remedy.key
        fates[key] = _fate(each, told[ids[key]], once=channel.once)
    return [fates[each.remedy.key] for each in taken.leaving]


def _asked(channel: Channel, ids: Mapping[str, str], taken: Taken) -> dict[str, Fate]:
    """What becomes of the doubtful ones that are not sent again."""
    doubtful = [each for each in taken.leaving if each.doubtful]
    if not doubtful:
        return {}
    known: frozenset[str] = frozenset()
    try:
        known = channel.accepted([ids[each.remedy.key] for each in doubtful])
    except OSError as error:
        if not all(each.killed for each in doubtful):
            return {each.remedy.key: _retry(each, _broke(error), handed=True) for each in doubtful}
    fates: dict[str, Fate] = {}
    for each in doubtful:
        if ids[each.remedy.key] in known:
            fates[each.remedy.key] = Outcome(each.remedy, "sent", "")
        elif each.killed or not channel.once or _text_gone(each):
            fates[each.remedy.key] = Outcome(each.remedy, "in_doubt", NEVER_TOLD)
    return fates


def _text_gone(each: Leaving) -> bool:
    """Whether its text was deleted since it was handed over (R21)."""
    return each.body is None and each.remedy.text is not None


def _sent(channel: Channel, batch: Sequence[Outgoing]) -> Mapping[str, Sent]:
    """What the channel says of each key; what it does not speak of, it may have taken."""
    if not batch:
        return {}
    try:
        answers = channel.send(batch)
    except OSError as error:
        return {each.key: _unknown(each.key, _broke(error)) for each in batch}
    unspoken = {each.key: _unknown(each.key, NO_ANSWER) for each in batch}
    return unspoken | {each.key: each for each in answers}


def _unknown(key: str, because: str) -> Sent:
    return Sent(key=key, state="unknown", because=because)


def _broke(error: OSError) -> str:
    said = error.strerror or str(error) or type(error).__name__
    place = f"{error.filename}: " if error.filename else ""
    return f"the channel broke down: {place}{said}"


def _fate(each: Leaving, answer: Sent, *, once: bool) -> Fate:
    """What an answer means; who was in doubt before stays so until the channel knows the key.

    A failure ends no doubt: whoever handed it over first may be late and send it yet.
    """
    if answer.state == "failed" and each.doubtful:
        return Outcome(each.remedy, "in_doubt", answer.because or NEVER_TOLD)
    if answer.state == "later":
        return _retry(each, answer.because, handed=each.doubtful, wait_s=answer.wait_s)
    if answer.state == "unknown":
        if once:
            return _retry(each, answer.because, handed=True, wait_s=answer.wait_s)
        return Outcome(each.remedy, "in_doubt", answer.because, answer.reference)
    return Outcome(each.remedy, answer.state, answer.because, answer.reference)


def _retry(each: Leaving, because: str, *, handed: bool, wait_s: float | None = None) -> Retry:
    return Retry(each.remedy, each.attempts, because, handed, wait_s)
