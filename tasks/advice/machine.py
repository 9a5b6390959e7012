"""What this machine has: cores, memory, disk, a GPU, and how fast it multiplies."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

THREADS = 2
"""That `compute.threads` asks for, with which speed is measured here and was measured elsewhere."""
_SIDE, _TIMES = 512, 24
"""Short turns: the best of them is undisturbed also where other programs run."""
_BF16_FLAGS = {"amx_bf16", "avx512_bf16"}
"""As `models.layers.precision` asks torch, which takes seconds to import."""
_CGROUP = Path("/sys/fs/cgroup")


class Machine(NamedTuple):
    """A machine to train on.

    Attributes:
        cores: That this process may use.
        memory_gb: In all.
        free_gb: Of memory, not in use.
        disk_gb: Free where the workspace is.
        gpu: Name of the CUDA device that torch sees; empty without one.
        gpu_gb: Its memory.
        bf16: Whether the CPU multiplies in bfloat16.
        load: Programs that wanted a core in the last minute, on average.
        gflops: Billion operations a second of a matrix product in fp32 on `THREADS` threads.
    """

    cores: int
    memory_gb: float
    free_gb: float
    disk_gb: float
    gpu: str
    gpu_gb: float
    bf16: bool
    load: float
    gflops: float


def look_at_machine(workspace: Path) -> Machine:
    """Look at everything; a few tenths of a second, and more only where there is an NVIDIA driver."""
    memory_gb, free_gb = _memory_gb()
    gpu, gpu_gb = _gpu()
    return Machine(
        cores=_cores(),
        memory_gb=memory_gb,
        free_gb=free_gb,
        disk_gb=shutil.disk_usage(workspace).free / 1e9,
        gpu=gpu,
        gpu_gb=gpu_gb,
        bf16=not _BF16_FLAGS.isdisjoint(_read(Path("/proc/cpuinfo")).split()),
        load=os.getloadavg()[0],
        gflops=_gflops(),
    )


def _cores() -> int:
    allowed = len(os.sched_getaffinity(0))
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if quota.isdecimal() and period.strip().isdecimal():
        allowed = min(allowed, max(1, int(quota) // int(period)))
    return allowed


def _memory_gb() -> tuple[float, float]:
    """In all, and free; a container's limit counts as all."""
    lines = dict(line.split(":", 1) for line in _read(Path("/proc/meminfo")).splitlines() if ":" in line)
    total, free = (
        int(lines.get(name, "0 kB").split()[0]) * 1024 / 1e9 for name in ("MemTotal", "MemAvailable")
    )
    limit = _read(_CGROUP / "memory.max").strip()
    if limit.isdecimal() and (used := _read(_CGROUP / "memory.current").strip()).isdecimal():
        total, free = min(total, int(limit) / 1e9), min(free, (int(limit) - int(used)) / 1e9)
    return total, max(0.0, free)


def _gpu() -> tuple[str, float]:
    """Name and memory of the CUDA device. torch, which takes seconds, is asked where there is a driver."""
    if not Path("/proc/driver/nvidia").exists() and not Path("/dev/nvidiactl").exists():
        return "", 0.0
    import torch

    if not torch.cuda.is_available():
        return "", 0.0
    return torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory / 1e9


def _gflops() -> float:
    """Of one thread, times the threads: one finds a quiet moment on a busy machine, two at once do not."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    left = np.ones((_SIDE, _SIDE), np.float32)
    best_s = float("inf")
    with threadpool_limits(limits=1):
        for _ in range(_TIMES):
            begun_s = time.perf_counter()
            left @ left
            best_s = min(best_s, time.perf_counter() - begun_s)
    return min(THREADS, _cores()) * 2 * _SIDE**3 / best_s / 1e9


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
