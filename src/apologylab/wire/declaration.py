"""The declaration: TOML text in, an ``Experiment`` or all its mistakes out.

Without mistakes only the standard library is needed (the assignment path reads declarations);
lines come from :mod:`apologylab.wire.positions`, imported when there is a finding to place.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from typing import cast

from apologylab.design.experiment import Experiment
from apologylab.design.findings import Finding, findings, mistakes
from apologylab.errors import DeclarationError
from apologylab.wire.shape import read_table

_LAST = re.compile(r'(.*?)(?:\[\d+\]|\.?"(?:[^"\\]|\\.)*"|\.?[A-Za-z0-9_-]+)')
"""A path, split before its last part."""


def read(text: str, *, where: str) -> Experiment:
    """Read a declaration; ``where`` names it in the error.

    Raises:
        DeclarationError: it has mistakes; all of them are in ``findings``.
    """
    experiment, found = examine(text)
    if experiment is None:
        raise mistakes(where, found)
    return experiment


def check(text: str, *, where: str) -> tuple[Finding, ...]:
    """All findings, errors and warnings, in the order of their lines."""
    del where
    return examine(text)[1]


def examine(text: str) -> tuple[Experiment | None, tuple[Finding, ...]]:
    """The experiment, unless there are errors, and all findings with their lines."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, (syntax(error, text),)
    draft, shape = read_table(Experiment, document)
    if shape:
        return None, placed((*shape, *findings(cast(Experiment, draft))), text)
    try:
        experiment = cast(Experiment, draft.build())
    except DeclarationError as error:
        return None, placed(error.findings, text)
    return experiment, placed(findings(experiment), text)


def syntax(error: tomllib.TOMLDecodeError, text: str) -> Finding:
    """The finding for a text that is not TOML."""
    place = re.search(r" \(at line (\d+), column \d+\)", str(error))
    what = str(error).replace(place[0], "") if place else str(error)
    line = int(place[1]) if place else len(text.splitlines())
    return Finding(path="", line=line, what=f"is not TOML: {what}", do="mend this line first")


def placed(found: tuple[Finding, ...], text: str) -> tuple[Finding, ...]:
    """``found`` with the lines of their paths in ``text``, sorted by them; other files last."""
    if not found:
        return ()
    from apologylab.wire.positions import positions

    lines = positions(text)
    placed = [each if each.file else replace(each, line=_line(each.path, lines)) for each in found]
    return tuple(sorted(placed, key=lambda each: (each.file or "", each.line or 0)))


def _line(path: str, lines: dict[str, int]) -> int | None:
    """The line of a path, or of the nearest table around it; None for a path in another file."""
    while path and path not in lines:
        found = _LAST.fullmatch(path)
        if found is None:
            return None
        path = found[1]
    return lines.get(path, 1)
