"""What is freed is kept for the next tensor, as long as that is asked for."""

import ctypes
import platform
import subprocess
import sys

import pytest

from models.memory import kept_memory, one_arena

GLIBC = platform.libc_ver()[0] == "glibc"
ONLY_GLIBC = pytest.mark.skipif(not GLIBC, reason="only glibc is told to keep memory")
FAULTS_ANEW = 30 * 16_000
"""Pages of 30 tensors of 64 MB, a few less than all."""

PROGRAM = """
import resource, sys
from pathlib import Path
from threading import Thread
import torch
from models.memory import kept_memory, one_arena

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(30):
        torch.ones(16 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def warm():
    for _ in range(10):  # glibc holds back what lies beside the first few
        torch.ones(16 << 20)

def in_a_thread():
    warm()
    print(faults())

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

if sys.argv[1] == "left":
    sys.exit(print(faults()))
one_arena()
before = resident()
with kept_memory():
    warm()
    print(faults())
    with kept_memory():
        pass
    print(faults())
    thread = Thread(target=in_a_thread)
    thread.start()
    thread.join()
print(resident() - before)
"""


def _ran(how: str) -> list[int]:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return [int(line) for line in ran.stdout.split()]


@ONLY_GLIBC
def test_large_blocks_are_mapped_anew_when_nobody_keeps_them() -> None:
    assert _ran("left")[0] > FAULTS_ANEW


@ONLY_GLIBC
def test_kept_memory_is_used_again_in_every_thread_and_goes_back_with_its_last_user() -> None:
    *faults, left_over = _ran("kept")
    assert len(faults) == 3
    assert max(faults) < FAULTS_ANEW / 20
    assert left_over < 64 << 20


def test_a_system_without_these_switches_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    one_arena()
    with kept_memory():
        pass
