"""What Kokoro's training starts from: published or fresh weights, judges, whether the weights arrived."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings
from models.acoustics.batch import AcousticBatch
from models.content.wavlm import WavLM, load_wavlm
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import RESOLUTIONS, MultiResolutionDiscriminator
from models.kokoro.config import KokoroConfig
from models.kokoro.decoder_biases import DecoderBiases
from models.kokoro.model import Kokoro
from models.kokoro.step import KokoroStep
from models.kokoro.upstream import load_kokoro
from models.published import read_table
from models.seeds import derive_seed
from tasks.finetune.kokoro.sizes import published_weights

LARGEST_DISTANCE = 1.0
"""Spectral distance of a resynthesis beyond which no trained decoder has arrived; silence has 2 to 3."""

_PERIODS = (2, 3, 5, 7, 11)
_PERIOD_CHANNELS = (32, 128, 512, 1024, 1024)
_RESOLUTION_CHANNELS = 32
_TINY_JUDGES = ((2, 3, 5), (8, 16, 32, 64, 64), 8)


class Judges(NamedTuple):
    """Discriminators, with fresh weights."""

    mpd: MultiPeriodDiscriminator
    msd: MultiResolutionDiscriminator


def starting_model(settings: KokoroTrainSettings, config: KokoroConfig, seed: int) -> Kokoro:
    """The model with published or with fresh weights, on the CPU.

    Raises:
        UserError: weights that do not fit.
    """
    published = published_weights(settings)
    if published is not None:
        return load_kokoro(published.weights, published.config)
    torch.manual_seed(derive_seed(seed, "kokoro model"))
    model = Kokoro(config)
    model.predictor.speak_in_hz()
    model.decoder.sound_pitch()
    if settings.interpolates:
        model.decoder.interpolate()
    return model


def begin_as_fitted(model: Kokoro, decoder: Path) -> None:
    """Move the biases of the decoder's styled norms to where they were fitted with the voice.

    Args:
        model: Of the weights that the voice was fitted for.
        decoder: File of the decoder that the stage fit_kokoro wrote.

    Raises:
        UserError: the file cannot be read, or is another model's.
    """
    try:
        DecoderBiases(model.decoder).begin_as(read_table(decoder, "run the stage fit_kokoro again"))
    except (KeyError, ValueError) as error:
        raise UserError(
            f"train.kokoro.table.start = fitted: voices were fitted for another model than that of "
            f"train.kokoro.pretrained ({error}); set train.kokoro_fit.pretrained to the same"
        ) from error


def fresh_judges(settings: KokoroTrainSettings, seed: int) -> Judges | None:
    """The discriminators; None where none ever trains."""
    if not settings.adversarial:
        return None
    own = settings.judges
    periods, channels, resolution_channels = (
        _TINY_JUDGES if settings.tiny else (_PERIODS, _PERIOD_CHANNELS, _RESOLUTION_CHANNELS)
    )
    torch.manual_seed(derive_seed(seed, "kokoro judges"))
    return Judges(
        MultiPeriodDiscriminator(own.periods or periods, channels=own.channels or channels, has_scale=False),
        MultiResolutionDiscriminator(RESOLUTIONS, own.resolution_channels or resolution_channels),
    )


def read_wavlm(settings: KokoroTrainSettings, sample_rate: int) -> WavLM | None:
    """The speech language model; None where the settings have none. Raises UserError if it cannot be had."""
    slm = settings.slm
    if slm.model is None:
        return None
    return load_wavlm(slm.model, slm.revision, sample_rate, "train.kokoro.slm.model", slm.weights_digest)


@torch.no_grad()
def check_arrival(step: KokoroStep, clips: Sequence[AcousticBatch], source: str) -> list[str]:
    """A warning where published weights do not do what trained weights do."""
    if not clips:
        return []
    step.networks.model.eval()
    distance = float(step.validation_losses(clips[0])["stft_recorded"])
    if math.isfinite(distance) and distance < LARGEST_DISTANCE:
        return []
    return [
        f"{source}: resynthesis of {clips[0].utterance_ids[0]} is at spectral distance {distance:.3g}, and "
        f"trained weights come below {LARGEST_DISTANCE:g} under a fitting style: they are another family's, "
        "or the voice has no style yet (train.kokoro.table.styles)"
    ]
