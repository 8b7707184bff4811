"""The configuration of a running service: read anew when it was changed, and changed when its cameras are.

Whatever people wrote into the file beside the settings, comments and order, stays there.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskcam.camera_changes import Changes, cameras_of
from maskcam.config import Config, load_config, parse_config
from maskcam.errors import InputError, OutputError
from maskcam.service import Service
from maskcam.sources import mask_password

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import AoT, Table

_CAMERA = re.compile(r"\d{1,3}|/dev/video\d{1,3}|(rtsps?|https?)://[^\s\x00-\x1f]+", re.IGNORECASE)


class NoSuchCameraError(InputError):
    """No camera has that name."""


class ConfigFile:
    """The file behind a service, and the flags that were laid over it.

    Args:
        path: may be missing until a camera is added.
        overrides: as for `load_config`.
        fallback_store: where events are kept when nothing is said; None: then they are not.
    """

    def __init__(
        self, path: Path, overrides: Mapping[str, Any], *, fallback_store: Path | None = None
    ) -> None:
        self.path = path
        self._overrides = dict(overrides)
        self._fallback_store = fallback_store

    def load(self) -> Config:
        """What the file says now.

        Raises:
            ConfigError: it is not valid, with the line and the reason.
        """
        return self._completed(load_config(self.path if self.path.exists() else None, self._overrides))

    def reload(self, service: Service) -> Changes:
        """Has a service go on with what the file says now.

        Raises:
            MaskcamError: it cannot; what held before stays.
        """
        with service.changing():
            return service.reconfigure(self.load())

    def add_camera(self, service: Service, settings: Mapping[str, Any]) -> Changes:
        """Adds a camera.

        Args:
            service: that is to watch it.
            settings: of `CameraConfig`, its name included, with a dot where one lies in a section of its own; None
                leaves one out.

        Raises:
            MaskcamError: a setting is wrong, or the file cannot be written; nothing has changed.
        """
        with service.changing():
            if settings["name"] in cameras_of(service.config):
                raise InputError(f"there is a camera {settings['name']!r} already: choose another name")
            check_source(settings["source"])
            document = self._read()
            _cameras(document).append(_table(settings))
            return self._put_to_work(service, document)

    def change_camera(self, service: Service, name: str, settings: Mapping[str, Any]) -> Changes:
        """Changes settings of a camera; see `add_camera`.

        Args:
            service: that watches it.
            name: its present one.
            settings: those to change; None takes one away. A source that reads as it is shown stays as it is.

        Raises:
            NoSuchCameraError: there is none of that name.
            MaskcamError: see `add_camera`.
        """
        with service.changing():
            document = self._read()
            table = self._find(service, document, name)
            new_name = settings.get("name", name)
            if new_name != name and new_name in cameras_of(service.config):
                raise InputError(f"there is a camera {new_name!r} already: choose another name")
            for key, value in settings.items():
                if key == "source" and value == shown_source(str(table["source"])):
                    continue
                if key == "source":
                    check_source(value)
                _set(table, key, value)
            return self._put_to_work(service, document)

    def remove_camera(self, service: Service, name: str) -> Changes:
        """Watches a camera no longer; see `change_camera`."""
        with service.changing():
            document = self._read()
            table = self._find(service, document, name)
            cameras = _cameras(document)
            del cameras[next(i for i, other in enumerate(cameras) if other is table)]
            if not len(cameras):
                del document["camera"]
            return self._put_to_work(service, document)

    def change_section(self, service: Service, section: str, settings: Mapping[str, Any]) -> Changes:
        """Changes settings that hold for all cameras.

        Args:
            service: that goes by them.
            section: its name.
            settings: those to change.

        Raises:
            MaskcamError: see `add_camera`.
        """
        with service.changing():
            document = self._read()
            for key, value in settings.items():
                _set(document, f"{section}.{key}", value)
            return self._put_to_work(service, document)

    def _read(self) -> TOMLDocument:
        import tomlkit

        self.load()  # what is not valid is said with its line
        return tomlkit.parse(self.path.read_text(encoding="utf-8") if self.path.exists() else "")

    def _parse(self, text: str) -> Config:
        return self._completed(parse_config(text, self._overrides, name=str(self.path)))

    def _completed(self, config: Config) -> Config:
        if config.store.url is not None or self._fallback_store is None:
            return config
        store = config.store.model_copy(update={"url": str(self._fallback_store)})
        return config.model_copy(update={"store": store})

    def _find(self, service: Service, document: TOMLDocument, name: str) -> Table:
        """The table of a camera: names that the file does not give are made in the order of the tables."""
        names = list(cameras_of(self._parse(document.as_string())))
        if name not in names or name not in cameras_of(service.config):
            raise NoSuchCameraError(f"there is no camera {name!r}")
        table: Table = _cameras(document)[names.index(name)]
        return table

    def _put_to_work(self, service: Service, document: TOMLDocument) -> Changes:
        """Makes sure that it can be written before anything changes, and writes it once the service has taken it."""
        text = document.as_string()
        config, before = self._parse(text), service.config
        partial = self._write_beside(text)
        try:
            changes = service.reconfigure(config)
            try:
                partial.replace(self.path.resolve())
            except OSError as error:  # as of a file that is mounted on its own
                service.reconfigure(before)
                raise self._unwritable(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return changes

    def _write_beside(self, text: str) -> Path:
        try:
            mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o600  # it may hold passwords
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.resolve().parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
        except OSError as error:
            raise self._unwritable(error) from error
        return Path(name)

    def _unwritable(self, error: OSError) -> OutputError:
        words = (error.strerror or str(error)).lower()
        return OutputError(f"cannot write the configuration {self.path} ({words}): nothing was changed")


def shown_source(source: str) -> str:
    """A source for everybody to see: without passwords, and of a recording without the folders of this machine."""
    if "://" in source or source.startswith(("/dev/video", "synthetic:")):
        return mask_password(source)
    return Path(source).name


def check_source(source: str) -> None:
    """Makes sure that a request names a camera, not a file of this machine, nor a secret of its environment.

    Raises:
        InputError: it does not.
    """
    if "${" in source:
        raise InputError("environment variables can only be named in the configuration file itself")
    if not _CAMERA.fullmatch(source):
        raise InputError(
            "a camera is a webcam's number, /dev/video0, or an address that begins with rtsp://, rtsps://, http:// or"
            " https://; recordings can only be named in the configuration file itself"
        )


def _cameras(document: TOMLDocument) -> AoT:
    import tomlkit

    if "camera" not in document:
        document.append("camera", tomlkit.aot())
    cameras: AoT = document["camera"]
    return cameras


def _table(settings: Mapping[str, Any]) -> Table:
    import tomlkit

    table = tomlkit.table()
    for key, value in settings.items():
        _set(table, key, value)
    return table


def _set(table: MutableMapping[str, Any], dotted: str, value: object) -> None:
    """Sets one value, in the section that it belongs to; None takes it away."""
    import tomlkit

    section, _, key = dotted.rpartition(".")
    if section and section not in table:
        if value is None:
            return
        table[section] = tomlkit.table()
    place = table[section] if section else table
    if value is None:
        place.pop(key, None)
    else:
        place[key] = value
