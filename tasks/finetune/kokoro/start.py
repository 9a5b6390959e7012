"""What Kokoro's training starts from: sizes, published weights, judges, and whether the weights arrived."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings
from models.acoustics.batch import AcousticBatch
from models.content.wavlm import WavLM, load_wavlm
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import RESOLUTIONS, MultiResolutionDiscriminator
from models.frontend.text.character_tokens import character_table
from models.kokoro.config import TINY, KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.step import KokoroStep
from models.kokoro.upstream import load_kokoro, read_config
from models.seeds import derive_seed

LARGEST_DISTANCE = 1.0
"""Spectral distance of a resynthesis beyond which no trained decoder has arrived; silence has 2 to 3."""

_PERIODS = (2, 3, 5, 7, 11)
_PERIOD_CHANNELS = (32, 128, 512, 1024, 1024)
_RESOLUTION_CHANNELS = 32
_TINY_JUDGES = ((2, 3, 5), (8, 16, 32, 64, 64), 8)


class Published(NamedTuple):
    """A pair of files of published weights."""

    weights: Path
    config: Path

    def digests(self) -> dict[str, str]:
        """Of both, by what they hold."""
        return {"weights": of_file(self.weights), "config": of_file(self.config)}


class Judges(NamedTuple):
    """Discriminators, with fresh weights."""

    mpd: MultiPeriodDiscriminator
    msd: MultiResolutionDiscriminator


def published_files(settings: KokoroTrainSettings) -> Published | None:
    """The files that `pretrained` names; None where it names none.

    Raises:
        UserError: they are not there, or a folder holds several.
    """
    if settings.pretrained is None:
        return None
    where, path = f"train.kokoro.pretrained = {settings.pretrained}", Path(settings.pretrained)
    if path.is_dir():
        found = sorted(path.glob("*.pth"))
        if len(found) != 1:
            raise UserError(f"{where}: the folder holds {len(found)} .pth files; give the path of the one")
        path = found[0]
    published = Published(path, path.with_name("config.json"))
    for each in published:
        if not each.is_file():
            raise UserError(f"{where}: {each} is missing; put the .pth and its config.json into one folder")
    return published


def model_config(settings: KokoroTrainSettings) -> KokoroConfig:
    """The sizes of a run: those of the published weights, or Kokoro-82M's changed by the settings.

    Raises:
        UserError: sizes that contradict each other, or published weights of another vocabulary.
    """
    published = published_files(settings)
    if published is not None:
        return read_config(published.config)
    base = TINY if settings.tiny else KokoroConfig()
    own = {name: value for name, value in settings.sizes.model_dump().items() if value is not None}
    bert = {name.removeprefix("bert_"): own.pop(name) for name in list(own) if name.startswith("bert_")}
    renamed = {"hidden": "channels", "decoder_hidden": "hidden", "decoder_text": "text_channels"}
    in_decoder = (*renamed, "style_dim", "upsample_initial", "resblock_kernels")
    decoder = {renamed.get(name, name): own.pop(name) for name in list(own) if name in in_decoder}
    n_symbols = character_table("kokoro").n_symbols
    return replace(
        base,
        bert=replace(base.bert, n_symbols=n_symbols, **bert),
        decoder=replace(base.decoder, **decoder),
        **own,
    )


def starting_model(settings: KokoroTrainSettings, config: KokoroConfig, seed: int) -> Kokoro:
    """The model with published or with fresh weights, on the CPU.

    Raises:
        UserError: weights that do not fit.
    """
    published = published_files(settings)
    if published is not None:
        return load_kokoro(*published)
    torch.manual_seed(derive_seed(seed, "kokoro model"))
    model = Kokoro(config)
    model.predictor.speak_in_hz()
    return model


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
