"""A channel from which some addresses bounce, for simulations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.service.channel import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.channel import Channel, Needs, Outgoing


@dataclass(frozen=True)
class Bouncing:
    """``inner``, except that what goes to one of ``customers`` fails."""

    inner: Channel
    customers: frozenset[str]

    @property
    def name(self) -> str:
        """The inner channel's."""
        return self.inner.name

    @property
    def once(self) -> bool:
        """The inner channel's."""
        return self.inner.once

    @property
    def harmless(self) -> bool:
        """The inner channel's."""
        return self.inner.harmless

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """See :class:`apologylab.service.channel.Channel`."""
        return self.inner.accepted(keys)

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Hand over what can arrive; answers in the order of ``batch``."""
        good = [each for each in batch if each.customer not in self.customers]
        taken = {sent.key: sent for sent in self.inner.send(good)}
        return [taken.get(each.key) or _bounced(each.key) for each in batch]

    def lacks(self, needs: Needs) -> str:
        """The inner channel's."""
        return self.inner.lacks(needs)

    def reach(self) -> str:
        """The inner channel's."""
        return self.inner.reach()

    def close(self) -> None:
        """Close the inner channel."""
        self.inner.close()


def _bounced(key: str) -> Sent:
    return Sent(key=key, state="failed", because="the address bounces")
