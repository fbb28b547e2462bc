"""Permuted blocks: the error between blocks, where units of one block are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cases.means import CELLS
from cells import STANDARD, Case, Trial

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

if TYPE_CHECKING:
    from cells import Floats, World

    from apologylab.inference.results import Estimate

BLOCK = 4
QUESTION = Question(
    outcomes=(Measured(name="y", role="primary", unit="USD"),),
    arm_contrasts=against(("silence", "basic"), "silence"),
    weights={1: {"silence": 1, "basic": 1}},
    assigned={},
    estimators=("blocked",),
    drawing=Drawing(scheme="blocks", places={1: {"silence": 2, "basic": 2}}),
)


def drawn(rng: np.random.Generator, treated: Floats, untreated: Floats) -> Estimate:
    """Units sorted by the untreated outcome's rank and noise, in blocks of four, two in each arm."""
    n = len(treated) // BLOCK * BLOCK
    alike = np.argsort(untreated[:n] + rng.normal(size=n) * untreated[:n].std())
    places = np.tile(np.arange(BLOCK) % 2, (n // BLOCK, 1))
    code = rng.permuted(places, axis=1).ravel()
    y = np.where(code == 0, treated[alike], untreated[alike])
    source = ArraySource(columns={"y": y}, cells=CELLS, code=code, drawn_set=np.arange(n) // BLOCK)
    found, refused = estimates(fit(source, QUESTION), QUESTION)
    assert not refused, refused
    return found[0]


def blocked(rng: np.random.Generator, world: World) -> Trial:
    """The interval against the effect on the units drawn; the test where nothing changes."""
    units = world.units(rng, world.reference + world.treatment)
    found = drawn(rng, units.treated, units.untreated)
    n = len(units.treated) // BLOCK * BLOCK
    truth = float((units.treated - units.untreated)[:n].mean())
    p = drawn(rng, units.untreated, units.untreated).p_value
    assert p is not None
    return Trial(found.ci_low <= truth <= found.ci_high, p <= 0.05)


CASES: tuple[Case, ...] = (
    Case("blocked", "randomisation, which honours the blocks", STANDARD, blocked),
)
