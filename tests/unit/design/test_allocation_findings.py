"""Rules about schemes of allocation: one edit, the path and line it is reported at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apologylab.design.fingerprint import fingerprint
from apologylab.wire.declaration import check, read

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
RIDE = (EXPERIMENTS / "late_ride_apology" / "experiment.toml").read_text(encoding="utf-8")
PLAIN = "\n".join(line for line in RIDE.splitlines() if not line.startswith("covariates = "))
WEIGHTS = 'weights = "equal"'
BLOCKS = 'scheme = "blocks"'
MINIMISED = 'scheme = "minimisation"\nstrata = ["country"]'
CLUSTERED = PLAIN.replace('unit = "customer"', 'unit = "cluster"')


def allocated(keys, text=PLAIN):
    assert WEIGHTS in text
    return text.replace(WEIGHTS, f"{WEIGHTS}\n{keys}")


def reported(text):
    found = [each for each in check(text, where="late_ride_apology") if each.severity == "error"]
    return [(each.path, each.line, each.what) for each in found]


@pytest.mark.parametrize(
    "keys",
    [
        BLOCKS,
        f'{BLOCKS}\nstrata = ["country", "tier"]\nblock_size = 24',
        MINIMISED,
        f"{MINIMISED}\ncoin = 0.6",
    ],
)
def test_schemes_are_declared(keys):
    assert reported(allocated(keys)) == []


def test_clusters_are_declared():
    assert reported(allocated('cluster = "household"', CLUSTERED)) == []
    assert reported(allocated('cluster = "cause"', CLUSTERED)) == []


MISTAKES = [
    ("block_size = 8", "allocation.block_size", "not read where allocation.scheme"),
    ('strata = ["country"]', "allocation.strata", "not read where allocation.scheme"),
    ("coin = 0.7", "allocation.coin", "not read where allocation.scheme"),
    (f"{BLOCKS}\ncoin = 0.7", "allocation.coin", "not read where allocation.scheme"),
    (f"{MINIMISED}\nblock_size = 8", "allocation.block_size", "not read where"),
    (f"{BLOCKS}\nblock_size = 12", "allocation.block_size", "no multiple of 8"),
    (f'{BLOCKS}\nstrata = ["kind"]', "allocation.strata[0]", "not a field of the incident"),
    (f'{BLOCKS}\nstrata = ["abuse_flag"]', "allocation.strata[0]", "not a field of the incident"),
    (f'{BLOCKS}\nstrata = ["a", "b", "a"]', "allocation.strata[2]", "here twice"),
    ('scheme = "minimisation"', "allocation.strata", "is missing"),
    (f"{MINIMISED}\ncoin = 0.125", "allocation.coin", "pulls to no arm"),
    ('cluster = "household"', "allocation.cluster", "not read where unit"),
    ('scheme = "rerandomisation"', "allocation.scheme", "not carried out yet"),
    (
        f"{BLOCKS}\nblock_size = 16\n[[allocation.phases]]\nweights = {{ silence = 3, '*' = 1 }}",
        "allocation.block_size",
        "no multiple of 10, the smallest block that allocation.phases[0].weights fills",
    ),
    (
        f"{BLOCKS}\n[[allocation.phases]]\nweights = {{ silence = 997, '*' = 1 }}",
        "allocation.phases[0].weights",
        "would need blocks of 2,008 places",
    ),
]


@pytest.mark.parametrize(("keys", "path", "what"), MISTAKES)
def test_a_mistake_is_reported_at_its_line(keys, path, what):
    text = allocated(keys)
    (found,) = [each for each in reported(text) if each[0] == path]
    assert what in found[2]
    name = path.rpartition(".")[2].partition("[")[0]
    lines = text.splitlines()
    stands = [n for n, line in enumerate(lines, start=1) if line.startswith(f"{name} = ")]
    begins = next(n for n, line in enumerate(lines, start=1) if line == "[allocation]")
    assert found[1] in {*stands, begins}


@pytest.mark.parametrize(
    ("keys", "path", "what"),
    [
        ("", "allocation.cluster", "is missing"),
        ('cluster = "customer"', "allocation.cluster", "not a field of the incident"),
        (f'cluster = "city"\n{BLOCKS}', "allocation.scheme", "not carried out for clusters"),
    ],
)
def test_a_mistake_about_clusters_is_reported(keys, path, what):
    (found,) = [each for each in reported(allocated(keys, CLUSTERED)) if each[0] == path]
    assert what in found[2]


@pytest.mark.parametrize("unit", ["customer", "cluster"])
def test_covariates_wait_for_errors_that_follow_the_scheme(unit):
    text = RIDE.replace('unit = "customer"', f'unit = "{unit}"')
    keys = BLOCKS if unit == "customer" else 'cluster = "city"'
    (found,) = reported(allocated(keys, text))
    assert found[0] == "plan.covariates"
    assert reported(allocated(MINIMISED, RIDE)) == []


def test_a_file_of_outcomes_has_no_scheme():
    mail = (EXPERIMENTS / "hillstrom" / "experiment.toml").read_text(encoding="utf-8")
    for keys in (BLOCKS, "coin = 0.7", 'cluster = "city"', 'strata = ["city"]'):
        text = mail.replace("[allocation]", f"[allocation]\n{keys}")
        assert [each[0] for each in reported(text)] == [f"allocation.{keys.split()[0]}"]


PINNED = {
    "delivery_timing": "ef6439012fdfc5f9ae52ebd90c5957ba4f0b90f63cb89be437b6d26232cfe946",
    "hillstrom": "1cf2107f5a1f00fcfb5dc35e7faa5967f78f720ce87bc555774b5bfa16e2318f",
    "late_ride_apology": "d9c2400f809d1aa748ef1e6e1a20075c2fb0997cc382f46abce086079065358d",
}


@pytest.mark.parametrize("name", PINNED)
def test_new_keys_change_no_fingerprint_of_old(name):
    """From before there were schemes: what was started then is not taken for edited now.

    What wordings say and cost, and quiet hours, are declared since; without them these are the
    declarations of then.
    """
    text = (EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8")
    since = r"^\[(?:wording|delivery)\..*?(?=^\[)|^drop_after[^\n]*\n"
    then = re.sub(since, "", text, flags=re.DOTALL | re.MULTILINE)
    assert fingerprint(read(then, where=name)) == PINNED[name]


def test_the_fingerprint_covers_the_scheme():
    found = {
        fingerprint(read(allocated(keys), where=""))
        for keys in (
            "",
            BLOCKS,
            f"{BLOCKS}\nblock_size = 16",
            f"{BLOCKS}\nblock_size = 24",
            f'{BLOCKS}\nstrata = ["country"]',
            MINIMISED,
            f"{MINIMISED}\ncoin = 0.6",
        )
    }
    found |= {
        fingerprint(read(allocated(f'cluster = "{name}"', CLUSTERED), where=""))
        for name in ("city", "cause")
    }
    assert len(found) == 9
