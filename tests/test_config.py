from pathlib import Path

import numpy as np
import pytest

from maskcam.config import Config, load_config
from maskcam.devices import choose_device
from maskcam.errors import ConfigError


def test_defaults_need_no_file() -> None:
    assert load_config(None) == Config()


def test_flags_win_over_the_file_and_none_means_not_given(tmp_path: Path) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text('device = "cpu"\n[detector]\nsize = 960\nminimum_score = 0.4\n')
    config = load_config(file, {"detector.size": 320, "detector.minimum_score": None, "device": None})
    assert (config.device, config.detector.size, config.detector.minimum_score) == ("cpu", 320, 0.4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[detector]\nsise = 640", "detector.sise"),
        ("[detector]\nsize = 'large'", "detector.size.*'large'"),
        ("[detector]\nsize = 3", "detector.size.*greater than or equal to 64.*got 3"),
        ("[voting]\nswitch_share = 0.2", "voting.switch_share"),
        ("[detector]\nkind = 'haar'", "detector.kind.*'haar'"),
        ("[detector", "not TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(file)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_schema_for_free() -> None:
    schema = Config.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["DetectorConfig"]["properties"]["size"]["default"] == 640


def test_options_reach_what_they_configure() -> None:
    config = Config.model_validate({"voting": {"memory_seconds": 2.0}, "violations": {"dwell_seconds": 7}})
    assert config.voting.build().memory_seconds == 2.0
    assert config.violations.build().dwell_seconds == 7


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:99", "CPU"])
def test_a_device_that_is_not_there_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match="device"):
        choose_device(name)


def test_auto_takes_something() -> None:
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}
    assert choose_device("cpu").type == "cpu"


def test_photographs_are_looked_at_thoroughly_unless_told_otherwise() -> None:
    assert load_config(None).for_photographs().detector.thorough
    assert load_config(None).for_photographs().classifier.thorough
    told = load_config(None, {"detector.thorough": False}).for_photographs()
    assert not told.detector.thorough
    assert told.classifier.thorough
    assert not load_config(None, {"detector.kind": "mediapipe"}).for_photographs().detector.thorough


def test_thorough_detection_needs_yunet() -> None:
    with pytest.raises(ConfigError, match="needs the yunet"):
        load_config(None, {"detector.kind": "mediapipe", "detector.thorough": True})


def test_thorough_detection_builds() -> None:
    with load_config(None, {"detector.thorough": True}).detector.build(device="cpu") as detector:
        assert len(detector.detect([np.zeros((40, 60, 3), np.uint8)])) == 1


CAMERAS = """
[detector]
size = 320
minimum_score = 0.4
[cameras]
analysis_fps = 5
hours = ["Mon-Fri 06:00-22:00"]
[[camera]]
name = "ward"
source = "rtsp://${CAMERA_USER}:${CAMERA_PASSWORD}@10.0.0.2/live"
zones = [[[0, 0], [1, 0], [1, 0.5]]]
hours = []
transport = "udp"
[camera.detector]
size = 256
[[camera]]
source = "rtsp://admin:hunter2@10.0.0.3/live"
analysis_fps = 12.5
minimum_face = 24
"""


@pytest.fixture
def cameras(tmp_path: Path) -> Config:
    file = tmp_path / "maskcam.toml"
    file.write_text(CAMERAS)
    return load_config(file)


def test_what_a_camera_says_wins_over_what_is_said_for_all(cameras: Config) -> None:
    ward, other = cameras.named_cameras()
    assert (ward.name, ward.analysis_fps, ward.transport, ward.hours) == ("ward", 5.0, "udp", ())
    assert (other.name, other.analysis_fps, other.minimum_face) == ("rtsp://***@10.0.0.3/live", 12.5, 24)
    assert (other.hours, other.zones, other.timeout_seconds) == (("Mon-Fri 06:00-22:00",), (), 5.0)


def test_sources_are_names_of_cameras_or_anything_else(cameras: Config) -> None:
    chosen = cameras.named_cameras(["0", "ward", "ward"])
    assert [camera.name for camera in chosen] == ["webcam 0", "ward", "ward (2)"]
    assert [camera.analysis_fps for camera in chosen] == [5.0, 5.0, 5.0]
    assert chosen[1].zones == (((0.0, 0.0), (1.0, 0.0), (1.0, 0.5)),)
    with pytest.raises(ConfigError, match="nothing to watch"):
        Config().named_cameras()


def test_cameras_with_the_same_detector_share_it(cameras: Config) -> None:
    chosen = cameras.named_cameras(["ward", "0", "1"])
    with cameras.build_pipeline(chosen) as pipeline:
        ward, first, second = (pipeline._rules[camera.name] for camera in chosen if camera.name)
        assert first.detector is second.detector is pipeline.detector
        assert ward.detector is not pipeline.detector
        assert (ward.zones.polygons, ward.minimum_face) == (chosen[0].zones, 0.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('source = "0"\nzones = [[[0, 0], [1, 0]]]', r"camera\.0\.zones: a zone needs at least 3 corners"),
        ('source = "0"\nhours = ["nights"]', r"camera\.0\.hours: cannot read the hours 'nights'"),
        ('source = "0"\nanalysis_fps = 0', r"camera\.0\.analysis_fps: .*greater than 0"),
        ('name = "ward"', r"camera\.0\.source: "),
        (
            'source = "0"\nname = "a"\n[[camera]]\nsource = "1"\nname = "a"',
            "several cameras have the name 'a'",
        ),
        ('source = "0"\n[camera.detector]\nkind = "mediapipe"\nthorough = true', "needs the yunet"),
        ('source = "0"\n[camera.detector]\nsise = 1', r"camera\.0\.detector\.sise"),
    ],
)
def test_a_wrong_camera_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text(f"[[camera]]\n{text}\n")
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["0", "ward/3", "rtsp://x", "a.b"])
def test_a_name_that_was_given_stays_as_it_is(name: str) -> None:
    config = Config(camera=({"source": "1", "name": name},))
    assert [camera.name for camera in config.named_cameras()] == [name]
