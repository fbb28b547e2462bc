"""The port where remedies leave; one contract suite runs every channel.

:class:`apologylab.channels.contract.ChannelContract` is that suite, for channels of others, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from apologylab.design.routes import address_fields, channels, format_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.design.routes import Format

SentState = Literal["sent", "failed", "later", "unknown"]
TEST: Final = "TEST"
"""Begins the subject and the name of what is given in a rehearsal."""
STATES: Final = ("sent", "failed", "later", "unknown")


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A remedy on its way out; ``to`` is the customer's address on the channel.

    ``parts`` are the tagged parts of ``text``: (part, words), apart where the wording has tags.
    ``sender`` is the name of who speaks, None where the channel's own does; ``sender_address``
    theirs. ``purpose``: remedy, survey, notice, or test. ``code``: the coupon's, where it has one.
    ``issuer``: who makes that work, as the version says that drew it; ``minimum``: minor units of
    the least order that may use it.
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
    sender_address: str | None = None
    parts: tuple[tuple[str | None, str], ...] = ()
    expires_days: int | None = None
    purpose: str = "remedy"
    promotional: bool = False
    code: str | None = None
    issuer: str | None = None
    minimum: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The channel's word on one remedy, with why it did not leave.

    ``state``: sent; failed, which no second attempt would mend; later, when one might, and it was
    not taken; or unknown, when the channel hung up before it said anything. ``because`` goes into
    the facts and names no address (R21). ``reference`` is what the channel calls it. ``wait_s``:
    seconds that it asks us to wait before it is tried again.
    """

    key: str
    state: str
    because: str = ""
    reference: str | None = None
    wait_s: float | None = None


class Needs(NamedTuple):
    """What an experiment needs of a channel: addresses of a format, and leave to promote."""

    format: Format | None
    promotional: bool


def needs(experiment: Experiment) -> Mapping[str, Needs]:
    """What ``experiment`` needs of each of its channels; nothing where its caller delivers."""
    if experiment.delivery.by == "caller":
        return {}
    fields, declared = address_fields(experiment), experiment.delivery.promotional
    promotes = bool(experiment.compensation) if declared is None else declared
    return {
        each: Needs(format_of(fields[each]) if each in fields else None, promotional=promotes)
        for each in channels(experiment)
    }


class Channel(Protocol):
    """Where remedies leave. OSError: it broke down; nobody knows what it took."""

    @property
    def name(self) -> str:
        """What a delivery fact calls it: its name in ``apologylab.toml``."""
        ...

    @property
    def once(self) -> bool:
        """Whether sending a ``key`` again has no second effect; if not, doubt stays doubt (R15)."""
        ...

    @property
    def harmless(self) -> bool:
        """Whether nothing that it takes reaches a customer: a simulated ledger uses no other."""
        ...

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of ``keys`` it is known to have taken, asked after a crash (R15)."""
        ...

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Hand over a batch; answers in its order."""
        ...

    def lacks(self, needs: Needs) -> str:
        """Why it cannot carry what an experiment ``needs``, and what to do; "" if it can."""
        ...

    def reach(self) -> str:
        """What answers at its other end, found without sending anything.

        Raises:
            OSError: nothing does, or it turns us away.
        """
        ...

    def close(self) -> None:
        """Let go of connections; a later call opens them again."""
        ...
