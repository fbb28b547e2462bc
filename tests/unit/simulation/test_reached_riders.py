"""Riders of a world have an address on every channel that an experiment sends through."""

from dataclasses import replace

import numpy as np
import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.design.routes import wrong_address
from apologylab.service.simulate import BEGINS
from apologylab.simulation import feeds
from apologylab.simulation.riders import draw_riders
from apologylab.simulation.worlds import world


@pytest.fixture
def experiment(root):
    return FolderCatalogue(root / "experiments").experiment("late_ride_apology")


@pytest.mark.parametrize(
    ("channel", "field", "form"), [("email", "email", "email"), ("sms", "phone", "phone")]
)
def test_incidents_bring_addresses_of_their_own(experiment, channel, field, form):
    delivery = replace(experiment.delivery, channel=channel)
    riders = draw_riders(world("uber_2017"), 50, enrol_days=9, generator=np.random.default_rng(1))
    scene = feeds.Scene(
        experiment=replace(experiment, delivery=delivery), start=BEGINS, riders=riders
    )
    made = feeds.incidents(scene)
    assert [wrong_address(each.fields[field], form) for each in made] == [None] * len(made)
    mine = {each.customer: each.fields[field] for each in made}
    assert len(set(mine.values())) == len(mine) == 50


def test_where_nobody_is_written_to_nobody_has_one(experiment):
    riders = draw_riders(world("uber_2017"), 5, enrol_days=9, generator=np.random.default_rng(1))
    made = feeds.incidents(feeds.Scene(experiment=experiment, start=BEGINS, riders=riders))
    assert not any({"email", "phone"} & each.fields.keys() for each in made)
