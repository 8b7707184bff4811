"""Files that fsspec reaches, such as those in S3: what inputs and outputs have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maskcam.errors import InputError, MaskcamError, MissingLibraryError
from maskcam.sources.urls import mask_password

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def is_url(spec: str) -> bool:
    """Whether it names something that is to be fetched, and no path."""
    return "://" in spec


def open_url(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system that an address is of, and the path in it.

    Raises:
        InputError: there are no files at such addresses.
        MissingLibraryError: the library for them is not installed.
    """
    shown = mask_password(url)
    if url.partition("://")[0] in ("rtsp", "rtsps", "http", "https"):
        raise InputError(
            f"{shown} is no file that can be fetched: `maskcam watch` takes addresses of cameras."
        )
    try:
        import fsspec

        # what a folder holds may have changed since it was last asked
        fs, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise MissingLibraryError(
            f"{shown} needs a library that is not installed ({error}): run `pip install 'maskcam[cluster]'`"
        ) from error
    except ValueError as error:
        raise InputError(
            f"Cannot open {shown} ({error}): give a path, or an address such as s3://bucket/folder."
        ) from error
    return fs, path


@contextmanager
def told_faults(kind: type[MaskcamError], sentence: str) -> Iterator[None]:
    """Turns faults of a disk or a network into an error of one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise kind(f"{sentence}: there is no such file or bucket.") from error
    except MaskcamError:
        raise
    except Exception as error:
        if not isinstance(error, (OSError, *_library_faults())):
            raise
        raise kind(f"{sentence} ({mask_password(' '.join(str(error).split())).rstrip('.')}).") from error


def _library_faults() -> tuple[type[Exception], ...]:
    """What the libraries behind fsspec raise besides OSError, as far as they are in use."""
    botocore = sys.modules.get("botocore.exceptions")
    return () if botocore is None else (botocore.BotoCoreError,)
