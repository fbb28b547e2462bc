"""Issuing what remedies give, right before they leave: a port, and a channel that asks it first.

An issuer makes a coupon's code usable in the shop. It must be idempotent: a code that it has issued
under a key is issued again without effect. So nothing that it leaves open is in doubt: it is asked
again, and the remedy leaves only once its code works.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from apologylab.service.channel import TEST, Sent
from apologylab.service.channel_around import ChannelAround

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from apologylab.service.channel import Channel, Outgoing

IssuedState = Literal["issued", "later", "refused"]


@dataclass(frozen=True, kw_only=True)
class Issue:
    """A code to be issued: usable once, until ``expires_at``, by ``customer``.

    ``amount`` is in minor units of ``currency``; so is ``minimum``, below which no order may use
    it. ``test``: of a rehearsal, and never to be honoured.
    """

    key: str
    code: str
    customer: str
    compensation: str
    amount: int
    currency: str | None
    expires_at: datetime | None
    minimum: int | None
    test: bool


@dataclass(frozen=True, kw_only=True)
class Issued:
    """The issuer's word on one: issued; later, when it may be asked again; or refused for good."""

    state: IssuedState
    because: str = ""
    wait_s: float | None = None


class Issuer(Protocol):
    """Makes codes usable. Issuing one key again has no second effect."""

    def issue(self, issue: Issue) -> Issued:
        """Issue one code; an error of the network is ``later``."""
        ...

    def reach(self) -> str:
        """What answers at its other end, found without issuing anything.

        Raises:
            OSError: nothing does.
        """
        ...

    def close(self) -> None:
        """Let go of connections; a later call opens them again."""
        ...


class Absent:
    """In place of an issuer that an earlier version names and nobody configures any more."""

    def __init__(self, name: str) -> None:
        self._name = name

    def issue(self, issue: Issue) -> Issued:  # noqa: ARG002 - of the port
        """Later: its code works only once the issuer is back."""
        because = f"there is no issuer {self._name!r}; add [issuers.{self._name}] again"
        return Issued(state="later", because=because)

    def reach(self) -> str:
        """See :class:`Issuer`."""
        raise ConnectionError(f"there is no issuer {self._name!r}")

    def close(self) -> None:
        """See :class:`Issuer`."""


@dataclass(frozen=True, eq=False)
class Issuing(ChannelAround):
    """``inner``, except that remedies leave only once what they give was issued.

    Args:
        inner: where they leave.
        issuers: name -> issuer, of all that remedies may name.
        clock: now, from which a code's days count.
    """

    inner: Channel
    issuers: Mapping[str, Issuer]
    clock: Callable[[], datetime]

    @property
    def harmless(self) -> bool:
        """An issuer is not: it makes money."""
        return False

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Issue first; of what was issued, the channel's word."""
        stopped: dict[str, Sent] = {}
        for each in batch:
            if (answer := self._stopped(each)) is not None:
                stopped[each.key] = answer
        leaving = [each for each in batch if each.key not in stopped]
        told = {each.key: each for each in self.inner.send(leaving)} if leaving else {}
        told |= stopped
        return [told[each.key] for each in batch if each.key in told]

    def close(self) -> None:
        """Let go of the issuers' connections; the channel is closed by whoever opened it."""
        for each in self.issuers.values():
            each.close()

    def _stopped(self, each: Outgoing) -> Sent | None:
        """Why a remedy does not leave yet, or at all; None if it may."""
        if each.issuer is None or each.code is None:
            return None
        answer = self.issuers.get(each.issuer, Absent(each.issuer)).issue(self._issue(each))
        if answer.state == "issued":
            return None
        because = f"the issuer of {_declared(each)}: {answer.because}"
        if answer.state == "later":
            return Sent(key=each.key, state="later", because=because, wait_s=answer.wait_s)
        return Sent(key=each.key, state="failed", because=because)

    def _issue(self, each: Outgoing) -> Issue:
        days = each.expires_days
        return Issue(
            key=each.key,
            code=each.code or "",
            customer=each.customer,
            compensation=_declared(each),
            amount=each.amount,
            currency=each.currency,
            expires_at=self.clock() + timedelta(days=days) if days is not None else None,
            minimum=each.minimum,
            test=each.purpose == "test",
        )


def _declared(each: Outgoing) -> str:
    """What is given, as the declaration calls it: a rehearsal marks its name."""
    name = each.compensation or ""
    return name.removeprefix(f"{TEST}-") if each.purpose == "test" else name
