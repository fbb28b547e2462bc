"""A channel from which some addresses bounce, for simulations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.service.channel import Sent
from apologylab.service.channel_around import ChannelAround

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.channel import Channel, Outgoing


@dataclass(frozen=True)
class Bouncing(ChannelAround):
    """``inner``, except that what goes to one of ``customers`` fails."""

    inner: Channel
    customers: frozenset[str]

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Hand over what can arrive; answers in the order of ``batch``."""
        good = [each for each in batch if each.customer not in self.customers]
        taken = {sent.key: sent for sent in self.inner.send(good)}
        return [taken.get(each.key) or _bounced(each.key) for each in batch]


def _bounced(key: str) -> Sent:
    return Sent(key=key, state="failed", because="the address bounces")
