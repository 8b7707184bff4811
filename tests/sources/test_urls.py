from __future__ import annotations

import pytest

from maskcam.errors import InputError
from maskcam.sources import mask_password
from maskcam.sources.urls import fill_in


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://cam.local/live", "rtsp://cam.local/live"),
        ("rtsp://admin:hunter2@cam.local:554/live", "rtsp://***@cam.local:554/live"),
        ("rtsp://hunter2@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://admin:hun@ter2@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://admin:hun/ter2@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://admin:hun?ter#2@cam.local/live", "rtsp://***@cam.local/live"),
        ("http://cam/video?user=a&password=hunter2&size=2", "http://cam/video?user=a&password=***&size=2"),
        ("http://cam/video?loginpas=hunter2", "http://cam/video?loginpas=***"),
        ("http://cam/video?PWD=hunter2;x=1", "http://cam/video?PWD=***;x=1"),
        ("http://cam/video?access_token=hunter2#t", "http://cam/video?access_token=***#t"),
        ("http://cam/video?api_key=hunter2", "http://cam/video?api_key=***"),
        ("http://cam/video?auth=hunter2", "http://cam/video?auth=***"),
        ("https://s3/clip.mp4?X-Amz-Signature=hunter2", "https://s3/clip.mp4?X-Amz-Signature=***"),
        ("rtsp://cam/user=admin_password=hunter2_channel=1.sdp", "rtsp://cam/user=admin_password=***"),
        ("clips/me@home password=1.mp4", "clips/me@home password=1.mp4"),
    ],
)
def test_credentials_are_replaced_and_the_rest_stays(url: str, shown: str) -> None:
    assert mask_password(url) == shown


def test_variables_are_filled_in_and_fit_into_an_address() -> None:
    environ = {"WARD_USER": "admin", "WARD_PASSWORD": "hun@ter/2"}
    spec = "rtsp://${WARD_USER}:${WARD_PASSWORD}@cam/live"
    assert fill_in(spec, environ) == "rtsp://admin:hun%40ter%2F2@cam/live"
    assert mask_password(spec) == "rtsp://***@cam/live"
    assert fill_in("${WARD_USER}/clip.mp4", environ) == "admin/clip.mp4"
    assert fill_in("rtsp://cam/$x", {}) == "rtsp://cam/$x"


def test_a_variable_that_is_not_set_is_an_error_without_secrets() -> None:
    with pytest.raises(
        InputError, match=r"^rtsp://\*\*\*@cam/ needs the environment variable NONE, which is not set\.$"
    ):
        fill_in("rtsp://admin:${NONE}@cam/", {"NON": "x"})
