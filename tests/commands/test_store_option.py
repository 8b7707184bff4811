from pathlib import Path

import pytest

from maskcam.store.store import EventStore
from maskcam.types import MaskStatus
from tests.cli import cut_clip, run_cli


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=50)


def test_watch_and_process_write_into_one_store(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store" / "events.db"
    file = tmp_path / "maskcam.toml"
    file.write_text(f'[store]\nurl = "{path}"\nmedia = "{tmp_path / "media"}"\n')
    done = run_cli(capsys, "watch", clip, "--headless", "-c", file)
    assert done.code == 0, done.err
    done = run_cli(capsys, "process", clip, "-o", tmp_path / "out", "-c", file, "--no-video")
    assert done.code == 0, done.err
    with EventStore.open(path, media=tmp_path / "media", create=False) as store:
        found = store.violations()
        assert sorted(violation.status.value for violation in found) == 2 * ["incorrect"] + 2 * ["no_mask"]
        assert len({violation.run_id for violation in found}) == 2
        assert all(violation.ended_at and violation.transitions for violation in found)
        for name in store.files():
            assert store.media.path(name).is_file()
        counts = store.counts()
        assert sum(row.bare for row in counts) >= 2
        assert store.totals().by_status == {MaskStatus.INCORRECT: 2, MaskStatus.NO_MASK: 2}


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("mysql://user:s3cret@host/db", 2, "starts with mysql://"),
        ("postgresql://user:s3cret@127.0.0.1:9/db", 1, "does not answer"),
        ("postgresql://user:${NO_SUCH_SECRET}@host/db", 2, "NO_SUCH_SECRET, which is not set"),
        ("/dev/null/events.db", 1, "choose another"),
    ],
)
def test_a_store_that_cannot_be_opened(
    target: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "watch", "synthetic:320x240@25*5", "--headless", "--store", target)
    assert done.code == code, done.err
    assert words in done.err
    assert "s3cret" not in done.out + done.err
    assert len(done.err.strip().splitlines()) == 1
