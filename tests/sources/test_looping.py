import time
from itertools import islice

import pytest

from maskcam.sources import open_source
from maskcam.sources.base import Source
from maskcam.sources.looping import LoopingSource


def open_clip() -> Source:
    return open_source("synthetic:64x48@200*4")


def test_time_and_numbers_go_on_from_round_to_round() -> None:
    with LoopingSource(open_clip, name="door") as source:
        assert source.info.is_live
        frames = list(islice(source.frames(), 10))
    assert [frame.index for frame in frames] == list(range(10))
    assert [round(200 * frame.pts_seconds) for frame in frames] == list(range(10))
    assert {frame.camera for frame in frames} == {"door"}


def test_it_plays_no_faster_than_it_was_made() -> None:
    with LoopingSource(open_clip, name="door") as source:
        start_seconds = time.monotonic()
        *_, last = islice(source.frames(), 9)
    assert last.captured_seconds - start_seconds >= last.pts_seconds == pytest.approx(0.04)


def test_what_was_encoded_goes_along_in_time() -> None:
    from tests.cli import DEMO

    def open_demo() -> Source:
        return open_source(str(DEMO))

    with open_demo() as clip:
        first = next(iter(clip))
    with LoopingSource(open_demo, name="door") as source:
        looped = next(source.frames())
    if first.encoded is None:
        assert looped.encoded is None
    else:
        assert looped.encoded is not None
        assert [picture.pts_seconds for picture in looped.encoded] == [
            picture.pts_seconds for picture in first.encoded
        ]
