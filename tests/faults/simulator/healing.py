"""After a run: nothing breaks any more, clocks are right, everybody finishes."""

from __future__ import annotations

from datetime import timedelta

from apologylab.service.assign import assign
from apologylab.service.dispatch import dispatch_once
from apologylab.service.letters import give_up, replay
from apologylab.service.liabilities import settle_liabilities
from simulator import about_money
from simulator.actors import Process
from simulator.oracle import asked
from simulator.world import NAMES

ROUNDS = 12


def heal(run):
    """Let the last order system ask again about everything, and one worker send all that is due."""
    run.schedule.healed = True
    run.hands.right()
    run.hands.pass_by(timedelta(days=1))
    run.add("healer", lambda actor: _finish(run, Process(run, actor), run.channel_of(actor)))
    run.schedule.run()


def _finish(run, process, channel):
    for name in NAMES:
        _ask_again(run, process, name)
    for name in NAMES:
        running = run.running(name)
        if running.experiment.delivery.by == "apologylab":
            _send_all(run, process, channel, running)
    run.wrong += asked(run, about_money.CHECKS)
    run.hands.pass_by(timedelta(days=60))
    settle_liabilities(process.ledger, run.latest(), now=process.clock())
    run.is_over = True


def _ask_again(run, process, name):
    """Every incident that was acknowledged, and every second of the others."""
    running = run.running(name)
    pool = [each for each in run.pool if each.kind == name]
    for incident in pool:
        if (name, incident.key) in run.book.answers or process.chance.random() < 0.5:
            (answer,) = assign(process.ledger, running, [incident], now=process.clock())
            run.answered(name, incident, answer)


def _send_all(run, process, channel, running):
    for _ in range(ROUNDS):
        run.hands.pass_by(timedelta(days=2))
        dispatch_once(process.ledger, channel, running, process.as_worker(50))
        if not run.is_killed(running.name):
            _end_letters(process, running.name)
        if not _left(run, running):
            return


def _end_letters(process, name):
    """Dead letters are tried once more, or given up; a kill ends them by itself."""
    end = replay if process.chance.random() < 0.5 else give_up
    end(process.ledger, name, [], now=process.clock(), by="healer")
    with process.run.ledger.transaction(recorded_at=process.run.hands.true()) as work:
        left = [each.remedy.key for each in work.dead_letters(name)]
    if left:
        process.run.wrong.append(f"{left} are dead letters after {end.__name__}")


def _left(run, running):
    with run.ledger.transaction(recorded_at=run.hands.true()) as work:
        return work.undelivered(running.name)
