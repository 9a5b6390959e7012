"""The stage `synthesize` of StyleTTS 2 voices: held-out clips rendered in every way that tells something.

For each clip there are four files, and their names say which path made them:

- `recording`: the clip itself;
- `resynthesis`: from the clip's own timing, pitch, energy and style. The model hears the answer, so this
  shows what the decoder can do and says nothing about speaking;
- `timed`: the clip's timing alone is given; pitch, energy and style are the voice's, so with its timing;
- `text`: what a listener gets.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.acoustics.durations import hard_alignment
from models.frontend.audio import Samples
from models.frontend.mel import log_norm
from models.seeds import derive_seed
from models.threads import arithmetic_threads
from tasks.device import chosen_device
from tasks.finetune.characters.clips import Clip
from tasks.release.clips import ClipFacts, clip_samples, clip_speech, held_out, rendered_clips
from tasks.release.recorded_prosody import render_with_prosody, timed_kinds
from tasks.release.samples import RECORDING, Sample
from tasks.release.sentences import Sentence
from tasks.release.styletts2.assembly import assemble_voice
from tasks.release.styletts2.voice import StyleTTS2Voice
from tasks.release.test_sentences import spoken
from tasks.release.voice import within_full_scale
from tasks.stage import ConfigView, Inputs, Produced, Work

KINDS = timed_kinds("timing, pitch, energy and style", "pitch, energy and style")


def synthesize_corpus(inputs: Inputs, cfg: ConfigView, work: Work, training: str) -> Produced:
    """Render the clips; `samples.json` lists what was made.

    Raises:
        UserError: the shards hold no clip, or the device is not there.
    """
    files = inputs.files("shard")
    clips = rendered_clips(files)
    with arithmetic_threads(cfg.compute.threads):
        voice = assemble_voice(training, inputs, cfg, chosen_device(cfg.compute.device))
        references = {reference.utterance_id for reference in voice.references.values()}
        chosen = held_out(clips, cfg.release.styletts2.clips, references)

        def render(clip: ClipFacts, known: Clip) -> list[Sample]:
            return _render(voice, clip, known, cfg.seed)

        count = cfg.release.evaluate.sentences
        said = spoken(voice, count, cfg.seed)
        return render_with_prosody(chosen, files, cfg.family, render, KINDS, work, said, count)


@torch.no_grad()
def _render(voice: StyleTTS2Voice, clip: ClipFacts, known: Clip, seed: int) -> list[Sample]:
    reference = voice.reference_of(clip.speaker if clip.speaker in voice.references else None)
    sentence = Sentence(clip.text, (clip_speech(clip),))
    recorded = clip_samples(clip)

    def seed_of(kind: str) -> int:
        return derive_seed(seed, "synthesize", clip.utterance_id, kind)

    def in_time(kind: str, style: Tensor, own_prosody: bool) -> Sample:
        samples = _with_timing(voice, known, style, own_prosody, seed_of(kind))
        edge = voice.family.edge_silence_samples
        return Sample(kind, samples[edge : edge + len(recorded)])

    own = torch.from_numpy(voice.style_of(recorded))[None].to(voice.device)
    return [
        Sample(RECORDING, recorded),
        in_time("resynthesis", own, own_prosody=True),
        in_time("timed", torch.from_numpy(reference.style)[None].to(voice.device), own_prosody=False),
        Sample("text", voice.render(sentence, reference, seed_of("text"))),
    ]


def _with_timing(voice: StyleTTS2Voice, clip: Clip, style: Tensor, own_prosody: bool, seed: int) -> Samples:
    """A clip's tokens in its own timing, silence at the edges included."""
    model, device = voice.model, voice.device
    text = model.read(torch.from_numpy(clip.tokens)[None].to(device), torch.tensor([len(clip.tokens)]))
    n_frames = clip.mel.shape[1] // 2
    durations = torch.from_numpy(clip.durations)[None].to(device)
    alignment = hard_alignment(durations, n_frames).to(text.t_en.dtype)
    acoustic, prosodic = style.split(model.config.style_dim, dim=1)
    if own_prosody:
        f0_hz = torch.from_numpy(clip.f0_hz)[None].to(device)
        energy = log_norm(torch.from_numpy(clip.mel).float()[None].to(device))
    else:
        d = model.predictor.encode(text.d_en, prosodic, text.lengths)
        f0_hz, energy = model.predictor.pitch_and_energy(
            d.transpose(1, 2) @ alignment, prosodic, torch.tensor([n_frames])
        )
    rng = torch.Generator().manual_seed(seed)
    wave = model.decoder(text.t_en @ alignment, f0_hz, energy, acoustic, rng=rng)
    return within_full_scale(np.asarray(wave[0, 0].cpu().numpy(), dtype=np.float32))
