"""What every training step of StyleTTS 2 shares: batches, networks, phases, alignment, crops, adversaries.

A phase is data: which networks learn from the generator's losses, and which of the losses there are. A step
is a function of networks, batch, phase and random numbers; optimisers and schedules are the caller's.

Source: StyleTTS 2's `train_first.py`, `train_second.py` and `train_finetune.py`. Ours differs where theirs
fails: networks that a phase does not train are in evaluation mode and keep every bit, their statistics
included; spectral norms take one step of power iteration per optimiser step, however often a network runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics.batch import AcousticBatch
from models.acoustics.durations import hard_alignment
from models.acoustics.spectral_norm import SpectralConv2d
from models.acoustics.wave_losses import WaveLosses
from models.aligner.monotonic import monotonic_path
from models.aligner.text_aligner import TextAligner
from models.content.wavlm import WavLM
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.discriminators.wavlm import WavLMDiscriminator
from models.layers.masking import sequence_mask
from models.layers.precision import full_precision
from models.losses.spectral import MultiResolutionMelLoss, MultiResolutionStftLoss
from models.pitch.jdc import PitchExtractor
from models.styletts2.config import StyleTTS2Config
from models.styletts2.model import StyleTTS2

SYNTHESIS = (
    "bert",
    "bert_encoder",
    "predictor",
    "decoder",
    "text_encoder",
    "predictor_encoder",
    "style_encoder",
)
"""Children of `StyleTTS2` beside `diffusion`, by the names of the published checkpoints."""
DISCRIMINATORS = ("mpd", "msd")


@dataclass(frozen=True)
class Networks:
    """All networks of a training run, on one device; those that the run has no use for are None."""

    model: StyleTTS2
    text_aligner: TextAligner | None = None
    pitch_extractor: PitchExtractor | None = None
    mpd: MultiPeriodDiscriminator | None = None
    msd: MultiResolutionDiscriminator | None = None
    wd: WavLMDiscriminator | None = None
    wavlm: WavLM | None = None

    @property
    def config(self) -> StyleTTS2Config:
        """Every size."""
        return self.model.config

    def named(self) -> dict[str, nn.Module]:
        """Networks with weights to keep, by their names in a checkpoint; WavLM is not ours to keep."""
        networks: dict[str, nn.Module] = {name: getattr(self.model, name) for name in SYNTHESIS}
        # Checkpoints hold the diffusion's one network twice; this is it.
        networks["diffusion"] = self.model.diffusion.unet
        for name in ("text_aligner", "pitch_extractor", *DISCRIMINATORS, "wd"):
            if (network := getattr(self, name)) is not None:
                networks[name] = network
        return networks


@dataclass(frozen=True)
class Phase:
    """What a stretch of a stage trains.

    Attributes:
        name: For people.
        trained: Networks that learn from the generator's losses.
        moving: Networks in training mode, with dropout; the others compute as they do in use.
        adversarial: Whether the discriminators learn and are learnt from.
        aligns: Whether the aligner's own losses count.
        diffusion: Whether the style diffusion learns.
        joint: Whether the SLM adversary is at work.
        target: What synthesis is compared with.
        crop_style: Whether a clip is made in the style of the very stretch that is decoded, also by a
            multi-speaker model; else such a model takes it from elsewhere in the clip.
    """

    name: str
    trained: tuple[str, ...]
    moving: tuple[str, ...]
    adversarial: bool = False
    aligns: bool = False
    diffusion: bool = False
    joint: bool = False
    target: Literal["recording", "reconstruction"] = "recording"
    crop_style: bool = False


class Aligned(NamedTuple):
    """Text beside speech."""

    path: Tensor
    """[B, L, T / 2] of 0 and 1."""
    attention: Tensor | None
    """[B, L, T / 2] the aligner's own, with its graph; None where durations are given."""
    logits: Tensor | None
    """[B, L + 1, n_symbols] of the aligner's tokens."""


def enter(networks: Networks, phase: Phase, interpolates: bool = False) -> None:
    """Put every network into the state that the phase wants: who takes gradients, who drops out.

    Args:
        interpolates: Whether the decoder's upsamplings keep the filters that they have.
    """
    held = networks.model.decoder.filter_shapes() if interpolates else ()
    learners = {
        *phase.trained,
        *(DISCRIMINATORS if phase.adversarial else ()),
        *(("wd",) if phase.joint else ()),
    }
    for name, network in networks.named().items():
        network.train(name in phase.moving)
        learns = name in learners
        for key, parameter in network.named_parameters():
            keeps = key.startswith("pooler.") or (name == "decoder" and key in held)
            parameter.requires_grad_(learns and not keeps)
    for layer in _spectral_layers(networks.named().values()):
        layer.eval()


def iterate_spectral_norms(networks: Networks, phase: Phase) -> None:
    """One step of power iteration in each network that the phase trains."""
    for layer in _spectral_layers(n for name, n in networks.named().items() if name in phase.trained):
        _iterate(layer)


def settle_spectral_norms(network: nn.Module) -> None:
    """Bring fresh layers' vectors near their singular vectors: as drawn, they make weights of any size."""
    for layer in _spectral_layers([network]):
        for _ in range(_SETTLING_STEPS):
            _iterate(layer)


_SETTLING_STEPS = 15


@torch.no_grad()
def _iterate(layer: SpectralConv2d) -> None:
    before = layer.training
    layer.train()
    layer.effective_weight()
    layer.train(before)


def _spectral_layers(networks: Iterable[nn.Module]) -> Iterator[SpectralConv2d]:
    for network in networks:
        for layer in network.modules():
            if isinstance(layer, SpectralConv2d):
                yield layer


def align(networks: Networks, batch: AcousticBatch, rng: torch.Generator | None) -> Aligned:
    """Text beside speech, by the aligner where there is one and by the given durations otherwise."""
    frames = torch.tensor(batch.mel_lengths) // 2
    n_frames = batch.mel.shape[2] // 2
    aligner = networks.text_aligner
    if aligner is None:
        return Aligned(hard_alignment(batch.durations, n_frames), None, None)
    mask = sequence_mask(frames, n_frames).to(batch.mel.device, non_blocking=True)
    output = aligner(batch.mel, mask, batch.tokens, rng=rng)
    with full_precision(batch.mel):
        path = monotonic_path(output.attention.detach().float(), torch.tensor(batch.token_lengths), frames)
    return Aligned(path, output.attention, output.logits)


def aligner_losses(aligned: Aligned, batch: AcousticBatch) -> dict[str, Tensor]:
    """`mono`: ten times the distance from the monotonic path; `s2s`: cross-entropy of the tokens.

    Nothing where durations are given.
    """
    if aligned.attention is None or aligned.logits is None:
        return {}
    logits = aligned.logits[:, : batch.tokens.shape[1]].float()
    entropy = functional.cross_entropy(logits.transpose(1, 2), batch.tokens, reduction="none")
    lengths = torch.tensor(batch.token_lengths, device=entropy.device)
    real = sequence_mask(lengths, batch.tokens.shape[1])
    return {
        "mono": 10 * functional.l1_loss(aligned.attention.float(), aligned.path.float()),
        "s2s": ((entropy * real).sum(1) / lengths).mean(),
    }


def soft_or_hard(aligned: Aligned, rng: torch.Generator) -> Tensor:
    """The aligner's attention or the monotonic path, one as likely as the other."""
    soft = bool(torch.rand((), generator=rng, device=rng.device) < 0.5)
    return aligned.attention if soft and aligned.attention is not None else aligned.path


def half_lengths(batch: AcousticBatch) -> tuple[int, ...]:
    """Frames of 25 ms of each row."""
    return tuple(length // 2 for length in batch.mel_lengths)


# -- measures of recordings


@torch.no_grad()
def recorded_pitch(networks: Networks, mel: Tensor, given_hz: Tensor) -> Tensor:
    """[B, T] Hz, of the pitch extractor where there is one, else as given."""
    if networks.pitch_extractor is None:
        return given_hz
    with full_precision(mel):
        return networks.pitch_extractor(mel[:, None].float()).f0_hz


def wave_losses(networks: Networks, stft: bool = False) -> WaveLosses:
    """Distances and verdicts between waveforms, of the discriminators and the WavLM that the run has.

    Args:
        stft: Whether plain spectrograms are compared too.
    """
    config = networks.config
    judges = [judge for judge in (networks.mpd, networks.msd) if judge is not None]
    distance = MultiResolutionMelLoss(config.sample_rate, config.resolutions)
    device = networks.model.bert_encoder.weight.device
    second = MultiResolutionStftLoss(config.resolutions).to(device) if stft else None
    return WaveLosses(distance.to(device), judges, networks.wavlm, config.slm_layers, second)


def chosen(weights: Mapping[str, float], losses: Mapping[str, Tensor]) -> dict[str, float]:
    """The weights of the losses that there are."""
    return {name: weights[name] for name in losses}
