"""A trained voice as one object: phones in, samples out. Tensors only; no text, no files."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from configs.errors import UserError
from models.sovits.model import SovitsGenerator
from models.t2s.generation import generate
from models.t2s.model import TextToSemantic
from models.t2s.sampling import Sampling

CODE_RATE_HZ = 25


class Prompt(NamedTuple):
    """A recording of the voice that the decoder continues: its manner is taken over."""

    phone_ids: Tensor
    """[L] int64, of the recording's text."""
    bert: Tensor
    """[D, L]"""
    codes: Tensor
    """[Q] int64, of the recording."""


class Speech(NamedTuple):
    samples: Tensor
    """[S] fp32 in -1..1, on the CPU."""
    codes: Tensor
    """[K] int64 semantic codes at 25 Hz."""
    ended: bool
    """False where the decoder was cut off by `max_codes`."""


class Voice:
    """Both networks of one voice, on one device, in evaluation mode.

    Raises:
        UserError: the networks do not share their codes.
    """

    def __init__(self, sovits: SovitsGenerator, t2s: TextToSemantic) -> None:
        if sovits.config.codebook_size != t2s.config.n_codes:
            raise UserError(
                f"voice: the SoVITS codebook has {sovits.config.codebook_size} codes but the decoder speaks "
                f"{t2s.config.n_codes}; take both networks from one voice"
            )
        self.sovits = sovits.eval()
        self.t2s = t2s.eval()

    @torch.inference_mode()
    def speak(
        self,
        phone_ids: Tensor,
        bert: Tensor,
        references: Sequence[Tensor],
        *,
        rng: torch.Generator,
        prompt: Prompt | None = None,
        speaker_vectors: Sequence[Tensor] | None = None,
        sampling: Sampling | None = None,
        max_codes: int = 20 * CODE_RATE_HZ,
        speed: float = 1.0,
        noise_scale: float = 0.5,
    ) -> Speech:
        """Speak one sentence.

        Args:
            phone_ids: [L] int64; bert: [D, L], zeros where there are no linguistic features.
            references: linear spectrograms [1, F, R] of the voice, for its timbre.
            rng: source of the codes and of the latent; the same seed gives the same samples.
            max_codes: the sentence's longest duration, at 25 codes a second.
            speed, noise_scale, speaker_vectors: as `SovitsGenerator.decode`.

        Raises:
            UserError: no phones, or arguments that the networks refuse.
        """
        if phone_ids.numel() == 0:
            raise UserError("speak: there are no phones to speak; give a text with words in it")
        device = self.t2s.bert_proj.weight.device
        text_ids, text_bert, codes = phone_ids, bert, None
        if prompt is not None:
            text_ids = torch.cat((prompt.phone_ids, phone_ids))
            text_bert = torch.cat((prompt.bert, bert), dim=1)
            codes = prompt.codes[None].to(device)
        generated = generate(
            self.t2s,
            text_ids[None].to(device),
            torch.tensor([len(text_ids)], device=device),
            text_bert[None].to(device, self.t2s.bert_proj.weight.dtype),
            prompt=codes,
            sampling=sampling or Sampling(),
            max_codes=max_codes,
            rng=rng,
        )
        wave = self.sovits.decode(
            generated.codes,
            phone_ids[None].to(device),
            [reference.to(device) for reference in references],
            speaker_vectors=speaker_vectors,
            speed=speed,
            noise_scale=noise_scale,
            rng=rng,
        )
        return Speech(wave[0, 0].float().cpu(), generated.codes[0].cpu(), bool(generated.ended[0]))
