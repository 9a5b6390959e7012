"""Settings of the machine: how much of it to use."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section

Device = Literal["auto", "cpu", "cuda"]


class ComputeSettings(Section):
    """What the work may use. Only what can change a result's bits is part of a stage's key."""

    workers: int = Field(
        default=2, ge=1, le=256, description="worker processes for stages that go row by row"
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=256,
        description="arithmetic threads of a training stage; sums in another order end in other last "
        "bits, so a fixed number, not the machine's count, keeps results the same everywhere. Speech "
        "recognition on a CPU shares them out over the workers, and hears the same whatever their number",
    )
    device: Device = Field(
        default="auto",
        description="where networks train, listen, make features (crepe, HuBERT, BERT, ECAPA, ERes2NetV2) "
        "and speak; auto takes a CUDA device when there is one",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto",
        description="arithmetic of training; auto is bf16 on a CUDA device and fp32 on a CPU, but for a "
        "fitting, which is bf16 on a CPU with units for it (AMX, AVX512_BF16) too",
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="processes that train a network together, on one CUDA device each or all on the CPU; "
        "they share the batches of a step, so the accumulate of both networks must be at least as many "
        "(batch_size can be smaller in exchange)",
    )
    loader_threads: int = Field(
        default=1,
        ge=0,
        le=64,
        description="batches that a training stage prepares ahead, a thread for each; 0 prepares each when "
        "it is asked for; the result is the same",
    )
