"""What every experiment measures beside its plan, in rows and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.design.money import exponent
from apologylab.inference.table import aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apologylab.service.beside import Beside, OfArm

TITLE: Final = "Beside the plan: described, not tested"


class Row(NamedTuple):
    """One thing that is measured: what, and its text for each arm."""

    what: str
    of_arms: tuple[str, ...]


def rows(found: Beside) -> list[Row]:
    """What there is to tell, a row each; of agents, replies and fault only where there are any."""
    return [
        Row(what, tuple(tell(each) for each in found.arms))
        for what, tell, needed in _told(found)
        if needed is None or any(needed(each) for each in found.arms)
    ]


def as_text(found: Beside) -> str:
    """An arm a line, for a terminal."""
    columns = rows(found)
    table = [
        ("", *(each.what for each in columns)),
        *((arm.arm, *(each.of_arms[at] for each in columns)) for at, arm in enumerate(found.arms)),
    ]
    lines = [f"  {line}" for line in aligned(table, left=1)]
    return "\n".join([f"{TITLE} (first {found.days} days)", *lines, *sentences(found)])


def pooled_rows(found: Beside) -> list[tuple[str, str]]:
    """All arms together in a few lines, for a running experiment: it contrasts nothing (R31)."""
    (each,) = found.arms
    more = [
        ("came back", f"{_share(each.reopened, each)} after it was resolved", each.reopened),
        ("agents", f"said, changed, skipped: {_agents(each)}", each.said + each.changed),
        ("fault", _fault(each), len(each.fault)),
    ]
    told, given = _mean(each.contacts, each), _mean(each.goodwill, each, exponent(found.currency))
    shares = f"{_share(each.gifts, each)} given any, {_share(each.refunded, each)} refunded"
    return [
        ("contacts", f"{told} a unit, {_share(each.contacted, each)} in touch"),
        ("goodwill", f"{given} {found.currency} a unit, {shares}"),
        *((what, text) for what, text, needed in more if needed),
    ]


def sentences(found: Beside) -> list[str]:
    """How often silence was silent, and what the numbers lack."""
    return [*_silence(found), *_limits(found)]


def _silence(found: Beside) -> Iterator[str]:
    arm = found.silence
    if arm is None:
        return
    if not arm.spoken.units:
        yield f"Silence was silent: nothing reached any of its {arm.units:,} units."
        return
    broken = {
        "goodwill": arm.spoken.goodwill,
        "of it a refund": arm.spoken.refund,
        "a message or call from us": arm.spoken.contact,
        "an agent's words": arm.spoken.agent,
    }
    told = ", ".join(f"{what} {n:,}" for what, n in broken.items() if n)
    share = arm.spoken.units / arm.units
    yield (
        f"Silence was not silent for {arm.spoken.units:,} of {arm.units:,} units ({share:.1%}): "
        f"{told}. Effects against it are against what was really given."
    )


def _limits(found: Beside) -> Iterator[str]:
    if found.foreign:
        yield (
            f"{found.foreign:,} gifts of goodwill are in other currencies than "
            f"{found.currency}: they are counted, and their amounts left out."
        )
    for kind in found.lacking:
        yield f"The feed {kind!r} was never declared complete: there may be more."


def _told(found: Beside) -> list[tuple[str, Callable[[OfArm], str], Callable[[OfArm], int] | None]]:
    """What, how it is told of one arm, and what some arm must have for it to be told."""
    money = found.currency
    return [
        ("units", lambda each: f"{each.units:,}", None),
        ("contacts a unit", lambda each: _mean(each.contacts, each), None),
        ("in touch", lambda each: _share(each.contacted, each), None),
        (f"goodwill a unit, {money}", lambda e: _mean(e.goodwill, e, exponent(money)), None),
        ("given goodwill", lambda each: _share(each.gifts, each), None),
        ("refunded", lambda each: _share(each.refunded, each), None),
        ("came back", lambda e: _share(e.reopened, e), lambda e: e.reopened),
        ("from us", lambda each: f"{each.written:,}", lambda e: e.written),
        ("agents said / changed / skipped", _agents, lambda e: e.said + e.changed + e.skipped),
        ("fault, as known now", _fault, lambda each: len(each.fault)),
    ]


def _mean(total: float, each: OfArm, digits: int = 3) -> str:
    return f"{total / each.units:.{digits}f}" if each.units else "-"


def _share(n: int, each: OfArm) -> str:
    return f"{n / each.units:.1%}" if each.units else "-"


def _agents(each: OfArm) -> str:
    return f"{each.said:,} / {each.changed:,} / {each.skipped:,}"


def _fault(each: OfArm) -> str:
    return ", ".join(f"{by.replace('_', ' ')} {n:,}" for by, n in each.fault.items()) or "-"
