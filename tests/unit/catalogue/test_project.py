from errno import ENOSPC
from pathlib import Path

import pytest

from apologylab.catalogue import project
from apologylab.errors import ConfigError, StateError

SETTINGS = {
    "ledger_url": "sqlite:///x.sqlite",
    "experiments": "experiments",
    "currency": "EUR",
    "time_zone": "Europe/Vilnius",
    "environment": "production",
    "simulated": False,
}


@pytest.fixture
def home(tmp_path):
    project.write_file(tmp_path, SETTINGS)
    return tmp_path


def test_it_is_found_upwards_and_paths_are_the_projects(home):
    below = home / "a" / "b"
    below.mkdir(parents=True)
    found = project.find_project(below, {})
    assert found.root == home
    assert project.ledger_file(found.ledger_url) == home / "x.sqlite"
    assert found.experiments == home / "experiments"
    assert (found.currency, found.time_zone) == ("EUR", "Europe/Vilnius")
    assert (found.environment, found.simulated) == ("production", False)


def test_the_nearest_file_wins(home):
    inner = home / "inner"
    project.write_file(inner, SETTINGS | {"currency": "USD"})
    assert project.find_project(inner, {}).currency == "USD"


def test_the_environment_overrides_the_file(home):
    environ = {"APOLOGYLAB_CURRENCY": "USD", "APOLOGYLAB_SIMULATED": "true"}
    found = project.find_project(home, environ)
    assert (found.currency, found.simulated) == ("USD", True)
    assert found.time_zone == "Europe/Vilnius"


def test_the_environment_alone_is_enough(tmp_path):
    environ = {f"APOLOGYLAB_{key.upper()}": str(value) for key, value in SETTINGS.items()}
    assert project.find_project(tmp_path, environ).ledger_url == f"sqlite:///{tmp_path}/x.sqlite"


def test_a_secret_is_read_from_the_file_named(home, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("sqlite:////somewhere/else.sqlite\n")
    found = project.find_project(home, {"APOLOGYLAB_LEDGER_URL_FILE": str(secret)})
    assert str(project.ledger_file(found.ledger_url)) == "/somewhere/else.sqlite"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:word@host:5/db", "postgresql://***@host:5/db"),
        ("postgresql+psycopg://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql:///db?host=/tmp&password=word", "postgresql:///db?host=/tmp&password=***"),
    ],
)
def test_a_password_from_the_environment_is_never_shown(home, url, shown):
    found = project.find_project(home, {"APOLOGYLAB_LEDGER_URL": url})
    assert (found.ledger_url, found.ledger_place) == (url, shown)


def test_a_secret_given_twice_is_refused(home):
    environ = {"APOLOGYLAB_LEDGER_URL": "sqlite:///y", "APOLOGYLAB_LEDGER_URL_FILE": "/secret"}
    with pytest.raises(ConfigError, match="both set: unset one"):
        project.find_project(home, environ)


def test_a_secret_that_cannot_be_read(home):
    with pytest.raises(ConfigError, match=r"/no/such.*cannot be read"):
        project.find_project(home, {"APOLOGYLAB_LEDGER_URL_FILE": "/no/such"})


def test_without_a_file_init_is_named(tmp_path):
    with pytest.raises(ConfigError, match="apologylab init"):
        project.find_project(tmp_path, {})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('colour = "red"', "unknown key 'colour': known are ledger_url"),
        ("currency = 3", "currency is 3: write a text in quotes"),
        ('simulated = "yes"', "simulated is 'yes': write true or false"),
        ('currency = "euro"', "currency is 'euro': write its ISO 4217"),
        ('time_zone = "Europe/Vilna"', "'Europe/Vilna' is unknown: write an IANA name"),
        ('time_zone = "../etc/passwd"', "is unknown"),
        ('environment = ""', 'environment is ""'),
        ('ledger_url = "postgresql://host"', "begins with 'postgresql'"),
        ('ledger_url = "postgresql://host/db?password=x"', "holds a password: take it out"),
        ('ledger_url = "postgresql://me:word@host/db"', "holds a password: take it out"),
        ('ledger_url = "postgresql://me:@host/db"', "holds a password: take it out"),
        ('ledger_url = "http://[::1"', "begins with 'http'"),
        ('ledger_url = "sqlite:///a\\u0000b"', "without control characters"),
        ('experiments = "a\\nb"', "without control characters"),
        ("= 3", "is not TOML"),
    ],
)
def test_every_mistake_names_the_value_and_what_to_do(tmp_path, line, said):
    key = line.split(" ")[0]
    kept = [f"{name} = {value!r}".lower() for name, value in SETTINGS.items() if name != key]
    text = "\n".join([*kept, line]).replace("'eur'", "'EUR'").replace("europe/v", "Europe/V")
    (tmp_path / project.FILE).write_text(text)
    with pytest.raises(ConfigError) as refused:
        project.find_project(tmp_path, {})
    assert said in str(refused.value)


@pytest.mark.parametrize("key", ["ledger_url", "experiments", "currency", "time_zone"])
def test_a_missing_key_is_named(tmp_path, key):
    kept = {name: value for name, value in SETTINGS.items() if name != key}
    with pytest.raises(ConfigError, match=f"{key} is not set"):
        project.write_file(tmp_path, kept)
    assert not (tmp_path / project.FILE).exists()


def test_a_byte_order_mark_is_no_mistake(home):
    file = home / project.FILE
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert project.find_project(home, {}).currency == "EUR"


def test_a_switch_is_true_or_false(home):
    with pytest.raises(ConfigError, match="SIMULATED is 'perhaps': write true or false"):
        project.find_project(home, {"APOLOGYLAB_SIMULATED": "perhaps"})


def test_a_file_is_never_overwritten_unasked(home):
    with pytest.raises(StateError, match="is there already"):
        project.write_file(home, SETTINGS | {"currency": "USD"})
    assert project.find_project(home, {}).currency == "EUR"
    project.write_file(home, SETTINGS | {"currency": "USD"}, anew=True)
    assert project.find_project(home, {}).currency == "USD"


def test_what_is_written_is_read_back_whatever_the_letters(tmp_path):
    odd = SETTINGS | {"experiments": 'my "eks\\perimentai" š', "environment": "žemė"}
    project.write_file(tmp_path, odd)
    found = project.find_project(tmp_path, {})
    assert found.experiments == tmp_path / 'my "eks\\perimentai" š'
    assert found.environment == "žemė"


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    def full(self, text, **how):
        self.write_bytes(b"# One")
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        project.write_file(tmp_path, SETTINGS)
    assert list(tmp_path.iterdir()) == []
