"""What is wrong with the texts of an experiment: missing, never said, or not as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.arms import arms, factor_kind
from apologylab.design.carriers import has_text
from apologylab.design.findings import Finding, at
from apologylab.design.follow_ups import SURVEY, fragments_beside
from apologylab.design.remedies import SENDER
from apologylab.errors import InputError
from apologylab.remedy.fragments import ORDER, Fragments, place, settings, texts
from apologylab.remedy.tags import CLOSING, FRAME, PARTS, SUBJECT, pieces

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.remedy.parted import Parted

Key = tuple[str, str, str]
LONGEST_SUBJECT = 120


class Text(NamedTuple):
    """A fragment that can be read: its level, which apology it is the text of, and its parts."""

    factor: str
    level: str
    nth: int
    locale: str
    source: str
    parted: Parted

    @property
    def place(self) -> str:
        """Its file."""
        name = self.level if self.nth == 1 else f"{self.level}.{self.nth}"
        return place(self.factor, name, self.locale)


def missing(experiment: Experiment, fragments: Fragments) -> Iterator[Finding]:
    """Every level that says something has a text in every locale."""
    for factor, levels in experiment.factors.items():
        for number, level in enumerate(levels):
            wanted = experiment.messages.locales if has_text(experiment, factor, level) else ()
            for locale in wanted:
                if (factor, level, locale) not in fragments:
                    yield Finding(
                        path=at("factors", factor, number),
                        value=level,
                        what=f"has no text in {locale}: no {place(factor, level, locale)}",
                        do="write it",
                        related=("messages.locales",),
                    )
    for factor, level in fragments_beside(experiment):
        for locale in experiment.messages.locales:
            if (factor, level, locale) not in fragments:
                yield Finding(
                    path="survey.questions"
                    if factor == SURVEY
                    else f"wording.{level}.promise.notice",
                    value=level,
                    what=f"has no text in {locale}: no {place(factor, level, locale)}",
                    do="write it",
                    related=("messages.locales",),
                )


def readable_texts(
    experiment: Experiment, fragments: Fragments
) -> tuple[tuple[Text, ...], tuple[Finding, ...]]:
    """The fragments that can be read and are said, and what is wrong with the others."""
    from apologylab.remedy.parted import compile_parted  # Jinja: a hook does without it

    read, found = [], []
    for key, source in texts(fragments).items():
        where, named = place(*key), _level(experiment, key)
        try:
            parted = compile_parted(
                source, where=where, placeholders=experiment.messages.placeholders
            )
        except InputError as error:
            found.append(_unreadable(where, error))
            continue
        if key[:2] in fragments_beside(experiment):
            continue
        if named is None:
            found.append(_never_said(where))
        else:
            read.append(Text(key[0], *named, key[2], source, parted))
    return tuple(read), tuple(found)


def texts_beside(experiment: Experiment, fragments: Fragments) -> tuple[Text, ...]:
    """The fragments of the survey and of notices that can be read."""
    from apologylab.remedy.parted import compile_parted  # Jinja: a hook does without it

    messages, read = experiment.messages, []
    for (factor, level), locale in product(fragments_beside(experiment), messages.locales):
        where, source = place(factor, level, locale), fragments.get((factor, level, locale), "")
        try:
            parted = compile_parted(source, where=where, placeholders=messages.placeholders)
        except InputError:
            continue
        read.append(Text(factor, level, 1, locale, source, parted))
    return tuple(read)


def _level(experiment: Experiment, key: Key) -> tuple[str, int] | None:
    """The level that a file is a text of, and for which apology; None if it is never said."""
    factor, named, locale = key
    levels = experiment.factors.get(factor, ())
    first, _, number = named.rpartition(".")
    later = first in levels and number.isdigit() and int(number) > 1
    level, nth = (first, int(number)) if later else (named, 1)
    said = level in levels and has_text(experiment, factor, level)
    return (level, nth) if said and locale in experiment.messages.locales else None


def _unreadable(where: str, error: InputError) -> Finding:
    line = re.search(r", line (\d+)", error.what)
    return Finding(
        path=where, what=error.what, do=error.do, file=where, line=int(line[1]) if line else None
    )


def _never_said(where: str) -> Finding:
    return Finding(
        path=where,
        what="belongs to no level of a factor and locale that is said: it is never read",
        do="rename or delete it",
        severity="warning",
    )


def parts_declared(experiment: Experiment, read: tuple[Text, ...]) -> Iterator[Finding]:
    """The parts of a text are those that its level declares, in every locale."""
    for text in read:
        tags = {tag for tag in text.parted.tags if tag in PARTS}
        if text.factor == SENDER:
            yield from _signs_only(text)
        elif text.level in experiment.wording:
            declared: set[str] = set(experiment.wording[text.level].parts)
            if tags != declared:
                yield _other_parts(text, tags, declared)
        elif tags and factor_kind(experiment, text.factor) == "message":
            yield _undeclared(text, tags)
        elif "promise" in tags:
            yield _promises(text)


def _signs_only(text: Text) -> Iterator[Finding]:
    if set(text.parted.tags) - {"closing"}:
        yield _at(
            text,
            "parts_differ: is how somebody signs, and has other parts than [closing]",
            "write them into the level of another factor: a sender must differ in nothing else",
        )


def _other_parts(text: Text, tags: set[str], declared: set[str]) -> Finding:
    path = f"wording.{text.level}.parts"
    if not text.parted.tags:
        parts = ", ".join(f"[{part}]" for part in PARTS if part in declared)
        return _at(
            text,
            f"parts_differ: has no tags, but {path} declares parts",
            f"write {parts} above them",
        )
    lacks = ", ".join(f"[{each}]" for each in PARTS if each in declared - tags)
    more = ", ".join(f"[{each}]" for each in PARTS if each in tags - declared)
    said = [f"lacks {lacks}"] if lacks else []
    said += [f"has {more}"] if more else []
    return _at(
        text,
        f"parts_differ: {' and '.join(said)}, unlike {path}",
        "let text and declaration say the same",
    )


def _undeclared(text: Text, tags: set[str]) -> Finding:
    parts = ", ".join(f'"{part}"' for part in PARTS if part in tags)
    return _at(
        text,
        "has tags, but nothing declares its parts, so nothing is known of what it costs",
        f"add [wording.{text.level}] with parts = [{parts}]",
        "warning",
    )


def _promises(text: Text) -> Finding:
    return _at(
        text,
        "promises something, and nothing says what and who keeps it",
        "promise it in a level of a message factor that has [wording.LEVEL] with promise",
    )


def short_subjects(read: tuple[Text, ...]) -> Iterator[Finding]:
    """A subject line can be read in a list of messages, placeholders filled."""
    for text in read:
        said = re.sub(r"\{%.*?%\}", "", sections(text).get(SUBJECT, ""), flags=re.DOTALL)
        if len(said) > LONGEST_SUBJECT:
            yield _at(
                text,
                f"has a subject of {len(said)} characters",
                f"say it in {LONGEST_SUBJECT}, what placeholders may bring included",
            )


def one_frame(experiment: Experiment, read: tuple[Text, ...]) -> Iterator[Finding]:
    """The texts of an arm that bring a subject, a greeting or a closing bring the same."""
    by_place = {(text.factor, text.level, text.nth, text.locale): text for text in read}
    brought = {text.place: sections(text) for text in read}
    counted = range(1, max((text.nth for text in read), default=1) + 1)
    seen: set[tuple[str, ...]] = set()
    for arm, locale, nth in product(arms(experiment), experiment.messages.locales, counted):
        said = [
            found.place
            for pair in arm.levels.items()
            if (found := by_place.get((*pair, nth, locale)) or by_place.get((*pair, 1, locale)))
        ]
        for tag in FRAME:
            brings = {place: brought[place][tag] for place in said if tag in brought[place]}
            if len(set(brings.values())) > 1 and (tag, *brings) not in seen:
                seen.add((tag, *brings))
                yield _two(tag, list(brings), arm.name)


def _two(tag: str, places: list[str], arm: str) -> Finding:
    first, second, *_ = places
    return Finding(
        path=second,
        file=second,
        what=f"brings another [{tag}] than {first}, and {arm} says both",
        do=f"write the same [{tag}] in both, or in one of them only",
    )


def sections(text: Text) -> dict[str, str]:
    """Tag -> the source below it, without space around its lines; "" for what has no tag."""
    source = text.source.removeprefix("\ufeff").replace("\r\n", "\n")
    untagged = CLOSING if text.factor == SENDER else ""
    found: dict[str, list[str]] = {}
    for each in pieces(source, where=text.place):
        lines = (line.strip() for line in each.text.strip().splitlines())
        found.setdefault(each.tag or untagged, []).extend(lines)
    return {tag: "\n".join(lines) for tag, lines in found.items()}


def arranged(
    experiment: Experiment, fragments: Fragments, read: tuple[Text, ...]
) -> Iterator[Finding]:
    """Where the language orders the parts, it knows them all."""
    if experiment.messages.arrange != "locale":
        return
    orders = settings(fragments, ORDER)
    for number, locale in enumerate(experiment.messages.locales):
        if locale not in orders:
            yield Finding(
                path=at("messages", "locales", number),
                value=locale,
                what="is a locale of which no order of parts is known",
                do='write messages.arrange = "declared"',
                related=("messages.arrange",),
            )
    for text in read:
        order = orders.get(text.locale, "").split()
        unknown = [tag for tag in text.parted.tags if tag in PARTS and tag not in order]
        if text.factor != SENDER and order and (unknown or not text.parted.tags):
            what = f"[{unknown[0]}]" if unknown else "text without tags"
            yield _at(
                text,
                f"has {what}, of which the order of {text.locale} does not know the place",
                'write tags, or messages.arrange = "declared"',
            )


def branded(read: tuple[Text, ...], fragments: Fragments) -> Iterator[Finding]:
    """No text says what the brand does not say."""
    from apologylab.remedy.brands import read_brands, slips

    brands = read_brands(fragments)
    for text in read:
        if text.locale in brands:
            for slip in slips(text.source, brands[text.locale]):
                yield Finding(
                    path=text.place,
                    file=text.place,
                    line=slip.line,
                    value=slip.found,
                    what=f"brand_term: {slip.why} (brand.{text.locale}.toml)",
                    do=slip.do,
                )


def _at(text: Text, what: str, do: str, severity: str = "error") -> Finding:
    warns = severity == "warning"
    return Finding(
        path=text.place, file=text.place, line=1, what=what, do=do,
        severity="warning" if warns else "error",
    )  # fmt: skip
