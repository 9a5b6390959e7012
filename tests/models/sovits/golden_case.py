"""The networks and inputs of the SoVITS goldens, rebuilt from their manifests and `case.json`."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.layers.masking import sequence_mask
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from tests.models.golden_fill import fill, integers, normal
from tests.models.golden_store import read_arrays, read_table

GENERATOR_GAIN = 0.6


class Inputs(NamedTuple):
    ssl: Tensor
    spec: Tensor
    spec_lengths: Tensor
    phone_ids: Tensor
    phone_lengths: Tensor
    speaker_vector: Tensor | None
    posterior_noise: Tensor
    segment_starts: Tensor


def folder(goldens: Path) -> Path:
    return goldens / "gpt_sovits"


def case(goldens: Path) -> dict[str, Any]:
    return read_table(folder(goldens), "case.json")


def arrays(goldens: Path, name: str) -> dict[str, NDArray[Any]]:
    return read_arrays(folder(goldens), name)


def manifest(goldens: Path, name: str) -> list[dict[str, Any]]:
    return read_table(folder(goldens), f"manifest_{name}.json")


def filled_generator(version: str) -> SovitsGenerator:
    generator = SovitsGenerator(sovits_config(version)).eval()
    fill(generator, lambda name: GENERATOR_GAIN)
    return generator


def filled_discriminator(config: SovitsConfig) -> MultiPeriodDiscriminator:
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods).eval()
    fill(discriminator, lambda name: 1.0)
    return discriminator


def training_inputs(goldens: Path, config: SovitsConfig) -> Inputs:
    sizes, tag = case(goldens)["synth"], case(goldens)["tag"]
    n_rows, n_frames, n_phones = sizes["B"], sizes["T"], sizes["L"]
    spec_lengths = torch.tensor(sizes["spec_lengths"])
    phone_lengths = torch.tensor(sizes["text_lengths"])
    frames = sequence_mask(spec_lengths, n_frames)
    phones = sequence_mask(phone_lengths, n_phones)
    ssl = normal(f"{tag}/synth/ssl", n_rows, config.content_channels, n_frames)
    spec = normal(f"{tag}/synth/spec", n_rows, config.spec_channels, n_frames).abs()
    ids = integers(f"{tag}/synth/text", 0, config.n_symbols, n_rows, n_phones)
    vector = None
    if config.uses_speaker_vector:
        vector = normal(f"{tag}/synth/sv_emb", n_rows, config.speaker_vector_channels)
    return Inputs(
        ssl=ssl * frames[:, None],
        spec=spec * frames[:, None],
        spec_lengths=spec_lengths,
        phone_ids=ids * phones,
        phone_lengths=phone_lengths,
        speaker_vector=vector,
        posterior_noise=normal(f"{tag}/synth/noise_q", n_rows, config.latent_channels, n_frames),
        segment_starts=torch.tensor(sizes["ids_slice"]),
    )
