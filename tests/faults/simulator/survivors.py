"""Why a mutant survives: the line is a second guard, or only PostgreSQL or a quicker run needs it."""

from __future__ import annotations

WHY = (
    ("_expect(work, running", "reads ahead what is read anyway"),
    ("work.expect(", "reads ahead what is read anyway"),
    ("work.append([_closed(case", "the seal keeps everybody out too; unit tests ask for the fact"),
    ("query.where(is_among(BUDGET", "more rows are read than asked for, and not looked at"),
    ("guard dropped|if not claimed", "nothing is done for nothing, and settled as nothing"),
    ("guard dropped|if ahead is not None", "saves a read"),
    ("guard dropped|if not locked and ahead", "saves a read"),
    ("work.seal(experiment.name, None)", "a seal names its phase, so it does not hold up the next"),
    ("_note_attempts(", "attempts are told to people; nothing is decided by them"),
    ("work.append([_attempt(", "attempts are told to people; nothing is decided by them"),
    ("work.postpone(waiting", "its lease ends, and it is tried again then"),
    ("queue.let_go(", "no use case gives claims back; the contract suite does"),
    ("remedy.compensation or ''", "there is always one where money moves"),
    ("remedy.currency or ''", "there is always one where money moves"),
    ("due_by or now", "only a kill reaches beyond now"),
    ("why or '' -> ''", "the reason of what silence would have got is told to people"),
    ("handing.py|guard dropped|if once", "in doubt sooner than it had to be"),
    ("sa.select(BUDGET.c.reserved)", "nobody asks for one budget's sum in a run"),
    ("_seqs(kind", "more rows are read than asked for, and not looked at"),
    (
        "self.holder is not None and self.lease_until > now -> self.lease",
        "who lets go has no lease",
    ),
    ("connection.execute(_let_go()", "no use case gives claims back; the contract suite does"),
    (
        "REMEDY_PENDING.update().where(is_among(_WAITS.key), _HELD) -> REMEDY_PENDING.update()",
        "whoever asks has the same rows by both conditions; the contract suite asks for others",
    ),
    ("sa.select(_WAITS.key).where(is_among", "hand_over was asked first, for the same rows"),
    ("_WAITS.dead == 1) -> REMEDY_PENDING", "letters were chosen under their lock and are dead"),
    ("kind_of(Delivery), is_among(FACT", "more keys are read than asked for, and not looked at"),
    ("sa.select(BUDGET).where(is_among", "more rows are read than asked for, and not looked at"),
    ("sa.select(COUNTER.c.name", "more rows are read than asked for, and not looked at"),
    (
        "no lock of sort text",
        "a text's id is its assignment's: whoever writes it holds its customer",
    ),
    ("no lock of sort counter", "counters are advanced under the named lock of their stratum"),
    ("commit of dead_letters", "it only reads"),
    (
        "commit of store",
        "nobody was told: what is lost is in doubt, and the next worker settles it",
    ),
    ("commit of _settle", "what is lost is found again by the next settling"),
    ("commit of _start", "a phase that was not begun is begun again; nobody was answered by it"),
    ("part dropped|self.body", "a second guard stands in handing"),
    ("unlocked|locked=True", "SQLite has one writer: only PostgreSQL needs the row's lock"),
    ("unlocked|locked=locked", "SQLite has one writer: only PostgreSQL needs the row's lock"),
    ("guard dropped|if not batch", "saves a call with nothing in it"),
    ("guard dropped|if not doubtful", "saves a call with nothing in it"),
    ("guard dropped|if not before", "saves a look for nothing"),
    ("guard dropped|if not fates", "saves a transaction with nothing in it"),
    ("guard dropped|if not claimed", "saves work on nothing"),
    ("guard dropped|if not rows or not draws", "saves a look for nothing"),
    ("guard dropped|if not judged.draws", "saves a look at the budget for nothing"),
    ("guard dropped|if not short and", "judging again with room enough gives the same"),
    ("guard dropped|if closes and (not careful)", "closes on an older look: sooner than it had to"),
    ("guard dropped|if killed: return", "recheck asks for every remedy's own kill as well"),
    ("filter dropped|[each.remedy.key for each in leaving", "what is handed over already stays so"),
    ("filter dropped|[each.remedy.text for each in claimed", "None is no text's id"),
    ("filter dropped|[each.remedy for each in claimed", "what is in doubt is parted off later"),
    (
        "call dropped|work.lock([lock_name(experiment)]",
        "its own lock keeps letters apart; see kill",
    ),
)
"""(part of ``where|sort|what``, the reason); the others wait for more seeds or a better world."""


def reason(place):
    """Why the mutant at ``place`` survives, as far as anybody knows."""
    return next((why for part, why in WHY if part in place), "not caught yet")
