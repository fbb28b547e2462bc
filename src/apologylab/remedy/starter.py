"""The starter library as values: words for a cause in a locale, and the levels made of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from apologylab.design.remedies import COSTS, CostChannel, Part, Promise
from apologylab.remedy.tags import GREETING, SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SORRY: Final[tuple[Part, ...]] = ("acknowledge", "regret")
LEVELS: Final[Mapping[str, tuple[Part, ...]]] = MappingProxyType(
    {
        "notice": ("notice",),
        "basic": _SORRY,
        "status": (*_SORRY, "responsibility"),
        "commitment": (*_SORRY, "promise"),
    }
)
"""Level -> its parts. Each level beside basic adds one part to it, so that the difference to basic
is that part's; notice tells without apology, as a control."""
NAMES: Final = ("first_name", "last_name")
"""Placeholders of every greeting that names the customer."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What the library has wordings for.

    Attributes:
        name: the kind of incident.
        about: what happened, in a few words for the team.
        placeholders: the incident's fields that the texts may use; each text does without.
        promise: the commitment that the promise parts make, in every locale the same.
        costs: part -> what it costs to say here, where it is not its usual cost.
    """

    name: str
    about: str
    placeholders: tuple[str, ...]
    promise: Promise
    costs: Mapping[Part, CostChannel]

    def cost(self, part: Part) -> CostChannel:
        """What it costs the firm to say ``part``."""
        return self.costs.get(part, COSTS.get(part, "none"))


@dataclass(frozen=True, kw_only=True)
class Starter:
    """The words for one cause in one locale, each text with placeholders under ``if``.

    Attributes:
        again: part -> its text in the second apology to a customer.
        late: part -> its text in the notice that a promise may be missed.
        order: the parts in the order that the locale expects.
        credit: what is said of a credit: AMOUNT off, for DAYS days.
        decimal: what stands before the decimals of an amount.
    """

    cause: Cause
    locale: str
    subject: str
    greeting: str
    parts: Mapping[Part, str]
    again: Mapping[Part, str]
    late: Mapping[Part, str]
    order: tuple[str, ...]
    credit: str
    decimal: str

    def fragment(self, parts: Sequence[Part], *, second: bool = False) -> str:
        """The file of a level that says ``parts``; ``second``: to one who had an apology before."""
        return self._file({**self.parts, **self.again} if second else self.parts, parts)

    def late_notice(self) -> str:
        """The file of the notice that goes out before a promise is missed."""
        return self._file(self.late, tuple(self.late))

    def framed(self, body: str) -> str:
        """``body`` below the subject and the greeting."""
        return f"[{SUBJECT}]\n{self.subject}\n\n[{GREETING}]\n{self.greeting}\n\n{body}"

    def _file(self, said: Mapping[Part, str], parts: Sequence[Part]) -> str:
        ordered = sorted(parts, key=self.order.index)
        return self.framed("".join(f"[{part}]\n{said[part]}\n" for part in ordered))

    def credited(self, amount: str, days: int) -> str:
        """What is said of a credit of ``amount``, such as ``3.50 EUR``."""
        written = amount.replace(".", self.decimal)
        return self.credit.replace("AMOUNT", written).replace("DAYS", str(days))
