"""What must be true after every run, asked of the ledger itself and of what the world did."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from apologylab.record.facts import (
    Assignment,
    Change,
    Closed,
    Delivery,
    Forgotten,
    Halted,
    Liability,
    PhaseBegan,
    Remedy,
    Started,
)
from apologylab.remedy.compensation import HELD, Step, follow
from apologylab.service.audit import verify
from apologylab.storage.rows import moment
from simulator.world import NAMES

DRAWN = ("RANDOMISED", "OVERRIDE")
OF_SILENCE = {"would_send", "would_suppress"}
STATES = {"sent", "failed", "suppressed", "in_doubt"}


def violations(run):
    """Everything that is wrong, each as a sentence; empty if all is well."""
    stands = Stands(run)
    return [
        f"{check.__name__.lstrip('_')}: {wrong}" for check in CHECKS for wrong in check(run, stands)
    ]


class Stands:
    """The facts that stand after the run, read once."""

    def __init__(self, run):
        read = run.ledger.read
        self.assignments = list(read(Assignment))
        self.remedies = list(read(Remedy))
        self.deliveries = {each.key: each for each in read(Delivery)}
        self.liabilities = list(read(Liability))
        places = run.places()
        self.seq = {place: seq for place, (seq, _) in places.items()}
        self.recorded = {place: moment(at) for place, (_, at) in places.items()}

    def drawn(self, name):
        """The draws of one experiment in the order they were stored."""
        return [
            each for each in self.assignments if each.experiment == name and each.reason in DRAWN
        ]


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


def _money(run, stands):
    """What is reserved is what is owed, row by row, and never more than any cap."""
    owed = _owed_by_row(stands)
    for name in NAMES:
        for row, standing in run.ledger.budgets(name).items():
            if "/units/" in row:
                continue
            amount, uses = owed.pop(row, (0, 0))
            if (amount, uses) != (standing.reserved, standing.uses):
                yield f"{row} holds {standing}, owed are {amount} in {uses} uses"
            yield from _over(run.company.running[name].experiment.budget, row, amount, uses)
    if owed:
        yield f"{owed} is owed, and no budget holds it"


def _owed_by_row(stands):
    """Row -> minor units and uses that live liabilities were charged to it."""
    owed = {}
    for each in _held(stands):
        for row in (each.charged or "").split():
            amount, uses = owed.get(row, (0, 0))
            owed[row] = amount + each.amount, uses + 1
    return owed


def _held(stands):
    """What was reserved and still counts."""
    holdings = follow(Step(each.assignment, each.state, each.amount) for each in stands.liabilities)
    return [
        each
        for each in stands.liabilities
        if each.state == "reserved" and holdings[each.assignment].state in HELD
    ]


def _over(budget, row, owed, uses):
    """Whether a row of a budget is above its cap."""
    _, _, kind = row.partition("/")
    cap = None
    if kind.startswith("arm/"):
        cap = budget.per_arm[kind.removeprefix("arm/")]
    elif kind.startswith("period/"):
        cap = budget.per_period
    most = budget.total if cap is None else cap.amount
    times = budget.uses if cap is None else cap.uses
    if (most is not None and owed > most.minor) or (times is not None and uses > times):
        yield f"{row} holds {owed} in {uses} uses, more than {most}, {times}"


def _caps_by_facts(run, stands):
    """The caps again, from what was drawn alone, whatever the rows say."""
    held = _held(stands)
    for name in NAMES:
        budget = run.company.running[name].experiment.budget
        own = [each for each in held if each.experiment == name]
        yield from _over(budget, name, sum(each.amount for each in own), len(own))
        for arm in budget.per_arm:
            given = [each for each in own if each.arm == arm]
            yield from _over(budget, f"{name}/arm/{arm}", sum(e.amount for e in given), len(given))


def _ramp(run, stands):
    """No more units a day than declared; counted when they were drawn."""
    for name in NAMES:
        most = run.company.running[name].experiment.allocation.units_per_day
        days = Counter(
            stands.recorded["assignment", each.key].date()
            for each in stands.drawn(name)
            if each.first
        )
        if most is not None and days and max(days.values()) > most:
            yield f"{name} drew {days} a day, more than {most}"


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


def _liabilities_of_draws(run, stands):
    """Every drawn coupon has a liability, and nothing else has."""
    due = {each.key for each in stands.remedies if each.compensation}
    begun = Counter(each.assignment for each in stands.liabilities if each.state == "reserved")
    if due != set(begun) or set(begun.values()) - {1}:
        yield f"remedies with coupons {sorted(due)}, reserved {begun}"
    drawn = {each.key for each in stands.assignments if each.reason in DRAWN}
    remedies = Counter(each.assignment for each in stands.remedies)
    if drawn != set(remedies) or set(remedies.values()) - {1}:
        yield f"drawn {sorted(drawn)}, remedies {remedies}"


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
    """No version answers anything new once a later one was started."""
    for began in run.ledger.read(Started):
        for each in stands.drawn(began.experiment):
            later = stands.seq["assignment", each.key] > stands.seq["started", began.key]
            if later and each.version < began.version:
                yield f"{each.key} is of version {each.version}, {began.key} was started"


def _killed(run, stands):
    """No worker that looked after a kill was acknowledged sends anything."""
    steps = {name: step for name, what, step in reversed(run.book.ends) if what == "kill"}
    versions = {each.experiment: each.version for each in run.ledger.read(Halted, how="kill")}
    drawn = {each.key: each for each in stands.assignments}
    for effect in run.outbox.effects:
        each = drawn[effect.key.partition("/")[2]]
        step = steps.get(each.experiment)
        if step is not None and each.version <= versions[each.experiment] and effect.looked > step:
            yield f"{each.key} left at {effect.step}, looked at {effect.looked}, killed at {step}"


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


def _marks(run, stands):
    """A mark never moves, and what is read as of it never changes (R18)."""
    for as_of, mark, seen in run.book.marks:
        if run.ledger.mark(as_of) != mark:
            yield f"the mark of {as_of} was {mark} and is {run.ledger.mark(as_of)}"
        if run.as_of(mark) != seen:
            yield f"as of {mark} other facts are read than before"


def _refusals(run, stands):
    """Nothing was refused but by a fault."""
    for name, error in run.book.refused:
        yield f"{name} got {type(error).__name__}: {error}"


CHECKS = (
    _acknowledged_once,
    _retries_equal,
    _money,
    _caps_by_facts,
    _ramp,
    _blocks,
    _trail,
    _forgotten,
    _liabilities_of_draws,
    _per_customer,
    _cooldown,
    _units,
    _deliveries,
    _ends,
    _ends_stand,
    _phases,
    _versions,
    _killed,
    _facts_stand,
    _marks,
    _refusals,
)
