"""The starter library as it is read: what a text says when it is filled, and the JSON of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from apologylab.design.remedies import Part
from apologylab.remedy.rendering import compile_fragment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.remedy.starter import Cause, Starter

AGAIN = "again"


class Line(NamedTuple):
    """One text of the library: ``name`` is its part, behind it ``again`` in a second apology."""

    name: str
    cost: str
    locale: str
    source: str
    example: str


def lines(starter: Starter) -> Iterator[Line]:
    """Its texts: subject, greeting, the parts in the order of the glossary, the second apology."""
    cause = starter.cause
    yield _line(starter, "subject", "none", starter.subject)
    yield _line(starter, "greeting", "none", starter.greeting)
    for part in get_args(Part):
        yield _line(starter, part, cause.cost(part), starter.parts[part])
        if part in starter.again:
            yield _line(starter, f"{part} {AGAIN}", cause.cost(part), starter.again[part])


def _line(starter: Starter, name: str, cost: str, source: str) -> Line:
    return Line(name, cost, starter.locale, source, _example(source, starter.cause))


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
                "part": line.name.removesuffix(f" {AGAIN}"),
                "second_apology": line.name.endswith(f" {AGAIN}"),
                "cost": line.cost,
                "text": line.source,
                "example": line.example,
            }
            for each in starters
            for line in lines(each)
        ],
    }
