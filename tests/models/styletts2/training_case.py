"""Networks small enough to train in a test, and batches for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from transformers import WavLMConfig, WavLMModel

from models.acoustics.batch import AcousticBatch
from models.aligner.text_aligner import TextAligner
from models.content.wavlm import WavLM
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.discriminators.wavlm import WavLMDiscriminator
from models.pitch.jdc import PitchExtractor
from models.styletts2.config import TINY, StyleTTS2Config, styletts2_config
from models.styletts2.model import StyleTTS2
from models.styletts2.training import Networks, settle_spectral_norms

SMALLEST = {
    **TINY,
    "hidden": 16,
    "style_dim": 8,
    "n_layers": 1,
    "max_dur": 8,
    "style_dim_in": 4,
    "style_max_dim": 16,
    "bert_embedding": 8,
    "bert_hidden": 16,
    "bert_heads": 2,
    "bert_intermediate": 16,
    "bert_layers": 1,
    "decoder_hidden": 16,
    "decoder_text": 4,
    "upsample_initial": 16,
    "resblock_kernels": (3,),
    "diffusion_layers": 1,
    "diffusion_head_features": 8,
    "aligner_hidden": 16,
    "aligner_layers": 1,
    "aligner_attention": 8,
    "aligner_embedding": 8,
    "aligner_location_channels": 2,
    "pitch_channels": (4, 4, 8, 8),
    "pitch_lstm": 4,
    "discriminator_periods": (2, 3),
    "discriminator_channels": (2, 4, 4, 4, 4),
    "resolution_channels": 2,
    "resolutions": ((512, 120, 480),),
    "slm_hidden": 16,
    "slm_layers": 3,
    "slm_channels": 4,
}


def config(**sizes: object) -> StyleTTS2Config:
    return styletts2_config("ljspeech", **{**SMALLEST, **sizes})


def tiny_wavlm(sample_rate: int, hidden: int, layers: int) -> WavLM:
    network = WavLMModel(
        WavLMConfig(
            hidden_size=hidden,
            num_hidden_layers=layers - 1,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8, 8),
            conv_stride=(20, 16),
            conv_kernel=(20, 16),
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            num_buckets=8,
            max_bucket_distance=16,
        )
    )
    return WavLM(network.eval(), sample_rate)


def networks(seed: int = 0, given: bool = False, slm: bool = True, **sizes: object) -> Networks:
    """All of a run's networks with random weights; `given`: neither aligner nor pitch extractor."""
    torch.manual_seed(seed)
    c = config(**sizes)
    aligner = TextAligner(
        c.n_symbols,
        n_mels=c.n_mels,
        n_mfcc=c.aligner_mfcc,
        hidden=c.aligner_hidden,
        n_layers=c.aligner_layers,
        attention=c.aligner_attention,
        embedding=c.aligner_embedding,
        location_channels=c.aligner_location_channels,
        location_kernel=c.aligner_location_kernel,
    )
    model = StyleTTS2(c)
    settle_spectral_norms(model)
    return Networks(
        model,
        None if given else aligner,
        None if given else PitchExtractor(c.pitch_channels, c.pitch_lstm, c.n_mels),
        MultiPeriodDiscriminator(c.discriminator_periods, channels=c.discriminator_channels, has_scale=False),
        MultiResolutionDiscriminator(c.resolutions, c.resolution_channels),
        WavLMDiscriminator(c.slm_hidden, c.slm_layers, c.slm_channels) if slm else None,
        tiny_wavlm(c.sample_rate, c.slm_hidden, c.slm_layers) if slm else None,
    )


def batch(lengths: tuple[int, ...] = (96, 104), seed: int = 0, multispeaker: bool = False) -> AcousticBatch:
    """Harmonic tones of so many mel frames (even), with a token for every eight frames or so."""
    random = np.random.default_rng(seed)
    tokens = tuple(length // 16 for length in lengths)
    longest = max(lengths)
    wave = torch.zeros(len(lengths), longest * 300)
    mel = torch.zeros(len(lengths), 80, longest)
    f0_hz = torch.zeros(len(lengths), longest)
    ids = torch.zeros(len(lengths), max(tokens), dtype=torch.int64)
    durations = torch.zeros_like(ids)
    for row, (n_frames, n_tokens) in enumerate(zip(lengths, tokens, strict=True)):
        t = np.arange(n_frames * 300) / 24000
        pitch = 120 + 20 * np.sin(2 * np.pi * t)
        phase = 2 * np.pi * np.cumsum(pitch) / 24000
        tone = sum(np.sin(k * phase) / k for k in range(1, 8)) + 0.05 * random.standard_normal(len(t))
        wave[row, : n_frames * 300] = torch.from_numpy(0.1 * tone)
        mel[row, :, :n_frames] = torch.from_numpy(random.standard_normal((80, n_frames)))
        f0_hz[row, :n_frames] = torch.from_numpy(pitch[::300])
        ids[row, :n_tokens] = torch.from_numpy(random.integers(1, 178, n_tokens))
        durations[row, :n_tokens] = n_frames // 2 // n_tokens
        durations[row, n_tokens - 1] += n_frames // 2 - int(durations[row].sum())
    named = tuple(f"clip{seed}_{row}" for row in range(len(lengths)))
    made = AcousticBatch(
        ids,
        tokens,
        mel,
        lengths,
        wave,
        durations,
        f0_hz,
        tuple("ab"[r % 2] for r in range(len(lengths))),
        named,
    )
    return made._replace(reference_mel=mel, reference_lengths=lengths) if multispeaker else made


def state(modules: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    """A copy of everything that the networks hold."""
    return {
        name: {key: tensor.clone() for key, tensor in module.state_dict().items()}
        for name, module in modules.items()
    }


def changed(before: dict[str, dict[str, Tensor]], modules: dict[str, nn.Module]) -> set[str]:
    """Names of the networks of which a bit is another."""
    return {
        name
        for name, module in modules.items()
        if any(not torch.equal(before[name][key], tensor) for key, tensor in module.state_dict().items())
    }
