import onnx
import pytest

from maskcam.onnx_metadata import read_metadata
from maskcam.weights import shipped_weights

SHIPPED = shipped_weights("yunet_n").with_suffix(".onnx")


def test_reads_what_the_library_for_onnx_reads() -> None:
    model = onnx.load(SHIPPED, load_external_data=False)
    expected = {entry.key: entry.value for entry in model.metadata_props}
    assert expected
    assert read_metadata(SHIPPED.read_bytes()) == expected


def test_long_and_foreign_entries() -> None:
    model = onnx.ModelProto(ir_version=10, model_version=2**40)
    entries = {"a": "", "ключ": "ä" * 70_000}
    onnx.helper.set_model_props(model, entries)
    assert read_metadata(model.SerializeToString()) == entries


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_file_cut_short_is_noticed(share: float) -> None:
    data = SHIPPED.read_bytes()
    with pytest.raises(ValueError, match="cut short"):
        read_metadata(data[: int(share * len(data))])


@pytest.mark.parametrize("data", [b"\x0b", b"\xff" * 20, b"this is a text"])
def test_what_is_no_onnx_file(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut short|unknown kind"):
        read_metadata(data)


def test_an_empty_file_has_no_entries() -> None:
    assert read_metadata(b"") == {}
