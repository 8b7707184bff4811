from dataclasses import replace

import pytest

from maskcam.probing.advice import advise
from maskcam.probing.report import FacesSeen, KeyFrames, Pictures, Rhythm, SourceReport, Work
from tests.probing.reports import FINE, report

SLOW_DECODER = Work(80.0, 1.2, 20.0, "cpu", 15.0, 10.0, keeps_up=False)
SLOW_DETECTOR = Work(20.0, 0.3, 80.0, "cpu", 15.0, 10.0, keeps_up=False)
FILE = report(kind="file", is_live=False, transport=None)


def test_nothing_to_change_at_a_good_camera() -> None:
    assert advise(FINE) == ()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (report(work=SLOW_DECODER), ["only 10 of 15 frames", "decoding", "substream or a smaller picture"]),
        (report(work=SLOW_DETECTOR), ["only 10 of 15 frames", "substream", "smaller `--size`", "GPU"]),
        (report(key_frames=KeyFrames(2, 5.0, 5.2, longest_is_open=False)), ["takes 5.2 s", "GOP"]),
        (report(key_frames=KeyFrames(0, None, 9.0, longest_is_open=True)), ["takes over 9.0 s", "GOP"]),
        (report(pictures=Pictures(100, corrupt=1)), ["1 damaged picture,", "TCP repairs", "cable"]),
        (report(pictures=Pictures(100, 3, 20)), ["3 damaged pictures, and 20 more", "processor"]),
        (report(pictures=Pictures(100, 3, 20), transport="udp"), ["UDP loses packets", "switch to TCP"]),
        (replace(report("rhythm", jitter_milliseconds=80.0), transport="udp"), ["80 ms late", "TCP"]),
        (report("rhythm", jitter_milliseconds=400.0), ["400 ms late", "Wi-Fi"]),
        (report("rhythm", delay_growth_milliseconds=900.0), ["grew by 900 ms in 10 s", "bit rate"]),
        (report("video", measured_fps=8.0), ["Only 8 of 15 frames", "light", "network"]),
        (replace(report("video", measured_fps=8.0), kind="webcam"), ["Only 8 of 15 frames", "USB 2"]),
        (report("rhythm", steps_back=2), ["2 steps back, 0 jumps ahead", "firmware"]),
        (report("rhythm", jumps=1), ["0 steps back, 1 jump ahead", "firmware"]),
        (report(faces=FacesSeen(10, 20, 20.0, 9.0, 0.3)), ["30%", "16 px", "main stream", "--size 960"]),
        (replace(FILE, pictures=Pictures(100, 3)), ["3 damaged pictures", "copy or record it anew"]),
        (replace(FILE, rhythm=Rhythm(True, steps_back=1)), ["1 step back", "`ffmpeg -i IN -c copy"]),
        (replace(FILE, video=replace(FINE.video, measured_fps=8.0)), ["decodes at 8", "smaller picture"]),
    ],
)
def test_one_sentence_for_one_fault(found: SourceReport, words: list[str]) -> None:
    (sentence,) = advise(found)
    for word in words:
        assert word in sentence
    assert sentence.endswith(".")


def test_h265_is_worth_a_word_only_where_it_costs() -> None:
    cheap = report("video", codec="hevc")
    assert advise(cheap) == ()
    (sentence,) = advise(replace(cheap, work=replace(FINE.work, decode_share=0.5)))
    assert "H.265 takes 50% of real time" in sentence
    assert "H.264 substream" in sentence
    assert advise(report("work", decode_share=0.5)) == (), "H.264 cannot be made cheaper that way"


@pytest.mark.parametrize(
    "fine",
    [
        report(key_frames=KeyFrames(3, 4.0, 4.0, longest_is_open=False)),
        report("video", measured_fps=12.0),
        report("video", nominal_fps=None),
        report(faces=FacesSeen(10, 0)),
        report(faces=FacesSeen(10, 20, 60.0, 9.0, 0.1)),
        report(faces=None, work=Work()),
        report("rhythm", jitter_milliseconds=None, delay_growth_milliseconds=None),
        report("rhythm", delay_growth_milliseconds=-900.0),
        replace(report("rhythm", jitter_milliseconds=9000.0), kind="http", transport=None),
        report(pictures=Pictures(100, awaiting_key_frame=30)),
        replace(FILE, work=SLOW_DETECTOR),
        replace(FILE, key_frames=KeyFrames(2, 10.0, 10.0, longest_is_open=False)),
        replace(FILE, kind="pictures", key_frames=None, rhythm=None),
    ],
)
def test_what_is_no_fault(fine: SourceReport) -> None:
    assert advise(fine) == ()


def test_a_larger_size_cannot_help_where_the_picture_is_small() -> None:
    few_pixels = replace(report("video", sizes_wh=((640, 360),)), faces=FacesSeen(10, 20, 12.0, 9.0, 0.9))
    (sentence,) = advise(few_pixels)
    assert "--size" not in sentence
    assert "main stream" in sentence


def test_several_faults_in_one_camera() -> None:
    bad = replace(report("rhythm", jumps=1), pictures=Pictures(100, 1), work=SLOW_DECODER)
    assert len(advise(bad)) == 3
