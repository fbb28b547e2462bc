"""The panel of a real SQLite ledger, beside the same numbers worked out in plain Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.moments import Request, cell_means
from apologylab.record.facts import (
    Correction,
    CustomerSnapshot,
    Delivery,
    Forgotten,
    Liability,
    Order,
    Redemption,
)
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.wire.declaration import read

LATER = datetime(2026, 7, 20, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    identity = LedgerIdentity(id="t", environment="test", simulated=True)
    opened = create(tmp_path / "ledger.sqlite", identity)
    yield opened
    opened.close()


def panel(ledger, experiment, as_of=LATER):
    mark = ledger.mark(as_of)
    ledger.close()
    return panel_ledger(f"sqlite:///{ledger.database.path}", experiment, as_of=as_of, mark=mark)


COLUMNS = ("spend_28d", "back_late", "contacts_14d", "value")


def assert_equal_to(found, rows):
    """Sums and products of every outcome with the covariate, arm by arm."""
    requests = [Request(name, ("spend_28d:pre",)) for name in COLUMNS]
    for request, moments in zip(requests, found.source.moments(requests), strict=True):
        assert [cell.arm for cell in moments.cells] == sorted({row["arm"] for row in rows.values()})
        for g, cell in enumerate(moments.cells):
            mine = [row for row in rows.values() if row["arm"] == cell.arm]
            z = np.array([[row[request.outcome], row["spend_28d:pre"]] for row in mine])
            z = z - moments.shift
            assert moments.n[g] == len(mine)
            np.testing.assert_allclose(moments.sums[g], z.sum(axis=0), rtol=1e-10, atol=1e-9)
            np.testing.assert_allclose(moments.products[g], z.T @ z, rtol=1e-10, atol=1e-9)


def test_every_tally_equals_the_one_worked_out_by_hand(late, ledger):
    found = late.units()
    facts = list(late.happenings(found))
    late.append(ledger, [*late.enrolment(found), *facts, *late.feeds(late.START + 90 * late.DAY)])
    assert_equal_to(panel(ledger, late.declaration()), late.expected(found, facts))


def test_units_without_any_fact_are_zeros_not_missing(late, ledger):
    found = late.units()
    orders = [
        late.order(f"o-{customer}", customer, anchor + late.DAY, 1_000)
        for i, (customer, (anchor, _)) in enumerate(found.items())
        if i % 5 >= 3
    ]
    late.append(ledger, [*late.enrolment(found), *orders, *late.feeds(late.START + 90 * late.DAY)])
    (moments,) = panel(ledger, late.declaration()).source.moments([Request("spend_28d")])
    assert moments.n.tolist() == [100] * 4
    np.testing.assert_allclose(cell_means(moments)[:, 0], [0.4 * 10.00] * 4, rtol=1e-12)


def test_only_first_randomised_rows_of_this_version_enter(late, ledger):
    found = late.units(40)
    late.append(ledger, [*late.enrolment(found), *late.feeds(late.START + 90 * late.DAY)])
    strangers = [
        late.randomised("x1", late.START, "silence", reason="OVERRIDE"),
        late.randomised("x2", late.START, "silence", reason="HOLDOUT"),
        late.randomised("x3", late.START, "silence", version=2),
        late.randomised("x4", late.START, "silence", experiment="other"),
        late.randomised("c1", late.START, "silence", key="late/c1/2", incident="i2", first=False),
    ]
    late.append(ledger, strangers)
    flow = panel(ledger, late.declaration()).flow()
    assert flow.assigned == {1: dict.fromkeys(late.ARMS, 10)}


def test_a_unit_is_mature_when_its_window_has_settled_and_the_feed_reaches_there(late, ledger):
    anchor = late.START + 10 * late.DAY
    found = {"c1": (anchor, "silence"), "c2": (anchor + timedelta(microseconds=1), "silence")}
    late.append(ledger, late.enrolment(found))
    late.append(ledger, late.feeds(anchor + 30 * late.DAY))
    flow = panel(ledger, late.declaration()).flow()
    assert flow.mature["spend_28d"] == {1: {"silence": 1}}  # window 28, settling 2
    assert flow.mature["back_late"] == {1: {"silence": 2}}
    assert flow.mature["value"] == {1: {"silence": 1}}


def test_as_of_bounds_maturity_as_the_feeds_do(late, ledger):
    anchor = late.START + 10 * late.DAY
    late.append(ledger, late.enrolment({"c1": (anchor, "silence")}), at=late.START + 11 * late.DAY)
    late.append(ledger, late.feeds(late.START + 90 * late.DAY), at=late.START + 12 * late.DAY)
    early = panel(ledger, late.declaration(), as_of=anchor + 30 * late.DAY - timedelta(seconds=1))
    assert early.flow().mature["spend_28d"] == {1: {"silence": 0}}
    late = panel(ledger, late.declaration(), as_of=anchor + 30 * late.DAY)
    assert late.flow().mature["spend_28d"] == {1: {"silence": 1}}


def test_a_feed_never_declared_complete_leaves_nobody_mature_and_says_so(late, ledger):
    late.append(ledger, [*late.enrolment(late.units(8)), late.feeds(late.START + 90 * late.DAY)[0]])
    flow = panel(ledger, late.declaration()).flow()
    assert flow.mature["spend_28d"] == flow.assigned
    assert set(flow.mature["contacts_14d"][1].values()) == {0}
    assert any("--as contact --complete-through" in note for note in flow.notes)


def test_facts_after_the_mark_are_not_seen(late, ledger):
    found = late.units(40)
    late.append(
        ledger,
        [*late.enrolment(found), *late.feeds(late.START + 90 * late.DAY)],
        at=late.START + 100 * late.DAY,
    )
    before = panel(ledger, late.declaration(), as_of=late.START + 101 * late.DAY)
    late.append(ledger, late.happenings(found), at=late.START + 102 * late.DAY)
    again = panel(ledger, late.declaration(), as_of=late.START + 101 * late.DAY)
    for found_then in (before, again):
        (moments,) = found_then.source.moments([Request("value")])
        assert moments.sums.tolist() == [[0.0]] * 4
    (now,) = panel(ledger, late.declaration()).source.moments([Request("value")])
    assert (now.products > 0).all()


def test_the_last_correction_of_a_fact_counts(late, ledger):
    found = {"c1": (late.START, "silence"), "c2": (late.START, "sorry+none")}
    order = late.order("o1", "c1", late.START + late.DAY, 1_000)
    late.append(ledger, [*late.enrolment(found), order, *late.feeds(late.START + 90 * late.DAY)])
    for k, amount in enumerate((5_000, 2_500)):
        fields = {"list_amount": amount, "occurred_at": (late.START + 2 * late.DAY).isoformat()}
        correction = Correction(
            key=f"x{k}", occurred_at=late.START, fact="order", corrects="o1", because="typo",
            fields=fields,
        )  # fmt: skip
        late.append(ledger, [correction])
    (moments,) = panel(ledger, late.declaration()).source.moments([Request("spend_28d")])
    assert cell_means(moments)[:, 0].tolist() == [25.0, 0.0]


def test_outcomes_of_the_forgotten_are_missing_and_they_stay_counted(late, ledger):
    found = late.units(40)
    gone = Forgotten(key="f", occurred_at=late.START, customer="c1", because="asked")
    late.append(
        ledger,
        [
            *late.enrolment(found),
            *late.happenings(found),
            gone,
            *late.feeds(late.START + 90 * late.DAY),
        ],
    )
    opened = panel(ledger, late.declaration())
    (moments,) = opened.source.moments([Request("spend_28d")])
    assert moments.n.sum() == 39
    assert sum(opened.flow().assigned[1].values()) == 40


def test_shorter_histories_get_an_indicator(late, ledger):
    found = late.units(400)
    late.append(ledger, [*late.enrolment(found), *late.feeds(late.START + 90 * late.DAY)])
    young = [
        CustomerSnapshot(
            key=f"y-{customer}",
            occurred_at=late.START,
            customer=customer,
            since=anchor - 27 * late.DAY,
        )
        for i, (customer, (anchor, _)) in enumerate(found.items())
        if i % 8 < 4
    ]
    late.append(ledger, young)
    opened = panel(ledger, late.declaration())
    assert opened.covariates == ("spend_28d:pre", "spend_28d:pre:missing")
    (moments,) = opened.source.moments([Request("spend_28d:pre:missing")])
    assert cell_means(moments)[:, 0].tolist() == [0.5] * 4


@pytest.mark.parametrize(
    ("liability", "kept"), [("face", 4.0), ("zero", 0.0), ("expected", 4.0 * 0.25)]
)
def test_a_coupon_that_outlives_the_window_is_counted_as_declared(late, ledger, liability, kept):
    found = {f"c{i}": (late.START, "none+usd5" if i < 4 else "silence") for i in range(8)}
    facts = [
        Liability(
            key=f"l{i}", occurred_at=late.START, assignment=f"late/c{i}", experiment="late",
            customer=f"c{i}", arm="none+usd5", compensation="usd5", state="committed", amount=500,
            currency="USD",
        )
        for i in range(4)
    ]  # fmt: skip
    facts.append(
        Redemption(
            key="r0", occurred_at=late.START + late.DAY, customer="c0", compensation="usd5", amount=500,
            cost_amount=400, currency="USD",
        )
    )  # fmt: skip
    late.append(ledger, [*late.enrolment(found), *facts, *late.feeds(late.START + 90 * late.DAY)])
    experiment = late.declaration(expires=60, liability=f'open_liability = "{liability}"')
    names = ("value", "value_at_face", "value_at_zero")
    got = panel(ledger, experiment).source.moments([Request(name) for name in names])
    value, face, zero = (float(cell_means(each)[0, 0]) for each in got)
    assert value == pytest.approx(-(4.0 + 3 * kept) / 4)
    assert (face, zero) == (pytest.approx(-4.0), pytest.approx(-1.0))


def test_a_coupon_sent_late_outlives_a_window_of_its_own_length(late, ledger):
    # Sent after 4 hours and good for 28 days, it can be used 4 hours after the window of 28 days.
    text = late.text(expires=28, liability='open_liability = "face"')
    experiment = read(text.replace("[factors]", '[factors]\ntiming = ["4h"]'), where="late")
    hour = timedelta(hours=1)
    given = {"c0": timedelta(0), "c1": timedelta(microseconds=1), "c2": 4 * hour, "c3": 4 * hour}
    facts = [
        Liability(
            key=f"l-{customer}", occurred_at=late.START + sent, assignment=f"late/{customer}",
            experiment="late", customer=customer, arm="none+usd5@4h", compensation="usd5",
            state="committed", amount=500, currency="USD",
        )
        for customer, sent in given.items()
    ]  # fmt: skip
    used = Redemption(
        key="r", occurred_at=late.START + 9 * hour, customer="c3", compensation="usd5",
        amount=500, cost_amount=400, currency="USD",
    )  # fmt: skip
    found = dict.fromkeys(given, (late.START, "none+usd5@4h")) | {"c9": (late.START, "silence")}
    feeds = late.feeds(late.START + 90 * late.DAY)
    late.append(ledger, [*late.enrolment(found), *facts, used, *feeds])
    names = ("value", "value_at_face", "value_at_zero")
    got = panel(ledger, experiment).source.moments([Request(name) for name in names])
    value, face, zero = (float(cell_means(each)[0, 0]) for each in got)
    assert value == face == pytest.approx(-(0 + 4 + 4 + 4) / 4)  # c0's expires with the window
    assert zero == pytest.approx(-4 / 4)


def _coupon(late, n, day, state="committed"):
    return Liability(
        key=f"{n}/{state}", occurred_at=late.START + day * late.DAY, assignment=n,
        experiment="late", customer="c0", arm="none+usd5", compensation="usd5", state=state,
        amount=500, currency="USD",
    )  # fmt: skip


def _use(late, key, day, assignment=None):
    return Redemption(
        key=key, occurred_at=late.START + day * late.DAY, customer="c0", compensation="usd5",
        amount=500, cost_amount=400, currency="USD", assignment=assignment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "used", "redeemed", "still"),
    [
        # Coupons of 20 days, a window of 28: one of day 8 expires with it, one of day 9 does not.
        ({"a": 0}, {}, 0, 0),
        ({"a": 0, "b": 8}, {}, 0, 0),
        ({"a": 0, "b": 9}, {}, 0, 1),
        ({"a": 0, "b": 27.9, "c": 28}, {}, 0, 1),  # one of day 28 is not in the window
        ({"a": 0, "b": 15}, {"u": 16}, 1, 1),  # the first is used, though the second could be
        ({"a": 0, "b": 15}, {"u": 20}, 1, 0),  # the first has just expired
        ({"a": 0, "b": 15}, {"u": 16, "v": 17}, 2, 0),
        ({"a": 0, "b": 15}, {"u": 16, "v": 30}, 1, 1),  # used after the window: open at its end
        ({"a": 0, "b": 15}, {"u": (16, "b")}, 1, 0),  # it says which, and the first expires
        ({"a": 10, "b": 15, "c": 20}, {"u": (26, "b"), "v": 27}, 2, 1),
        ({"a": 10, "b": 15}, {"u": 11, "v": 12, "w": 13}, 3, 0),  # one more than there were
    ],
)
def test_a_second_coupon_is_open_until_it_is_used_or_expires(
    late, ledger, given, used, redeemed, still
):
    coupons = [_coupon(late, n, day) for n, day in given.items()]
    uses = [_use(late, n, *(at if isinstance(at, tuple) else (at,))) for n, at in used.items()]
    found = {"c0": (late.START, "none+usd5"), "c9": (late.START, "silence")}
    feeds = late.feeds(late.START + 90 * late.DAY)
    late.append(ledger, [*late.enrolment(found), *coupons, *uses, *feeds])
    names = ("value", "value_at_face", "value_at_zero")
    got = panel(ledger, late.declaration()).source.moments([Request(name) for name in names])
    value, face, zero = (float(cell_means(each)[0, 0]) for each in got)
    assert zero == pytest.approx(-4 * redeemed)  # a coupon costs the firm 80% of 5 dollars
    assert value == face == pytest.approx(-4 * redeemed - 4 * still)


def test_a_coupon_that_was_taken_back_is_not_open(late, ledger):
    facts = [_coupon(late, n, 12) for n in "ab"] + [_coupon(late, "b", 14, state="revoked")]
    found = {"c0": (late.START, "none+usd5"), "c9": (late.START, "silence")}
    late.append(ledger, [*late.enrolment(found), *facts, *late.feeds(late.START + 90 * late.DAY)])
    (got,) = panel(ledger, late.declaration()).source.moments([Request("value")])
    assert float(cell_means(got)[0, 0]) == pytest.approx(-4)


def test_what_is_expected_is_the_share_used_so_far(late, ledger):
    coupons = [_coupon(late, n, day) for n, day in {"a": 0, "b": 15, "c": 20, "d": 21}.items()]
    found = {"c0": (late.START, "none+usd5"), "c9": (late.START, "silence")}
    facts = [*coupons, _use(late, "u", 3), *late.feeds(late.START + 90 * late.DAY)]
    late.append(ledger, [*late.enrolment(found), *facts])
    experiment = late.declaration(liability='open_liability = "expected"')
    (got,) = panel(ledger, experiment).source.moments([Request("value")])
    assert float(cell_means(got)[0, 0]) == pytest.approx(-4 - 3 * 4 * (1 / 4))


def test_who_had_no_time_yet_says_nothing_of_what_is_expected(late, ledger):
    """One of two coupons was used in a whole window; three days old ones are not unused."""
    at = {"c0": 0, "c1": 0, "c2": 87, "c3": 87}
    coupons = [
        Liability(
            key=f"l-{customer}", occurred_at=late.START + day * late.DAY, customer=customer,
            assignment=f"late/{customer}", experiment="late", arm="none+usd5", compensation="usd5",
            state="committed", amount=500, currency="USD",
        )
        for customer, day in at.items()
    ]  # fmt: skip
    found = {name: (late.START + day * late.DAY, "none+usd5") for name, day in at.items()}
    facts = [*coupons, _use(late, "u", 3), *late.feeds(late.START + 90 * late.DAY)]
    late.append(ledger, [*late.enrolment(found | {"c9": (late.START, "silence")}), *facts])
    experiment = late.declaration(expires=60, liability='open_liability = "expected"')
    (got,) = panel(ledger, experiment).source.moments([Request("value")])
    assert got.n.tolist() == [2, 1]
    assert float(cell_means(got)[0, 0]) == pytest.approx(-(4 + 4 * 0.5) / 2)


def test_amounts_in_two_currencies_are_refused(late, ledger):
    found = late.units(8)
    euro = Order(
        key="o", occurred_at=late.START, customer="c1", list_amount=1, paid_amount=1, currency="EUR"
    )
    late.append(ledger, [*late.enrolment(found), euro, *late.feeds(late.START + 90 * late.DAY)])
    with pytest.raises(InputError, match="EUR"):
        panel(ledger, late.declaration())


def test_ids_are_normalised_as_before_the_draw(late, ledger):
    composed, decomposed = "cafe\u0301", "caf\u00e9"
    order = late.order("o1", composed, late.START + late.DAY, 1_000)
    late.append(
        ledger,
        [
            *late.enrolment({decomposed: (late.START, "silence")}),
            order,
            *late.feeds(late.START + 90 * late.DAY),
        ],
    )
    (moments,) = panel(ledger, late.declaration()).source.moments([Request("spend_28d")])
    assert cell_means(moments)[:, 0].tolist() == [10.0]


def test_a_customer_forgotten_under_another_spelling_is_forgotten(late, ledger):
    composed, decomposed = "cafe\u0301", "caf\u00e9"
    gone = Forgotten(key="f", occurred_at=late.START, customer=composed, because="asked")
    young = CustomerSnapshot(
        key="y", occurred_at=late.START, customer=composed, since=late.START - late.DAY
    )
    found = {decomposed: (late.START, "silence"), "c2": (late.START, "silence")}
    feeds = late.feeds(late.START + 90 * late.DAY)
    late.append(ledger, [*late.enrolment(found), gone, young, *feeds])
    opened = panel(ledger, late.declaration())
    (moments,) = opened.source.moments([Request("spend_28d")])
    assert moments.n.tolist() == [1]
    assert any("1 units have a shorter history" in note for note in opened.flow().notes)


def test_deliveries_count_what_went_out_and_what_would_have(late, ledger):
    found = late.units(40)
    late.append(
        ledger,
        [*late.enrolment(found), *late.happenings(found), *late.feeds(late.START + 90 * late.DAY)],
    )
    assert panel(ledger, late.declaration()).flow().delivered == dict.fromkeys(late.ARMS, 10)


def test_peoples_time_is_priced_in_v_and_a_silent_gift_sends_no_message(late, ledger):
    found = late.units()
    facts = list(late.happenings(found))
    late.append(ledger, [*late.enrolment(found), *facts, *late.feeds(late.START + 90 * late.DAY)])
    text = late.text().replace("[compensation.usd5]", "[compensation.usd5]\ntold = false")
    text += '[wording.sorry]\nparts = ["regret"]\neffort = "0.30 USD"\n'
    rows = late.expected(found, facts)
    for customer, row in rows.items():
        sent = any(isinstance(f, Delivery) and f.state == "sent" and f.customer == customer
                   for f in facts)  # fmt: skip
        row["value"] -= 0.30 * (sent and row["arm"].startswith("sorry"))
        row["value"] += 0.01 * (sent and row["arm"] == "none+usd5")
    assert_equal_to(panel(ledger, read(text, where="late")), rows)
