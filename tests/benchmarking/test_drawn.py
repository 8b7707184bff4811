from pathlib import Path

import pytest

import maskcam
from maskcam.benchmarking.drawn import draw_clip, sample_clip
from maskcam.config import Config
from maskcam.sources import open_source
from tests.cli import DEMO, frame_count


def test_drawn_people_are_followed(tmp_path: Path) -> None:
    clip = tmp_path / "drawn.mp4"
    draw_clip(clip, frames=8)
    with Config(device="cpu").build_pipeline() as pipeline, open_source(str(clip)) as source:
        results = [pipeline.step([frame])[0] for frame in source]
    assert [len(result.tracks) for result in results[-3:]] == [3, 3, 3]


def test_the_sample_is_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample_clip(tmp_path) == DEMO
    monkeypatch.setattr(maskcam, "__file__", str(tmp_path / "site" / "maskcam" / "__init__.py"))
    drawn = sample_clip(tmp_path)
    assert drawn.parent == tmp_path
    assert frame_count(drawn) == 200
