"""Names of MQTT topics, and what Home Assistant wants to know of them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from maskcam import __version__
from maskcam.types import MaskStatus

_COUNTS = {
    MaskStatus.MASK: ("With mask", "mdi:face-mask"),
    MaskStatus.NO_MASK: ("Without mask", "mdi:face-mask-outline"),
    MaskStatus.INCORRECT: ("Mask worn wrong", "mdi:alert-outline"),
    MaskStatus.UNSURE: ("Unsure", "mdi:help-circle-outline"),
}


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics under a prefix.

    Attributes:
        prefix: such as `maskcam` or `site/ward 3`.
        discovery: prefix under which Home Assistant looks for devices; None: it need not know.
    """

    prefix: str
    discovery: str | None = None

    @property
    def status(self) -> str:
        """`online` or `offline`, retained."""
        return f"{self.prefix}/status"

    def state(self, camera: str) -> str:
        """How things stand at the camera, retained."""
        return f"{self.prefix}/{topic_name(camera)}/state"

    def violation(self, camera: str) -> str:
        """Every change of a violation there."""
        return f"{self.prefix}/{topic_name(camera)}/violation"

    def home_assistant(self, camera: str) -> dict[str, dict[str, Any]]:
        """Contents of the discovery messages of one camera, per topic; they are to be retained."""
        if self.discovery is None:
            return {}
        node = f"{_word(self.prefix)}_{topic_name(camera)}"
        common = {
            "state_topic": self.state(camera),
            "availability_topic": self.status,
            "payload_available": "online",
            "payload_not_available": "offline",
            "qos": 1,
            "device": {
                "identifiers": [node],
                "name": camera,
                "manufacturer": "maskcam",
                "model": "Face mask camera",
                "sw_version": __version__,
            },
            "origin": {"name": "maskcam", "sw_version": __version__},
        }
        messages = {
            f"{self.discovery}/binary_sensor/{node}/violation/config": common
            | {
                "name": "Violation",
                "unique_id": f"{node}_violation",
                "device_class": "problem",
                "value_template": "{{ 'ON' if value_json.violations > 0 else 'OFF' }}",
                "payload_on": "ON",
                "payload_off": "OFF",
                "json_attributes_topic": self.state(camera),
            }
        }
        for status, (name, icon) in _COUNTS.items():
            messages[f"{self.discovery}/sensor/{node}/{status.value}/config"] = common | {
                "name": name,
                "unique_id": f"{node}_{status.value}",
                "icon": icon,
                "state_class": "measurement",
                "unit_of_measurement": "people",
                "value_template": f"{{{{ value_json.people.{status.value} }}}}",
            }
        return messages


def topic_name(camera: str) -> str:
    """A camera's name as one level of a topic: ASCII letters, digits, dash and underscore.

    A name that had to be changed gets six digits that only this name has: "Gate +/#" and "Gate #/+" differ.
    """
    word = _word(camera)
    if word == camera:
        return word
    digits = hashlib.sha256(camera.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{word}_{digits}"


def _word(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)  # "ü" becomes a "u" with two dots, which are then left out
    kept = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"[^A-Za-z0-9-]+", "_", kept).strip("_")[:60] or "camera"
