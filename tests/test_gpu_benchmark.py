"""What `benchmarks/gpu.py` takes for the limits of a card."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from benchmarks.gpu_limits import Peaks, Work, fractions, peaks_of, work_of
from tests.cli import ROOT


@pytest.mark.parametrize(
    ("name", "terabytes"),
    [
        ("NVIDIA H100 80GB HBM3", 3.35),
        ("NVIDIA H100 PCIe", 2.0),
        ("NVIDIA H200", 4.8),
    ],
)
def test_cards_are_known_by_their_names(name: str, terabytes: float) -> None:
    peaks = peaks_of(name)
    assert peaks is not None
    assert peaks.bytes_per_second == terabytes * 1e12


def test_other_cards_are_unknown() -> None:
    assert peaks_of("NVIDIA GeForce RTX 4090") is None
    assert fractions(10.0, Work(1.0, 1.0), None) == {"of_arithmetic": "unknown", "of_memory": "unknown"}


def test_fractions_are_of_each_limit() -> None:
    peaks = Peaks(flops=1000.0, bytes_per_second=200.0)
    work = Work(20.0, 2.0) * 2 + Work(10.0, 1.0)
    assert fractions(10.0, work, peaks) == {"of_arithmetic": 0.5, "of_memory": 0.25}


def test_work_of_a_network_counted_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))
    work = work_of(network, torch.zeros(1, 3, 10, 10))
    assert work.flops == 2 * 100 * (3 * 9 * 8 + 8 * 4)
    assert work.bytes == 2 * 100 * (3 + 8 + 8 + 4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2
    assert done.stderr.strip() == ("there is no CUDA device on this machine: run this on one that has a GPU")
