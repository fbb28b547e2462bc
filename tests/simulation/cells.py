"""Worlds and cases for the table of coverage and size: ``tools/coverage.py``, docs/coverage.md.

A *case* is an interval, a test, or both; a *world* is where its units come from; a *cell* is one
case in one world. A case's ``trial`` draws one experiment, and says whether the interval held the
truth and whether the test called a true null false.

    from cells import Case, Trial, Units, World, two_arms

Cases stand in ``tests/simulation/cases/<topic>.py`` as ``CASES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
REPLICATIONS = 10_000
LEAST = 500
"""Trials of a cell that is broken off, at least."""
UNSAFE = 0.93
"""Coverage of a 95% interval below which a cell is unsafe."""
FOLDER = Path(__file__).parent / "cases"


class Units(NamedTuple):
    """``n`` enrolled units: outcome without and with the remedy, and a covariate from before."""

    untreated: Floats
    treated: Floats
    covariate: Floats


class World(NamedTuple):
    """Where units come from.

    ``reference`` and ``treatment`` are units an arm; arms beyond two are as large as
    ``treatment``. ``mean`` and ``sd`` are those of the outcome without the remedy; ``effect`` is
    the remedy's on the mean, over the population that units are drawn from; it is the mean of
    ``treated - untreated`` over the units drawn, up to sampling. ``units`` draws any number.
    """

    name: str
    says: str
    reference: int
    treatment: int
    mean: float
    sd: float
    effect: float
    units: Callable[[np.random.Generator, int], Units]


class Trial(NamedTuple):
    """One replication; None where the case has no interval, or no test."""

    covered: bool | None
    rejected: bool | None


class Case(NamedTuple):
    """An interval or a test, or both, at level 0.95 and size 0.05.

    Attributes:
        name: as the registry spells it, or the procedure's name: "lin(errors=HC3)", "holm".
        instead: what to use where a cell is unsafe.
        worlds: names in ``WORLDS`` that fit it.
        trial: one replication; draws all it needs from the generator.
        replications: fewer than 10,000 only with ``because``.
        because: why fewer.
        covers: further names of the registry that this case stands for.
    """

    name: str
    instead: str
    worlds: tuple[str, ...]
    trial: Callable[[np.random.Generator, World], Trial]
    replications: int = REPLICATIONS
    because: str = ""
    covers: tuple[str, ...] = ()


class Arms(NamedTuple):
    """A two-arm experiment: what was observed in each arm, and the effect on the units drawn."""

    y0: Floats
    y1: Floats
    x0: Floats
    x1: Floats
    on_units: float


def two_arms(rng: np.random.Generator, world: World, *, null: bool = False) -> Arms:
    """Units at random into arms of the world's sizes; ``null``: the remedy changes nothing."""
    m = world.reference
    drawn = world.units(rng, m + world.treatment)
    treated = drawn.untreated if null else drawn.treated
    return Arms(
        y0=drawn.untreated[:m],
        y1=treated[m:],
        x0=drawn.covariate[:m],
        x1=drawn.covariate[m:],
        on_units=float((treated - drawn.untreated).mean()),
    )


def nearly_normal(rng: np.random.Generator, n: int) -> Units:
    """A covariate that explains half, errors of skewness 1.4, a constant effect of 0.5."""
    x = rng.normal(size=n)
    y = 10 + x + (rng.gamma(2.0, size=n) - 2) / 2**0.5
    return Units(y, y + 0.5, x)


BUYERS = 0.3
MORE_BUYERS = 0.33


def spend(cv: float) -> Callable[[np.random.Generator, int], Units]:
    """Zero-inflated lognormal spend of mean 1 and coefficient of variation ``cv``.

    Three in ten buy; with the remedy 33 in a hundred, so the mean rises by 0.1. The covariate is
    spend before the incident: the same distribution, its logarithm correlated 0.5.
    """
    s = float(np.sqrt(np.log((1 + cv**2) * BUYERS)))

    def units(rng: np.random.Generator, n: int) -> Units:
        before, after = rng.normal(size=(2, n))
        after = 0.5 * before + 0.75**0.5 * after
        buys, bought = rng.uniform(size=(2, n))
        amount = np.exp(s * after - s**2 / 2) / BUYERS
        earlier = np.exp(s * before - s**2 / 2) / BUYERS
        return Units(
            np.where(buys < BUYERS, amount, 0.0),
            np.where(buys < MORE_BUYERS, amount, 0.0),
            np.where(bought < BUYERS, earlier, 0.0),
        )

    return units


def _spend_world(name: str, says: str, cv: float, reference: int, treatment: int) -> World:
    return World(name, says, reference, treatment, 1.0, cv, 0.1, spend(cv))


WORLDS: Mapping[str, World] = {
    world.name: world
    for world in (
        World("small", "50 an arm, nearly normal", 50, 50, 10.0, 2**0.5, 0.5, nearly_normal),
        _spend_world("skewed", "2,500 an arm, spend of CV 10", 10.0, 2_500, 2_500),
        _spend_world("large", "5,000 an arm, spend of CV 3", 3.0, 5_000, 5_000),
        _spend_world("skewed_small", "50 an arm, spend of CV 10", 10.0, 50, 50),
        _spend_world("rare", "250 against 4,750, spend of CV 10", 10.0, 4_750, 250),
    )
}
"""The three that every interval and test is tried in, and two that are harder."""
STANDARD = ("small", "skewed", "large")
ALL = tuple(WORLDS)


WITHOUT: Mapping[str, str] = {}
"""Estimators of the registry that have no case, and why."""


def covered_names() -> set[str]:
    """The names of the registry that some case stands for."""
    cases = [case for listed in topics().values() for case in listed]
    return {each.split("(")[0].split(",")[0] for c in cases for each in (c.name, *c.covers)}


def topics() -> Mapping[str, tuple[Case, ...]]:
    """Topic -> its cases, of every file in ``cases/``."""
    names = sorted(file.stem for file in FOLDER.glob("*.py"))
    return {name: import_module(f"cases.{name}").CASES for name in names}


def cells() -> Iterator[tuple[str, Case, World]]:
    """Every cell with its topic."""
    for topic, cases in topics().items():
        for case in cases:
            for name in case.worlds:
                yield topic, case, WORLDS[name]


class Tally(NamedTuple):
    """How often the interval held the truth and the test rejected; None where there is none."""

    replications: int
    covered: int | None
    rejected: int | None


def tally(
    case: Case,
    world: World,
    *,
    replications: int,
    salt: str = "",
    seconds: float = float("inf"),
) -> Tally:
    """A cell's trials, from a seed that its names give; ``salt`` for another set of trials.

    After ``seconds`` of the processor no trial is begun beyond the first ``LEAST``.
    """
    begun = process_time()
    rng = np.random.default_rng(crc32(f"{case.name} in {world.name}{salt}".encode()))
    covered: list[bool | None] = []
    rejected: list[bool | None] = []
    for made in range(replications):
        if made >= LEAST and process_time() - begun > seconds:
            break
        one = case.trial(rng, world)
        covered.append(one.covered)
        rejected.append(one.rejected)
    return Tally(len(covered), _count(covered), _count(rejected))


def _count(found: list[bool | None]) -> int | None:
    """How many are true; None if there are none to count. A trial always answers, or never."""
    known = [each for each in found if each is not None]
    if known and len(known) != len(found):
        raise ValueError(f"{len(found) - len(known)} of {len(found)} trials had no answer")
    return int(sum(known)) if known else None
