"""The stage `synthesize` of Sketch voices: held-out clips in their own timing, and from text alone."""

from __future__ import annotations

import numpy as np
import torch

from models.seeds import derive_seed
from models.sketch.vocoder import waveform
from models.threads import arithmetic_threads
from tasks.finetune.characters.clips import Clip, collate
from tasks.finetune.sketch.trained import read_trained
from tasks.release.clips import ClipFacts, clip_samples, clip_speech, held_out, rendered_clips
from tasks.release.recorded_prosody import render_with_prosody
from tasks.release.samples import RECORDING, Kind, Sample
from tasks.release.sentences import Sentence
from tasks.release.sketch.assembly import TRAINING, trained_voice
from tasks.release.voice import within_full_scale
from tasks.stage import ConfigView, Inputs, Produced, Work

KINDS = {
    RECORDING: Kind("the held-out recording", in_step=True),
    "timed": Kind("the recording's timing; the sounds are the voice's", in_step=True),
    "text": Kind("from text alone, as the voice speaks", in_step=False),
}


def synthesize_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Render the clips; `samples.json` lists what was made."""
    files = inputs.files("shard")
    clips = rendered_clips(files)
    voice = trained_voice(read_trained(inputs.files(TRAINING)), clips, cfg)
    edge = cfg.family.edge_silence_samples

    @torch.no_grad()
    def render(clip: ClipFacts, known: Clip) -> list[Sample]:
        recorded = clip_samples(clip)
        batch = collate([known])
        seed = derive_seed(cfg.seed, "synthesize", clip.utterance_id)
        mel, _ = voice.model(batch.tokens, batch.durations)
        timed = np.asarray(waveform(mel[0], torch.Generator().manual_seed(seed)), dtype=np.float32)
        text = voice.render(Sentence(clip.text, (clip_speech(clip),)), seed, voice.manner.speed)
        return [
            Sample(RECORDING, recorded),
            Sample("timed", within_full_scale(timed[edge : edge + len(recorded)])),
            Sample("text", text),
        ]

    with arithmetic_threads(cfg.compute.threads):
        chosen = held_out(clips, cfg.release.sketch.clips, set())
        return render_with_prosody(chosen, files, cfg.family, render, KINDS, work)
