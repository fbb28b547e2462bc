from datetime import UTC

import pytest

from apologylab import wiring
from apologylab.catalogue.project import write_file
from apologylab.errors import ConfigError, NotFoundError, StateError

SETTINGS = {
    "ledger_url": "sqlite:///facts.sqlite",
    "experiments": "trials",
    "currency": "EUR",
    "time_zone": "UTC",
    "environment": "testing",
    "simulated": True,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_file(tmp_path, SETTINGS)
    monkeypatch.chdir(tmp_path)
    return wiring.project()


def test_the_clock_is_aware_and_in_utc():
    assert wiring.clock()().tzinfo is UTC


def test_a_new_ledger_carries_the_projects_environment(project):
    wiring.create_ledger(project).close()
    opened = wiring.open_ledger()
    identity = opened.identity
    opened.close()
    assert (identity.environment, identity.simulated) == ("testing", True)
    assert len(identity.id) == 32


def test_a_ledger_is_created_once(project):
    wiring.create_ledger(project).close()
    with pytest.raises(StateError, match="exists"):
        wiring.create_ledger(project)


def test_a_missing_ledger_names_init(project):
    with pytest.raises(NotFoundError, match="apologylab init"):
        wiring.open_ledger(project)


def test_no_project_names_init(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="apologylab init"):
        wiring.open_ledger()


def test_the_catalogue_is_the_projects_and_needs_none(project, tmp_path, monkeypatch):
    assert wiring.catalogue(project).names() == ()
    monkeypatch.chdir(tmp_path.parent)
    assert wiring.catalogue().names() == ()


def test_an_unknown_channel_names_those_there_are(project):
    with pytest.raises(ConfigError, match=r"no channel 'pigeon': add \[channels.pigeon\].*file"):
        wiring.channel("pigeon", project)
