"""What a voice sounds like while it learns: held-out clips rendered at its validations.

    samples/step-00000500/ID.posterior.flac   SoVITS: through the recording's latent, the vocoder's progress
    samples/step-00000500/ID.prior.flac       from its codes and phones, as synthesis does: the voice's
    samples/step-00000500/ID.recorded.flac    StyleTTS 2, Kokoro: on recorded prosody, the decoder's progress
    samples/step-00000500/ID.predicted.flac   from text and a style or a voice, as synthesis does

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
from torch.nn import functional

from artifacts.store import write_atomically
from models.frontend.audio import encode_flac
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch
from tasks.finetune.batches import derive_seed
from tasks.finetune.loop import Validation


class Heard(Protocol):
    """A batch of one clip."""

    @property
    def utterance_ids(self) -> tuple[str, ...]: ...


HeardT = TypeVar("HeardT", bound=Heard)


class ValidationSamples(Generic[HeardT]):
    """Renders clips when told of a validation.

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
        render: Callable[[HeardT, torch.Generator], dict[str, Tensor]],
        batches: Sequence[HeardT],
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


@torch.no_grad()
def render_sovits(generator: SovitsGenerator, batch: SovitsBatch, rng: torch.Generator) -> dict[str, Tensor]:
    """One clip's waveform `[S]` on the CPU through the posterior's mean and through a sample of the prior."""
    resynthesis = generator.reconstruct(
        batch.ssl,
        batch.spec,
        batch.spec_lengths,
        batch.phone_ids,
        batch.phone_lengths,
        speaker_vector=batch.speaker_vector,
    )
    # An odd last frame makes a code of its own, as in training.
    even = functional.pad(batch.ssl, (0, batch.ssl.shape[-1] % 2), mode="replicate")
    spoken = generator.decode(
        generator.extract_codes(even),
        batch.phone_ids,
        [batch.spec],
        speaker_vectors=None if batch.speaker_vector is None else [batch.speaker_vector],
        rng=rng,
    )
    return {"posterior": resynthesis.wave[0, 0].float().cpu(), "prior": spoken[0, 0].float().cpu()}


def _name(step: int) -> str:
    return f"step-{step:08d}"
