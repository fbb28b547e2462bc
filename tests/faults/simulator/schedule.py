"""Who runs, and what breaks: actors are threads of which one runs at a time, chosen by the seed.

Every port call passes through :meth:`Schedule.call`. There the next actor is chosen, and there the
call may fail before its effect, after it, or never return: then the actor's process is gone, with
all that it held. Nothing else decides anything, so a seed is a run.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from apologylab.errors import LedgerBusyError, LedgerError

STEPS = 20_000
"""A run that takes longer than this goes in circles."""
FAULTS = ("before", "after", "died before", "died after")
CHANNEL = 8
"""How much more often the channel breaks than any other port: it is called less."""
IN_A_TRANSACTION = ("Transaction.", "Ledger.transaction")
WRITES = ("Ledger.append_rows", "Ledger.mark", "Ledger.commit")
"""What may find the ledger busy; those of one call only before they did anything."""
HANG_S = 60


class Died(BaseException):
    """The actor's process ended at this call; no code of it runs any more."""


class StuckError(AssertionError):
    """The run went in circles, or nobody could go on."""


class HungUpError(OSError):
    """A port broke: the network, the disk, the other side."""


@dataclass(eq=False)
class Actor:
    """One process: what it does, and whether it can go on."""

    name: str
    body: object
    baton: threading.Lock = field(default_factory=threading.Lock)
    ready: object = None
    dead: bool = False
    gone: bool = False
    rests: bool = False
    lives: int = 0
    busy: int = 0
    "How often the ledger was busy since it began what it does."
    late: object = None
    "A commit that a mutant put behind the next call."
    looked: int = 0
    "The step at which its last transaction was committed."


@dataclass(frozen=True)
class Style:
    """How a run is: how often a call breaks, and how long an actor keeps its turn."""

    rate: float
    stay: float
    deaths: bool


HARD = Style(rate=0.03, stay=0.8, deaths=True)


class Schedule:
    """The actors of one run, their turns, and the faults; ``trace`` holds every call in order."""

    def __init__(self, seed, scale=1):
        self.chance = random.Random(seed)
        self.style = _style(self.chance) if scale == 1 else HARD
        self._most = STEPS * scale
        self.faults = Counter()
        self.trace = []
        self.steps = 0
        self.healed = False
        self.broken = None
        self._actors = []
        self.current = None
        self._over = None

    def add(self, name, body):
        """An actor that will run ``body(actor)``."""
        self._actors.append(Actor(name, body))

    def run(self):
        """Let all actors run to their ends; what one of them raised is raised here."""
        threads = [
            threading.Thread(target=self._live, args=(a,), daemon=True) for a in self._actors
        ]
        for actor, thread in zip(self._actors, threads, strict=True):
            actor.baton.acquire()
            thread.start()
        self._over = threading.Semaphore(0)
        self._pass_on(None)
        if not self._over.acquire(timeout=HANG_S):
            raise StuckError(f"{self.current.name} does not come back")
        for thread in threads:
            thread.join()
        self._actors = []
        if self.broken is not None:
            raise self.broken

    def call(self, actor, name, effect):
        """Let others run, then do ``effect``, or break."""
        self.pause(actor, name)
        fault = self._fault(actor, name)
        if actor.late is not None:
            effect = self._with_late_commit(actor, name, fault, effect)
        if fault is None:
            return effect()
        self.faults[f"{name.split('.')[0]} {fault}"] += 1
        self.trace[-1] = f"{actor.name} {name} [{fault}]"
        if "after" in fault:
            effect()
        if "died" in fault:
            actor.dead = True
            raise Died
        error = self._error(name, fault)
        error.injected = True
        actor.busy += isinstance(error, LedgerBusyError)
        raise error

    def _with_late_commit(self, actor, name, fault, effect):
        """``effect`` and then the commit, which is lost if the process dies at this call."""
        late, actor.late = actor.late, None
        if fault is not None and "died" in fault:
            late.lose()
            return effect
        if name.startswith(("Ledger", "Transaction")) or (fault is not None):
            late.commit()
            return effect

        def do():
            done = effect()
            late.commit()
            return done

        return do

    def pause(self, actor, name):
        """A point at which another actor may be chosen."""
        if actor.dead:
            raise Died
        self.steps += 1
        if self.steps > self._most:
            raise StuckError("the run goes in circles")
        if self.chance.random() >= self.style.stay:
            self._switch(actor)
        self.trace.append(f"{actor.name} {name}")

    def restart(self, actor):
        """The process of ``actor`` is started anew."""
        if self.broken is not None:
            raise Died
        actor.dead = False
        actor.lives += 1

    def rest(self, actor, steps):
        """Let others take about so many steps, if there are others who do."""
        until = self.steps + steps
        actor.rests = True
        self.wait(actor, lambda: self.steps >= until or self._all_rest())
        actor.rests = False

    def _all_rest(self):
        return all(each.gone or each.rests or each.ready is not None for each in self._actors)

    def wait(self, actor, ready):
        """Park ``actor`` until ``ready()``."""
        if not ready():
            actor.ready = ready
            self._switch(actor)
            actor.ready = None

    def _switch(self, actor):
        following = self._choose()
        if following is actor:
            return
        self.current = following
        following.baton.release()
        actor.baton.acquire()
        if self.broken is not None:
            actor.dead = True
            raise Died

    def _choose(self):
        able = [
            each for each in self._actors if not each.gone and (each.ready is None or each.ready())
        ]
        if able:
            return able[self.chance.randrange(len(able))]
        if self.broken is None:
            waiting = ", ".join(each.name for each in self._actors if not each.gone)
            self.broken = StuckError(f"nobody can go on; waiting: {waiting}")
        return next(each for each in self._actors if not each.gone)

    def _pass_on(self, actor):
        """``actor`` is done: the next one, or the end."""
        if actor is not None:
            actor.gone = True
        if all(each.gone for each in self._actors):
            self._over.release()
            return
        self.current = self._choose()
        self.current.baton.release()

    def _live(self, actor):
        with actor.baton:
            try:
                if self.broken is None:
                    actor.body(actor)
            except Died:
                pass
            except BaseException as error:  # noqa: BLE001 - whatever it is, the run must show it
                self.broken = self.broken or error
            if actor.late is not None:
                actor.late.commit()
            self._pass_on(actor)

    def _fault(self, actor, name):
        rate = self.style.rate * (CHANNEL if name.startswith("Channel") else 1)
        if self.healed or self.chance.random() >= rate:
            return None
        return self.chance.choice(FAULTS if self.style.deaths else FAULTS[:2])

    def _error(self, name, fault):
        """What a broken call raises; busy means that nothing was stored."""
        if name.startswith(("Channel", "Clock")):
            return HungUpError(f"{name} broke")
        undone = name.startswith(IN_A_TRANSACTION) or (name in WRITES and fault == "before")
        if undone and self.chance.random() < 0.5:
            return LedgerBusyError(f"{name} was in the way")
        return LedgerError(f"{name} broke") if self.chance.random() < 0.8 else HungUpError(name)


def _style(chance):
    return Style(
        rate=chance.choice((0.0, 0.005, 0.02, 0.05)),
        stay=chance.choice((0.0, 0.5, 0.9)),
        deaths=chance.random() < 0.8,
    )
