"""The terms on which a compensation was given, as its liability holds them (ADR 0049).

They are fixed when it is reserved: nobody computes them again from a declaration. A plain coupon
of one value, in the budget's currency, has none written down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Term(NamedTuple):
    """One compensation as it was given to one incident.

    Attributes:
        amount: minor units of the liability's currency.
        charge: minor units of the budget's currency.
        cost: what it costs the firm if used, in minor units of the liability's currency.
        at_once: given for good when it leaves.
        basket: the least order that can use it, in minor units of the liability's currency.
        expires_days: how long it can be used, or chosen from.
    """

    amount: int
    charge: int
    cost: int
    at_once: bool = False
    basket: int | None = None
    expires_days: int | None = None


class Terms(NamedTuple):
    """What was given, by name; or what may be chosen, and what is given to who does not choose."""

    given: Mapping[str, Term] = MappingProxyType({})
    menu: Mapping[str, Term] = MappingProxyType({})
    unchosen: str | None = None

    @property
    def amount(self) -> int:
        """Minor units of the liability's currency: of a menu the dearest."""
        return _total(self, lambda each: each.amount)

    @property
    def charge(self) -> int:
        """The same in the budget's currency."""
        return _total(self, lambda each: each.charge)

    @property
    def at_once(self) -> bool:
        """Whether some of it is given for good when it leaves, which spends the whole."""
        return any(each.at_once for each in self.given.values())


def _total(terms: Terms, of: Callable[[Term], int]) -> int:
    if terms.menu:
        return max(map(of, terms.menu.values()))
    return sum(map(of, terms.given.values()))


def written_terms(terms: Terms) -> str:
    """The text that a liability holds; :func:`read_terms` reads it.

    The whole charge stands in it too, for engines that add up what is open.

    >>> terms = Terms({"usd5": Term(amount=500, charge=500, cost=500)})
    >>> read_terms(written_terms(terms)) == terms
    True
    """
    said: dict[str, object] = {}
    for key, found in (("given", terms.given), ("menu", terms.menu)):
        if found:
            said[key] = {name: each._asdict() for name, each in found.items()}
    said["charge"] = terms.charge
    if terms.unchosen is not None:
        said["unchosen"] = terms.unchosen
    return json.dumps(said, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def read_terms(text: str | None) -> Terms | None:
    """The terms that :func:`written_terms` wrote; None of a plain compensation."""
    if text is None:
        return None
    said = json.loads(text)
    given, menu = (
        {name: Term(**each) for name, each in said.get(key, {}).items()}
        for key in ("given", "menu")
    )
    return Terms(given=given, menu=menu, unchosen=said.get("unchosen"))
