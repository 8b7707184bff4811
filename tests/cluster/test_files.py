from pathlib import Path

import pytest

from maskcam.cluster.files import open_url
from maskcam.cluster.inputs import Inputs, fetch, forget, identity
from maskcam.cluster.outputs import Folder
from maskcam.errors import InputError, MissingLibraryError, OutputError, SourceError, SourceNotFoundError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture(params=["shared", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "out") if request.param == "shared" else f"memory://{tmp_path.name}/out/")


def test_files_of_a_folder(folder: Folder) -> None:
    folder.make()
    assert folder.read("a/b.json") is None
    assert not folder.exists("a/b.json")
    folder.write("a/b.json", b"one")
    folder.write("a/b.json", b"two")
    assert folder.read("a/b.json") == b"two"
    assert folder.exists("a/b.json")
    folder.remove("a")
    assert not folder.exists("a/b.json")
    folder.remove("a")


def test_results_are_published(folder: Folder) -> None:
    with folder.workshop() as workshop:
        (workshop / "ward.snapshots/faces").mkdir(parents=True)
        (workshop / "ward.snapshots/faces/1.jpg").write_bytes(b"face")
        (workshop / "ward.events.jsonl").write_bytes(b"events")
        results = folder.publish([workshop / "ward.snapshots", workshop / "ward.events.jsonl"], workshop)
    assert folder.read("ward.snapshots/faces/1.jpg") == b"face"
    assert folder.read("ward.events.jsonl") == b"events"
    assert all(folder.has(result) for result in results)
    folder.remove("ward.snapshots")
    assert [folder.has(result) for result in results] == [False, True]


def test_who_is_killed_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(str(tmp_path))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        folder.write("part.npz", b"half")
    assert not folder.exists("part.npz")


def test_inputs_behind_addresses(tmp_path: Path) -> None:
    there = Folder(f"memory://{tmp_path.name}/archive")
    for name in ("shot10.mp4", "shot2.mp4", "notes.txt", ".hidden.mp4", "deep/other.mp4"):
        there.write(name, name.encode())
    listing = Inputs()
    for spec, names in {
        there.where: ["shot2.mp4", "shot10.mp4"],
        f"{there.where}/shot1*.mp4": ["shot10.mp4"],
        f"{there.where}/**/*.mp4": ["deep/other.mp4", "shot2.mp4", "shot10.mp4"],
        f"{there.where}/notes.txt": ["notes.txt"],
    }.items():
        places = listing.expand(spec)
        urls = [listing.origins[place] for place in places]
        assert [url.partition("/archive/")[2] for url in urls] == names
        assert [place.name for place in places] == [Path(name).name for name in names]
        for url, name in zip(urls, names, strict=True):
            assert fetch(url).read_bytes() == name.encode()
            assert fetch(url).name == Path(name).name
            forget(url)
    with pytest.raises(SourceNotFoundError, match="no picture and no video"):
        listing.expand(f"{there.where}/*.avi")


def test_a_changed_input_is_another_one(tmp_path: Path) -> None:
    there = Folder(f"memory://{tmp_path.name}")
    there.write("a.mp4", b"one")
    url = f"{there.where}/a.mp4"
    before = identity(url)
    assert identity(url) == before
    assert fetch(url).read_bytes() == b"one"
    there.write("a.mp4", b"two")
    assert identity(url) != before
    assert fetch(url).read_bytes() == b"two"
    forget(url)


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: there is no such file or bucket"):
        identity(f"memory://{tmp_path.name}/nowhere.mp4")
    with pytest.raises(InputError, match="`maskcam watch` takes addresses of cameras"):
        open_url("rtsp://me:secret@camera/stream")
    with pytest.raises(InputError, match="Cannot open nonsense://a/b"):
        open_url("nonsense://a/b")
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(OutputError, match="cannot be written"):
        Folder(str(blocked)).write("a", b"")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(MissingLibraryError, match=r"s3://bucket/a needs .*maskcam\[cluster\]"):
        open_url("s3://bucket/a")
