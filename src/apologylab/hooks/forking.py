"""What a fork must not split: a thread at work, and connections that both would use.

Before a fork everyone registered finishes what it is at and lets go of its connections; after it,
the child forgets what the parent will do, and both open connections of their own.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable


class Forkable(Protocol):
    """Something that lives on both sides of a fork."""

    def before_fork(self) -> None:
        """Come to rest."""
        ...

    def after_in_parent(self) -> None:
        """Go on."""
        ...

    def after_in_child(self) -> None:
        """Begin anew, without what the parent had under way."""
        ...


class _Registry:
    """Everyone who must hear of a fork; the interpreter is told once, by the first."""

    def __init__(self) -> None:
        self._all: WeakSet[Forkable] = WeakSet()
        self._lock = Lock()
        self._is_told = False
        self._resting: list[Forkable] = []

    def add(self, one: Forkable) -> None:
        with self._lock:
            self._all.add(one)
            if not self._is_told and hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before,
                    after_in_parent=lambda: self._after(lambda one: one.after_in_parent()),
                    after_in_child=lambda: self._after(lambda one: one.after_in_child()),
                )
                self._is_told = True

    def _before(self) -> None:
        self._lock.acquire()
        self._resting = list(self._all)
        for one in self._resting:
            one.before_fork()

    def _after(self, tell: Callable[[Forkable], None]) -> None:
        resting, self._resting = self._resting, []
        for one in resting:
            tell(one)
        self._lock.release()


_REGISTRY = _Registry()


def register(one: Forkable) -> None:
    """Tell ``one`` of every fork for as long as it lives."""
    _REGISTRY.add(one)
