"""What the lint finds in a wording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A rule that a wording breaks: where, in which words, why it matters, and what is better.

    ``start`` and ``end`` are places in the text that was given; ``words`` stand between them.
    """

    rule: str
    severity: Severity
    start: int
    end: int
    words: str
    why: str
    better: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.rule}: {self.words!r}: {self.why}; better: {self.better}"
