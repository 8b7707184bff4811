"""What has to be done when the cameras of a configuration change."""

from __future__ import annotations

from dataclasses import dataclass

from maskcam.config import Config
from maskcam.config_sections import CameraConfig

_CONNECTION = ("source", "transport", "timeout_seconds", "analysis_fps", "hardware_decode")
"""Settings of a camera that only a new connection can take over."""
_OTHER = {"camera", "cameras", "serve"}
"""Parts of the configuration that are no reason to start everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The difference between two configurations, in names of cameras.

    Attributes:
        added: new ones.
        removed: gone.
        reconnected: reached in another way.
        adjusted: with other zones, hours or faces that count; they are neither reconnected nor lose their people.
        unchanged: that go on as if nothing had happened.
        restarts: something that concerns all of them has changed: everything starts anew.
        later: settings of the web side have changed: they count from the next start of the program on.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reconnected: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    restarts: bool = False
    later: bool = False


def cameras_of(config: Config) -> dict[str, CameraConfig]:
    """The cameras of a configuration by name; unlike for `Config.named_cameras`, there may be none."""
    if not config.camera:
        return {}
    return {camera.name: camera for camera in config.named_cameras() if camera.name is not None}


def compare(old: Config, new: Config) -> Changes:
    """What it takes to get from one configuration to the other."""
    before, after = cameras_of(old), cameras_of(new)
    kept = [name for name in after if name in before]
    reconnected = [name for name in kept if _connection(before[name]) != _connection(after[name])]
    adjusted = [name for name in kept if name not in reconnected and before[name] != after[name]]
    return Changes(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        reconnected=tuple(reconnected),
        adjusted=tuple(adjusted),
        unchanged=tuple(name for name in kept if name not in [*reconnected, *adjusted]),
        restarts=_rest(old) != _rest(new),
        later=old.serve != new.serve,
    )


def _connection(camera: CameraConfig) -> list[object]:
    return [getattr(camera, name) for name in _CONNECTION]


def _rest(config: Config) -> dict[str, object]:
    return {name: getattr(config, name) for name in Config.model_fields if name not in _OTHER}
