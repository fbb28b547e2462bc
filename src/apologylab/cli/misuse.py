"""A command line that cannot be understood, in the words of our other errors: what, and what to do.

Typer brings its own classes for this and keeps them private, so they are known by name; one that
is not known is told in Typer's words.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    Told = tuple[str, str]

_GIVEN: Final = re.compile(r"extra argument.*? \((?P<given>.*)\)$", re.DOTALL)
_CHOICES: Final = re.compile(r"is not one of (?P<choices>.*?)\.?$", re.DOTALL)


def told(misuse: Exception, args: Sequence[str], commands: Collection[str]) -> str:
    """What is wrong with ``args`` and what to do next, on one line.

    ``misuse`` is Typer's error; ``commands`` are the names of ours.
    """
    help_ = f"see `{_path(misuse, args, commands)} --help`"
    if args and args[0] not in commands and not args[0].startswith("-"):
        near = get_close_matches(args[0], commands, n=2)
        what = f"there is no command {args[0]!r}"
        return f"{what}: {_did_you_mean(near) if near else help_}"
    what, do = _TOLD.get(type(misuse).__name__, _plain)(misuse)
    if do.endswith("?"):
        return f"{what}: {do}"
    return f"{what}: {do}; {help_}" if do else f"{what}: {help_}"


def _path(misuse: Any, args: Sequence[str], commands: Collection[str]) -> str:
    """The command that was meant; some errors come without it."""
    if getattr(misuse, "ctx", None) is not None:
        return str(misuse.ctx.command_path)
    return " ".join(["apologylab", *(each for each in args[:1] if each in commands)])


def _did_you_mean(near: Sequence[str]) -> str:
    return f"did you mean {' or '.join(near)}?"


def _no_such_option(misuse: Any) -> Told:
    near = sorted(misuse.possibilities or ())
    return f"there is no option {misuse.option_name}", _did_you_mean(near) if near else ""


def _missing(misuse: Any) -> Told:
    return f"{_name(misuse)} is missing", "write it"


def _bad_use_of_option(misuse: Any) -> Told:
    if "does not take" in misuse.message:
        return f"{misuse.option_name} takes no value", "write it alone"
    return f"{misuse.option_name} has no value", "write one after it"


def _bad_value(misuse: Any) -> Told:
    """What was written for an option or an argument, and what it must be."""
    found = misuse.__cause__.errors()[0] if hasattr(misuse.__cause__, "errors") else {}
    if misuse.param is None or "input" not in found:
        return _plain(misuse)
    what = f"{_name(misuse)} is {found['input']!r}"
    if choices := _CHOICES.search(misuse.message):
        return what, f"write one of {choices['choices'].replace(chr(39), '')}"
    must = misuse.message.partition(", unable")[0].removeprefix("Input should be ")
    must = must.replace("valid integer", "whole number")
    return what, f"write {'a number ' if must.startswith(('greater', 'less')) else ''}{must}"


def _plain(misuse: Any) -> Told:
    """In Typer's words, but what was too much is named."""
    message = str(getattr(misuse, "message", misuse))
    if extra := _GIVEN.search(message):
        return f"there is too much: {extra['given']}", "leave it out, or quote what has spaces"
    return f"{message[:1].lower()}{message[1:]}".removesuffix("."), ""


def _name(misuse: Any) -> str:
    """An option's longest name, an argument as its help calls it."""
    param = misuse.param
    options = [each for each in param.opts if each.startswith("-")]
    return max(options, key=len) if options else str(param.name)


_TOLD: Final[dict[str, Callable[[Any], Told]]] = {
    "NoSuchOption": _no_such_option,
    "MissingParameter": _missing,
    "BadOptionUsage": _bad_use_of_option,
    "BadParameter": _bad_value,
}
