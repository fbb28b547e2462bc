"""Draw a scheme's units again from the facts, in the order of their commits (R3).

Each answer must be the one that the answers before it give: a place in a block, a coin that the
counts bent, a cluster's one arm. A row that was changed, added or lost by hand shows here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from apologylab.assignment.strata import split
from apologylab.record.facts import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from apologylab.service.ports import Ledger
    from apologylab.service.running import Running

Answer = tuple[str, int | None, float | None]
"""Arm, block and propensity."""


def drawn_again(ledger: Ledger, running: Running) -> Iterator[str]:
    """What stands otherwise than the scheme draws it; nothing where units are drawn alone."""
    experiment = running.experiment
    if experiment.unit == "cluster":
        yield from _torn(ledger, running)
    elif experiment.allocation.scheme in _AGAIN:
        draw = _AGAIN[experiment.allocation.scheme](running)
        for stored in _of(ledger, running):
            if stored.first and _answer(stored) != (given := draw(stored)):
                yield f"{stored.key} stands in {_said(_answer(stored))}, drawn is {_said(given)}"


def _of(ledger: Ledger, running: Running) -> Iterator[Assignment]:
    """The answers of the version that runs, in commit order."""
    version = running.experiment.version
    return ledger.read(Assignment, experiment=running.name, version=version, reason="RANDOMISED")


def _answer(stored: Assignment) -> Answer:
    return stored.arm, stored.block, stored.propensity


def _said(answer: Answer) -> str:
    arm, block, propensity = answer
    return f"{arm} with {propensity:g}" + ("" if block is None else f", block {block}")


def _blocks(running: Running) -> Callable[[Assignment], Answer]:
    before: Counter[tuple[int, str]] = Counter()

    def draw(stored: Assignment) -> Answer:
        stratum, where = stored.stratum or "", (stored.phase, stored.stratum or "")
        placing = running.assigner.placing(stored.phase)
        place, answer = placing.in_block(stored.unit, stratum, before[where])
        before[where] += 1
        return answer.arm, place.block, answer.propensity

    return draw


def _minimisation(running: Running) -> Callable[[Assignment], Answer]:
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)

    def draw(stored: Assignment) -> Answer:
        alike = [counts[stored.phase, level] for level in split(stored.stratum or "")]
        answer = running.assigner.placing(stored.phase).by_coin(stored.unit, alike)
        for level in alike:
            level[stored.arm] += 1
        return answer.arm, None, answer.propensity

    return draw


_AGAIN: Mapping[str, Callable[[Running], Callable[[Assignment], Answer]]] = {
    "blocks": _blocks,
    "minimisation": _minimisation,
}


def _torn(ledger: Ledger, running: Running) -> Iterator[str]:
    """Clusters whose customers did not all get what the first of them got."""
    drawn: dict[str, tuple[str, float | None]] = {}
    for stored in _of(ledger, running):
        first = drawn.setdefault(stored.unit, (stored.arm, stored.propensity))
        if first != (stored.arm, stored.propensity):
            yield f"{stored.key} stands in {stored.arm}, its cluster {stored.unit} in {first[0]}"
