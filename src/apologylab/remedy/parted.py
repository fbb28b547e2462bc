"""A fragment compiled part by part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from apologylab.errors import InputError
from apologylab.remedy.rendering import checked_source, compile_fragment
from apologylab.remedy.tags import FRAME, pieces

if TYPE_CHECKING:
    from collections.abc import Callable

    from apologylab.remedy.rendering import Fragment

    Amend = Callable[[str], str]


class Section(NamedTuple):
    """One part of a fragment, compiled; see :class:`apologylab.remedy.tags.Piece`."""

    tag: str | None
    fragment: Fragment
    joins: bool


@dataclass(frozen=True, kw_only=True)
class Parted:
    """A fragment that passed the walk; ``uses`` and ``needs`` are those of all its sections."""

    sections: tuple[Section, ...]
    uses: frozenset[str]
    needs: frozenset[str]

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags in order; empty for a fragment without."""
        return tuple(each.tag for each in self.sections if each.tag is not None)


def compile_parted(
    source: str,
    *,
    where: str,
    placeholders: tuple[str, ...],
    untagged: str | None = None,
    amend: Amend | None = None,
) -> Parted:
    r"""Compile ``source``, the text of the file ``where``.

    ``untagged`` is the tag of a text without tags. ``amend`` rewrites the words of the fragment,
    never what data brings.

    >>> found = compile_parted("[regret]\nSorry.", where="a.txt", placeholders=())
    >>> found.tags, found.sections[0].fragment.render({})
    (('regret',), 'Sorry.')

    Raises:
        InputError: it is not a fragment: says where and what to do.
    """
    found = pieces(checked_source(source, where), where=where)
    _refuse_repeated([each.tag for each in found], where)
    sections = tuple(
        Section(
            each.tag or untagged,
            compile_fragment(each.text, where=where, placeholders=placeholders, amend=amend),
            each.joins and number > 0,
        )
        for number, each in enumerate(found)
    )
    return Parted(
        sections=sections,
        uses=frozenset().union(*(each.fragment.uses for each in sections)),
        needs=frozenset().union(*(each.fragment.needs for each in sections)),
    )


def _refuse_repeated(tags: list[str | None], where: str) -> None:
    twice = [tag for tag, often in Counter(tags).items() if tag in FRAME and often > 1]
    if twice:
        raise InputError(f"{where}: [{twice[0]}] stands there twice", do="make them one")
