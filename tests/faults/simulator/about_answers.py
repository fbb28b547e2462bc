"""What must be true of the answers to incidents."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from apologylab.record.facts import (
    Change,
    Closed,
    Halted,
    PhaseBegan,
    Started,
)
from simulator.world import NAMES


def _acknowledged_once(run, stands):
    """Every acknowledged incident has exactly one stored assignment, the one that was told."""
    stored = defaultdict(list)
    for each in stands.assignments:
        stored[each.experiment, each.incident].append(each)
    for place, told in run.book.answers.items():
        if len(stored[place]) != 1:
            yield f"{place} has {len(stored[place])} stored assignments"
        for answer in told:
            if stored[place] and answer.assignment != stored[place][0]:
                yield f"{place} was told {answer.assignment}, stored is {stored[place][0]}"


def _retries_equal(run, stands):
    """Every reply to one incident is the same, its text too unless that was deleted."""
    for place, told in run.book.answers.items():
        first = told[0]
        for answer in told[1:]:
            if (answer.assignment, answer.remedy) != (first.assignment, first.remedy):
                yield f"{place} was told {first} and {answer}"
            texts = {each.text for each in (first, answer)}
            if len(texts) > 1 and answer.assignment.customer not in run.book.maybe_forgotten:
                yield f"{place} was told the texts {texts}"


def _per_customer(run, stands):
    """Nobody was apologised to more often than declared, counted when each was drawn (R5)."""
    for name in NAMES:
        caps = list(_caps(run.company.running[name]))
        seen = defaultdict(list)
        for each in stands.drawn(name):
            for days, count in caps:
                span = timedelta(days=days)
                before = seen[each.customer, each.version]
                near = [at for at in before if abs(at - each.occurred_at) < span]
                if len(near) >= count:
                    yield f"{each.key} is more than {count} in {days} days"
            seen[each.customer, each.version].append(each.occurred_at)


def _caps(running):
    """(days, how many) of the caps on one customer."""
    repeats, budget = running.experiment.repeats, running.experiment.budget
    if repeats and repeats.max_apologies:
        yield repeats.max_apologies.days, repeats.max_apologies.count
    cap = budget.per_customer if budget else None
    if cap and cap.amount is not None and running.dearest:
        yield cap.days, cap.amount.minor // running.dearest
    if repeats and repeats.next_incident == "first_only":
        yield 10_000, 1


def _cooldown(run, stands):
    """Nobody is in two experiments within the days of rest."""
    seen = defaultdict(list)
    for each in stands.assignments:
        days = run.company.running[each.experiment].experiment.eligibility.cooldown_days
        if each.reason == "RANDOMISED":
            for other in seen[each.customer]:
                near = abs(other.occurred_at - each.occurred_at) < timedelta(days=days or 0)
                same = (other.experiment, other.version) == (each.experiment, each.version)
                if days and near and not same:
                    yield f"{each.key} comes too soon after {other.key}"
            seen[each.customer].append(each)


def _units(run, stands):
    """One first incident a customer, and one arm a unit at all its incidents."""
    arms, firsts = defaultdict(set), Counter()
    for each in stands.assignments:
        if each.reason == "RANDOMISED":
            unit = (each.experiment, each.version, each.unit)
            arms[unit].add((each.arm, each.propensity, each.delay_s))
            firsts[each.experiment, each.version, each.customer] += each.first
    for unit, given in arms.items():
        if len(given) > 1:
            yield f"{unit} was given {given}"
    for customer, times in firsts.items():
        if times != 1:
            yield f"{customer} has {times} first incidents"


def _blocks(run, stands):
    """Within a stratum each full block has every arm as often as declared."""
    for name in NAMES:
        size = run.company.running[name].experiment.allocation.block_size
        filled = defaultdict(Counter)
        for each in stands.drawn(name):
            if each.block is not None and each.first:
                filled[each.version, each.phase, each.stratum, each.block][each.arm] += 1
        for place, arms in filled.items():
            is_followed = (*place[:-1], place[-1] + 1) in filled
            if (
                max(arms.values()) > 1
                or arms.total() > size
                or is_followed > (arms.total() == size)
            ):
                yield f"{name} block {place} has {arms}"


def _ends(run, stands):
    """After an end, what it ends does not happen (R5)."""
    for kind in (Closed, Halted):
        for fact in run.ledger.read(kind):
            for each in stands.drawn(fact.experiment):
                if each.version == fact.version and _is_ended(stands, fact, each):
                    yield f"{each.key} ({each.reason}) was drawn after {fact.key}"


def _ends_stand(run, stands):
    """What was said to be ended is, and the trail of changes says so."""
    halted = {(each.experiment, each.how) for each in run.ledger.read(Halted)}
    closed = {each.experiment for each in run.ledger.read(Closed)}
    noted = {(each.experiment, each.what) for each in run.ledger.read(Change)}
    for name, how, _ in run.book.ends:
        further = {(name, each) for each in ("drain", "kill")[how == "kill" :]}
        if name not in closed or (how != "stop" and not further & halted):
            yield f"{how} of {name} was acknowledged and does not stand"
    for end in halted - noted:
        yield f"nobody noted who did {end}"


def _is_ended(stands, fact, assignment):
    if stands.seq["assignment", assignment.key] < stands.seq[_kind(fact), fact.key]:
        return False
    return isinstance(fact, Halted) or (assignment.first and assignment.phase == fact.phase)


def _kind(fact):
    return "halted" if isinstance(fact, Halted) else "closed"


def _phases(run, stands):
    """An answer belongs to the phase that ran when it was stored."""
    for began in run.ledger.read(PhaseBegan):
        for each in stands.drawn(began.experiment):
            later = stands.seq["assignment", each.key] > stands.seq["phase_began", began.key]
            if later and each.version == began.version and each.phase < began.phase:
                yield f"{each.key} is of phase {each.phase}, stored in phase {began.phase}"


def _versions(run, stands):
    """No version draws anything once a later one was started, and it is closed."""
    closed = {(each.experiment, each.version) for each in run.ledger.read(Closed)}
    for began in run.ledger.read(Started):
        if began.version > 1 and (began.experiment, began.version - 1) not in closed:
            yield f"{began.key} was started, and the version before is not closed"
        for each in stands.drawn(began.experiment):
            later = stands.seq["assignment", each.key] > stands.seq["started", began.key]
            if later and each.version < began.version:
                yield f"{each.key} is of version {each.version}, {began.key} was started"


CHECKS = (
    _acknowledged_once,
    _retries_equal,
    _per_customer,
    _cooldown,
    _units,
    _blocks,
    _ends,
    _ends_stand,
    _phases,
    _versions,
)
