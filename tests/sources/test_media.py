from __future__ import annotations

from pathlib import Path

import pytest

from maskcam.errors import SourceNotFoundError
from maskcam.sources import expand_inputs


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_folder_gives_its_direct_media_in_natural_order(tmp_path: Path) -> None:
    make(tmp_path, "shot10.JPG", "shot2.jpg", "b.mp4", "A.png", "notes.txt", "._shot2.jpg", "sub/deep.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in expand_inputs(tmp_path)] == ["A.png", "b.mp4", "shot2.jpg", "shot10.JPG"]


def test_glob_reaches_into_folders(tmp_path: Path) -> None:
    make(tmp_path, "one/a.jpg", "two/b.jpg", "two/b.txt")
    assert expand_inputs(f"{tmp_path}/**/*") == [tmp_path / "one/a.jpg", tmp_path / "two/b.jpg"]


def test_a_file_is_taken_whatever_its_ending_even_when_it_looks_like_a_pattern(tmp_path: Path) -> None:
    make(tmp_path, "record[1].dat")
    assert expand_inputs(tmp_path / "record[1].dat") == [tmp_path / "record[1].dat"]


@pytest.mark.parametrize("spec", ["missing.mp4", "empty", "*.mp4", "empty/*"])
def test_nothing_there_is_one_sentence(tmp_path: Path, spec: str) -> None:
    make(tmp_path, "empty/notes.txt")
    with pytest.raises(SourceNotFoundError, match=r"^[^\n]+: (check|name) [^.]+\.$"):
        expand_inputs(str(tmp_path / spec))
