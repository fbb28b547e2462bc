"""Whether arms differ in more than their factors say, and a later apology says anything new.

Two levels of one factor are compared in every locale. What differs beside their declared parts is
another explanation of their effect: a subject line, a greeting, the words of a part that both have,
or length. A level says in ``differs`` what is meant to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import unified_diff
from itertools import combinations
from typing import TYPE_CHECKING, Final

from apologylab.design.arms import factor_kind
from apologylab.design.carriers import carried
from apologylab.design.findings import Finding, at
from apologylab.design.routes import address_fields, format_of
from apologylab.remedy.tags import FRAME, PARTS
from apologylab.service.text_findings import sections

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.service.text_findings import Text

MUCH: Final = 1 / 3
"""How much longer than another a text may be, as a share of the other, before it is said."""
_CODE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def differences(experiment: Experiment, read: tuple[Text, ...]) -> Iterator[Finding]:
    """Levels of one factor differ in what is declared, and in nothing else."""
    for factor, levels in experiment.factors.items():
        if factor_kind(experiment, factor) != "message":
            continue
        own = {(each.level, each.nth, each.locale): each for each in read if each.factor == factor}
        for one, other in combinations(levels, 2):
            pairs = [
                (text, own[other, nth, locale])
                for (level, nth, locale), text in sorted(own.items(), key=lambda each: each[0][1])
                if level == one and (other, nth, locale) in own
            ]
            yield from _differ(experiment, pairs)


def _differ(experiment: Experiment, pairs: list[tuple[Text, Text]]) -> Iterator[Finding]:
    """One finding for two levels: what differs, where, and the first such pair of texts."""
    found = [(pair, _undeclared(experiment, *pair)) for pair in pairs]
    found = [(pair, what) for pair, what in found if what]
    if not found:
        return
    (one, other), _ = found[0]
    what = sorted({each for _, differ in found for each in differ})
    where = ", ".join(dict.fromkeys(pair[0].locale for pair, _ in found))
    yield Finding(
        path=at("wording", other.level) if other.level in experiment.wording else other.place,
        what=f"arms_differ: not like {one.level} in {', '.join(what)} too (in {where}), so "
        "their effects cannot be told from its",
        do="let both say it alike; or say that it is meant to differ, under "
        f"[wording.{other.level}]: differs = {_listed(what)}",
        severity="warning",
        related=("factors",),
        detail=_diff(one, other),
    )


def _listed(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _undeclared(experiment: Experiment, one: Text, other: Text) -> set[str]:
    """What differs between two texts that neither declares as different."""
    said = [
        experiment.wording[each.level] for each in (one, other) if each.level in experiment.wording
    ]
    meant = {each for level in said for each in level.differs}
    ours, theirs = sections(one), sections(other)
    differ = {tag for tag in FRAME if ours.get(tag) != theirs.get(tag)}
    if len(said) == 2 and (set(said[0].parts) != set(said[1].parts) or meant & set(PARTS)):
        both = ours.keys() & theirs.keys() & set(PARTS)
        differ |= {part for part in both if ours[part] != theirs[part]}
    shorter, longer = sorted((_length(one), _length(other)))
    differ |= {"length"} if longer > shorter * (1 + MUCH) else set()
    return differ - meant


def _length(text: Text) -> int:
    """Characters that are read, without the subject and without placeholders."""
    said = (words for tag, words in sections(text).items() if tag != "subject")
    return sum(len(_CODE.sub("", words)) for words in said)


def _diff(one: Text, other: Text) -> str:
    lines = unified_diff(
        one.source.splitlines(), other.source.splitlines(), one.place, other.place, lineterm=""
    )
    return "\n".join(lines)


def subjects(experiment: Experiment, read: tuple[Text, ...]) -> Iterator[Finding]:
    """Where some arms have a subject line, all that say something have one; so has all e-mail."""
    from apologylab.design.arms import arms
    from apologylab.remedy.wording import said_levels

    has = {(text.factor, text.level) for text in read if "subject" in text.parted.tags}
    spoken = {arm.name: said_levels(experiment, arm) for arm in arms(experiment)}
    mailed = _mailed(experiment)
    without = [
        name
        for name, said in spoken.items()
        if said and not has & set(said) and (has or name in mailed)
    ]
    if without:
        shown = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
        yield Finding(
            path="factors",
            what=f"arms_differ: {shown} would be sent without a subject, and other arms have one"
            if has
            else f"{shown} would be sent by e-mail without a subject",
            do="write [subject] into a text of each; the same text of two factors is said once",
            severity="warning",
        )


def _mailed(experiment: Experiment) -> frozenset[str]:
    """The arms that leave through a channel whose addresses are of e-mail."""
    fields = address_fields(experiment)
    mail = {channel for channel, field in fields.items() if format_of(field) == "email"}
    usual = experiment.delivery.channel
    found = carried(experiment).items()
    return frozenset(arm for arm, each in found if (each.channel or usual) in mail)


def later_texts(experiment: Experiment, read: tuple[Text, ...]) -> Iterator[Finding]:
    """A later apology to a customer is not the one that they know (R7)."""
    repeats, incident = experiment.repeats, experiment.incident
    if (
        repeats is None
        or repeats.next_incident == "first_only"
        or not (incident and incident.recurs)
    ):
        return
    if repeats.text == "same":
        yield Finding(
            path="repeats.text",
            value="same",
            what="repeated_text: sends a customer the apology that they know, which means nothing",
            do='write text = "vary", and texts for later ones, as messages/wording/basic.2.en.txt',
            severity="warning",
            related=("repeats", "incident"),
        )
        return
    by_place = {(text.factor, text.level, text.locale, text.nth): text for text in read}
    for text in read:
        for nth in range(1, text.nth):
            earlier = by_place.get((text.factor, text.level, text.locale, nth))
            if earlier and sections(earlier) == sections(text):
                yield Finding(
                    path=text.place,
                    file=text.place,
                    line=1,
                    what=f"repeated_text: is word for word {earlier.place}, so it means nothing",
                    do="write it anew, or delete it: then such a customer gets none",
                )
