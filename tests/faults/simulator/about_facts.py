"""What must be true of what was sent, kept and forgotten."""

from __future__ import annotations

from apologylab.record.facts import (
    Change,
    Forgotten,
    Halted,
)
from apologylab.service.audit import verify

OF_SILENCE = {"would_send", "would_suppress"}

STATES = {"sent", "failed", "suppressed", "in_doubt"}


def _deliveries(run, stands):
    """Each remedy took effect at most once, and ends as the world has it (R15)."""
    times = {key.partition("/")[2]: count for key, count in run.outbox.times.items()}
    for each in stands.remedies:
        count, delivery = times.pop(each.key, 0), stands.deliveries.get(each.key)
        by_caller = run.company.running[each.experiment].experiment.delivery.by == "caller"
        if by_caller:
            continue
        if delivery is None:
            yield f"{each.key} has no delivery"
            continue
        if delivery.state not in (OF_SILENCE if each.arm == "silence" else STATES):
            yield f"{each.key} ended {delivery.state}"
        if count > 1 or (
            (delivery.state == "sent") != (count == 1) and delivery.state != "in_doubt"
        ):
            yield f"{each.key} is {delivery.state} ({delivery.because}), took effect {count} times"
    if run.outbox.empty:
        yield f"{run.outbox.empty} were handed over without a text"
    if times:
        yield f"the channel did {sorted(times)}, which nobody was owed"


def _killed(run, stands):
    """No worker that looked after a kill was acknowledged sends anything."""
    steps = {name: step for name, what, step in reversed(run.book.ends) if what == "kill"}
    versions = {each.experiment: each.version for each in run.ledger.read(Halted, how="kill")}
    drawn = {each.key: each for each in stands.assignments}
    for effect in run.outbox.effects:
        each = drawn[effect.key.partition("/")[2]]
        step = steps.get(each.experiment)
        if (
            step is not None
            and each.version <= versions.get(each.experiment, 0)
            and effect.looked > step
        ):
            yield f"{each.key} left at {effect.step}, looked at {effect.looked}, killed at {step}"
    for delivery in stands.deliveries.values():
        each = drawn[delivery.assignment]
        if delivery.because == "killed" and each.version > versions.get(each.experiment, 0):
            yield f"{each.key} was held back by a kill of another version"


def _trail(run, stands):
    """The chain of changes is whole."""
    found = verify(run.ledger, now=run.hands.true())
    for problem in found.problems:
        yield str(problem)


def _forgotten(run, stands):
    """No text stands of who was forgotten and was not heard of since."""
    last = {}
    for customer, _ in run.book.forgotten:
        fact = list(run.ledger.read(Forgotten, customer=customer))
        if not fact:
            yield f"{customer} was forgotten, and no fact says so"
        else:
            last[customer] = stands.seq["forgotten", fact[-1].key]
    for each in stands.remedies:
        seq = last.get(each.customer)
        is_gone = seq is not None and stands.seq["remedy", each.key] < seq
        if is_gone and each.text and run.ledger.text(each.text) is not None:
            yield f"the text of {each.key} stands, its customer was forgotten"


def _facts_stand(run, stands):
    """A fact that was ever seen, or acknowledged, stands as it was."""
    now = run.everything()
    for seen in run.book.snapshots:
        for place, fact in seen.items():
            if now.get(place) != fact:
                yield f"{place} was {fact} and is {now.get(place)}"
    for fact in run.book.facts:
        if fact not in now.values():
            yield f"{fact.key} was acknowledged and is not there"


def _promised(run, stands):
    """What a use case said that it stored is stored."""
    for place in run.book.promised:
        if place not in stands.seq:
            yield f"{place} was acknowledged and is not there"
    for what, times in run.book.changes.items():
        if run.ledger.count(Change, what=what) < times:
            yield f"{what} was done {times} times, and fewer are noted"


def _marks(run, stands):
    """A mark never moves, and what is read as of it never changes (R18)."""
    for as_of, mark, seen in run.book.marks:
        if run.ledger.mark(as_of) != mark:
            yield f"the mark of {as_of} was {mark} and is {run.ledger.mark(as_of)}"
        keys = {(name, key) for name, found in seen.items() for key in found}
        if keys != {place for place, seq in stands.seq.items() if seq <= mark}:
            yield f"as of {mark} not all was read, or too much"
        if run.as_of(mark) != seen:
            yield f"as of {mark} other facts are read than before"


def _refusals(run, stands):
    """Nothing was refused but by a fault."""
    for name, error in run.book.refused:
        yield f"{name} got {type(error).__name__}: {error}"


CHECKS = (
    _deliveries,
    _killed,
    _trail,
    _forgotten,
    _facts_stand,
    _promised,
    _marks,
    _refusals,
)
