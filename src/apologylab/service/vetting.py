"""Rows of a file that a company's taxonomy cannot mean are refused, each with its reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from apologylab.record.columns import columns
from apologylab.record.facts import Incident
from apologylab.record.later_facts import Complaint
from apologylab.record.taxonomy import OPENED, STANDARD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apologylab.record.facts import Fact
    from apologylab.record.integrity import Understood
    from apologylab.record.taxonomy import Taxonomy

    Row = tuple[object, ...]
_LONGEST: Final = 255 - len(OPENED)
"""Characters of a complaint's key: an incident that it opens is called by it."""
_STANDARD: Final = frozenset(STANDARD)


def vetted(
    kind: type[Fact], understood: Understood, taxonomy: Taxonomy, *, currency: str | None
) -> Understood:
    """``understood`` without the incidents and complaints that the taxonomy refuses."""
    rule = _rule(kind, taxonomy, currency or "")
    if rule is None:
        return understood
    wrong = {at: why for at, row in enumerate(understood.rows) if (why := rule(row))}
    if not wrong:
        return understood
    good = [at for at in range(len(understood.rows)) if at not in wrong]
    refused = {understood.places[at]: "; ".join(why) for at, why in wrong.items()}
    return replace(
        understood,
        rows=[understood.rows[at] for at in good],
        places=[understood.places[at] for at in good],
        problems={**understood.problems, **refused},
    )


def _rule(kind: type[Fact], taxonomy: Taxonomy, currency: str) -> Callable[[Row], list[str]] | None:
    names = [column.name for column in columns(kind)]
    if kind is Complaint:
        return lambda row: _complaint(dict(zip(names, row, strict=True)), taxonomy)
    if kind is not Incident:
        return None
    key, fields = names.index("key"), names.index("fields")

    def incident(row: Sequence[Any]) -> list[str]:
        said: Mapping[str, object] = row[fields]
        wrong = [] if _STANDARD.isdisjoint(said) else taxonomy.wrong(said, currency=currency)
        if row[key].startswith(OPENED):
            wrong.append(f"key begins with {OPENED!r}, as those that complaints open do")
        return wrong

    return incident


def _complaint(said: Mapping[str, object], taxonomy: Taxonomy) -> list[str]:
    wrong = taxonomy.wrong_complaint(said)
    if len(str(said["key"])) > _LONGEST:
        wrong.append(f"key has {len(str(said['key']))} characters: write at most {_LONGEST}")
    return wrong
