"""Channels in apologylab.toml: each mistake is named, and no secret stands there."""

import pytest

from apologylab.catalogue.outlets import outlets, variable_of
from apologylab.catalogue.project import find_project
from apologylab.errors import ConfigError

HEAD = """\
ledger_url = "sqlite:///x.sqlite"
experiments = "experiments"
currency = "EUR"
time_zone = "UTC"
"""
SMTP = """
[channels.email]
kind = "smtp"
host = "mail.example"
sender = "care@shop.example"
"""


def project(folder, text, environ=None):
    (folder / "apologylab.toml").write_text(HEAD + text)
    return find_project(folder, environ or {})


def test_the_file_channel_is_always_there(tmp_path):
    found = project(tmp_path, "")
    assert {name: each.kind for name, each in found.channels.items()} == {"file": "file"}


def test_a_table_is_a_channel_with_its_secrets_of_the_environment(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("whsec_x\n")
    environ = {"APOLOGYLAB_CHANNEL_EMAIL_PASSWORD": "p4ss",
               "APOLOGYLAB_CHANNEL_SMS_EU_SECRET_FILE": str(secret)}  # fmt: skip
    sms = '[channels."sms-eu"]\nkind = "webhook"\nurl = "https://x.example"\n'
    found = project(tmp_path, SMTP + sms, environ).channels
    assert found["email"].kind == "smtp"
    assert found["email"].values == {"host": "mail.example", "sender": "care@shop.example"}
    assert found["email"].secrets == {"password": "p4ss"}
    assert found["sms-eu"].secrets == {"secret": "whsec_x"}
    assert "p4ss" not in repr(found)
    assert "whsec_x" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels = 3", "channels is 3: write tables [channels.NAME]"),
        ('channels.email = "smtp"', "channels.email is 'smtp': write a table"),
        ('[channels.email]\nhost = "x"', "channels.email has no kind"),
        ("[channels.email]\nkind = 3", "channels.email has no kind"),
        ('[channels."E mail"]\nkind = "smtp"', "is no name"),
        ('[channels.file]\nkind = "smtp"', 'channels.file is of kind "smtp"'),
        ('[channels.a-b]\nkind = "file"\n[channels."a.b"]\nkind = "file"', "would share"),
        (SMTP + 'password = "x"', "take it out and set APOLOGYLAB_CHANNEL_EMAIL_PASSWORD, or"),
        (SMTP + 'api_key = "x"', "channels.email.api_key holds a secret"),
        (SMTP + 'url = "https://me:word@x.example/"', "channels.email.url holds a secret"),
        (SMTP + '[channels.email.headers]\ntoken = "x"', "channels.email.headers.token holds a"),
        ("chanels = 1", "known are ledger_url"),
    ],
)  # fmt: skip
def test_every_mistake_names_the_value_and_what_to_do(tmp_path, text, said):
    with pytest.raises(ConfigError) as refused:
        project(tmp_path, text)
    assert said in str(refused.value)
    assert "word@" not in str(refused.value)


def test_a_secret_given_twice_is_refused():
    name = variable_of("channels", "sms")
    environ = {f"{name}_SECRET": "a", f"{name}_SECRET_FILE": "/b"}
    with pytest.raises(ConfigError, match="APOLOGYLAB_CHANNEL_SMS_SECRET_FILE are both set"):
        outlets({"sms": {"kind": "webhook"}}, environ)
