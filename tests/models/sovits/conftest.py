"""A tiny SoVITS on synthetic audio."""

import pytest
import torch

from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.mel import linear_spectrogram
from models.layers.masking import sequence_mask
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep
from tasks.finetune.gpt_sovits.sovits.recipe import loss_weights
from tests.models.golden_fill import normal, test_wave
from tests.models.tiny import TINY_SOVITS

LENGTHS = (44, 31)
PUBLISHED_WEIGHTS = loss_weights(SovitsTrainSettings())


def tiny_config(version: str = "v2", **sizes: object) -> SovitsConfig:
    pro = {"speaker_vector_channels": 24} if version.startswith("v2Pro") else {}
    return sovits_config(version, **{**TINY_SOVITS, "n_symbols": 20, "content_channels": 39, **pro, **sizes})


def tiny_step(config: SovitsConfig) -> SovitsStep:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        generator = SovitsGenerator(config)
        discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    return SovitsStep(generator, discriminator, PUBLISHED_WEIGHTS)


def synthetic_batch(config: SovitsConfig) -> SovitsBatch:
    lengths, n_frames = torch.tensor(LENGTHS), max(LENGTHS)
    frames = sequence_mask(lengths, n_frames)[:, None]
    samples = frames.repeat_interleave(config.hop_samples, dim=2)
    n_samples = n_frames * config.hop_samples
    wave = torch.stack([test_wave(f"tiny/{b}", n_samples, config.sample_rate) for b in range(2)])[:, None]
    vector = None
    if config.uses_speaker_vector:
        vector = normal("tiny/sv", 2, config.speaker_vector_channels)
    return SovitsBatch(
        ssl=normal("tiny/ssl", 2, config.content_channels, n_frames) * frames,
        spec=linear_spectrogram(wave[:, 0], config.spectrogram) * frames,
        spec_lengths=lengths,
        wave=wave * samples,
        phone_ids=torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]]),
        phone_lengths=torch.tensor([5, 3]),
        speaker_vector=vector,
        utterance_ids=("a", "b"),
    )


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(3)
