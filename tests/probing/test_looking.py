from itertools import pairwise
from pathlib import Path

import av

from maskcam.probing.looking import Samples
from maskcam.probing.packets import PacketProbe
from tests.sources.media import corner_picture, write_video


def test_about_a_picture_a_second() -> None:
    samples, image = Samples(), corner_picture()
    for i in range(45):
        samples.offer(image, i / 10)
    assert len(samples.images) == 5


def test_long_recordings_are_sampled_further_apart() -> None:
    samples = Samples()
    images = [corner_picture((16, 16), bar=i) for i in range(100)]
    for i, image in enumerate(images):
        samples.offer(image, float(i))
    chosen = [next(i for i, image in enumerate(images) if image is sample) for sample in samples.images]
    assert 6 <= len(chosen) <= 12
    assert chosen[0] == 0
    assert chosen[-1] > 80, "the end is looked at, too"
    assert len({later - sooner for sooner, later in pairwise(chosen)}) == 1


def test_pictures_that_refer_to_later_ones_cost_no_group_of_pictures(tmp_path: Path) -> None:
    options = {"x264-params": "bframes=2:b-adapt=0:keyint=50:min-keyint=50:scenecut=0"}
    path = write_video(tmp_path / "a.mkv", frame_count=50, options=options)
    with av.open(str(path)) as container:
        watched = PacketProbe(container, name="a", is_live=True)
        watched.watch(5.0)
    found = watched.looker.pictures
    assert (found.corrupt, found.skipped, found.awaiting_key_frame) == (0, 0, 0)
    assert found.decoded > 40, "the last ones are still in the decoder"
