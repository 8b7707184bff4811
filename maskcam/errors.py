"""Everything maskcam raises on purpose.

    MaskcamError                 failed while running            exit code 1
    ├── InputError               what the user gave is no good   exit code 2
    │   ├── ConfigError          a setting or a configuration file
    │   └── WeightsError         a weights file, its card, or the two together
    ├── SourceError              a file or camera cannot be opened or read
    │   ├── SourceNotFoundError  nothing is there                exit code 2
    │   ├── SourceBusyError      somebody else is using the camera
    │   └── StreamLostError      a live stream stopped answering
    ├── MissingLibraryError      an extra or a system package is not installed
    ├── OutputError              a result cannot be written
    │   └── StoreError           the event store cannot be opened, read or written
    │       └── StoreUnavailableError  not at present: locked, full or away
    ├── ClusterError             a cluster is not there, or could not do its part
    ├── ExportError              an exported network does not compute what PyTorch does
    ├── DeliveryError            a message was not taken by its receiver
    └── RemoteError              a model server does not answer, or not in time

Misuse of the Python API (a wrong shape, a wrong type) raises ValueError or TypeError instead.
Every message is one sentence: what was received, what is allowed, what to do.
"""

from __future__ import annotations

import enum


class StreamFault(enum.Enum):
    """Why a camera gives no picture."""

    AUTH = "auth"
    """It refuses the user name or password."""
    NOT_FOUND = "not found"
    """It is there, but has nothing at this address."""
    REFUSED = "refused"
    """Nobody listens on that port."""
    UNREACHABLE = "unreachable"
    """No way to that host, or no such name."""
    TIMEOUT = "timeout"
    """No answer, or no data any more."""
    CODEC = "codec"
    """What it sends is no video, or cannot be decoded."""
    ENDED = "ended"
    """It hung up."""


class MaskcamError(Exception):
    """Base of all errors that maskcam raises on purpose; its text is fit for a user's eyes."""

    exit_code = 1


class InputError(MaskcamError):
    """What the user asked for cannot be done, whatever the machine."""

    exit_code = 2


class ConfigError(InputError):
    """A setting is unknown, out of range or contradicts another."""


class WeightsError(InputError):
    """A weights file is missing, damaged, or does not match its model card."""


class SourceError(MaskcamError):
    """A file or camera cannot be opened or read.

    Args:
        message: one sentence.
        fault: of a camera, as far as it is known.
    """

    def __init__(self, message: str, *, fault: StreamFault | None = None) -> None:
        super().__init__(message)
        self.fault = fault


class SourceNotFoundError(SourceError):
    """The file, folder or device does not exist."""

    exit_code = 2


class SourceBusyError(SourceError):
    """The camera exists but does not hand out pictures, usually because another program holds it."""


class StreamLostError(SourceError):
    """A live stream was running and stopped: never to be mistaken for the end of a file."""


class MissingLibraryError(MaskcamError):
    """An optional Python package or a system library is not installed."""


class OutputError(MaskcamError):
    """A picture, video or log cannot be written."""


class ClusterError(MaskcamError):
    """A cluster cannot be reached, or a part of the work failed on it again and again."""


class ExportError(MaskcamError):
    """An exported network does not compute what PyTorch does."""


class DeliveryError(MaskcamError):
    """A message was not taken by its receiver.

    Args:
        message: why, without secrets.
        is_final: the receiver is there but will never take this message; otherwise it is worth trying again.
        retry_seconds: how long the receiver asks to be left alone.
    """

    def __init__(self, message: str, *, is_final: bool = False, retry_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_seconds = retry_seconds


class RemoteError(MaskcamError):
    """A model server on another machine does not answer, not in time, or not as agreed."""


class StoreError(OutputError):
    """The event store cannot be opened, read or written."""


class StoreUnavailableError(StoreError):
    """Somebody else holds the event store, it is full or does not answer: trying again later may help."""
