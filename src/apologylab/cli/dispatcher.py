"""The dispatcher's process: its worker, its turns over all experiments, and its end."""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
from datetime import timedelta
from functools import lru_cache, partial
from threading import Event
from typing import TYPE_CHECKING, Final, Self

from apologylab.cli import console

if TYPE_CHECKING:
    from types import TracebackType

    from apologylab.catalogue.project import Project
    from apologylab.service.channel import Channel
    from apologylab.service.dispatch import Dispatched
    from apologylab.service.ports import Progress
    from apologylab.service.running import Running

SHARE_SECONDS: Final = 5.0
"""How long an experiment may keep the others waiting."""
MONEY_SECONDS: Final = 600.0
"""How often compensations that were used or expired are looked for, which reads them all."""


class Dispatcher:
    """One worker on a project's ledger; ``ended`` counts, by experiment, what it did.

    Its holder is the given name and a random word, so that a second one by the same name, or a
    process that gets the number of a dead one, is another worker.
    """

    def __init__(
        self, project: Project, names: list[str] | None, *, holder: str | None, lease_seconds: int
    ) -> None:
        from apologylab import wiring
        from apologylab.service.dispatch import Worker

        self._project = project
        self._names = names
        self._told = Event()
        self._counts: dict[str, Dispatched] = {}
        self._channels: dict[str, Channel] = {}
        self._said: set[str] = set()
        self._money_at = 0.0
        self._read = lru_cache(maxsize=512)(wiring.declaration_reader())
        self._ledger = wiring.open_ledger(project)
        called = holder or f"{socket.gethostname()}:{os.getpid()}"
        self._worker = Worker(
            holder=f"{called}/{secrets.token_hex(4)}",
            clock=wiring.clock(),
            chance=random.random,
            seconds=time.monotonic,
            rest=self._told.wait,
            lease=timedelta(seconds=lease_seconds),
        )

    def __enter__(self) -> Self:
        from apologylab.service.same_ledger import refuse_other

        of = self._project
        try:
            refuse_other(self._ledger, environment=of.environment, simulated=of.simulated)
        except BaseException:
            self._ledger.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in self._channels.values():
            each.close()
        self._ledger.close()

    @property
    def ended(self) -> list[Dispatched]:
        """What was done so far, an entry for each experiment."""
        return list(self._counts.values())

    def keep_at(self) -> None:
        """Take turns until a signal says to end; what is held by then is settled."""
        from apologylab.cli.worker import keep_at, until_told

        def turn() -> int:
            done = sum(_told(each) for each in self.turn(share_seconds=SHARE_SECONDS))
            self._look_at_money()
            return done

        with until_told(self._told):
            console.say(f"dispatching as {self._worker.holder}; Ctrl-C or SIGTERM ends it")
            keep_at(turn, self._told, chance=random.random, say=console.say)

    def turn(
        self, progress: Progress = lambda _: None, *, share_seconds: float = float("inf")
    ) -> list[Dispatched]:
        """Settle what is due of every experiment that we deliver ourselves, or as much as fits."""
        return [
            self._dispatch(each, progress, seconds=share_seconds)
            for each in self._started()
            if self._names is not None or each.experiment.delivery.by != "caller"
        ]

    def _started(self) -> list[Running]:
        """Those that run now; what they pinned was read before."""
        from apologylab.service.running import pinned

        return pinned(self._ledger, self._read, self._names)

    def _look_at_money(self) -> None:
        """Now and then, unless it is to do with one experiment only: what was used or expired."""
        from apologylab.service.commitments import settle_commitments
        from apologylab.service.liabilities import settle_liabilities

        if self._names is not None or time.monotonic() < self._money_at:
            return
        settle_liabilities(self._ledger, self._started(), now=self._worker.clock())
        settle_commitments(self._ledger, now=self._worker.clock())
        self._money_at = time.monotonic() + MONEY_SECONDS

    def _dispatch(self, running: Running, progress: Progress, *, seconds: float) -> Dispatched:
        """Through each of its channels in turn, all of which must be there before any is used.

        What is sent beside the remedies comes after them.
        """
        from apologylab.service.dispatch import Dispatched, dispatch_once

        done = Dispatched(experiment=running.name)
        through = self._through(running)
        queues = [(each, name) for each in (running, *running.beside()) for name in through]
        for each, name in queues:
            until = time.monotonic() + seconds / len(queues)
            part = dispatch_once(
                self._ledger,
                through[name],
                each,
                self._worker,
                only=name if len(running.channels) > 1 else None,
                progress=progress,
                stop=partial(self._is_over, until),
            )
            done.add(part)
        counted = self._counts.setdefault(running.name, Dispatched(experiment=running.name))
        counted.add(done)
        return done

    def _through(self, running: Running) -> dict[str, Channel]:
        """Its channels, and those that only an earlier version names as far as they are there."""
        from apologylab import wiring
        from apologylab.design.routes import channels

        own, there = channels(running.experiment), self._project.channels
        if gone := [each for each in running.channels if each not in own and each not in there]:
            self._say_once(
                f"{running.name}: what an earlier version sends through {', '.join(gone)} waits; "
                f"add [channels.{gone[0]}] to apologylab.toml again"
            )
        earlier = tuple(running.earlier.values())
        return {
            each: wiring.issuing(self._channel(each), running.experiment, self._project, earlier)
            for each in running.channels
            if each not in gone
        }

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            console.say(text)

    def _is_over(self, until: float) -> bool:
        return self._told.is_set() or time.monotonic() > until

    def _channel(self, name: str) -> Channel:
        """One for all turns: it knows what it has read."""
        from apologylab import wiring

        if name not in self._channels:
            self._channels[name] = wiring.channel(name, self._project)
        return self._channels[name]


def _told(done: Dispatched) -> int:
    """How many remedies ``done`` moved; said in a line if any."""
    counts = {
        **done.states,
        "postponed": done.postponed.total(),
        "set aside": done.dead.total(),
    }
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    if said:
        console.say(f"{done.experiment}: {said}")
    return sum(counts.values())
