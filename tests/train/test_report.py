"""`python -m train report` on made-up runs."""

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from maskcam.errors import InputError, OutputError
from tests.train.made import make_faces, make_run, make_scenes
from train.evaluate import evaluate
from train.evaluation import Mistakes
from train.plots import contact_sheet, loss_curves, render
from train.report import write_report

SECTIONS = (
    "Runs", "Training", "Data", "On scenes/test, labelled boxes", "On scenes/test, found faces",
    "On faces, test, whole pictures", "Confusion", "ROC, precision and recall", "Reliability", "Face sizes",
    "Worst mistakes",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    data = folder / "data"
    make_scenes(data / "scenes")
    make_faces(data / "faces")
    run = make_run(folder / "measured", data, classes=("mask", "no_mask", "incorrect"))
    evaluate(
        run, on=(), data=data, output=None, detector_weights=None, device="cpu", scales=False,
        console=Console(file=io.StringIO()),
    )  # fmt: skip
    make_run(folder / "new", data)
    return folder


class References(HTMLParser):
    """Collects what a page refers to, and its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset"}]
        self._in_heading = tag in {"h2", "h3"}

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.headings.append(data)
            self._in_heading = False


def test_the_page_is_one_file_with_every_section(folder: Path, tmp_path: Path) -> None:
    output = write_report([folder / "measured"], tmp_path / "report.html")
    page = References()
    page.feed(output.read_text())
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert page.addresses
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert set(SECTIONS) <= set(page.headings)
    assert not re.search(r"url\(|@import|<script|<link", output.read_text())


def test_what_was_not_evaluated_says_so_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    text = write_report([folder / "new"], tmp_path / "report.html").read_text()
    assert f"run `python -m train evaluate {folder / 'new'}` first" in text
    assert "Confusion" not in text


def test_runs_share_plots_in_markdown_with_pictures(folder: Path, tmp_path: Path) -> None:
    output = write_report([folder / "measured", folder / "new"], tmp_path / "report.md")
    text = output.read_text()
    pictures = re.findall(r"!\[.+\]\((.+)\)", text)
    assert len(pictures) == len(set(pictures)) == len(list((tmp_path / "report_files").iterdir()))
    assert all((tmp_path / picture).stat().st_size for picture in pictures)
    assert "### measured" in text
    assert "### new" in text
    assert "| run | network |" in text
    assert "new has not been evaluated" in text


def test_data_that_are_gone_are_missed_in_a_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path / "lonely", tmp_path / "nowhere")
    text = write_report([run], tmp_path / "report.html").read_text()
    assert "Sizes and classes of faces train, paper split are missing: " in text
    assert "There are no data to show" in text


def test_what_cannot_be_reported_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    run = folder / "new"
    with pytest.raises(InputError, match=r"\.html or \.md"):
        write_report([run], tmp_path / "report.pdf")
    with pytest.raises(InputError, match="told apart"):
        write_report([run, run], tmp_path / "report.html")
    with pytest.raises(InputError, match="no run"):
        write_report([tmp_path], tmp_path / "report.html")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        write_report([run], tmp_path / "file" / "report.html")


def test_figures_are_the_same_each_time_and_unknown_to_pyplot() -> None:
    import matplotlib.pyplot as plt

    history = [{"epoch": 1, "train_loss": 1.0}, {"epoch": 2, "train_loss": 0.5}]
    first, second = (render(loss_curves({"a": history, "b": history}, random=["a"])) for _ in range(2))
    assert first == second
    assert plt.get_fignums() == []


def test_a_contact_sheet_takes_any_number_of_crops() -> None:
    for count in (1, 9):
        mistakes = Mistakes(
            np.zeros((count, 32, 32, 3), np.uint8), np.zeros(count, np.int64), np.ones(count, np.int64),
            np.ones(count, np.float32), np.full(count, "a#0"),
        )  # fmt: skip
        assert render(contact_sheet(mistakes), "webp")[8:12] == b"WEBP"
