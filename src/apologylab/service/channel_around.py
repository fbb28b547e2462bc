"""A channel around another: some things it does its own way, the rest is left to the inner one.

The rule is that nothing inherits but exceptions and protocols. This is a protocol with answers of
its own (PEP 544): what inherits it writes down only in what it differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from apologylab.service.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.channel import Needs, Outgoing, Sent


class ChannelAround(Channel, Protocol):
    """A channel of which every answer is that of ``inner``, until one is written anew."""

    inner: Channel

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
        """What the inner channel has taken."""
        return self.inner.accepted(keys)

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """Through the inner channel."""
        return self.inner.send(batch)

    def lacks(self, needs: Needs) -> str:
        """What the inner channel lacks."""
        return self.inner.lacks(needs)

    def reach(self) -> str:
        """What answers at the inner channel's other end."""
        return self.inner.reach()

    def close(self) -> None:
        """Close the inner channel."""
        self.inner.close()
