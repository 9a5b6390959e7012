"""StyleTTS 2's own networks at work: a step of the joint phase in the order of `train_second.py`, and speech.

Its folder goes to the front of the import path, where it has modules named `models` and `utils`, so nothing
of ours but `bench.beside` may be imported in the same process. What it imports and does not need here is
stood in for; its alignment search, which is compiled from Cython, is compiled by numba instead.
"""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any

import numba
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, WavLMConfig, WavLMModel

from bench.beside import shapes
from bench.beside.shapes import Asked, Works

FRAME_SAMPLES = 300
SAMPLE_RATE = 24_000
SETTLING_PASSES = 20
SIGMAS = {"sigma_min": 0.0001, "sigma_max": 3.0, "rho": 9.0}


def works(asked: Asked) -> Works:
    """What the item asks of the reference."""
    _enter(asked)
    networks, config = _networks(asked)
    if asked.item == "styletts2 speak":
        return _speak(networks, asked)
    step = _Step(networks, config, asked)
    return {shapes.WHOLE: step}


def _enter(asked: Asked) -> None:
    warnings.simplefilter("ignore")
    sys.path[:0] = [str(asked.references / "packages"), str(asked.references / "StyleTTS2")]
    search = ModuleType("monotonic_align")
    core = ModuleType("monotonic_align.core")
    search.maximum_path = search.mask_from_lens = None  # type: ignore[attr-defined]
    core.maximum_path_c = _paths  # type: ignore[attr-defined]
    plots = ModuleType("matplotlib")
    plots.pyplot = ModuleType("matplotlib.pyplot")  # type: ignore[attr-defined]
    sys.modules |= {"monotonic_align": search, "monotonic_align.core": core}
    sys.modules |= {"matplotlib": plots, "matplotlib.pyplot": plots.pyplot}


@numba.njit(cache=False)
def _path(path: NDArray[np.int32], value: NDArray[np.float32], n_tokens: int, n_frames: int) -> None:
    """The best monotonic way through `value` [tokens, frames], which it overwrites, as ones of `path`."""
    for frame in range(n_frames):
        for token in range(max(0, n_tokens + frame - n_frames), min(n_tokens, frame + 1)):
            stay = value[token, frame - 1] if token < frame else -1e9
            first = 0.0 if frame == 0 else -1e9
            come = value[token - 1, frame - 1] if token else first
            value[token, frame] += max(stay, come)
    token = n_tokens - 1
    for frame in range(n_frames - 1, -1, -1):
        path[token, frame] = 1
        if token and (token == frame or value[token, frame - 1] < value[token - 1, frame - 1]):
            token -= 1


def _paths(paths: Any, values: Any, tokens: Any, frames: Any) -> None:
    for row in range(len(paths)):
        _path(paths[row], values[row], tokens[row], frames[row])


def _networks(asked: Asked) -> tuple[Any, dict[str, Any]]:
    from munch import munchify
    from transformers import AlbertConfig
    from Utils.ASR.models import ASRCNN
    from Utils.JDC.model import JDCNet
    from Utils.PLBERT.util import CustomAlbert

    from models import build_model

    def settings(path: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((asked.references / "StyleTTS2" / path).read_text())
        return found

    config = settings("Configs/config.yml")
    bert = CustomAlbert(AlbertConfig(**settings("Utils/PLBERT/config.yml")["model_params"]))
    aligner = ASRCNN(**settings("Utils/ASR/config.yml")["model_params"])
    pitch = JDCNet(num_class=1, seq_len=192)
    networks = build_model(munchify(config["model_params"]), aligner, pitch, bert)
    _settle(networks.style_encoder, networks.predictor_encoder)
    for network in networks.values():
        network.eval()
    for judge in networks.msd.discriminators:
        judge.window = _OnCpu(judge.window)
    return networks, config


@torch.no_grad()
def _settle(*encoders: nn.Module) -> None:
    """Bring spectral norms near their weights', as training does; fresh ones let the numbers explode."""
    mel = torch.randn(1, 1, 80, 80)
    for encoder in encoders:
        encoder.train()
        for _ in range(SETTLING_PASSES):
            encoder(mel)


class _OnCpu:
    """A window whose code asks for the number of its GPU, which is -1 on a CPU."""

    def __init__(self, window: Tensor) -> None:
        self.window = window

    def to(self, _: int) -> Tensor:
        """As it is."""
        return self.window


def _sampler(networks: Any) -> Any:
    from Modules.diffusion.sampler import ADPM2Sampler, DiffusionSampler, KarrasSchedule

    schedule = KarrasSchedule(**SIGMAS)
    return DiffusionSampler(
        networks.diffusion.diffusion, sampler=ADPM2Sampler(), sigma_schedule=schedule, clamp=False
    )


class _Step:
    """A training step of the joint phase, whole: call it."""

    def __init__(self, networks: Any, config: dict[str, Any], asked: Asked) -> None:
        import losses
        from Modules.slmadv import SLMAdversarialLoss
        from utils import length_to_mask, log_norm, maximum_path

        for name in ("predictor", "bert_encoder", "bert", "msd", "mpd"):
            networks[name].train()
        # A fresh network of the published sizes; nothing is downloaded.
        AutoModel.from_pretrained = lambda _: WavLMModel(WavLMConfig()).eval()
        self.networks, self.weights = networks, config["loss_params"]
        self.judged = losses.GeneratorLoss(networks.mpd, networks.msd)
        self.judge = losses.DiscriminatorLoss(networks.mpd, networks.msd)
        self.wavlm = losses.WavLMLoss("", networks.wd, SAMPLE_RATE, 16_000)
        self.mel_loss = losses.MultiResolutionSTFTLoss()
        self.length_to_mask, self.log_norm, self.maximum_path = length_to_mask, log_norm, maximum_path
        self.sampler = _sampler(networks)
        told = config["slmadv_params"]
        self.adversary = SLMAdversarialLoss(
            networks,
            self.wavlm,
            self.sampler,
            told["min_len"],
            told["max_len"],
            batch_percentage=told["batch_percentage"],
            skip_update=told["iter"],
            sig=told["sig"],
        )
        self.optimisers = {
            name: torch.optim.AdamW(network.parameters(), lr=1e-5, betas=(0.0, 0.99), eps=1e-9)
            for name, network in networks.items()
        }
        # Of its crop it leaves out two frames, so both sides decode the same number.
        rows, frames = asked.rows(shapes.STYLE_ROWS), shapes.STYLE_FRAMES + 2
        self.tokens = torch.randint(1, 178, (rows, shapes.STYLE_TOKENS))
        self.token_lengths = torch.full((rows,), shapes.STYLE_TOKENS)
        self.mels = torch.randn(rows, 80, frames)
        self.mel_lengths = torch.full((rows,), frames)
        self.waves = [0.1 * np.random.randn(frames * FRAME_SAMPLES) for _ in range(rows)]

    def __call__(self) -> None:
        """Discriminators' update, generator's update by the updated ones, the adversary."""
        text_mask = self.length_to_mask(self.token_lengths)
        aligned, path = self._align(text_mask)
        style = self._styles()
        bert = self.networks.bert(self.tokens, attention_mask=(~text_mask).int())
        told = self._diffusion_losses(style, bert)
        hidden = self.networks.bert_encoder(bert).transpose(-1, -2)
        logits, prosody = self.networks.predictor(hidden, style[:, 128:], self.token_lengths, path, text_mask)
        real, rebuilt, made, more = self._crop(aligned, prosody)
        self._zero_grad()
        self.judge(real, made.detach()).mean().backward()
        self._update("msd", "mpd")
        told |= more | self._duration_losses(logits, path.sum(-1))
        told["mel"] = self.mel_loss(made, real)
        told["gen"] = self.judged(real, made).mean()
        told["slm"] = self.wavlm(real.squeeze(), made.squeeze()).mean()
        self._zero_grad()
        torch.stack([self.weights[f"lambda_{name}"] * loss for name, loss in told.items()]).sum().backward()
        self._update("bert_encoder", "bert", "predictor", "predictor_encoder")
        self._update("diffusion", "style_encoder", "decoder")
        heard = self.adversary(
            0,
            real,
            rebuilt,
            self.waves,
            self.mel_lengths,
            self.tokens,
            self.token_lengths,
            True,
            style.detach(),
            None,
        )
        if heard is not None:
            raise ValueError("the adversary found clips that are long enough; ours finds none")

    def _zero_grad(self) -> None:
        for optimiser in self.optimisers.values():
            optimiser.zero_grad()

    def _update(self, *names: str) -> None:
        for name in names:
            self.optimisers[name].step()

    @torch.no_grad()
    def _align(self, text_mask: Tensor) -> tuple[Tensor, Tensor]:
        aligner = self.networks.text_aligner
        halves = self.mel_lengths // 2**aligner.n_down
        _, _, attention = aligner(self.mels, self.length_to_mask(halves), self.tokens)
        attention = attention.transpose(-1, -2)[..., 1:].transpose(-1, -2)
        there = (~text_mask)[:, :, None] & (~self.length_to_mask(halves))[:, None]
        path = self.maximum_path(attention, there[..., : attention.shape[-1]].float())
        return self.networks.text_encoder(self.tokens, self.token_lengths, text_mask) @ path, path

    def _styles(self) -> Tensor:
        """[B, 256], clip by clip."""
        clips = [mel[None, None, :, :n] for mel, n in zip(self.mels, self.mel_lengths.tolist(), strict=True)]
        of_prosody = torch.stack([self.networks.predictor_encoder(clip) for clip in clips]).squeeze()
        of_sound = torch.stack([self.networks.style_encoder(clip) for clip in clips]).squeeze()
        return torch.cat((of_sound, of_prosody), dim=-1)

    def _diffusion_losses(self, style: Tensor, bert: Tensor) -> dict[str, Tensor]:
        target = style.detach()
        self.networks.diffusion.diffusion.sigma_data = target.std(dim=-1).mean().item()
        drawn = self.sampler(
            noise=torch.randn_like(target).unsqueeze(1),
            embedding=bert,
            embedding_scale=1,
            embedding_mask_proba=0.1,
            num_steps=np.random.randint(3, 5),
        ).squeeze(1)
        noised = self.networks.diffusion.diffusion(target.unsqueeze(1), embedding=bert).mean()
        return {"sty": functional.l1_loss(drawn, target), "diff": noised}

    def _crop(self, aligned: Tensor, prosody: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Recording, its reconstruction, the synthesis, and the prosody's losses."""
        networks, n = self.networks, shapes.STYLE_FRAMES // 2
        text, prosody = aligned[..., :n], prosody[..., :n]
        mel = self.mels[..., : 2 * n]
        wave = np.stack([one[: 2 * n * FRAME_SAMPLES] for one in self.waves])
        style_of_prosody = networks.predictor_encoder(mel.unsqueeze(1))
        style = networks.style_encoder(mel.unsqueeze(1))
        with torch.no_grad():
            pitch, _, _ = networks.pitch_extractor(mel.unsqueeze(1))
            networks.text_aligner.get_feature(mel)
            energy = self.log_norm(mel.unsqueeze(1)).squeeze(1)
            rebuilt = networks.decoder(text, pitch, energy, style)
        made_pitch, made_energy = networks.predictor.F0Ntrain(prosody, style_of_prosody)
        told = {
            "F0": functional.smooth_l1_loss(pitch, made_pitch) / 10,
            "norm": functional.smooth_l1_loss(energy, made_energy),
        }
        real = torch.from_numpy(wave).float().unsqueeze(1)
        return real, rebuilt, networks.decoder(text, made_pitch, made_energy, style), told

    def _duration_losses(self, logits: Tensor, durations: Tensor) -> dict[str, Tensor]:
        told = {"dur": torch.zeros(()), "ce": torch.zeros(())}
        for predicted, spoken, n in zip(logits, durations, self.token_lengths.tolist(), strict=True):
            predicted, spoken = predicted[:n], spoken[:n].long()
            target = torch.zeros_like(predicted)
            for token in range(n):
                target[token, : spoken[token]] = 1
            length = torch.sigmoid(predicted).sum(dim=1)
            told["dur"] = told["dur"] + functional.l1_loss(length[1 : n - 1], spoken[1 : n - 1])
            told["ce"] = told["ce"] + functional.binary_cross_entropy_with_logits(
                predicted.flatten(), target.flatten()
            )
        return {name: loss / len(logits) for name, loss in told.items()}


def _speak(networks: Any, asked: Asked) -> Works:
    """Speech as its demo makes it, stretched to the length asked for: durations of random weights are any."""
    from utils import length_to_mask

    tokens = torch.randint(1, 178, (1, shapes.STYLE_SPOKEN_TOKENS))
    lengths = torch.tensor([shapes.STYLE_SPOKEN_TOKENS])
    seconds = 1.0 if asked.tiny else shapes.STYLE_SPOKEN_S
    wanted = seconds * SAMPLE_RATE / (2 * FRAME_SAMPLES)
    sampler = _sampler(networks)
    mask: Tensor = length_to_mask(lengths)

    @torch.no_grad()
    def speak() -> Tensor:
        text = networks.text_encoder(tokens, lengths, mask)
        bert = networks.bert(tokens, attention_mask=(~mask).int())
        hidden = networks.bert_encoder(bert).transpose(-1, -2)
        noise = torch.randn(1, 1, 256)
        style = sampler(noise, embedding=bert[0][None], num_steps=shapes.STYLE_LEVELS, embedding_scale=1)
        style = style.squeeze(1)
        encoded = networks.predictor.text_encoder(hidden, style[:, 128:], lengths, mask)
        states, _ = networks.predictor.lstm(encoded)
        durations = torch.sigmoid(networks.predictor.duration_proj(states)).sum(dim=-1)
        durations = (durations * (wanted / durations.sum())).round().squeeze().clamp(min=1).long()
        path = nn.functional.one_hot(
            torch.repeat_interleave(torch.arange(len(durations)), durations), len(durations)
        ).T.float()
        pitch, energy = networks.predictor.F0Ntrain(encoded.transpose(-1, -2) @ path[None], style[:, 128:])
        wave: Tensor = networks.decoder(text @ path[None], pitch, energy, style[:, :128])
        return wave

    return {shapes.WHOLE: speak}
