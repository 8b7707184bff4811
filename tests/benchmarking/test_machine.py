import os
import platform
import sys

import pytest

from maskcam.benchmarking import machine


def test_the_machine_is_described_without_its_name() -> None:
    found = machine.describe_machine()
    assert found.processor
    assert 0 < found.cores <= (os.cpu_count() or 1)
    assert found.python == platform.python_version()
    assert {"torch", "av", "opencv-python"} <= set(found.libraries)
    node = platform.node()
    assert len(node) < 3 or node not in found.model_dump_json()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_memory_is_that_of_this_process() -> None:
    before = machine.resident_mib()
    block = bytearray(os.urandom(1) * (64 * 2**20))
    after, peak = machine.resident_mib(), machine.peak_mib()
    assert before is not None
    assert after is not None
    assert peak is not None
    assert after - before > 0.9 * len(block) / 2**20
    assert peak >= 0.99 * after  # the kernel counts both a little late


def test_a_quota_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_lines", lambda path: ["50000 100000"] if path.name == "cpu.max" else [])
    assert machine.usable_cores() == 0.5
    monkeypatch.setattr(machine, "_lines", lambda path: ["max 100000"] if path.name == "cpu.max" else [])
    assert machine.usable_cores() >= 1


def test_a_command_that_is_not_there_says_nothing() -> None:
    assert machine._first_line("no-such-command-anywhere") == ""
