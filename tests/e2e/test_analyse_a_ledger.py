"""``analyse``, ``decide`` and ``status`` of a started experiment, as a person types them."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apologylab.cli.app import main
from apologylab.cli.exits import CODES
from apologylab.errors import InputError, StateError
from apologylab.record.facts import Closed, Halted, Look
from apologylab.storage.sqlite import open_

MESSAGES = {"wording/sorry.en.txt": "We are sorry.", "coupon/usd5.en.txt": "Five dollars."}


@pytest.fixture
def project(late, tmp_path, monkeypatch, capsys):
    """A project whose ledger holds 400 units, all enrolled in January 2026."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--currency", "USD", "--time-zone", "UTC"]) == 0
    folder = tmp_path / "experiments" / "late"
    for name, text in MESSAGES.items():
        (folder / "messages" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "messages" / name).write_text(text)
    (folder / "experiment.toml").write_text(late.text())
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def ledger(project):
    (file,) = Path(project).rglob("*.sqlite*")
    opened = open_(file)
    yield opened
    opened.close()


@pytest.fixture
def ended(late, ledger):
    """Everything is in, and the declared end (30 + 30 days after the start) has passed."""
    found = late.units()
    facts = list(late.happenings(found))
    late.append(ledger, [*late.started(), *late.enrolment(found), *facts])
    late.append(ledger, late.feeds(late.START + 90 * late.DAY))
    ledger.close()
    return found, facts


def run(capsys, *args):
    code = main(list(args))
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys, *args):
    code, out, err = run(capsys, *args, "--json")
    assert code == 0, err
    return json.loads(out)


def test_analyse_after_the_end_gives_contrasts_and_appends_no_look(ended, late, ledger, capsys):
    found = document(capsys, "analyse", "late")
    assert found["deviations_from_plan"] == []
    assert {each["look"] for each in found["estimates"]} == {0}
    assert ledger.count(Look) == 0
    plain = {
        each["treatment"]: each["point"]
        for each in found["estimates"]
        if (each["outcome"], each["estimator"]) == ("spend_28d", "difference_in_means")
        and each["kind"] == "arm"
    }
    rows = late.expected(*ended).values()
    mean = {
        arm: sum(row["spend_28d"] for row in rows if row["arm"] == arm) / 100 for arm in late.ARMS
    }
    assert plain == pytest.approx(
        {arm: mean[arm] - mean["silence"] for arm in late.ARMS if arm != "silence"}, rel=1e-12
    )
    assert {arm["arm"]: arm["delivered"] for arm in found["flow"]} == dict.fromkeys(late.ARMS, 100)


def test_decide_after_the_end_reads_v_against_the_reference(ended, late, capsys):
    found = document(capsys, "decide", "late")
    rows = late.expected(*ended).values()
    mean = {arm: sum(row["value"] for row in rows if row["arm"] == arm) / 100 for arm in late.ARMS}
    for value in found["values"]:
        adjusted = value["point"]  # by the covariate, so near the plain difference, not equal
        assert adjusted == pytest.approx(mean[value["arm"]] - mean["silence"], abs=1.0)
        assert value["interval_kind"] == "simultaneous over 3 (Bonferroni)"
    assert found["verdict"] in {"ended without an answer", "do not ship"}
    assert found["recommended_arm"] is None


EARLY = ("--as-of", "2026-02-10")


@pytest.fixture
def early(late, ledger, monkeypatch):
    """The running experiment, recorded by 5 February and seen on 10 February."""
    found = late.units()
    at = datetime(2026, 2, 5, tzinfo=UTC)
    late.append(ledger, [*late.started(), *late.enrolment(found), *late.happenings(found)], at=at)
    late.append(ledger, late.feeds(at), at=at)
    ledger.close()


def test_what_a_repeat_leaves_open_is_counted_and_shown_at_face_and_at_zero(ended, capsys):
    reasons = document(capsys, "decide", "late")["reasons"]
    assert any(
        each.startswith("`none+usd5`: what can still be redeemed counts at face")
        for each in reasons
    )


def test_contrasts_are_withheld_before_the_end(early, ledger, capsys):
    found = document(capsys, "analyse", "late", *EARLY)
    assert found["estimates"] == found["means"] == []
    assert sum(arm["assigned"] for arm in found["flow"]) == 400
    assert found["checks"][0]["name"] == "sample ratio, assigned"
    assert any("withheld until 2026-03-02" in note for note in found["notes"])
    assert ledger.count(Look) == 0
    assert document(capsys, "decide", "late", *EARLY)["verdict"] == "keep running"
    assert document(capsys, "decide", "late", *EARLY)["values"] == []


def test_an_unplanned_look_is_appended_and_stays_for_ever(early, late, ledger, capsys):
    first = document(capsys, "analyse", "late", *EARLY, "--unplanned")
    second = document(capsys, "analyse", "late", *EARLY, "--unplanned")
    assert {each["look"] for each in first["estimates"]} == {1}
    assert {each["look"] for each in second["estimates"]} == {2}
    assert ledger.count(Look) == 2
    (said,) = second["deviations_from_plan"]
    assert "2 times before the declared end (as of 2026-02-10)" in said
    late.append(ledger, late.feeds(late.START + 90 * late.DAY))
    ledger.close()
    final = document(capsys, "analyse", "late")
    assert final["estimates"]
    assert final["deviations_from_plan"] == [said]
    _, text, _ = run(capsys, "analyse", "late")
    assert "Departures from the plan" in text
    assert said in document(capsys, "decide", "late")["reasons"]


def test_a_file_has_no_early_look_to_ask_for(project, capsys):
    code, out, err = run(capsys, "analyse", "late", "--panel", "units.csv", "--unplanned")
    assert (code, out) == (CODES[InputError], "")
    assert "--unplanned needs a ledger" in err


def test_numbers_of_a_standing_file_are_the_same(ended, capsys, tmp_path):
    whole = document(capsys, "analyse", "late")
    for tallied in (1, 0):
        found = document(capsys, "analyse", "late", "--standing", str(tmp_path / "late.standing"))
        said = [note for note in found["notes"] if "tallied anew" in note]
        assert (len(said), " 0 were tallied" in said[0]) == (1, tallied == 0)
        points = [each["point"] for each in whole["estimates"]]
        assert points
        assert [each["point"] for each in found["estimates"]] == pytest.approx(points, rel=1e-10)


def test_every_contrast_prints_its_cells_and_weights(ended, capsys):
    _, text, _ = run(capsys, "analyse", "late")
    assert "coupon=usd5 vs coupon=none: " in text
    found = document(capsys, "analyse", "late")["estimates"]
    for each in found:
        weights = {cell["arm"]: cell["weight"] for cell in each["cells"]}
        said = ", ".join(f"{arm} {weight:+.4g}" for arm, weight in weights.items())
        assert sum(weights.values()) == pytest.approx(0)
        assert each["kind"] == "arm" or (said in text and said in each["estimand"])
    assert {each["kind"] for each in found} == {"arm", "factor"}


def test_an_analysis_as_of_a_date_sees_the_same_facts_for_ever(ended, late, ledger, capsys):
    asked = ("analyse", "late", "--as-of", "2026-05-01")
    before = document(capsys, *asked)
    more = [
        late.order(f"late-{i}", f"c{i}", late.START + 20 * late.DAY, 99_900) for i in range(400)
    ]
    late.append(ledger, more, at=datetime(2026, 5, 2, tzinfo=UTC))
    ledger.close()
    after = document(capsys, *asked)
    assert len(before["estimates"]) == len(after["estimates"]) > 0
    for ours, theirs in zip(before["estimates"], after["estimates"], strict=True):
        assert ours["point"] == pytest.approx(theirs["point"], rel=1e-10, abs=1e-12)
        assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-10)
    (now,) = {each["reference_mean"] for each in document(capsys, "analyse", "late")["estimates"]
              if each["outcome"] == "spend_28d" and each["estimator"] == "difference_in_means"
              and each["kind"] == "arm"}  # fmt: skip
    assert now > 500


def test_it_has_ended_once_enrolment_has_closed_and_every_unit_is_mature(late, ledger, capsys):
    found = late.units(80, days=10)
    at = datetime(2026, 2, 12, tzinfo=UTC)  # ten days of enrolment, 28 of window, 2 of settling
    late.append(ledger, [*late.started(), *late.enrolment(found), *late.happenings(found)], at=at)
    late.append(ledger, late.feeds(at), at=at)
    ledger.close()
    assert document(capsys, "analyse", "late", "--as-of", "2026-02-13")["estimates"] == []
    closed = Closed(
        key="late/1/1", occurred_at=at, experiment="late", version=1, phase=1, because="by hand"
    )
    late.append(ledger, [closed], at=datetime(2026, 2, 13, 1, tzinfo=UTC))
    ledger.close()
    assert document(capsys, "analyse", "late", "--as-of", "2026-02-14")["estimates"]
    assert document(capsys, "analyse", "late", "--as-of", "2026-02-13")["estimates"] == []


def test_after_the_declared_end_nothing_is_read_while_a_feed_lags(late, ledger, capsys):
    found = late.units()
    late.append(ledger, [*late.started(), *late.enrolment(found), *late.happenings(found)])
    late.append(ledger, late.feeds(late.START + 45 * late.DAY))
    ledger.close()
    lagging = document(capsys, "analyse", "late")
    assert lagging["estimates"] == []
    assert 0 < sum(arm["mature"] for arm in lagging["flow"]) < 400
    assert any("every unit is mature" in note for note in lagging["notes"])
    assert document(capsys, "decide", "late")["verdict"] == "keep running"
    late.append(ledger, late.feeds(late.START + 90 * late.DAY))
    ledger.close()
    assert document(capsys, "analyse", "late")["estimates"]


def test_after_the_declared_end_nothing_is_read_while_units_still_come(ended, late, ledger, capsys):
    newcomers = {"c900": (late.START + 70 * late.DAY, "silence")}
    late.append(ledger, late.enrolment(newcomers), at=late.START + 101 * late.DAY)
    ledger.close()
    assert document(capsys, "analyse", "late")["estimates"] == []


def test_an_end_by_hand_before_the_planned_one_is_a_departure(ended, late, ledger, capsys):
    named = {"experiment": "late", "version": 1}
    early, planned = late.START + 9 * late.DAY, late.START + 30 * late.DAY
    assert document(capsys, "analyse", "late")["deviations_from_plan"] == []
    closed = Closed(key="late/1/1", occurred_at=planned, phase=1, because="all in", **named)
    late.append(ledger, [closed])
    ledger.close()
    assert document(capsys, "analyse", "late")["deviations_from_plan"] == []
    killed = Halted(key="k", occurred_at=early, how="kill", because="wrong text", **named)
    closed = Closed(key="late/1/0", occurred_at=early, phase=1, because="wrong text", **named)
    late.append(ledger, [killed, closed])
    ledger.close()
    for command in ("analyse", "decide"):
        said = json.dumps(document(capsys, command, "late"))
        assert "phase 1 closed on 2026-01-10: wrong text" in said
        assert "killed, so that nothing more was sent, on 2026-01-10: wrong text" in said


def test_an_outcome_that_nobody_records_holds_nothing_up(late, ledger, capsys):
    found = late.units()
    late.append(ledger, [*late.started(), *late.enrolment(found), *late.happenings(found)])
    orders = [feed for feed in late.feeds(late.START + 90 * late.DAY) if feed.fact == "order"]
    late.append(ledger, orders)
    ledger.close()
    seen = document(capsys, "analyse", "late")
    assert {each["outcome"] for each in seen["estimates"]} == {"spend_28d", "back_late"}
    assert {each["outcome"] for each in seen["refusals"]} == {"contacts_14d"}


def test_status_is_one_screen_without_a_contrast(early, capsys):
    code, text, err = run(capsys, "status", "late", *EARLY)
    assert code == 0, err
    for said in ("first unit mature", "half of the units", "last order", "all arms together",
                 "silence", "RANDOMISED", "complete through", "0.00 USD of 100000.00 USD"):  # fmt: skip
        assert said in text
    assert len(text.splitlines()) <= 50
    found = document(capsys, "status", "late", *EARLY)
    assert found["enrolled"] == 400
    assert found["budget"] == 10_000_000
    assert found["ended"] is False
    assert found["check"]["passed"] is True
    assert not {"estimates", "values"} & found.keys()


def test_a_declaration_edited_since_the_start_is_not_used(ended, project, capsys):
    file = project / "experiments" / "late" / "experiment.toml"
    before = document(capsys, "analyse", "late")
    file.write_text(file.read_text().replace("window_days = 14", "window_days = 7"))
    after = document(capsys, "analyse", "late")
    assert after["estimates"] == before["estimates"]
    assert after["deviations_from_plan"] == ["the declaration was edited since the start: not used"]


def test_a_date_that_lies_ahead_is_refused(ended, capsys):
    code, _, err = run(capsys, "analyse", "late", "--as-of", "2999-01-01")
    assert code == 5
    assert "lies ahead" in err


def test_an_experiment_never_started_says_what_to_do(project, capsys):
    code, _, err = run(capsys, "analyse", "late")
    assert code == CODES[StateError]
    assert "apologylab start late" in err


def test_a_ledger_is_analysed_without_the_network(ended, project, monkeypatch, capsys):
    """With an empty home there is no downloaded extension, and no way to fetch one."""

    def refuse(*args, **named):
        raise OSError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setenv("HOME", str(project / "home"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert document(capsys, "analyse", "late")["estimates"]


def test_a_started_experiment_without_units_says_so_everywhere(late, ledger, capsys):
    late.append(ledger, [*late.started(), *late.feeds(late.START + 90 * late.DAY)])
    ledger.close()
    found = document(capsys, "analyse", "late")
    assert found["estimates"] == []
    assert {arm["assigned"] for arm in found["flow"]} == {0}
    assert len(found["refusals"]) > 0
    assert document(capsys, "decide", "late")["verdict"] == "not estimable"
    assert document(capsys, "status", "late")["enrolled"] == 0


def test_a_verdict_names_the_looks_that_came_too_early(early, late, ledger, capsys):
    document(capsys, "analyse", "late", *EARLY, "--unplanned")
    late.append(ledger, late.feeds(late.START + 90 * late.DAY))
    ledger.close()
    reasons = document(capsys, "decide", "late")["reasons"]
    assert any("looked at 1 time before the declared end" in reason for reason in reasons)


def test_status_of_a_file_says_that_there_is_nothing_to_wait_for(root, project, capsys):
    code, _, err = run(capsys, "status", str(root / "experiments" / "hillstrom"))
    assert code == CODES[StateError]
    assert "analyse" in err
