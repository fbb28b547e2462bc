from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from apologylab.assignment.draw import compile_draw, ledger_needs
from apologylab.catalogue.folder import FolderCatalogue
from apologylab.design.experiment import (
    Allocation,
    CountCap,
    Eligibility,
    PlannedPhase,
    Repeats,
)
from apologylab.errors import StateError, UnitIdError

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


def test_a_drawn_arm_is_a_preview(plain, late):
    assert compile_draw(plain)("customer-1", late).reason == "PREVIEW"


def test_exposures_are_the_drawn_and_the_held_out_with_the_normalised_id(light, late):
    seen = {}
    draw = compile_draw(light, on_exposure=seen.__setitem__)
    given = {f"customer-{number}": draw(f"customer-{number}", late) for number in range(500)}
    assert seen == given
    assert {answer.reason for answer in given.values()} == {"PREVIEW", "HOLDOUT"}
    seen.clear()
    draw("customer-1", {})
    assert not seen
    draw("Zoe\u0308", late)
    assert list(seen) == ["Zo\u00eb"]


def test_neither_an_override_nor_a_ramp_is_an_exposure(plain, late):
    seen = []
    experiment = replace(
        plain,
        overrides={"qa": "silence"},
        allocation=replace(plain.allocation, entry=1e-9),
    )
    draw = compile_draw(experiment, on_exposure=lambda *one: seen.append(one))
    assert [draw(unit, late).reason for unit in ("qa", "other")] == ["OVERRIDE", "INELIGIBLE"]
    assert not seen


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"eligibility": Eligibility(cooldown_days=90)}, "eligibility.cooldown_days"),
        ({"allocation": Allocation(units_per_day=9)}, "allocation.units_per_day"),
        (
            {"allocation": Allocation(phases=(PlannedPhase(units_per_day=9),))},
            "allocation.units_per_day",
        ),
        ({"repeats": Repeats(next_incident="sticky")}, "repeats.next_incident"),
        (
            {
                "repeats": Repeats(
                    next_incident="first_only", max_apologies=CountCap(count=2, days=180)
                )
            },
            "repeats.max_apologies",
        ),
    ],
)
def test_what_needs_the_ledger_is_refused_by_its_path(plain, change, path):
    with pytest.raises(StateError, match=path):
        compile_draw(replace(plain, **change))


def test_the_shipped_experiments_need_their_ledger_and_panels_draw_nothing():
    catalogue = FolderCatalogue(EXPERIMENTS)
    assert "budget" in ledger_needs(catalogue.experiment("late_ride_apology"))
    with pytest.raises(StateError, match="finished outcomes"):
        compile_draw(catalogue.experiment("hillstrom"))


def test_a_bad_id_is_raised_here(plain, late):
    with pytest.raises(UnitIdError):
        compile_draw(plain)("", late)


def test_a_restart_draws_the_same_under_any_hash_seed(light, late):
    """Two fresh processes with other seeds for Python's own hashes answer as this one does."""
    code = (
        "import json, sys; from pathlib import Path\n"
        "from apologylab.assignment.draw import compile_draw\n"
        "from apologylab.wire.declaration import read\n"
        "file, name = sys.argv[1:]\n"
        "text = json.loads(Path(file).read_text())['declarations'][name]\n"
        f"draw, late = compile_draw(read(text, where=name)), {late!r}\n"
        "print([tuple(draw(f'customer-{i}', late)) for i in range(200)])\n"
    )
    draw = compile_draw(light)
    here = str([tuple(draw(f"customer-{i}", late)) for i in range(200)])
    vectors = Path(__file__).parents[2] / "vectors" / "assignment.json"
    for seed in ("1", "4242"):
        command = [sys.executable, "-c", code, str(vectors), light.name]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert run.stdout.strip() == here
