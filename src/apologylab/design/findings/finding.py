"""A mistake in a declaration, and how a rule that looks for one is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal

from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

Part = str | int
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Unreadable(Exception):  # noqa: N818 - it is caught where rules run and is nobody's error
    """A rule touched a leaf that could not be read; the reader has reported it already."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake: where, what is wrong with which value, and what to do.

    ``related`` names other paths that the finding was concluded from: while one of them cannot be
    read, the rule is silent. A path there stands for all that lies below it too. ``file``, seen
    from the experiment's folder, is where ``line`` counts if not in the declaration; ``detail`` is
    what to look at, such as a diff.
    """

    path: str
    line: int | None = None
    value: object = None
    what: str
    do: str
    severity: Literal["error", "warning"] = "error"
    related: tuple[str, ...] = ()
    file: str | None = None
    detail: str = ""


def at(*parts: Part) -> str:
    """Write a TOML path.

    >>> at("outcomes", 0, "window_days"), at("arms", "names", "none+usd5@1h")
    ('outcomes[0].window_days', 'arms.names."none+usd5@1h"')
    """
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            quoted = part if _BARE.fullmatch(part) else '"' + part.replace('"', '\\"') + '"'
            text += f".{quoted}" if text else quoted
    return text


Rule = Callable[["Experiment"], Iterable[Finding]]
"""Looks at a whole declaration and yields what it finds."""
ItemRule = Callable[["Experiment", str, Any], Iterable[Finding]]
"""Looks at one entry of a list or table, which stands at a path."""
Entries = Sequence[Any] | Mapping[str, Any]


def run(rule: Rule, experiment: Experiment) -> Iterator[Finding]:
    """What ``rule`` finds before it meets a value that could not be read, or that it cannot parse.

    A value that parses for no rule (a delay ``soon``) has a rule of its own that reports it.
    """
    try:
        yield from rule(experiment)
    except (Unreadable, InputError):
        return


def readable(entries: Entries, *path: Part) -> Iterator[tuple[str, Any]]:
    """The entries of a list or table that can be read, each with its path."""
    keys: Iterable[Any] = entries if isinstance(entries, Mapping) else range(len(entries))
    for key in keys:
        try:
            entry = entries[key]
        except Unreadable:
            continue
        yield at(*path, key), entry


def each(entries: Callable[[Experiment], Entries], *path: Part) -> Callable[[ItemRule], Rule]:
    """Make a rule about one entry a rule about all; an unreadable entry stops no other."""

    def over(rule: ItemRule) -> Rule:
        @wraps(rule)
        def run_each(experiment: Experiment) -> Iterator[Finding]:
            for place, entry in readable(entries(experiment), *path):
                yield from run(partial(_on_entry, rule, place, entry), experiment)

        return run_each

    return over


def _on_entry(rule: ItemRule, place: str, entry: Any, experiment: Experiment) -> Iterable[Finding]:
    return rule(experiment, place, entry)


def fields_of(entries: Entries, name: str, *path: Part) -> Iterator[tuple[str, Any]]:
    """The field ``name`` of each entry where it can be read, with its path."""
    for place, entry in readable(entries, *path):
        try:
            value = getattr(entry, name)
        except Unreadable:
            continue
        yield f"{place}.{name}", value
