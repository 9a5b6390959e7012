"""The stage `synthesize` of Kokoro voices: held-out clips rendered in every way that tells something.

For each clip there are four files, and their names say which path made them:

- `recording`: the clip itself;
- `resynthesis`: from the clip's own timing, pitch and energy. The model hears the answer, so this shows what
  the decoder can do and says nothing about speaking;
- `timed`: the clip's timing alone is given; pitch and energy are the voice's;
- `text`: what a listener gets, without the silence at its ends.
"""

from __future__ import annotations

import numpy as np
import torch

from models.frontend.mel import log_norm
from models.kokoro.upstream import voice_rows_of
from models.seeds import derive_seed
from models.threads import arithmetic_threads
from tasks.device import chosen_device, placed
from tasks.finetune.characters.clips import Clip, collate
from tasks.release.clips import ClipFacts, clip_samples, clip_speech, held_out, rendered_clips
from tasks.release.kokoro.assembly import assemble_voice
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.recorded_prosody import render_with_prosody, timed_kinds
from tasks.release.samples import RECORDING, Sample
from tasks.release.sentences import Sentence
from tasks.release.test_sentences import spoken
from tasks.release.voice import within_full_scale
from tasks.stage import ConfigView, Inputs, Produced, Work

KINDS = timed_kinds("timing, pitch and energy", "pitch and energy")


def synthesize_corpus(inputs: Inputs, cfg: ConfigView, work: Work, *, training: str) -> Produced:
    """Render the clips with what the stage `training` wrote; `samples.json` lists what was made.

    Raises:
        UserError: the shards hold no clip, a network's file is damaged, or the device is not there.
    """
    files = inputs.files("shard")
    device = chosen_device(cfg.compute.device)
    clips = rendered_clips(files)
    with arithmetic_threads(cfg.compute.threads):
        # The recordings have no silence at their ends, and what is compared with them must have none.
        voice = assemble_voice(training, inputs, clips, cfg).with_manner({"keep_edges": False}).on(device)

        def render(clip: ClipFacts, known: Clip) -> list[Sample]:
            return _render(voice, clip, known, cfg.seed)

        chosen = held_out(clips, cfg.release.kokoro.clips, set())
        count = cfg.release.evaluate.sentences
        said = spoken(voice, count, cfg.seed)
        return render_with_prosody(chosen, files, cfg.family, render, KINDS, work, said, count)


@torch.no_grad()
def _render(voice: KokoroVoice, clip: ClipFacts, known: Clip, seed: int) -> list[Sample]:
    reference = voice.reference_of(clip.speaker if clip.speaker in voice.references else None)
    recorded = clip_samples(clip)
    batch = placed(collate([known]), voice.device)
    lengths = torch.tensor(batch.token_lengths)
    rows = voice_rows_of(reference.table, lengths).to(voice.device)

    def seed_of(kind: str) -> int:
        return derive_seed(seed, "synthesize", clip.utterance_id, kind)

    def in_step(kind: str, own_prosody: bool) -> Sample:
        spoken = voice.model.forward_train(
            batch.tokens,
            lengths,
            rows,
            teacher_dur=batch.durations,
            teacher_f0=batch.f0_hz if own_prosody else None,
            teacher_noise=log_norm(batch.mel) if own_prosody else None,
            rngs=[torch.Generator().manual_seed(seed_of(kind))],
        )
        edge = voice.family.edge_silence_samples
        wave = np.asarray(spoken.audio[0, 0].cpu().numpy(), dtype=np.float32)
        return Sample(kind, within_full_scale(wave[edge : edge + len(recorded)]))

    return [
        Sample(RECORDING, recorded),
        in_step("resynthesis", own_prosody=True),
        in_step("timed", own_prosody=False),
        Sample("text", voice.render(Sentence(clip.text, (clip_speech(clip),)), reference, seed_of("text"))),
    ]
