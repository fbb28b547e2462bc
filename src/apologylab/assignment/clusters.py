"""Clusters: the set of customers that is drawn together (R27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.assignment.strata import spelt
from apologylab.assignment.units import normalise
from apologylab.errors import UnitIdError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import NormaliseRule

CAUSE = "cause"
"""As ``allocation.cluster``: the incident's own cause, such as an outage."""


def cluster_of(
    fields: Mapping[str, object], cause: str | None, *, named: str, rule: NormaliseRule
) -> str | None:
    """The normalised id of an incident's cluster; None where it has none that could be an id (R8).

    >>> cluster_of({"household": 17}, None, named="household", rule="nfc")
    '17'
    """
    found = fields.get(named)
    text = spelt(cause if named == CAUSE and cause is not None else found)
    try:
        return None if text is None else normalise(text, rule)
    except UnitIdError:
        return None
