"""Inputs and outputs in an S3 of moto's, on loopback."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcam.cluster.files import open_url
from maskcam.cluster.inline import InlineCluster
from maskcam.cluster.outputs import Folder
from maskcam.cluster.tasks import look_at_part
from maskcam.errors import OutputError
from tests.cluster.clips import write_looped
from tests.cluster.runs import assert_same_results, run_here, run_on, shorten_parts


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "maskcam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-so-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fs, _ = open_url("s3://archive")
    fs.clear_instance_cache()
    fs, _ = open_url("s3://archive")
    fs.makedirs("archive", exist_ok=True)
    yield "s3://archive"
    fs.clear_instance_cache()
    server.stop()


def test_recordings_come_from_s3_and_results_go_there(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_parts(monkeypatch, 4.0)
    (tmp_path / "nodes").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nodes"))
    clip = write_looped(tmp_path / "ward.mp4", seconds=10)
    run_here([clip], tmp_path / "here")
    fs, _ = open_url(bucket)
    fs.put_file(str(clip), "archive/2026/ward.mp4")
    cluster = InlineCluster()
    (report,) = run_on(cluster, [f"{bucket}/2026/*.mp4"], f"{bucket}/results/").reports
    assert report.error is None
    assert [task.part for task in cluster.done if task.work is look_at_part] == [0, 1, 2]
    fs.get("archive/results/", str(tmp_path / "there"), recursive=True)
    assert_same_results(tmp_path / "here", tmp_path / "there", names=["ward"])
    assert (tmp_path / "there/ward.mp4").stat().st_size > 0
    assert not list((tmp_path / "there").rglob("*.npz"))
    assert not [path for path in (tmp_path / "nodes").rglob("*") if path.is_file()]  # nothing is left behind
    again = run_on(InlineCluster(), [f"{bucket}/2026"], f"{bucket}/results")
    assert again.driver.finished_before == 1


def test_a_bucket_that_is_not_there_is_one_sentence(bucket: str, tmp_path: Path) -> None:  # noqa: ARG001
    (report,) = run_on(InlineCluster(), ["s3://nowhere/*.mp4"], tmp_path).reports
    assert report.error is not None
    assert "s3://nowhere/*.mp4" in report.error
    with pytest.raises(OutputError, match="no such file or bucket"):
        Folder("s3://nowhere/results").make()
