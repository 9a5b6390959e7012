"""What a voice sounds like while it learns: held-out clips rendered at its validations.

    samples/step-00000500/ID.WAVE.flac     each clip in the ways that its family renders it

The first, the best and the last validation's are kept. Which these are follows from the curve alone, and a
rendering from the weights and the step's seed, so a run that was stopped ends with the same files.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from artifacts.store import write_atomically
from models.frontend.audio import encode_flac
from models.seeds import derive_seed
from tasks.finetune.loop import Validation


class SingleClip(Protocol):
    """A batch of one clip."""

    @property
    def utterance_ids(self) -> tuple[str, ...]: ...


BatchT = TypeVar("BatchT", bound=SingleClip)


class ValidationSamples(Generic[BatchT]):
    """Renders clips at validations.

    Args:
        folder: Where `step-*` folders go.
        render: Waveforms [S] on the CPU by name, of a clip; networks are in evaluation mode, with the
            validated weights.
        batches: One clip each, where the networks are.
        seed: The run's seed.
        sample_rate: Of the waveforms, Hz.
    """

    def __init__(
        self,
        folder: Path,
        render: Callable[[BatchT, torch.Generator], dict[str, Tensor]],
        batches: Sequence[BatchT],
        seed: int,
        sample_rate: int,
    ) -> None:
        self.folder = folder
        self.render = render
        self.batches = batches
        self.seed = seed
        self.sample_rate = sample_rate

    def __call__(self, validation: Validation) -> None:
        """Write this validation's renderings; drop those that are no longer first, best or last."""
        if not self.batches:
            return
        folder = self.folder / _name(validation.step)
        folder.mkdir(parents=True, exist_ok=True)
        for index, batch in enumerate(self.batches):
            rng = torch.Generator().manual_seed(derive_seed(self.seed, "sample", index))
            for path, wave in self.render(batch, rng).items():
                name = re.sub(r"[^\w.-]", "_", batch.utterance_ids[0])
                encoded = encode_flac(wave.clamp(-1, 1).numpy(), self.sample_rate)
                write_atomically(folder / f"{name}.{path}.flac", encoded)
        kept = {_name(step) for step in validation if step is not None}
        for old in self.folder.glob("step-*"):
            if old.name not in kept:
                shutil.rmtree(old)

    def files(self) -> dict[str, Path]:
        """The stage's outputs, by name."""
        return {f"samples/{p.parent.name}/{p.name}": p for p in sorted(self.folder.glob("step-*/*.flac"))}


def _name(step: int) -> str:
    return f"step-{step:08d}"
