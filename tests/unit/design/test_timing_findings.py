"""Rules about moments, quiet hours and windows that a case of one edit cannot tell."""

from pathlib import Path

from apologylab.wire.declaration import check, read

FOOD = Path(__file__).parents[3] / "experiments" / "delivery_timing" / "experiment.toml"
VISIT = """[timing.visit]
after = "next_visit"
within = "{within}"
"""


def edited(*edits):
    text = FOOD.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def found(*edits):
    return {each.path: each for each in check(edited(*edits), where="delivery_timing")}


def timing(*levels, table=""):
    listed = ", ".join(f'"{level}"' for level in levels)
    return ('timing = ["15min", "4h", "24h"]\n', f"timing = [{listed}]\n{table}")


def prompt(treatment, control):
    return ("timing=15min vs timing=24h", f"timing={treatment} vs timing={control}")


def test_a_moment_is_a_level_like_any_other():
    table = VISIT.format(within="7d")
    edits = (timing("15min", "4h", "visit", table=table), prompt("15min", "visit"))
    assert found(*edits) == {}
    names = [arm for arm in read_arms(edited(*edits)) if "@visit" in arm]
    assert names == [
        "none+eur3@visit", "notice+none@visit", "notice+eur3@visit", "sorry+none@visit",
        "sorry+eur3@visit",
    ]  # fmt: skip


def read_arms(text):
    from apologylab.design.arms import arms

    return [arm.name for arm in arms(read(text, where="x"))]


def test_what_it_waits_for_and_the_delay_after_it_fit_into_the_window():
    for within, delay, fits in (("13d", "1h", True), ("13d", "15h", False), ("14d", "0s", False)):
        table = VISIT.format(within=within) + f'delay = "{delay}"\n'
        edits = (timing("15min", "4h", "visit", table=table), prompt("15min", "visit"))
        assert ("outcomes[1].window_days" not in found(*edits)) is fits, (within, delay)


def test_quiet_hours_and_days_count_in_the_window():
    """13 days and a night that may keep it until the morning; 5 of 14 days without sending."""
    late = (timing("15min", "13d"), prompt("15min", "13d"))
    assert found(*late) == {}
    week = (
        'begin = "21:00"',
        'working_days = ["mon", "tue", "wed", "thu", "fri"]\nbegin = "21:00"',
    )
    told = found(*late, week)["outcomes[1].window_days"]
    assert "15d 11h, 2d 11h of it in quiet hours" in told.what
    assert told.value == 14


def test_a_coupon_may_come_after_what_is_waited_for():
    """28 days from a visit within 30: it may be used when the window of 56 days has closed."""
    table = VISIT.format(within="30d")
    edits = (timing("15min", "4h", "visit", table=table), prompt("15min", "visit"))
    assert "compensation.eur3.expires_days" in found(*edits)


def test_a_window_shorter_than_all_attempts_warns():
    assert found(('drop_after = "24h"', 'drop_after = "64min"')) == {}
    told = found(('drop_after = "24h"', 'drop_after = "63min"'))["delivery.drop_after"]
    assert told.severity == "warning"
    assert "8 attempts may take, 1h 3min 30s" in told.what
    many = ('drop_after = "24h"', 'attempts = 12\ndrop_after = "17h"')
    assert found(many)["delivery.drop_after"].severity == "warning"


def test_nobody_waits_for_a_caller():
    table = VISIT.format(within="7d")
    edits = (timing("15min", "4h", "visit", table=table), prompt("15min", "visit"))
    caller = ('by = "apologylab"', 'by = "caller"')
    assert set(found(*edits, caller)) == {"timing.visit.after", "delivery.drop_after"}


def test_a_dose_of_hours_needs_levels_that_have_some():
    from apologylab.design.layout import layout

    assert layout(read(edited(), where="x")).values["timing"] == {"15min": 0.25, "4h": 4, "24h": 24}
    table = VISIT.format(within="7d")
    edits = (timing("15min", "4h", "visit", table=table), prompt("15min", "visit"))
    assert "timing" not in layout(read(edited(*edits), where="x")).values
    named = '[timing.soon]\nafter = "incident"\ndelay = "30min"\n'
    edits = (timing("15min", "soon", table=named), prompt("15min", "soon"))
    assert layout(read(edited(*edits), where="x")).values["timing"] == {"15min": 0.25, "soon": 0.5}
