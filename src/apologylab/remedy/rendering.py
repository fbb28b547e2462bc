"""Fragments of text with placeholders, rendered without trusting either text or data.

A fragment is Jinja2, but only after a walk over its syntax tree that admits text, declared
placeholders, a few filters and ``if``. The result is **plain text**, so nothing is escaped for a
markup language; what comes from data loses control characters, direction overrides, braces and
angle brackets, so that it can be neither template nor tag wherever the text goes next. An HTML
part, where a channel makes one, is escaped there.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SOURCE_CHARACTERS = 4_000
TEXT_CHARACTERS = 8_000
VALUE_CHARACTERS = 200
NESTING = 20
"""Levels of a fragment's syntax tree; each ``if`` and each operator is one."""
ADMITTED = "write text, {{ placeholder }}, {{ placeholder|filter }} and {% if placeholder %}"
ADMITTED_FILTERS = ("capitalize", "default", "lower", "title", "trim", "upper")
_COMPARISONS = ("eq", "ne", "gt", "gteq", "lt", "lteq")
_PLAIN = (nodes.Template, nodes.Output, nodes.If, nodes.Operand, nodes.And, nodes.Or, nodes.Not)
_RESERVED = ("self", "super")
_SOURCE_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DATA: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029{}<>\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SAFE: Final[Mapping[str, str]] = {"{": "(", "}": ")", "<": "\u2039", ">": "\u203a"}
_DROPPED: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def neutral(value: object) -> str:
    """``value`` as text that can be neither template nor tag.

    Braces become parentheses, angle brackets become quotation marks, control characters spaces;
    direction overrides go; letters of any script, joiners and emoji stay.

    >>> neutral("Zo\\u0065\\u0308 {{ 7*7 }}")
    'Zoë (( 7*7 ))'
    """
    text = str(value)
    if not text.isascii():
        text = normalize("NFC", text)
    return _DATA.sub(_neutral_character, text)


def _neutral_character(found: re.Match[str]) -> str:
    character = found[0]
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return "" if character in _DROPPED else _SAFE.get(character, " ")


def unusable(value: object) -> str | None:
    """Why ``value`` cannot fill a placeholder, or None.

    >>> unusable(12), unusable([12])
    (None, 'is neither text nor a number')
    """
    if isinstance(value, str):
        long = len(value) > VALUE_CHARACTERS
        return f"is longer than {VALUE_CHARACTERS} characters" if long else None
    if not isinstance(value, int | float):
        return "is neither text nor a number"
    return None if math.isfinite(value) else "is not a finite number"


def is_filled(value: object) -> bool:
    """Whether ``value`` is anything but nothing or blank text."""
    return value is not None and not (isinstance(value, str) and not value.strip())


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """A fragment that passed the walk.

    ``uses``: the placeholders it names; ``needs``: those without which it cannot be rendered.
    """

    where: str
    uses: frozenset[str]
    needs: frozenset[str]
    fill: Callable[[Mapping[str, object]], str]

    def render(self, values: Mapping[str, object]) -> str:
        """The text with ``values`` filled in, composed (NFC), without space around it.

        Raises:
            InputError: a value is missing or does not fit its use.
        """
        try:
            text = self.fill(values)
        except (TemplateError, TypeError) as wrong:
            raise InputError(
                f"{self.where} cannot be rendered: {wrong}", do="give a default or ask with `if`"
            ) from None
        return normalize("NFC", text).strip()


def compile_fragment(
    source: str,
    *,
    where: str,
    placeholders: tuple[str, ...],
    amend: Callable[[str], str] | None = None,
) -> Fragment:
    """Compile ``source``, the text of the file ``where``; ``amend`` rewrites its words first.

    >>> hello = compile_fragment("Sorry, {{ name|title }}.", where="a.txt", placeholders=("name",))
    >>> hello.render({"name": "ann"})
    'Sorry, Ann.'

    Raises:
        InputError: it is not a fragment: says where and what to do.
    """
    tree = _parse(checked_source(source, where), where)
    if amend is not None:
        for words in tree.find_all(nodes.TemplateData):
            words.data = amend(words.data)
    for node, depth in _walk(tree):
        if refused := _refusal(node, placeholders) or _too_deep(depth):
            what, do = refused
            raise InputError(f"{where}, line {getattr(node, 'lineno', 1)}: {what}", do=do)
    uses = frozenset(name.name for name in tree.find_all(nodes.Name))
    return Fragment(
        where=where,
        uses=uses,
        needs=frozenset(_needs(tree, frozenset())),
        fill=_filler(tree, where, is_constant=not uses),
    )


def _filler(
    tree: nodes.Template, where: str, *, is_constant: bool
) -> Callable[[Mapping[str, object]], str]:
    try:
        template = _environment().from_string(tree)
        text = template.render() if is_constant else ""
    except (TemplateError, SyntaxError, TypeError, RecursionError) as wrong:
        raise InputError(f"{where} cannot be compiled: {wrong}", do="make it simpler") from None
    return (lambda _: text) if is_constant else template.render


def checked_source(source: str, where: str) -> str:
    """``source`` composed (NFC), with plain line ends.

    Raises:
        InputError: it is empty, too long, or holds control characters.
    """
    text = normalize("NFC", source.removeprefix("\ufeff").replace("\r\n", "\n"))
    if len(text) > SOURCE_CHARACTERS:
        raise InputError(
            f"{where} has {len(text)} characters", do=f"at most {SOURCE_CHARACTERS} are read"
        )
    if bad := _SOURCE_CONTROLS.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise InputError(
            f"{where}, line {line}: control character U+{ord(bad[0]):04X}", do="take it out"
        )
    if not text.strip():
        raise InputError(f"{where} is empty", do="write the text, or call the level `none`")
    return text


def _parse(source: str, where: str) -> nodes.Template:
    try:
        return _environment().parse(source)
    except TemplateError as wrong:
        line = getattr(wrong, "lineno", 1)
        raise InputError(f"{where}, line {line}: {wrong.message}", do=ADMITTED) from None
    except RecursionError:
        raise InputError(f"{where} nests too deeply", do="make it simpler") from None


class _Missing(StrictUndefined):
    """A placeholder without a value: false when asked for, an error when printed."""

    def __bool__(self) -> bool:  # type: ignore[override]  # StrictUndefined never returns
        return False


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        autoescape=False, undefined=_Missing, finalize=_filled, trim_blocks=True, lstrip_blocks=True
    )
    made.globals.clear()
    made.tests.clear()
    made.filters = {name: FILTERS[name] for name in ADMITTED_FILTERS}
    return made


def _filled(value: object) -> object:
    return value if isinstance(value, Undefined) else neutral(value)


def _walk(node: nodes.Node, depth: int = 0) -> Iterator[tuple[nodes.Node, int]]:
    yield node, depth
    if depth <= NESTING:
        for child in node.iter_child_nodes():
            yield from _walk(child, depth + 1)


def _too_deep(depth: int) -> tuple[str, str] | None:
    return (f"nests deeper than {NESTING}", "make it simpler") if depth > NESTING else None


def _refusal(node: nodes.Node, placeholders: tuple[str, ...]) -> tuple[str, str] | None:
    """Why ``node`` is not admitted and what to do, or None."""
    if isinstance(node, nodes.TemplateData):
        return _refuse_text(node.data)
    if isinstance(node, nodes.Name):
        return _refuse_name(node, placeholders)
    if isinstance(node, nodes.Filter):
        return _refuse_filter(node)
    refused = f"{type(node).__name__} is not admitted in a message", ADMITTED
    return None if _is_plain(node) else refused


def _is_plain(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Compare):
        return all(operand.op in _COMPARISONS for operand in node.ops)
    if isinstance(node, nodes.Const):
        return isinstance(node.value, str | int | float)
    return isinstance(node, _PLAIN)


def _refuse_text(text: str) -> tuple[str, str] | None:
    if "{" in text or "}" in text:
        return "a brace in the text", "close the placeholder, or leave the brace out"
    return None


def _refuse_name(node: nodes.Name, placeholders: tuple[str, ...]) -> tuple[str, str] | None:
    if node.ctx == "load" and node.name in placeholders and node.name not in _RESERVED:
        return None
    known = ", ".join(placeholders) or "none"
    return (
        f"{node.name} is not a declared placeholder",
        f"declare it in messages.placeholders or use one of them: {known}",
    )


def _refuse_filter(node: nodes.Filter) -> tuple[str, str] | None:
    known = f"use one of {', '.join(ADMITTED_FILTERS)}"
    if node.name not in ADMITTED_FILTERS or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return f"filter {node.name} is not admitted", known
    constants = len(node.args) == 1 and isinstance(node.args[0], nodes.Const)
    if node.name == "default" and not constants:
        return "default without a text", 'write default("there")'
    if node.name != "default" and node.args:
        return f"filter {node.name} takes nothing here", f"write |{node.name}"
    return None


def _needs(node: nodes.Node, guarded: frozenset[str]) -> Iterator[str]:
    """Placeholders that are printed or compared without ``if`` or ``default`` around them."""
    match node:
        case nodes.Name():
            yield from () if node.name in guarded else (node.name,)
        case nodes.Filter(name="default", node=nodes.Name()):
            return
        case nodes.If():
            asked = _asked(node.test)
            yield from _needs_of_test(node.test, guarded)
            yield from _needs_of_all(node.body, guarded | asked)
            yield from _needs_of_all([*node.elif_, *node.else_], guarded)
        case _:
            yield from _needs_of_all(list(node.iter_child_nodes()), guarded)


def _needs_of_all(found: list[nodes.Node], guarded: frozenset[str]) -> Iterator[str]:
    for node in found:
        yield from _needs(node, guarded)


def _asked(test: nodes.Node) -> frozenset[str]:
    """Placeholders that are filled wherever ``test`` holds."""
    if isinstance(test, nodes.And):
        return _asked(test.left) | _asked(test.right)
    return frozenset({test.name}) if isinstance(test, nodes.Name) else frozenset()


def _needs_of_test(test: nodes.Node, guarded: frozenset[str]) -> Iterator[str]:
    """As :func:`_needs`, but a bare placeholder only asks whether it is filled."""
    match test:
        case nodes.Name():
            return
        case nodes.Not():
            yield from _needs_of_test(test.node, guarded)
        case nodes.And():
            yield from _needs_of_test(test.left, guarded)
            yield from _needs_of_test(test.right, guarded | _asked(test.left))
        case nodes.Or():
            yield from _needs_of_test(test.left, guarded)
            yield from _needs_of_test(test.right, guarded)
        case _:
            yield from _needs(test, guarded)
