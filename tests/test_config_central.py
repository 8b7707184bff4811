"""Settings of sites that forward, and of the place that they forward to."""

import subprocess
import sys
from pathlib import Path

import pytest

from maskcam.central.forwarder import Forwarder
from maskcam.central.receiving import SiteReceiver
from maskcam.commands.sinks import lasting_sinks
from maskcam.config import Config, load_config
from maskcam.errors import ConfigError, InputError
from maskcam.sinks.base import Sink
from maskcam.sinks.store import StoreSink


def read(folder: Path, text: str, *, store: bool = True) -> Config:
    file = folder / "maskcam.toml"
    file.write_text(text + (f'\n[store]\nurl = "{folder}/events.db"\n' if store else ""))
    return load_config(file)


def build(config: Config) -> list[Sink]:
    sinks = list(lasting_sinks(["door"], config=config, run_id="0" * 32, tell=lambda _: None))
    for sink in reversed(sinks):
        sink.close()
    return sinks


def test_nothing_is_forwarded_unless_asked_for() -> None:
    assert load_config(None).central is None


@pytest.mark.parametrize("url", ["postgresql://cam:${PW}@127.0.0.1:9/x", "mqtt://cam:${PW}@127.0.0.1:9"])
def test_a_site_forwards_and_a_central_place_receives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PW", "hunter2")
    config = read(tmp_path, f'[central]\nsite = "north"\nurl = "{url}"\nreceive = "mqtt://127.0.0.1:9"')
    assert "PW" not in repr(config.central)
    forwarder, receiver, store = build(config)
    assert isinstance(forwarder, Forwarder), "made first, closed last: it forwards the store's last rows too"
    assert isinstance(receiver, SiteReceiver)
    assert isinstance(store, StoreSink)
    assert "hunter2" not in forwarder.backlog().name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('url = "mqtt://x:hunter2@h"', "site and url belong together"),
        ('site = "north"', "site and url belong together"),
        ('site = "a/b"\nurl = "mqtt://h"', "1 to 64 characters, no slash"),
        ('site = " "\nurl = "mqtt://h"', "no space at its ends"),
        ('site = "a"\nurl = "http://hunter2@h"', "postgresql://, mqtt:// or mqtts://"),
        ('receive = "postgresql://x:hunter2@h/d"', "an address with mqtt:// or mqtts://"),
        ('receive = "mqtt://h"\nprefix = "a/#"', "a prefix of topics"),
    ],
)
def test_what_makes_no_sense_is_said_without_secrets(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, f"[central]\n{text}")
    assert "hunter2" not in str(caught.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    site = '[central]\nsite = "a"\nurl = "mqtt://x:${NO_SUCH_PW}@h"'
    with pytest.raises(InputError, match=r"central.url needs the environment variable NO_SUCH_PW"):
        build(read(tmp_path, site))
    with pytest.raises(ConfigError, match="no event store is set"):
        build(read(tmp_path, '[central]\nreceive = "mqtt://127.0.0.1:9"', store=False))
    with pytest.raises(ConfigError, match="there is no file /nowhere"):
        build(read(tmp_path, '[central]\nreceive = "mqtt://127.0.0.1:9"\ncertificates = "/nowhere"'))
    with pytest.raises(ConfigError, match=r"central\.certificates is set, but nothing would be encrypted"):
        build(read(tmp_path, f'[central]\nreceive = "mqtt://127.0.0.1:9"\ncertificates = "{__file__}"'))


def test_reading_a_configuration_loads_no_database() -> None:
    code = "import sys, maskcam.config; print([m for m in ('sqlalchemy', 'paho', 'psycopg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", "commands that need none would start later for it"
