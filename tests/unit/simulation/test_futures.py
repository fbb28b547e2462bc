"""World uber_2017 keeps to what was published, and potential outcomes are coupled exactly."""

from pathlib import Path

import numpy as np
import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.errors import InputError, NotFoundError
from apologylab.simulation.futures import CENTS, candidates, fading, past
from apologylab.simulation.riders import draw_riders
from apologylab.simulation.truth import futures_by_arm, potential
from apologylab.simulation.uber_2017 import TABLE
from apologylab.simulation.world import ASSUMPTION, from_table
from apologylab.simulation.worlds import world

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
RIDERS = 60_000


@pytest.fixture(scope="module")
def lived():
    experiment = FolderCatalogue(EXPERIMENTS).experiment("late_ride_apology")
    of, generator = world("uber_2017"), np.random.default_rng(84)
    riders = draw_riders(of, RIDERS, enrol_days=30, generator=generator)
    before = past(of, riders, generator)
    futures = futures_by_arm(of, experiment, riders, candidates(of, riders, generator))
    return riders, before, futures, potential(of, experiment, riders, futures)


def relative(lived, arm):
    truth = lived[3]
    difference = truth.truth("spend_84d", ((arm, 1.0), ("silence", -1.0)))
    return difference / truth.means["spend_84d"]["silence"]


def test_words_move_revenue_by_what_the_authors_said(lived):
    # Good +1 to +2%, bad -1 to -2%; the bounds leave room for the draw of riders.
    assert 0.01 < relative(lived, "status+none@1h") < 0.02
    assert -0.02 < relative(lived, "commitment+none@1h") < -0.005
    assert relative(lived, "basic+none@1h") == 0


def test_a_coupon_is_the_best_form(lived):
    assert relative(lived, "status+usd5@1h") > relative(lived, "status+none@1h")
    assert relative(lived, "none+usd5@1h") > relative(lived, "status+none@1h")


def test_lateness_harms(lived):
    riders, before, futures, _ = lived
    # 7.5% fewer rides, and a tenth of the riders stop for their own reasons.
    known = riders.tenure > 84
    lost = riders.lost
    later = np.bincount(futures["silence"].orders.rider, minlength=RIDERS)
    earlier = np.bincount(before.rider, minlength=RIDERS)
    stays = known & ~lost
    assert later[stays].sum() / earlier[stays].sum() == pytest.approx(0.925, abs=0.02)
    assert later[lost].sum() == 0


def test_the_worst_hit_are_lost_more_often(lived):
    riders = lived[0]
    worst = riders.minutes_late >= np.quantile(riders.minutes_late, 0.95)
    more = riders.lost[worst].mean() - riders.lost[~worst].mean()
    assert more == pytest.approx(0.05 * 0.9, abs=0.025)


def test_spend_is_skewed_with_many_at_zero(lived):
    spend = lived[3].outcomes["spend_84d"][0]
    assert 1.3 < spend.std() / spend.mean() < 1.8
    assert (spend == 0).mean() > 0.3


def test_without_an_effect_the_same_orders_happen(lived):
    futures = lived[2]
    same, silent = futures["basic+none@1h"].orders, futures["silence"].orders
    assert np.array_equal(same.day, silent.day)


def test_a_good_arm_only_adds_orders(lived):
    _, _, futures, truth = lived
    del futures
    orders = {name: truth.outcomes["returned_28d"][i] for i, name in enumerate(truth.arms)}
    assert (orders["status+usd5@1h"] >= orders["silence"]).all()


def test_value_is_margin_less_what_was_given(lived):
    riders, _, futures, truth = lived
    arm = "status+usd5@1h"
    row = truth.arms.index(arm)
    future = futures[arm]
    spend = np.bincount(future.orders.rider, future.orders.cents, RIDERS) / CENTS
    used = np.bincount(future.orders.rider, future.orders.discount, RIDERS) / CENTS
    credit = 3.0 * np.bincount(future.contacts.rider[future.contacts.credited], minlength=RIDERS)
    by_hand = 0.25 * spend - used - credit - 0.002 * ~riders.unreachable
    assert np.allclose(truth.outcomes["value"][row], by_hand)


def test_a_coupon_is_used_once_within_its_life_and_never_where_it_bounced(lived):
    riders, _, futures, _ = lived
    orders = futures["none+usd5@1h"].orders
    used = orders.discount > 0
    assert np.bincount(orders.rider[used]).max() == 1
    assert orders.day[used].max() < 60
    assert not riders.unreachable[orders.rider[used]].any()
    assert (futures["status+none@1h"].orders.discount == 0).all()


def test_the_same_seed_gives_the_same_world():
    of = world("uber_2017")
    one, two = (
        draw_riders(of, 500, enrol_days=30, generator=np.random.default_rng(5)) for _ in "ab"
    )
    assert all(
        np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True)
    )


def test_an_effect_fades_and_keeps_its_mean():
    of = world("uber_2017")
    days = np.linspace(0, 84, 84_001)
    assert fading(of, days).mean() == pytest.approx(1, abs=1e-4)
    assert fading(of, np.array([28.0]))[0] == pytest.approx(fading(of, np.zeros(1))[0] / 2)


def test_every_number_has_a_source_or_is_called_an_assumption():
    assert all(row.source and row.note and row.unit for row in TABLE)
    published = {row.name for row in TABLE if row.source != ASSUMPTION}
    assert published == {"harm", "worst_lost", "effect.status", "effect.commitment"}


def test_a_table_with_a_row_missing_is_refused():
    with pytest.raises(InputError, match="goodwill_amount"):
        from_table("broken", "USD", TABLE[:-1])


def test_an_unknown_world_is_refused_with_those_there_are():
    with pytest.raises(NotFoundError, match="uber_2017"):
        world("lyft_2018")
