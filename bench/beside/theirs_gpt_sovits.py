"""GPT-SoVITS's own networks at work, in the order in which its `s2_train.py` and `TTS.py` use them.

Its folder goes to the front of the import path, so nothing of ours but `bench.beside` may be imported in the
same process. What it imports and does not need here is stood in for.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch.nn import functional

from bench.beside import shapes
from bench.beside.shapes import Asked, Works, never_end

END_ID = 1024


def works(asked: Asked) -> Works:
    """What the item asks of the reference."""
    _enter(asked.references)
    what = asked.item.split(",")[0]
    return {"sovits step": _sovits_step, "sovits decode": _sovits_decode}.get(what, _t2s)(asked)


def _enter(references: Path) -> None:
    warnings.simplefilter("ignore")
    sys.path[:0] = [str(references / "packages"), str(references / "GPT-SoVITS/GPT_SoVITS")]
    # The networks of v3 and v4, which are imported beside those of v2.
    absent = ModuleType("f5_tts.model")
    absent.DiT = None  # type: ignore[attr-defined]
    sys.modules |= {"f5_tts": ModuleType("f5_tts"), "f5_tts.model": absent}


def _settings(references: Path) -> dict[str, Any]:
    path = references / "GPT-SoVITS/GPT_SoVITS/configs/s2.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _generator(settings: dict[str, Any]) -> Any:
    from module.models import SynthesizerTrn

    data, train = settings["data"], settings["train"]
    generator = SynthesizerTrn(
        data["filter_length"] // 2 + 1,
        train["segment_size"] // data["hop_length"],
        n_speakers=data["n_speakers"],
        version="v2",
        **settings["model"],
    )
    # A codebook that is there, as in the published weights: an empty one would be clustered first.
    for name, buffer in generator.named_buffers():
        if name.endswith(".inited"):
            buffer.fill_(1)
        elif name.endswith(".embed"):
            buffer.normal_()
    return generator


def _sovits_step(asked: Asked) -> Works:
    from module import commons
    from module.losses import discriminator_loss, feature_loss, generator_loss, kl_loss
    from module.mel_processing import mel_spectrogram_torch, spec_to_mel_torch
    from module.models import MultiPeriodDiscriminator

    settings = _settings(asked.references)
    data, train = settings["data"], settings["train"]
    generator = _generator(settings).train()
    discriminator = MultiPeriodDiscriminator(settings["model"]["use_spectral_norm"]).train()
    optimisers = {
        network: torch.optim.AdamW(
            (p for p in network.parameters() if p.requires_grad),
            train["learning_rate"],
            betas=train["betas"],
            eps=train["eps"],
        )
        for network in (generator, discriminator)
    }
    rows, frames = asked.rows(int(asked.item.split()[-1])), shapes.SOVITS_FRAMES
    lengths = torch.full((rows,), frames)
    spectrum = torch.rand(rows, data["filter_length"] // 2 + 1, frames)
    wave = 0.1 * torch.randn(rows, 1, frames * data["hop_length"])
    content = torch.randn(rows, 768, frames)
    phones = torch.randint(300, (rows, shapes.SOVITS_PHONES))
    phone_lengths = torch.full((rows,), shapes.SOVITS_PHONES)
    bands = data["n_mel_channels"], data["sampling_rate"]
    edges = data["mel_fmin"], data["mel_fmax"]

    def step() -> None:
        made, content_loss, starts, _, mask, latent, _ = generator(
            content, spectrum, lengths, phones, phone_lengths
        )
        _, z_p, m_p, logs_p, _, logs_q = latent
        mel = spec_to_mel_torch(spectrum, data["filter_length"], *bands, *edges)
        mel = commons.slice_segments(mel, starts, train["segment_size"] // data["hop_length"])
        made_mel = mel_spectrogram_torch(
            made.squeeze(1), data["filter_length"], *bands, data["hop_length"], data["win_length"], *edges
        )
        real = commons.slice_segments(wave, starts * data["hop_length"], train["segment_size"])
        on_real, on_made, _, _ = discriminator(real, made.detach())
        loss, _, _ = discriminator_loss(on_real, on_made)
        _update(optimisers[discriminator], loss, discriminator, commons.clip_grad_value_)
        _, on_made, maps_real, maps_made = discriminator(real, made)
        loss = functional.l1_loss(mel, made_mel) * train["c_mel"] + content_loss
        loss = loss + kl_loss(z_p, logs_q, m_p, logs_p, mask) * train["c_kl"]
        loss = loss + feature_loss(maps_real, maps_made) + generator_loss(on_made)[0]
        _update(optimisers[generator], loss, generator, commons.clip_grad_value_)

    return {shapes.WHOLE: step}


def _update(optimiser: torch.optim.Optimizer, loss: torch.Tensor, network: Any, clip: Any) -> None:
    optimiser.zero_grad()
    loss.backward()
    clip(network.parameters(), None)
    optimiser.step()


def _sovits_decode(asked: Asked) -> Works:
    generator = _generator(_settings(asked.references)).eval()
    # As its speaking does.
    del generator.enc_q
    n_codes = shapes.SPOKEN_CODES // 5 if asked.tiny else shapes.SPOKEN_CODES
    codes = torch.randint(1024, (1, 1, n_codes))
    phones = torch.randint(300, (1, shapes.SPOKEN_PHONES))
    reference = torch.rand(1, generator.spec_channels, shapes.REFERENCE_FRAMES)
    return {shapes.WHOLE: lambda: generator.decode(codes, phones, [reference])}


def _t2s(asked: Asked) -> Works:
    import yaml
    from AR.models.t2s_model import Text2SemanticDecoder

    path = asked.references / "GPT-SoVITS/GPT_SoVITS/configs/s1longer-v2.yaml"
    model = Text2SemanticDecoder(config=yaml.safe_load(path.read_text(encoding="utf-8")), top_k=3)
    if asked.item.startswith("t2s step"):
        return _t2s_step(model.train(), asked)
    return _t2s_decode(model.eval(), asked)


def _t2s_step(model: Any, asked: Asked) -> Works:
    from AR.modules.optim import ScaledAdam

    optimiser = ScaledAdam(
        model.parameters(),
        lr=0.01,
        betas=(0.9, 0.95),
        clipping_scale=2.0,
        parameters_names=[[name for name, _ in model.named_parameters()]],
        show_dominant_parameters=False,
        clipping_update_period=1000,
    )
    rows = asked.rows(shapes.T2S_ROWS)
    phones = torch.randint(700, (rows, shapes.T2S_PHONES))
    bert = torch.randn(rows, 1024, shapes.T2S_PHONES)
    codes = torch.randint(END_ID, (rows, shapes.T2S_CODES))
    lengths = torch.full((rows,), shapes.T2S_PHONES), torch.full((rows,), shapes.T2S_CODES)

    def step() -> None:
        loss, _ = model.forward_old(phones, lengths[0], codes, lengths[1], bert)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    return {shapes.WHOLE: step}


def _t2s_decode(model: Any, asked: Asked) -> Works:
    never_end(model.ar_predict_layer)
    rows = int(asked.item.split()[-1])
    phones = torch.randint(700, (rows, shapes.T2S_PHONES))
    bert = torch.randn(rows, 1024, shapes.T2S_PHONES)
    prompt = torch.randint(END_ID, (rows, shapes.T2S_PROMPT))
    lengths = torch.full((rows,), shapes.T2S_PHONES)
    # Its command draws one sentence by the one function, several by the other.
    several = rows > 1
    decode = model.infer_panel_batch_infer if several else model.infer_panel

    @torch.inference_mode()
    def speak(n_codes: int) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            found, _ = decode(
                list(phones) if several else phones,
                lengths,
                prompt,
                list(bert) if several else bert,
                top_k=shapes.TOP_K,
                top_p=1,
                temperature=1,
                repetition_penalty=shapes.REPETITION_PENALTY,
                early_stop_num=n_codes - 1,
            )
        if not all(abs(len(row) - shapes.T2S_PROMPT - n_codes) <= 1 for row in found):
            raise ValueError(f"decoded {[len(row) for row in found]} codes where {n_codes} were asked for")

    return {shapes.FIRST: lambda: speak(1), shapes.CODES: lambda: speak(asked.new_codes)}
