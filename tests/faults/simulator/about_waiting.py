"""What awaits a visit leaves after one, and is given up only if none was known."""

from __future__ import annotations

from apologylab.record.later_facts import DueMoved, Visit


def _after_the_visit(run, stands):
    """It left after what it awaited came, and was not given up after that."""
    moved = {each.key: each for each in run.ledger.read(DueMoved)}
    for remedy in stands.remedies:
        end = stands.deliveries.get(remedy.key)
        if remedy.awaits is None or end is None:
            continue
        if end.because == "no_visit" and remedy.key in moved:
            yield f"{remedy.key} was given up, and was due since {moved[remedy.key].due_at}"
        if end.state in ("sent", "would_send", "in_doubt") and remedy.key not in moved:
            yield f"{remedy.key} is {end.state}, and nobody came by"


def _no_visit_is_lost(run, stands):
    """A visit in time that was recorded before a remedy was given up kept it."""
    visits = list(run.ledger.read(Visit))
    for remedy in stands.remedies:
        end = stands.deliveries.get(remedy.key)
        if end is None or end.because != "no_visit":
            continue
        for visit in visits:
            known = stands.seq["visit", visit.key] < stands.seq["delivery", end.key]
            in_time = remedy.occurred_at < visit.occurred_at < remedy.due_at
            if visit.customer == remedy.customer and in_time and known:
                yield f"{remedy.key} was given up, and {visit.key} was known"


CHECKS = (_after_the_visit, _no_visit_is_lost)
