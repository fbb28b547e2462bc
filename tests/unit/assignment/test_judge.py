"""The order of judging, and what each reason answers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from apologylab.assignment.assigner import Assigner
from apologylab.design.experiment import Allocation, Holdout, Layer, Otherwise, PlannedPhase
from apologylab.errors import StateError

UNITS = [f"customer-{number}" for number in range(3_000)]


def answers(experiment, context, phase=1):
    assigner = Assigner(experiment)
    return {unit: assigner.propose(unit, context, phase) for unit in UNITS}


def ineligible(experiment, context):
    answer = Assigner(experiment).propose("customer-1", context)
    return answer.because if answer.reason == "INELIGIBLE" else None


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"kind": "injury"}, "never: incidents of kind injury"),
        ({"kind": "early_ride"}, "incident.kind: it is not late_ride"),
        ({"kind": None}, "incident.kind"),
        ({"kind": ["late_ride"]}, "incident.kind"),
        ({"minutes_late": 9.99}, "minutes_late is not a number of at least 10"),
        ({"minutes_late": None}, "minutes_late is not a number"),
        ({"minutes_late": "25"}, "minutes_late is not a number"),
        ({"minutes_late": float("nan")}, "minutes_late is not a number"),
        ({"country": "us"}, "incident.where.country: it is not US"),
        ({"consent": "none"}, "eligibility.consent: it is not service or marketing"),
        ({"consent": None}, "eligibility.consent"),
        ({"abuse_flag": True}, "eligibility.exclude: abuse_flag is set"),
        ({"already_refunded": "true"}, "eligibility.exclude: already_refunded is set"),
        ({"kind": "injury", "abuse_flag": True, "minutes_late": 1}, "never"),
    ],
)
def test_what_keeps_an_incident_out_is_named(light, late, change, because):
    assert because in (ineligible(light, late | change) or "")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"minutes_late": 10},
        {"minutes_late": float("inf")},
        {"consent": "marketing"},
        {"abuse_flag": False},
        {"abuse_flag": "False"},
        {"abuse_flag": "0"},
        {"abuse_flag": None},
        {"something_else": object()},
    ],
)
def test_what_does_not_keep_an_incident_out(plain, late, change):
    assert ineligible(plain, late | change) is None


def test_an_empty_context_is_ineligible(light):
    assert ineligible(light, {}) == "incident.kind: it is not late_ride"


def test_a_drawn_answer_is_complete(plain, late):
    answer = Assigner(plain).propose("customer-1", late)
    assert answer.reason == "RANDOMISED"
    assert answer.propensity == 1 / 8
    assert (answer.experiment, answer.version, answer.phase) == (plain.name, 1, 1)
    assert (answer.entry, answer.holdout) == (1.0, 0.0)
    assert answer.delay_s == 3600
    assert answer.because == "drawn, weight 1 in 8"


def test_who_is_not_drawn_gets_what_otherwise_declares(light, late):
    declared = Otherwise(INELIGIBLE="silence", CLOSED="today", FALLBACK="today", HOLDOUT="today")
    experiment = replace(light, otherwise=declared)
    assert Assigner(experiment).propose("x", {}).arm == "silence"
    held = [one for one in answers(experiment, late).values() if one.reason == "HOLDOUT"]
    assert held
    assert {one.arm for one in held} == {"today"}
    assert {one.propensity for one in held} == {None}
    assert {one.holdout for one in held} == {0.05}


def test_the_holdout_is_the_same_in_every_experiment_of_the_programme(light, late):
    other = replace(light, name="other", salt="other", unit_id="exact")
    groups = [
        {unit for unit, one in answers(experiment, late).items() if one.reason == "HOLDOUT"}
        for experiment in (light, other)
    ]
    assert groups[0] == groups[1]
    assert 90 <= len(groups[0]) <= 210  # 5% of 3,000 within 5 standard deviations


def test_a_renewed_holdout_is_another(light, late):
    renewed = replace(light, holdout=Holdout(share=0.05, salt="programme_2027"))
    first, second = (
        {unit for unit, one in answers(experiment, late).items() if one.reason == "HOLDOUT"}
        for experiment in (light, renewed)
    )
    assert len(first & second) < len(first) / 3


def test_a_larger_holdout_keeps_the_smaller_one(light, late):
    larger = replace(light, holdout=Holdout(share=0.2, salt=light.holdout.salt))
    small, large = (
        {unit for unit, one in answers(experiment, late).items() if one.reason == "HOLDOUT"}
        for experiment in (light, larger)
    )
    assert small < large


def test_slices_of_a_layer_are_disjoint_and_cover_everyone(plain, late):
    bounds = [(0.0, 0.25), (0.25, 0.3), (0.3, 1.0)]
    inside = []
    for number, (start, end) in enumerate(bounds):
        layer = Layer(name="late", start=start, end=end)
        experiment = replace(plain, name=f"slice{number}", layer=layer)
        inside.append(
            {unit for unit, one in answers(experiment, late).items() if one.reason == "RANDOMISED"}
        )
    assert sum(map(len, inside)) == len(UNITS)
    assert set.union(*inside) == set(UNITS)


def test_a_slice_that_holds_everyone_keeps_nobody_out(plain, late):
    whole = replace(plain, layer=Layer(name="late", start=0.0, end=1.0))
    assert answers(whole, late) == answers(plain, late)


def test_the_holdout_comes_before_the_layer(light, late):
    sliced = replace(light, layer=Layer(name="late", start=0.0, end=0.5))
    held, all_held = (
        {unit for unit, one in answers(experiment, late).items() if one.reason == "HOLDOUT"}
        for experiment in (sliced, light)
    )
    assert held == all_held
    reasons = {one.reason for one in answers(sliced, late).values()}
    assert reasons == {"HOLDOUT", "INELIGIBLE", "RANDOMISED"}


def test_a_ramp_keeps_those_who_entered_and_their_arms(plain, late):
    allocation = Allocation(entry=0.2, phases=(PlannedPhase(entry=0.6), PlannedPhase()))
    experiment = replace(plain, allocation=allocation)
    drawn = [
        {
            unit: one.arm
            for unit, one in answers(experiment, late, phase).items()
            if one.reason == "RANDOMISED"
        }
        for phase in (1, 2, 3)
    ]
    assert [set(one) <= set(two) for one, two in pairwise(drawn)] == [
        True,
        True,
    ]
    assert len(drawn[2]) == len(UNITS)
    assert all(drawn[2][unit] == arm for unit, arm in drawn[0].items())
    left_out = next(one for one in answers(experiment, late).values() if one.reason == "INELIGIBLE")
    assert left_out.because == "allocation.entry: not among the 0.2 that enter"
    assert left_out.entry == 0.2


def test_a_phase_has_its_own_propensities(plain, late):
    weights = {"silence": 3, "basic+none@1h": 1}
    experiment = replace(plain, allocation=Allocation(phases=(PlannedPhase(weights=weights),)))
    shares = {one.arm: one.propensity for one in answers(experiment, late, 2).values()}
    assert shares == {"silence": 0.75, "basic+none@1h": 0.25}


def test_a_phase_that_is_not_declared_is_refused(plain, late):
    with pytest.raises(StateError, match="no phase 2"):
        Assigner(plain).propose("x", late, 2)


def test_an_override_beats_the_holdout_and_never_eligibility(light, late):
    held = next(unit for unit, one in answers(light, late).items() if one.reason == "HOLDOUT")
    experiment = replace(light, overrides={held: "status+usd5@1h"})
    answer = Assigner(experiment).propose(held, late)
    assert (answer.arm, answer.reason, answer.propensity) == ("status+usd5@1h", "OVERRIDE", None)
    assert Assigner(experiment).propose(held, late | {"kind": "injury"}).reason == "INELIGIBLE"


def test_an_override_is_found_by_the_normalised_id(plain, late):
    experiment = replace(plain, unit_id="nfc_ascii_lower", overrides={"ZOE\u0308": "silence"})
    assert Assigner(experiment).propose("Zo\u00cb", late).reason == "OVERRIDE"


def test_silence_draws_its_shadow_delay_by_the_timing_weights(plain, late):
    factors = {**plain.factors, "timing": ("15min", "4h", "1d")}
    timing = {"15min": 3, "4h": 0, "1d": 1}
    allocation = Allocation(weights={"silence": 60, "*": 1}, timing=timing)
    experiment = replace(plain, factors=factors, allocation=allocation)
    drawn = answers(experiment, late).values()
    delays = [one.delay_s for one in drawn if one.arm == "silence"]
    assert set(delays) == {900, 86_400}
    share = delays.count(900) / len(delays)
    assert abs(share - 0.75) < 5 * (0.75 * 0.25 / len(delays)) ** 0.5
    for one in drawn:
        if one.arm != "silence":
            assert one.delay_s == {"15min": 900, "4h": 14_400, "1d": 86_400}[one.arm.split("@")[1]]


def test_without_a_timing_factor_there_is_no_delay(plain, late):
    factors = {name: levels for name, levels in plain.factors.items() if name != "timing"}
    experiment = replace(plain, factors=factors)
    assert {one.delay_s for one in answers(experiment, late).values()} == {None}
