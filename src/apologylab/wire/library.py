"""The starter library as it is read: what a text says when it is filled, and the JSON of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

from apologylab.design.remedies import Part
from apologylab.remedy.rendering import compile_fragment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.remedy.starter import Cause, Starter

Said = Literal["first", "again", "late"]
"""In the first apology, in the second, or in the notice that a promise may be missed."""


class Line(NamedTuple):
    """One text of the library; ``part`` may also be subject or greeting."""

    part: str
    said: Said
    cost: str
    locale: str
    source: str
    example: str


def lines(starter: Starter) -> Iterator[Line]:
    """Its texts: subject, greeting, each part and what it is in the second apology, the notice."""
    yield _line(starter, "subject", "first", starter.subject)
    yield _line(starter, "greeting", "first", starter.greeting)
    for part in get_args(Part):
        yield _line(starter, part, "first", starter.parts[part])
        if part in starter.again:
            yield _line(starter, part, "again", starter.again[part])
    for part, text in starter.late.items():
        yield _line(starter, part, "late", text)


def _line(starter: Starter, part: str, said: Said, source: str) -> Line:
    cost = starter.cause.cost(cast("Part", part))
    return Line(part, said, cost, starter.locale, source, _example(source, starter.cause))


def _example(source: str, cause: Cause) -> str:
    """The text, each placeholder filled with its own name in quotation marks."""
    compiled = compile_fragment(source, where="library", placeholders=cause.placeholders)
    return compiled.render({name: f"«{name}»" for name in cause.placeholders})


def causes_document(causes: Sequence[Cause], locales: Sequence[str]) -> dict[str, Any]:
    """What ``library --json`` prints."""
    return {
        "format": "apologylab.library/1",
        "locales": list(locales),
        "parts": list(get_args(Part)),
        "causes": [
            {
                "cause": each.name,
                "about": each.about,
                "placeholders": list(each.placeholders),
                "promise": {
                    "what": each.promise.what,
                    "within": each.promise.within,
                    "notice": each.promise.notice,
                },
            }
            for each in causes
        ],
    }


def texts_document(starters: Sequence[Starter]) -> dict[str, Any]:
    """What ``library CAUSE --json`` prints: ``text`` is the source, ``example`` how it reads."""
    return {
        "format": "apologylab.library_texts/1",
        "cause": starters[0].cause.name,
        "placeholders": list(starters[0].cause.placeholders),
        "texts": [
            {
                "locale": line.locale,
                "part": line.part,
                "said": line.said,
                "cost": line.cost,
                "text": line.source,
                "example": line.example,
            }
            for each in starters
            for line in lines(each)
        ],
    }
