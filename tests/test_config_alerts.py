from pathlib import Path

import pytest

from maskcam.config import Config, load_config
from maskcam.config_alerts import OutboxConfig
from maskcam.errors import ConfigError, InputError, MaskcamError
from maskcam.sinks.base import Sink

SECRETS = {"HOOK_SECRET": "s3cret", "USER": "me", "PASSWORD": "p@ss"}


def read(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "maskcam.toml"
    file.write_text(text)
    return load_config(file)


def build(config: Config, tmp_path: Path) -> list[Sink]:
    """Makes the sinks of all receivers, and closes them."""
    given = {"outbox": OutboxConfig(path=tmp_path / "o.sqlite"), "run_id": "r", "environ": SECRETS}
    sinks = []
    if config.mqtt is not None:
        sinks.append(config.mqtt.build(["door"], **given, tell=lambda _: None))  # type: ignore[arg-type]
    sinks += [webhook.build(**given, tell=lambda _: None) for webhook in config.webhook]  # type: ignore[arg-type]
    for sink in sinks:
        sink.close()
    return sinks


def test_nobody_is_told_unless_asked_to() -> None:
    assert load_config(None).mqtt is None
    assert load_config(None).webhook == ()


def test_everything_can_be_set(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
[outbox]
path = "here.sqlite"
megabytes = 5
hours = 24
[mqtt]
url = "mqtt://${USER}:${PASSWORD}@127.0.0.1:9"
prefix = "site/ward 3"
home_assistant = ""
messages_per_minute = 3
quiet_hours = ["22:00-06:00"]
[[webhook]]
name = "pager"
url = "http://127.0.0.1:9/${PASSWORD}"
secret = "${HOOK_SECRET}"
picture = "face"
[[webhook]]
name = "log"
url = "http://127.0.0.1:9/"
timeout_seconds = 1
""",
    )
    assert config.mqtt is not None
    assert config.mqtt.home_assistant is None
    assert len(build(config, tmp_path)) == 3
    assert "PASSWORD" not in repr(config)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\nprefix = 'a'", "mqtt.url"),
        ("[mqtt]\nurl = 'mqtt://h'\nprefix = 'a/#'", "mqtt.prefix.*without"),
        ("[mqtt]\nurl = 'mqtt://h'\nprefix = 'a//b'", "mqtt.prefix.*without"),
        ("[mqtt]\nurl = 'mqtt://h'\nprefix = '$SYS'", "mqtt.prefix.*without"),
        ("[mqtt]\nurl = 'mqtt://h'\nquiet_hours = ['25:00-06:00']", "no clock shows"),
        ("[mqtt]\nurl = 'mqtt://h'\npasword = 'hunter2'", "mqtt.pasword"),
        ("[mqtt]\nurl = 'mqtt://h'\nmessages_per_minute = 0", "mqtt.messages_per_minute.*got 0"),
        ("[[webhook]]\nurl = 'http://h'\nsecrets = 'hunter2'", "webhook.0.secrets"),
        ("[[webhook]]\nurl = 'http://h'\npicture = 'all'", "webhook.0.picture.*'none', 'face' or 'frame'"),
        ("[[webhook]]\nurl = 'http://h'\n[[webhook]]\nurl = 'http://h'", "need a name each"),
        ("[outbox]\nhours = -1", "outbox.hours"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, text)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[mqtt]\nurl = 'http://u:hunter2@h'", ConfigError, "mqtt://HOST:PORT"),
        ("[mqtt]\nurl = 'mqtt://u:hunter2${NO}@h'", InputError, "mqtt.url needs the environment variable NO"),
        ("[mqtt]\nurl = 'mqtts://h'\ncertificates = 'no.pem'", ConfigError, "there is no file no.pem"),
        (f"[mqtt]\nurl = 'mqtt://h'\ncertificates = {__file__!r}", ConfigError, "write mqtts://"),
        ("[[webhook]]\nurl = 'ftp://h/hunter2'", ConfigError, "https://"),
        (
            "[[webhook]]\nurl = 'http://h/hunter2${NO}'",
            InputError,
            "webhook.url needs .* NO, which is not set",
        ),
        ("[[webhook]]\nurl = 'http://h'\nsecret = 'hunter2${NO}'", InputError, "webhook.secret needs"),
    ],
)
def test_what_cannot_work_is_an_error_before_anything_starts(
    tmp_path: Path, text: str, error: type[MaskcamError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        build(read(tmp_path, text), tmp_path)
    assert "hunter2" not in str(caught.value)
