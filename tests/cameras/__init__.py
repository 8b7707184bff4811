"""Cameras that misbehave on command: real servers on loopback for tests and benchmarks."""

from tests.cameras.camera import Camera, MjpegCamera, RtspCamera
from tests.cameras.wire import Behaviour

__all__ = ["Behaviour", "Camera", "MjpegCamera", "RtspCamera"]
