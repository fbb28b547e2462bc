"""One rule of the ledger as SQL: a query whose every row names one that breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.service.soundness import RESTORE

if TYPE_CHECKING:
    from apologylab.service.soundness import Level


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule in words, and what to do with those who break it.

    ``offenders`` selects one column of text from the copied tables; table ``moment`` holds ``now``
    in microseconds.
    """

    says: str
    offenders: str
    do: str = RESTORE
    level: Level = "broken"
