"""What must be true after every run, asked of the ledger itself and of what the world did."""

from __future__ import annotations

from apologylab.record.facts import (
    Assignment,
    Delivery,
    Liability,
    Remedy,
)
from apologylab.storage.rows import moment
from simulator import about_answers, about_facts, about_money, about_waiting

DRAWN = ("RANDOMISED", "OVERRIDE")
CHECKS = (*about_answers.CHECKS, *about_money.CHECKS, *about_facts.CHECKS, *about_waiting.CHECKS)


def violations(run):
    """Everything that is wrong, each as a sentence; empty if all is well."""
    return asked(run, CHECKS)


def asked(run, checks):
    """What some of the checks find."""
    stands = Stands(run)
    return [
        f"{check.__name__.lstrip('_')}: {wrong}" for check in checks for wrong in check(run, stands)
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
