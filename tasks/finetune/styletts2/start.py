"""What StyleTTS 2's training starts from: sizes, fresh networks, whether earlier weights arrived in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from configs.errors import UserError
from configs.train_styletts2 import StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.aligner.text_aligner import TextAligner
from models.content.wavlm import WavLM, load_wavlm
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.discriminators.wavlm import WavLMDiscriminator
from models.pitch.jdc import PitchExtractor
from models.seeds import derive_seed
from models.styletts2.config import TINY, VERSIONS, StyleTTS2Config, styletts2_config
from models.styletts2.model import StyleTTS2
from models.styletts2.step import reconstruct
from models.styletts2.training import Networks, settle_spectral_norms, wave_losses

DECODERS: Mapping[str, Mapping[str, Any]] = {
    "istftnet": {
        "decoder": "istftnet",
        "upsample_rates": StyleTTS2Config.upsample_rates,
        "upsample_kernels": StyleTTS2Config.upsample_kernels,
    },
    "hifigan": {key: VERSIONS["libritts"][key] for key in ("decoder", "upsample_rates", "upsample_kernels")},
}
"""Sizes that belong to each vocoder."""

NO_QUIRKS: Mapping[str, Any] = {
    "frame_delay": 0,
    "trailing_frames": 0,
    "diffusion_sigma_data": StyleTTS2Config.diffusion_sigma_data,
}
"""What speaking knows of weights beside their sizes, for fresh ones."""
LARGEST_STYLE = 1e4
"""Norm of a style beyond which no weights have arrived: trained ones make styles of norm 1 to 10."""
LARGEST_MEL_DISTANCE = 1.0
"""Mel distance of a reconstruction beyond which a trained decoder has not arrived; silence has 2 to 3."""


def model_config(
    settings: StyleTTS2TrainSettings, n_symbols: int, wavlm: WavLM | None, quirks: Mapping[str, Any]
) -> StyleTTS2Config:
    """The sizes of a run: the version's, changed by the settings and by what the run reads.

    Args:
        n_symbols: Of the family's characters.
        wavlm: The speech language model, which decides what its discriminator reads.
        quirks: Of speaking (a delay, added frames, the spread of styles), as the weights were made with; what
            is not in it is as published. Fresh weights have none (`NO_QUIRKS`).

    Raises:
        UserError: sizes that contradict each other.
    """
    sizes: dict[str, Any] = dict(TINY) if settings.tiny else {}
    sizes |= {key: value for key, value in settings.sizes.model_dump().items() if value is not None}
    if settings.decoder is not None:
        sizes |= DECODERS[settings.decoder]
    if settings.multispeaker is not None:
        sizes["multispeaker"] = settings.multispeaker
    if wavlm is not None:
        sizes |= {"slm_hidden": wavlm.hidden, "slm_layers": wavlm.layers}
    return styletts2_config(settings.version, n_symbols=n_symbols, **{**sizes, **quirks})


def read_wavlm(settings: StyleTTS2TrainSettings, sample_rate: int) -> WavLM | None:
    """The speech language model; None where the settings have none. Raises UserError if it cannot be had."""
    slm = settings.slm
    if slm.model is None:
        return None
    return load_wavlm(slm.model, slm.revision, sample_rate, "train.styletts2.slm.model", slm.weights_digest)


def fresh_networks(
    settings: StyleTTS2TrainSettings, config: StyleTTS2Config, wavlm: WavLM | None, judged: bool, seed: int
) -> Networks:
    """All networks of a run with fresh weights that follow from the seed.

    Args:
        judged: Whether the SLM adversary trains.
    """
    torch.manual_seed(derive_seed(seed, "styletts2 networks"))
    model = StyleTTS2(config)
    model.predictor.speak_in_hz()
    model.decoder.sound_pitch()
    if settings.interpolates:
        model.decoder.interpolate()
    settle_spectral_norms(model)
    aligner, extractor = None, None
    if settings.alignment == "aligner":
        aligner = TextAligner(
            config.n_symbols,
            n_mels=config.n_mels,
            n_mfcc=config.aligner_mfcc,
            hidden=config.aligner_hidden,
            n_layers=config.aligner_layers,
            attention=config.aligner_attention,
            embedding=config.aligner_embedding,
            location_channels=config.aligner_location_channels,
            location_kernel=config.aligner_location_kernel,
        )
    if settings.pitch == "extractor":
        extractor = PitchExtractor(config.pitch_channels, config.pitch_lstm, config.n_mels)
    return Networks(
        model,
        aligner,
        extractor,
        MultiPeriodDiscriminator(
            config.discriminator_periods, channels=config.discriminator_channels, has_scale=False
        ),
        MultiResolutionDiscriminator(config.resolutions, config.resolution_channels),
        WavLMDiscriminator(config.slm_hidden, config.slm_layers, config.slm_channels) if judged else None,
        wavlm,
    )


def on_device(networks: Networks, device: torch.device) -> Networks:
    """The same networks, moved."""
    for network in (networks.model, *networks.named().values(), networks.wavlm):
        if network is not None:
            network.to(device)
    return networks


def check_arrival(networks: Networks, clips: Sequence[AcousticBatch], source: str) -> list[str]:
    """Whether weights that were trained before do what trained weights do; warnings for people.

    Raises:
        UserError: styles are out of all range, so the weights are not those of trained networks.
    """
    if not clips:
        return []
    networks.model.eval()
    with torch.no_grad():
        clip = clips[0]
        style = networks.model.encode_reference(clip.mel, clip.mel_lengths)
        norm = float(style.norm(dim=1).max())
        if not math.isfinite(norm) or norm > LARGEST_STYLE:
            raise UserError(
                f"{source}: the style of {clip.utterance_ids[0]} has norm {norm:.3g}, where trained weights "
                f"make 1 to 10: they did not arrive, or are damaged; give another file"
            )
        distance = float(wave_losses(networks).mel_distance(*reconstruct(networks, clip)))
    if math.isfinite(distance) and distance < LARGEST_MEL_DISTANCE:
        return []
    return [
        f"{source}: resynthesis of {clip.utterance_ids[0]} is at mel distance {distance:.3g}, and trained "
        f"weights come below {LARGEST_MEL_DISTANCE:g}: they have learnt little, or another family's mel"
    ]
