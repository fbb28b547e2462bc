"""What can be wrong with a plan of looks: each rule by one edit of a declaration without faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from apologylab.wire.declaration import check

ROOT = Path(__file__).parents[3]
RIDE = (ROOT / "experiments/late_ride_apology/experiment.toml").read_text()
MAIL = (ROOT / "experiments/hillstrom/experiment.toml").read_text()
GROUP = 'sequential = "group_sequential"\nlooks = 4'
ANY = 'sequential = "confidence_sequence"'


def paths(text: str, where: str) -> dict[str, str]:
    return {each.path: each.what for each in check(text, where=where)}


def planned(keys: str, text: str = RIDE) -> str:
    assert "[plan]\n" in text
    return text.replace("[plan]\n", f"[plan]\n{keys}\n")


@pytest.mark.parametrize(
    "keys",
    [
        GROUP,
        ANY,
        GROUP + '\nspending = "kim_demets"\nspending_power = 3.0',
        ANY + "\nfirst_look = 500",
    ],
)
def test_plans_of_looks_without_fault(keys):
    assert paths(planned(keys), "late_ride_apology") == {}


@pytest.mark.parametrize(
    ("keys", "path", "said"),
    [
        ("looks = 4", "plan.looks", "not read where plan.sequential is 'none'"),
        ("first_look = 500", "plan.first_look", "not read"),
        (ANY + '\nspending = "pocock"', "plan.spending", "not read"),
        (ANY + "\nlooks = 4", "plan.looks", "not read"),
        (GROUP + "\nspending_power = 3.0", "plan.spending_power", "not read"),
        ('sequential = "group_sequential"', "plan.looks", "is missing"),
        (GROUP + "\nfirst_look = 20", "plan.first_look", "few units"),
        ('sequential = "often"', "plan.sequential", ""),
        (GROUP + "\nequivalence = { spend_84d = 0.5 }", "plan.equivalence", "no proof"),
        (ANY + "\nsuperiority = { spend_84d = 0.0 }", "plan.superiority", "no proof"),
    ],
)
def test_each_rule_of_looks(keys, path, said):
    found = paths(planned(keys), "late_ride_apology")
    assert set(found) == {path}
    assert said in found[path]


def test_shares_need_an_end():
    text = planned(GROUP).replace("expected_customers = 200000\n", "")
    found = paths(text, "late_ride_apology")
    assert "plan.expected_customers" in found


def test_a_finished_file_has_no_looks():
    found = paths(planned(ANY, MAIL), "hillstrom")
    assert set(found) == {"plan.sequential"}


def test_minimisation_has_no_confidence_sequence():
    text = RIDE.replace(
        "[allocation]\n", '[allocation]\nscheme = "minimisation"\nstrata = ["tier"]\n'
    )
    assert text != RIDE
    assert paths(planned(GROUP, text), "late_ride_apology") == {}
    assert set(paths(planned(ANY, text), "late_ride_apology")) == {"plan.sequential"}
