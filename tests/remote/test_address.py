"""Addresses of model servers."""

import pytest

from maskcam.errors import ConfigError
from maskcam.remote.address import ServerAddress, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("grpc://box:9200", ServerAddress("box", 9200)),
        ("grpc://box", ServerAddress("box", 9100)),
        ("grpcs://box:9200", ServerAddress("box", 9200, is_encrypted=True)),
        ("grpc://box:9200/", ServerAddress("box", 9200)),
        ("grpc://[::1]:9200", ServerAddress("::1", 9200)),
        ("grpc://t%40ken@box:9200", ServerAddress("box", 9200, "t@ken")),
        ("grpc://:token@box", ServerAddress("box", 9100, "token")),
    ],
)
def test_addresses(url: str, address: ServerAddress) -> None:
    assert parse_address(url) == address


def test_ipv6_is_written_as_grpc_wants_it() -> None:
    assert parse_address("grpc://[::1]:9200").target == "[::1]:9200"


@pytest.mark.parametrize(
    "url",
    [
        "box:9100",
        "http://s3cret@box:9100",
        "grpc://",
        "grpc://s3cret@box:port",
        "grpc://s3cret@box:9100/model",
        "grpc://box:9100?token=s3cret",
        "grpc://[::1",
    ],
)
def test_what_is_no_address_is_told_without_its_token(url: str) -> None:
    with pytest.raises(ConfigError, match=r"grpc://HOST:PORT") as error:
        parse_address(url)
    assert "s3cret" not in str(error.value)


def test_no_token_in_what_is_printed_of_an_address() -> None:
    assert "s3cret" not in repr(parse_address("grpc://s3cret@box"))
