"""Lint one wording: everything that a language's rules find in it, in the order it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.remedy.lint.lexical import lexical
from apologylab.remedy.lint.names import STRUCTURAL
from apologylab.remedy.lint.reading import Read, earliest, read
from apologylab.remedy.lint.structure import structural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from apologylab.remedy.letter import Letter
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.remedy.lint.language import Language

COMPANY: Final = "company"
PROMISED: Final = "unkeepable_promise"


def lint(
    text: str,
    language: Language,
    *,
    faults: Collection[str] = (),
    promised: bool = False,
    formality: str | None = None,
    tagged: Letter | None = None,
) -> tuple[Flaw, ...]:
    """The flaws of ``text``, by place.

    ``faults``: whose fault the incident may be (``company``, ``third_party``, ``customer``,
    ``unknown``); nothing is said of it where it is empty. ``promised``: a commitment stands behind
    what it promises. ``formality``: how a brand addresses its customers; else as the language
    expects. ``tagged``: the letter that ``text`` is of, where its parts are tagged.

    >>> from apologylab.remedy.lint.language import Language
    >>> lint("Sorry, {{ name }}.", Language(locale="en"))[0].rule
    'empty_placeholder'
    """
    found = read(text, language)
    if not found.sentences:
        return ()
    flaws = [
        *(each for each in lexical(found) if not (promised and each.rule == PROMISED)),
        *structural(found),
        *_responsibility(found, faults, tagged),
        *_order(found, tagged),
        *_formality(found, formality or language.formality),
    ]
    return tuple(sorted(_once(flaws), key=lambda each: (each.start, each.end, each.rule)))


def parts_of(text: str, language: Language) -> tuple[str, ...]:
    """What the sentences of ``text`` do, known by their cues: names of parts, in order, once."""
    found = read(text, language)
    said: dict[str, None] = {}
    for sentence in found.sentences:
        for part in language.order:
            if earliest(language.cues.get(part, ()), sentence.lower):
                said.setdefault(part)
    return tuple(said)


def _once(flaws: list[Flaw]) -> Iterator[Flaw]:
    """Each rule once at one place, though two entries of a file may find it: the longer words."""
    kept: list[Flaw] = []
    for flaw in sorted(flaws, key=lambda each: each.start - each.end):
        same = (each for each in kept if each.rule == flaw.rule)
        if not any(each.start < flaw.end and flaw.start < each.end for each in same):
            kept.append(flaw)
    yield from kept


def _responsibility(text: Read, faults: Collection[str], tagged: Letter | None) -> Iterator[Flaw]:
    others = sorted(set(faults) - {COMPANY})
    if not others:
        return
    rule = STRUCTURAL["responsibility_without_fault"]
    why = f"{rule.why} (incident.fault admits {', '.join(others)}): judge it before the draw"
    better = text.language.better.get("responsibility_without_fault", "")
    for start, end in (*_owned(text), *_tagged(text, tagged, "responsibility")):
        yield text.flaw("responsibility_without_fault", rule.severity, start, end, why, better)
        return


def _owned(text: Read) -> Iterator[tuple[int, int]]:
    for sentence in text.sentences:
        if found := earliest(text.cue("responsibility"), sentence.lower):
            yield sentence.start + found.start(), sentence.start + found.end()


def _tagged(text: Read, tagged: Letter | None, part: str) -> Iterator[tuple[int, int]]:
    """Where the tagged parts of that name stand, in the normal text."""
    for name, start, end in _places(text, tagged):
        if name == part:
            yield start, end


def _places(text: Read, tagged: Letter | None) -> Iterator[tuple[str, int, int]]:
    """The tagged parts of a letter, each with its place in the normal text."""
    begins = text.normal.begins
    for spoken, (start, end) in zip(tagged.parts, tagged.spans, strict=True) if tagged else ():
        inside = [i for i, place in enumerate(begins) if start <= place < end]
        if spoken.part is not None and inside:
            yield spoken.part, inside[0], inside[-1] + 1


def _formality(text: Read, form: str) -> Iterator[Flaw]:
    """The first words of each sentence that address the customer in another form."""
    rule = STRUCTURAL["formality"]
    for sentence in text.sentences:
        if found := earliest(text.language.formalities.get(form, ()), sentence.lower):
            start, end = sentence.start + found.start(), sentence.start + found.end()
            better = text.language.better.get("formality", form)
            yield text.flaw("formality", rule.severity, start, end, f"{rule.why}: {form}", better)


def _order(text: Read, tagged: Letter | None) -> Iterator[Flaw]:
    """The first tagged part that stands after one which the language expects behind it."""
    expected = text.language.order if text.language.strict_order else ()
    latest = -1
    for part, start, end in _places(text, tagged):
        if part not in expected:
            continue
        if expected.index(part) < latest:
            rule = STRUCTURAL["order"]
            why = f"{rule.why} ({part} before {expected[latest]})"
            yield text.flaw("order", rule.severity, start, end, why, " → ".join(expected))
            return
        latest = expected.index(part)
