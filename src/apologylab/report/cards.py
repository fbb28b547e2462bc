"""Arms that say and give the same are one card: what is read side by side before a start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.design.arms import arms
from apologylab.design.experiment import NONE, TIMING
from apologylab.design.remedies import COSTS
from apologylab.report.differences import marked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Promise
    from apologylab.remedy.letter import Letter
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.report.differences import MarkedPart
    from apologylab.service.linted import Judge
    from apologylab.service.preview import Preview, Shown
    from apologylab.service.preview_beside import Beside

_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u0e00-\u0e7f]")
"""A character of a script that writes no spaces: Japanese, Thai."""


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """One arm of a card: when it leaves after the sample incident, and through what."""

    arm: str
    called: str
    probability: float
    channel: str
    due_at: datetime | None
    wait: str
    awaits: str | None


@dataclass(frozen=True, kw_only=True)
class Card:
    """What some arms say and give in one locale.

    ``parts`` are None where nothing is said; ``costs`` are the parts' cost channels, where they
    cost anything; ``levels`` are (factor, level) of all but timing; ``why_not`` says why a sample
    incident gets nothing.
    """

    letter: Letter | None
    levels: tuple[tuple[str, str], ...]
    promises: tuple[Promise, ...]
    parts: tuple[MarkedPart, ...] | None
    costs: dict[str, str]
    later: tuple[Letter, ...]
    sender: str | None
    gives: str | None
    leaving: tuple[Leaving, ...]
    flaws: tuple[Flaw, ...]
    why_not: str

    @property
    def words(self) -> int:
        """Words of the letter; 0 in a script that writes no spaces between them."""
        if self.letter is None or _UNSPACED.search(self.letter.text):
            return 0
        return len(self.letter.text.split())


class BesideCard(NamedTuple):
    """What is said beside the remedies, and what is wrong with it."""

    said: Beside
    flaws: tuple[Flaw, ...]


def cards_beside(preview: Preview, locale: str, judge: Judge) -> tuple[BesideCard, ...]:
    """The survey and the notices in one locale."""
    return tuple(
        BesideCard(each, _flaws(each, judge)) for each in preview.beside if each.locale == locale
    )


def _flaws(each: Beside, judge: Judge) -> tuple[Flaw, ...]:
    if each.letter is None:
        return ()
    return tuple(judge(each.locale, each.letter, promised=each.promised))


def cards(preview: Preview, locale: str, judge: Judge) -> tuple[Card, ...]:
    """The cards of one locale, in the order of the design."""
    groups: dict[tuple[object, ...], list[Shown]] = {}
    for each in preview.of(locale):
        said = (each.letter, each.later, each.sender, each.gives, each.because)
        groups.setdefault(said, []).append(each)
    firsts = [group[0] for group in groups.values()]
    spoken = [each.letter for each in firsts if each.letter]
    parts = iter(marked(spoken))
    return tuple(
        _card(preview, group, next(parts) if group[0].letter else None, judge)
        for group in groups.values()
    )


def _card(
    preview: Preview, group: Sequence[Shown], parts: tuple[MarkedPart, ...] | None, judge: Judge
) -> Card:
    first = group[0]
    promises = _promises(preview.experiment, first) if first.letter else ()
    promised = bool(promises)
    return Card(
        letter=first.letter,
        levels=_levels(preview.experiment, first),
        promises=promises,
        parts=parts,
        costs=_costs(preview.experiment, group),
        later=first.later,
        sender=first.sender,
        gives=first.gives,
        leaving=tuple(_leaving(preview, each) for each in group),
        flaws=tuple(judge(first.locale, first.letter, promised=promised)) if first.letter else (),
        why_not=first.because,
    )


def _levels(experiment: Experiment, shown: Shown) -> tuple[tuple[str, str], ...]:
    """(factor, level) of what the arm says and gives; those that say nothing left out."""
    levels = next(arm.levels for arm in arms(experiment) if arm.name == shown.arm)
    return tuple(each for each in levels.items() if each[0] != TIMING and each[1] != NONE)


def _promises(experiment: Experiment, shown: Shown) -> tuple[Promise, ...]:
    said = (experiment.wording.get(level) for level in shown.levels)
    return tuple(each.promise for each in said if each is not None and each.promise is not None)


def _costs(experiment: Experiment, group: Sequence[Shown]) -> dict[str, str]:
    """Part -> what it costs us, as the levels of the arm declare it."""
    costs: dict[str, str] = dict(COSTS)
    for level in group[0].levels:
        if level in experiment.wording:
            costs.update(experiment.wording[level].costs.items())
    return {part: cost for part, cost in costs.items() if cost != "none"}


def _leaving(preview: Preview, each: Shown) -> Leaving:
    return Leaving(
        arm=each.arm,
        called=each.called,
        probability=each.probability,
        channel=each.channel,
        due_at=each.due_at,
        wait=span(int((each.due_at - preview.at).total_seconds())) if each.due_at else "",
        awaits=each.awaits,
    )


def span(seconds: int) -> str:
    """Seconds as people say them.

    >>> span(0), span(900), span(5_400), span(90_000)
    ('at once', '15 min', '1 h 30 min', '1 d 1 h')
    """
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "at once"
