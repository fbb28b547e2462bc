"""A standing file beside the whole recomputation, sitting by sitting, on a real SQLite ledger (R25).

Facts are told late, twice, back-dated and out of order; corrections move them between customers and
back; customers are merged, forgotten, and withdraw consent; a second phase has other weights. After
every sitting each number of the analysis is the whole's to 1e-10, and the units that were tallied
anew are those that plain Python says were touched.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from apologylab.design.experiment import Eligibility
from apologylab.design.fingerprint import fingerprint
from apologylab.errors import InputError
from apologylab.record.facts import (
    Assignment,
    Correction,
    CustomerSnapshot,
    Forgotten,
    Merged,
    PhaseBegan,
    Started,
)
from apologylab.service.analyse import about, conclude
from apologylab.service.ports import LedgerIdentity
from apologylab.service.question import question
from apologylab.service.timeline import timeline
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.warehouse.standing_ledger import Keeping
from apologylab.wire.declaration import read

SITTINGS = 8
FIVE = timedelta(days=5)
HOUR = timedelta(hours=1)
SECOND = '[[allocation.phases]]\nweights = { silence = 1, "*" = 3 }\n'
ESTIMATORS = (
    "lin",
    "lin(errors=HC1)",
    "difference_in_means",
    "winsorised(at=0.9)",
    "quantile(at=0.8)",
    "relative_lift",
    "missing_bounds(low=0, high=1000)",
)


class Shop:
    """One ledger, and the standing file beside it."""

    def __init__(self, late, folder, *, secret="s", estimators=ESTIMATORS, ledger=None, url=None):
        self.late = late
        self.estimators = estimators
        self.folder = folder
        self.file = folder / "ledger.sqlite"
        text = late.text().replace("[plan]", SECOND + "[plan]")
        self.experiment = replace(
            read(text, where="late"), eligibility=Eligibility(consent="marketing")
        )
        identity = LedgerIdentity(id=secret, environment="test", simulated=True)
        self.ledger = ledger or create(self.file, identity)
        self.url = url or f"sqlite:///{self.file}"
        named = {"experiment": "late", "version": 1}
        phases = [dict.fromkeys(late.ARMS, 1), dict.fromkeys(late.ARMS, 3) | {"silence": 1}]
        begun = [
            PhaseBegan(
                key=f"late/1/{i}", occurred_at=late.START + 14 * (i - 1) * late.DAY, phase=i,
                entry=1.0, weights=each, **named,
            )
            for i, each in enumerate(phases, start=1)
        ]  # fmt: skip
        started = Started(
            key="late/1", occurred_at=late.START, fingerprint=fingerprint(self.experiment),
            declaration=text, **named,
        )  # fmt: skip
        late.append(self.ledger, [started, *begun], at=late.START)

    def panel(self, as_of, *, standing):
        mark = self.ledger.mark(as_of)
        self.ledger.close()
        keeping = Keeping(file=self.folder / "standing.duckdb", ledger_id=self.ledger.identity.id)
        given = keeping if standing else None
        return panel_ledger(self.url, self.experiment, as_of=as_of, mark=mark, standing=given)

    def analysis(self, as_of, *, standing):
        """(analysis as plain values, what the standing file said)."""
        found = self.panel(as_of, standing=standing)
        mark = self.ledger.mark(as_of)
        phases = timeline(self.ledger, self.experiment, mark=mark).phases
        asked = question(
            self.experiment, covariates=found.covariates, phases=phases, instead=self.estimators
        )
        analysis = conclude(found, asked, about(self.experiment, as_of=as_of))
        self.ledger.close()
        plain = asdict(replace(analysis, readings=None))
        said = [note for note in plain["notes"] if "standing file" in note]
        plain["notes"] = [note for note in plain["notes"] if "standing file" not in note]
        flow = asdict(replace(found.counted, notes=()))
        return plain | {"flow of the panel": flow}, said

    def both(self, as_of):
        """The two are equal; how many units were tallied anew."""
        theirs, nothing = self.analysis(as_of, standing=False)
        mine, (said,) = self.analysis(as_of, standing=True)
        assert not nothing
        assert_same(mine, theirs)
        assert theirs["estimates"]
        return anew(said)

    def again(self, as_of):
        """How many units are tallied anew; nothing is compared."""
        notes = self.panel(as_of, standing=True).flow().notes
        return anew("".join(notes))


def anew(said):
    return int(re.search(r"units (\d+) were tallied anew", said)[1])


def assert_same(mine, theirs, at=""):
    """Every number to 1e-10, everything else exactly."""
    if isinstance(theirs, float):
        assert mine == pytest.approx(theirs, rel=1e-10, abs=1e-10, nan_ok=True), at
    elif isinstance(theirs, dict):
        assert set(mine) == set(theirs), at
        for key, each in theirs.items():
            assert_same(mine[key], each, f"{at}.{key}")
    elif isinstance(theirs, list | tuple):
        assert len(mine) == len(theirs), at
        for i, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            assert_same(one, other, f"{at}[{i}]")
    else:
        assert mine == theirs, at


def told(late, found, arms):
    """Sitting -> facts: each told at the first sitting after it happened and some days passed."""
    chance = random.Random(20_261_122)
    of = defaultdict(list)
    phase = {name: 1 if at < late.START + 14 * late.DAY else 2 for name, (at, _) in found.items()}
    for each in [*late.enrolment(found), *late.happenings(found)]:
        name, fact = each.customer, each
        if isinstance(each, Assignment):
            fact = late.randomised(name, each.occurred_at, arms[name], phase=phase[name])
        days = chance.choice([0, 0, 0, 3, 11, 25])
        first = (fact.occurred_at - late.START + days * late.DAY) / FIVE - 9
        of[min(max(0, int(first) + 1), SITTINGS - 1)].append(fact)
    return of, chance


def events(late, found):
    """Sitting -> what happens beside: merges, corrections, forgetting, consent."""
    names = list(found)
    at = late.START + late.DAY

    def corrected(key, of, **changed):
        return Correction(
            key=key, occurred_at=at, fact="order", corrects=of, because="typing", fields=changed
        )

    def order(key, name, day, amount):
        return late.order(key, name, found[name][0] + day * late.DAY, amount)

    def merged(key, one, into):
        return Merged(key=key, occurred_at=at, customer=one, into=into)

    def snapshot(key, name, **said):
        return CustomerSnapshot(
            key=key, occurred_at=late.START + 60 * late.DAY, customer=name, **said
        )

    def gone(key, name):
        return Forgotten(key=key, occurred_at=at, customer=name, because="asked")

    a, b, c, d, e, f, g, h = names[10:18]
    return {
        1: [order("x1", a, 3, 100_000_000_000), order("x2", b, 2, 700), order("x3", "c3", 5, 50)],
        2: [merged("m1", "phone-7", c), merged("m2", d, e), merged("m3", f, "web-1"),
            late.order("x4", "phone-7", found[c][0] + late.DAY, 2_500)],
        3: [corrected("k1", "x1", list_amount=900), corrected("k2", "x2", customer=g),
            corrected("k3", "not-yet", customer=h)],
        4: [gone("f1", g), corrected("k4", "x3", occurred_at="2020-01-01T00:00:00+00:00")],
        5: [snapshot(f"t{i}", name, since=late.START - late.DAY, consent="none")
            for i, name in enumerate(names[30:90:3])],
        6: [corrected("k5", "x2", customer=b), merged("m4", "web-1", "phone-7"),
            order("not-yet", a, 4, 1_234)],
        7: [gone("f2", "web-1"), order("x9", e, 6, 4_321)],
    }  # fmt: skip


class Oracle:
    """Whose units a fact touches, worked out one fact at a time."""

    def __init__(self):
        self.merges = []
        self.keys = defaultdict(set)
        self.units = {}

    def touched(self, facts):
        """How many units after merging are of customers whom these facts are about."""
        named = set()
        for fact in facts:
            if isinstance(fact, Correction):
                self.keys[fact.corrects] |= {fact.fields.get("customer")} - {None}
                named.add(("key", fact.corrects))
            elif isinstance(fact, Merged):
                self.merges.append({fact.customer, fact.into})
                named |= {fact.customer, fact.into}
            elif hasattr(fact, "customer"):
                named.add(fact.customer)
                if type(fact).__name__ == "Order":
                    self.keys[fact.key].add(fact.customer)
                    named.add(("key", fact.key))
                if isinstance(fact, Assignment):
                    self.units[fact.customer] = True
        ids = {each for each in named if isinstance(each, str)}
        for each in named - ids:
            ids |= self.keys[each[1]]
        return len({self.person(each) for each in self.units if self.person(each) in self.of(ids)})

    def of(self, ids):
        return {self.person(each) for each in ids}

    def person(self, name):
        met, grown = {name}, True
        while grown:
            more = met.union(*(pair for pair in self.merges if pair & met))
            grown, met = more != met, more
        return min(met)


@pytest.fixture(scope="module")
def lived(late, tmp_path_factory):
    """The shop after its sittings; (units anew, units touched) at each."""
    shop = Shop(late, tmp_path_factory.mktemp("shop"))
    found = late.units(400, days=28)
    draw = random.Random(5)
    arms = {name: draw.choice(late.ARMS) for name in found}
    of, chance = told(late, found, arms)
    happen, oracle, counted, before = events(late, found), Oracle(), [], []
    for sitting in range(SITTINGS):
        at = late.START + 9 * FIVE + sitting * FIVE
        new = [*of[sitting], *happen.get(sitting, ())]
        chance.shuffle(new)
        again = chance.sample(before, min(40, len(before)))
        late.append(shop.ledger, [*new, *again, *late.feeds(at - 3 * late.DAY)], at=at)
        counted.append((shop.both(at + HOUR), oracle.touched(new)))
        before += new
    return shop, counted, at + HOUR


def test_what_is_tallied_anew_is_what_was_touched(lived):
    _, counted, _ = lived
    (first, units), *later = counted
    assert first == units > 100
    assert [anew for anew, _ in later] == [touched for _, touched in later]
    assert min(anew for anew, _ in later) < 100


def test_nothing_new_tallies_nothing(lived):
    shop, _, last = lived
    assert shop.both(last + HOUR) == 0


def test_what_matures_is_in_the_file_already(late, tmp_path):
    shop, _ = small(late, tmp_path, through=late.START + 35 * late.DAY)
    at = late.START + 100 * late.DAY
    before = shop.panel(at + HOUR, standing=True).flow().mature["spend_28d"][1]
    late.append(shop.ledger, late.feeds(at), at=at + HOUR)
    assert shop.both(at + 2 * HOUR) == 0
    after = shop.panel(at + 2 * HOUR, standing=True).flow().mature["spend_28d"][1]
    assert 0 < sum(before.values()) < sum(after.values()) == 40


def test_an_earlier_date_is_built_beside_the_file(lived):
    shop, _, _ = lived
    earlier = shop.late.START + 10 * FIVE + HOUR
    theirs, _ = shop.analysis(earlier, standing=False)
    mine, (said,) = shop.analysis(earlier, standing=True)
    assert said == "the standing file is not used: it is of a later date"
    assert_same(mine, theirs)


def test_who_is_forgotten_after_the_date_is_missing_at_it(late, tmp_path):
    shop, at = small(late, tmp_path)
    assert shop.again(at) == 40
    gone = Forgotten(key="f", occurred_at=at, customer="c3", because="asked")
    late.append(shop.ledger, [gone], at=at + late.DAY)
    assert shop.both(at) == 1  # the same date, and yet one is missing now
    assert shop.both(at + 2 * late.DAY) == 1  # "forgotten after this date" is so no more
    assert shop.again(at + 2 * late.DAY) == 0


def small(late, folder, through=None, **where):
    shop = Shop(late, folder, estimators=["lin"], **where)
    found = late.units(40, days=10)
    at = late.START + 100 * late.DAY
    facts = [*late.enrolment(found), *late.happenings(found), *late.feeds(through or at)]
    late.append(shop.ledger, facts, at=at)
    return shop, at + HOUR


def test_another_ledger_version_or_declaration_begins_the_file_anew(late, tmp_path):
    (tmp_path / "one").mkdir()
    shop, at = small(late, tmp_path / "one")
    assert [shop.again(at), shop.again(at)] == [40, 0]
    shop.experiment = replace(shop.experiment, eligibility=Eligibility(consent="none"))
    assert [shop.again(at), shop.again(at)] == [40, 0]
    (tmp_path / "two").mkdir()
    other, at = small(late, tmp_path / "two", secret="another")
    (tmp_path / "one" / "standing.duckdb").rename(tmp_path / "two" / "standing.duckdb")
    assert [other.both(at), other.again(at)] == [40, 0]


def test_a_ledger_restored_from_a_backup_begins_the_file_anew(late, tmp_path):
    shop, at = small(late, tmp_path)
    shop.ledger.close()
    backup = shop.file.read_bytes()
    late.append(shop.ledger, [late.order("a", "c1", late.START + 9 * late.DAY, 5_000)], at=at)
    assert [shop.again(at + HOUR), shop.again(at + HOUR)] == [40, 0]
    shop.file.write_bytes(backup)
    other = late.order("b", "c2", late.START + 9 * late.DAY, 7_000)
    late.append(shop.ledger, [other], at=at + timedelta(minutes=1))
    assert shop.both(at + HOUR) == 40


def test_a_ledger_in_postgresql(late, tmp_path, postgres_ledger, postgres_url):
    shop, at = small(late, tmp_path, ledger=postgres_ledger, url=postgres_url)
    assert shop.again(at) == 40
    moved = Correction(
        key="k", occurred_at=at, fact="order", corrects="a", because="", fields={"customer": "c2"}
    )
    told = [late.order("a", "c1", late.START + 9 * late.DAY, 5_000), moved]
    late.append(shop.ledger, told, at=at)
    assert shop.both(at + HOUR) == 2


def test_a_killed_process_leaves_the_last_file(late, tmp_path, monkeypatch):
    shop, at = small(late, tmp_path)
    shop.again(at)
    late.append(shop.ledger, [late.order("a", "c1", late.START + 9 * late.DAY, 5_000)], at=at)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("apologylab.warehouse.standing_ledger._sign", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.panel(at + HOUR, standing=True)
    assert shop.both(at + HOUR) == 1


def test_a_file_of_something_else_is_refused_and_left(late, tmp_path):
    shop, at = small(late, tmp_path)
    stranger = tmp_path / "standing.duckdb"
    stranger.write_bytes(shop.file.read_bytes())  # the ledger itself, by a slip
    before = stranger.read_bytes()
    with pytest.raises(InputError, match="cannot be opened"):
        shop.panel(at, standing=True)
    assert stranger.read_bytes() == before
