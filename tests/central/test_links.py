"""The ways to the central place: real PostgreSQL and a real broker, stopped and started again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maskcam.central.database import DatabaseLink
from maskcam.central.forwarder import Forwarder
from maskcam.central.mqtt import MqttLink
from maskcam.central.receiving import SiteReceiver
from maskcam.errors import DeliveryError, MissingLibraryError
from maskcam.sinks.mqtt import Broker
from maskcam.store.sites import Report
from maskcam.store.store import EventStore
from tests.central.places import content
from tests.postgres import PASSWORD, Server
from tests.sinks.brokers import Mosquitto, free_port, wait_until
from tests.store.rows import make_counts, make_record

REPORT = Report(waiting=0, cameras={"door": 1.5}, version="1.0")


def address(broker: Mosquitto) -> Broker:
    return Broker("127.0.0.1", broker.port, is_encrypted=False)


@contextmanager
def receiving(folder: Path, broker: Mosquitto) -> Iterator[EventStore]:
    """The store of a central place, and what fills it from the broker."""
    path = folder / "central.db"
    with EventStore.open(path) as central, SiteReceiver(EventStore.open(path), address(broker)):
        yield central


def test_straight_into_the_database(postgres: Server) -> None:
    url = postgres.new_url()
    link = DatabaseLink(url, site="north", own_id="another")
    with link:
        link.deliver(REPORT, [make_record(seconds=None), make_counts()])
        link.deliver(REPORT, [make_record(revision=2), make_counts()])
    assert PASSWORD not in link.name
    with EventStore.open(url) as central:
        (found,) = central.violations()
        assert (found.camera, found.revision) == ("north/door", 2)
        assert [row.camera for row in central.counts()] == ["north/door"]
        own_id = central.store_id
    with (
        DatabaseLink(url, site="north", own_id=own_id) as own,
        pytest.raises(DeliveryError, match="this site's own event store"),
    ):
        own.deliver(REPORT, [])


def test_a_database_that_is_away_is_said_without_its_password() -> None:
    link = DatabaseLink(f"postgresql://cam:hunter2@127.0.0.1:{free_port()}/x", site="north", own_id="a")
    with link, pytest.raises(DeliveryError, match="does not answer") as caught:
        link.deliver(REPORT, [])
    assert "hunter2" not in f"{caught.value} {link.name}"


def test_what_is_not_installed_is_said_before_anything_is_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingLibraryError, match=r"maskcam\[postgres\]"):
        DatabaseLink("postgresql://h/d", site="north", own_id="a")
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingLibraryError, match=r"maskcam\[alerts\]"):
        MqttLink(Broker("h", 1, is_encrypted=False), site="north")


def test_two_sites_over_a_database_that_is_stopped_and_started(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_url()
    sites = {name: EventStore.open(tmp_path / f"{name}.db") for name in ("north", "south")}
    forwarders = [
        Forwarder(
            EventStore.open(tmp_path / f"{name}.db"),
            DatabaseLink(url, site=name, own_id=store.store_id),
            cameras=["door"],
            tell=lambda _: None,
            retry_seconds=0.1,
        )
        for name, store in sites.items()
    ]
    for store in sites.values():
        store.record(
            [make_record(1, seconds=None, run_id=store.store_id), make_counts(run_id=store.store_id)]
        )
    wait_until(lambda: all(not store.waiting(limit=1)[0] for store in sites.values()), seconds=60)
    postgres.stop()
    for store in sites.values():
        run = store.store_id
        store.record([make_record(1, revision=2, run_id=run), make_record(2, run_id=run)])
    wait_until(lambda: all(forwarder.backlog().waiting == 2 for forwarder in forwarders))
    postgres.start()
    wait_until(lambda: all(not store.waiting(limit=1)[0] for store in sites.values()), seconds=60)
    for forwarder in forwarders:
        forwarder.close()
    with EventStore.open(url) as central:
        for name, store in sites.items():
            assert content(central, name) == content(store)
            store.close()
        assert central.totals().violations == 4


def test_over_a_broker_it_counts_only_once_the_central_place_has_it(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with MqttLink(address(broker), site="Nord 1 #+", answer_seconds=0.5) as link:
        with pytest.raises(DeliveryError, match=r"nobody behind it answers .* \[central\] receive"):
            link.deliver(REPORT, [make_record(seconds=None)])
        with receiving(tmp_path, broker) as central:

            def is_taken() -> bool:
                try:
                    link.deliver(REPORT, [make_record(), make_counts()])
                except DeliveryError:  # the receiver may not listen yet
                    return False
                return True

            wait_until(is_taken)
            link.deliver(REPORT, [make_record(), make_counts()])
            assert [v.camera for v in central.violations()] == ["Nord 1 #+/door"]
            assert len(central.counts()) == 1
            assert central.site_names() == ["Nord 1 #+"]


def test_over_a_broker_that_is_stopped_and_a_central_place_that_is_away(
    broker: Mosquitto, store: EventStore, tmp_path: Path
) -> None:
    store.record([make_record(1, seconds=None), make_counts()])
    link = MqttLink(address(broker), site="north", answer_seconds=0.3)
    with Forwarder(EventStore.open(tmp_path / "site.db"), link, tell=lambda _: None, retry_seconds=0.05):
        with receiving(tmp_path, broker):
            wait_until(lambda: not store.waiting(limit=1)[0])
            broker.stop()
            store.record([make_record(1, revision=2), make_record(2)])
            broker.start()
            wait_until(lambda: not store.waiting(limit=1)[0], seconds=60)
        store.record([make_record(3)])  # nobody is there for this one
        with receiving(tmp_path, broker) as central:
            wait_until(lambda: not store.waiting(limit=1)[0], seconds=60)
            assert content(central, "north") == content(store)


def test_what_cannot_be_written_is_refused_with_a_reason(broker: Mosquitto, tmp_path: Path) -> None:
    told: list[str] = []
    with (
        SiteReceiver(EventStore.open(tmp_path / "central.db"), address(broker), tell=told.append) as receiver,
        MqttLink(address(broker), site="north", answer_seconds=1.0) as link,
    ):
        naive = make_record(started_at=make_record().started_at.replace(tzinfo=None))

        def refusal() -> str:
            with pytest.raises(DeliveryError) as caught:
                link.deliver(REPORT, [naive])
            return str(caught.value)

        wait_until(lambda: "a time of day needs its zone" in refusal())
        wait_until(lambda: told)
        assert told[0].startswith("what north forwards cannot be written: a time of day needs its zone")
        receiver._hear("maskcam/sites/north/rows", b"{}")
        receiver._hear("maskcam/sites/a%2Fb/rows", b"{}")
    assert "is none" in told[1]
    assert "a site's name has" in told[2]


def test_a_broker_that_lets_nobody_in_is_said_without_the_password(tmp_path: Path) -> None:
    folder = tmp_path / "guarded"
    folder.mkdir()
    with Mosquitto(folder, users={"north": "right"}) as guarded:
        wrong = Broker("127.0.0.1", guarded.port, False, "north", "hunter2")
        with (
            MqttLink(wrong, site="north") as link,
            pytest.raises(DeliveryError, match="not authorized") as caught,
        ):
            link.deliver(REPORT, [])
    assert "hunter2" not in f"{caught.value} {link.name}"
