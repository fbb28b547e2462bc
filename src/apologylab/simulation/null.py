"""World ``null``: nothing that is said or given changes anything, and it costs nothing."""

from __future__ import annotations

from dataclasses import replace

from apologylab.simulation.uber_2017 import TABLE
from apologylab.simulation.world import ASSUMPTION, EFFECT, World, from_table

_ZERO = {"broken_promise", "words_spare_contacts", "redeem_share", "goodwill_share"}


def null() -> World:
    """The riders of ``uber_2017`` without any effect, redemption or goodwill.

    >>> set(null().effects.values())
    {0.0}
    """
    table = [
        replace(row, value=0.0, source=ASSUMPTION, note="nothing has an effect or a cost")
        if row.name in _ZERO or row.name.startswith(EFFECT)
        else row
        for row in TABLE
    ]
    return from_table("null", "USD", table)
