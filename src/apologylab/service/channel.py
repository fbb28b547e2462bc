"""The port where remedies leave; one contract suite runs every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A remedy on its way out; ``to`` is the customer's address on the channel.

    ``parts`` are the tagged parts of ``text``: (part, words), apart where the wording has tags.
    """

    key: str
    customer: str
    experiment: str
    arm: str
    text: str | None
    locale: str | None
    compensation: str | None
    amount: int
    currency: str | None
    subject: str | None = None
    to: str | None = None
    sender: str | None = None
    parts: tuple[tuple[str | None, str], ...] = ()
    expires_days: int | None = None
    purpose: str = "remedy"
    promotional: bool = False


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The channel's word on one remedy, with why it did not leave.

    ``state``: sent; failed, which no second attempt would mend; later, when one might; or unknown,
    when the channel hung up before it said anything.
    """

    key: str
    state: str
    because: str = ""
    reference: str | None = None


class Channel(Protocol):
    """Where remedies leave. OSError: it broke down; nobody knows what it took."""

    @property
    def name(self) -> str:
        """What a delivery fact calls it."""
        ...

    @property
    def once(self) -> bool:
        """Whether sending a ``key`` again has no second effect; if not, doubt stays doubt (R15)."""
        ...

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of ``keys`` it is known to have taken, asked after a crash (R15)."""
        ...

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Hand over a batch; answers in its order."""
        ...
