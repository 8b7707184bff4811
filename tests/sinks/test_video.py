from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.errors import OutputError
from maskcam.sinks.video import VideoSink
from maskcam.types import Image
from tests.factories import make_frame, make_image, make_result

TICK = 1 / 90_000
GREEN_BGR = (115, 158, 0)


def record(
    path: Path, times: list[float], *, image: Image | None = None, audio_from: Path | None = None
) -> None:
    with VideoSink(path, audio_from=audio_from) as sink:
        for index, seconds in enumerate(times):
            frame = make_frame((64, 48), index=index, pts_seconds=seconds, image=image)
            sink.write(make_result(frame), frame.image)


def shown_at(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def seconds_long(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return float(stream.duration * stream.time_base)


def test_h264_that_a_browser_plays_from_its_first_byte_on(tmp_path: Path) -> None:
    path = tmp_path / "a: 50%.mp4"
    record(path, [i / 25 for i in range(10)])
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert not container.streams.audio
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_times_stay_as_they_were(tmp_path: Path) -> None:
    times = [5.0, 5.04, 5.05, 5.3, 6.0, 6.001]
    record(tmp_path / "a.mp4", times)
    assert shown_at(tmp_path / "a.mp4") == pytest.approx([t - 5 for t in times], abs=TICK)


def test_the_last_frame_is_shown_as_long_as_the_one_before(tmp_path: Path) -> None:
    record(tmp_path / "a.mp4", [i / 10 for i in range(12)])
    assert seconds_long(tmp_path / "a.mp4") == pytest.approx(1.2, abs=2 * TICK)


def test_times_that_repeat_or_step_back_keep_every_frame_in_order(tmp_path: Path) -> None:
    record(tmp_path / "a.mp4", [0.0, 0.1, 0.1, 0.08, 0.2, 0.3, 0.29, 0.4])
    times = shown_at(tmp_path / "a.mp4")
    assert times == pytest.approx([0, 0.1, 0.1, 0.1, 0.2, 0.3, 0.3, 0.4], abs=3 * TICK)
    assert all(later > earlier for earlier, later in pairwise(times))


def test_a_clock_that_starts_over_leaves_no_gap(tmp_path: Path) -> None:
    record(tmp_path / "a.mp4", [100.0, 100.1, 100.2, 0.0, 0.1, 0.2])
    assert shown_at(tmp_path / "a.mp4") == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=2 * TICK)


def test_a_camera_that_was_away_for_a_night_comes_back(tmp_path: Path) -> None:
    record(tmp_path / "a.mp4", [0.0, 0.1, 30_000.0, 30_000.1, 30_000.2])
    assert shown_at(tmp_path / "a.mp4") == pytest.approx([0, 0.1, 3600.1, 3600.2, 3600.3], abs=2 * TICK)


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 2), (31, 48), (64, 33), (161, 121)])
def test_odd_sizes_grow_by_a_pixel_and_keep_their_colour(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    image = np.full((height, width, 3), GREEN_BGR, np.uint8)
    record(tmp_path / "a.mp4", [0, 0.04], image=image)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (width + width % 2, height + height % 2)
    # BT.709 with 8 bits and limited range: up to 3 levels lost
    assert np.abs(frame.to_ndarray(format="bgr24").astype(int) - GREEN_BGR).max() <= 4


def test_frames_of_another_size_are_boxed_into_the_first(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "a.mp4") as sink:
        for index, (width, height) in enumerate([(64, 64), (128, 64), (20, 40), (64, 64)]):
            frame = make_frame(image=np.full((height, width, 3), 200, np.uint8), index=index)
            sink.write(make_result(frame), frame.image)
    with av.open(str(tmp_path / "a.mp4")) as container:
        grey = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    assert [g.shape for g in grey] == [(64, 64)] * 4
    assert grey[0].min() > 180
    assert grey[1][:14].max() < 60
    assert grey[1][20:44].min() > 170
    assert grey[2][:, :14].max() < 60
    assert grey[2][:, 20:44].min() > 170


# ---- sound

BEEP_SECONDS = 0.8


def make_flash_and_beep(
    path: Path,
    codec: str,
    *,
    rate: int,
    layout: str = "mono",
    video_from: float = 0.0,
    audio_from: float = 0.0,
) -> None:
    """1.4 seconds of 25 fps whose picture turns white as a tone of 1 kHz sets in."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4" if path.suffix == ".avi" else "libx264", rate=25)
        video.width, video.height = 64, 48
        video.codec_context.time_base = Fraction(1, 25)
        audio = container.add_stream(codec, rate=rate)
        audio.codec_context.layout = layout
        for index in range(round(video_from * 25), 35):
            image = np.full((48, 64, 3), 255 if index >= BEEP_SECONDS * 25 else 0, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        times = np.arange(round(audio_from * rate), round(1.4 * rate)) / rate
        tone = np.where(times >= BEEP_SECONDS, 20000 * np.sin(2 * np.pi * 1000 * times), 0).astype(np.int16)
        channels = 1 if layout == "mono" else 2
        for start in range(0, len(tone), 1000):
            block = np.repeat(tone[start : start + 1000], channels)[None]
            sound = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            sound.sample_rate, sound.time_base = rate, Fraction(1, rate)
            sound.pts = round(audio_from * rate) + start
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def copy_through_sink(source: Path, target: Path) -> None:
    """As `maskcam process` does: times counted from the start of the file."""
    with av.open(str(source)) as container, VideoSink(target, audio_from=source) as sink:
        start = container.start_time / av.time_base
        for index, frame in enumerate(container.decode(video=0)):
            image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            seconds = float(frame.pts * frame.time_base) - start
            sink.write(make_result(make_frame(image=image, index=index, pts_seconds=seconds)), image)


def mono(frame: av.AudioFrame) -> NDArray[np.float64]:
    samples = np.abs(frame.to_ndarray().astype(float))
    return samples.max(axis=0) / (32768 if samples.max() > 2 else 1)


def flash_beep_and_end(path: Path) -> tuple[float, float, float]:
    with av.open(str(path)) as container:
        flash = next(f.time for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 128)
    beep = end = float("nan")
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(mono(frame) > 0.3)
            if np.isnan(beep) and len(loud):
                beep = frame.time + loud[0] / frame.sample_rate
            end = frame.time + frame.samples / frame.sample_rate
    return flash, float(beep), end


SOUNDS = {
    "copied": ("a.mp4", "aac", 44100, "stereo", 0.0, 0.0),
    "copied, sound later": ("a.mp4", "aac", 44100, "stereo", 0.0, 0.4),
    "copied, picture later": ("a.mp4", "aac", 44100, "stereo", 0.4, 0.0),
    "copied from a stream without headers": ("a.ts", "aac", 48000, "mono", 0.0, 0.2),
    "copied MP3": ("a.mkv", "libmp3lame", 44100, "stereo", 0.0, 0.0),
    "transcoded": ("a.mkv", "libopus", 48000, "stereo", 0.0, 0.0),
    "transcoded, sound later": ("a.mkv", "libopus", 48000, "stereo", 0.0, 0.4),
    "transcoded, picture later": ("a.mkv", "libopus", 48000, "mono", 0.4, 0.0),
    "transcoded PCM of a telephone": ("a.avi", "pcm_s16le", 8000, "mono", 0.0, 0.0),
    "transcoded from a rate that AAC lacks": ("a.mkv", "pcm_s16le", 18900, "mono", 0.0, 0.0),
}


@pytest.mark.parametrize("case", SOUNDS)
def test_sound_is_kept_in_step(tmp_path: Path, case: str) -> None:
    name, codec, rate, layout, video_from, audio_from = SOUNDS[case]
    source, target = tmp_path / name, tmp_path / "out.mp4"
    make_flash_and_beep(source, codec, rate=rate, layout=layout, video_from=video_from, audio_from=audio_from)
    copy_through_sink(source, target)
    flash, beep, end = flash_beep_and_end(target)
    # B-frames before the first picture may be lost when it comes late: then the flash shows what is right
    assert flash == pytest.approx(BEEP_SECONDS - video_from, abs=0.041)
    assert beep == pytest.approx(flash, abs=0.02), "lips and voice part"
    # one packet of 1152 samples at the most
    assert end == pytest.approx(seconds_long(target), abs=1152 / min(rate, 16000) + 0.03)
    with av.open(str(target)) as container:
        codec_name = container.streams.audio[0].codec_context.codec.canonical_name
    assert codec_name == ("mp3" if codec == "libmp3lame" else "aac")


def test_a_copied_packet_is_the_same_packet(tmp_path: Path) -> None:
    source, target = tmp_path / "a.mp4", tmp_path / "out.mp4"
    make_flash_and_beep(source, "aac", rate=44100)
    copy_through_sink(source, target)
    with av.open(str(source)) as before, av.open(str(target)) as after:
        packets = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (before, after)]
    assert len(packets[1]) > 30
    assert packets[1] == packets[0][: len(packets[1])]


def test_sound_ends_with_the_video(tmp_path: Path) -> None:
    source, target = tmp_path / "a.mkv", tmp_path / "out.mp4"
    make_flash_and_beep(source, "libopus", rate=48000)
    record(target, [i / 25 for i in range(10)], audio_from=source)
    with av.open(str(target)) as container:
        assert container.duration / av.time_base == pytest.approx(0.4, abs=0.03)


def test_an_input_without_sound_makes_a_silent_video(tmp_path: Path) -> None:
    record(tmp_path / "a.mp4", [0, 0.04])
    record(tmp_path / "b.mp4", [0, 0.04], audio_from=tmp_path / "a.mp4")
    assert len(shown_at(tmp_path / "b.mp4")) == 2


# ---- faults


def test_an_interrupted_recording_can_be_played(tmp_path: Path) -> None:
    def interrupted() -> None:
        with VideoSink(tmp_path / "a.mp4") as sink:
            for index in range(5):
                frame = make_frame((64, 48), index=index)
                sink.write(make_result(frame), frame.image)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(shown_at(tmp_path / "a.mp4")) == 5


def test_the_old_video_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with VideoSink(path) as sink:
        sink.write(make_result(make_frame((64, 48))), make_image((64, 48)))
        assert path.read_bytes() == b"old"
    assert len(shown_at(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    VideoSink(tmp_path / "a.mp4").close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_vanishes_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    sink = VideoSink(folder / "a.mp4")
    sink.write(make_result(), make_image())
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(OutputError, match=r"out/a\.mp4: no such file or directory"):
        sink.close()
    sink.close()


@pytest.mark.parametrize("kind", ["folder", "input", "sound that is none"])
def test_targets_and_inputs_that_cannot_be(tmp_path: Path, kind: str) -> None:
    path, source = tmp_path / "a.mp4", tmp_path / "in.mp4"
    source.write_bytes(b"no video")
    if kind == "folder":
        path.mkdir()
    elif kind == "input":
        path = source
    with pytest.raises(OutputError), VideoSink(path, audio_from=source) as sink:
        sink.write(make_result(), make_image())
    assert source.read_bytes() == b"no video"
    assert not list(tmp_path.glob(".*"))


def test_misuse(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="picture"):
        sink.write(make_result(), None)
    sink.close()
    with pytest.raises(ValueError, match="closed"):
        sink.write(make_result(), make_image())
