"""The stage `synthesize`: held-out clips rendered in every way that tells something.

For each clip there are four files, and their names say which path made them:

- `recording`: the clip itself;
- `posterior`: resynthesis from the clip's own spectrogram. The model hears the answer, so this shows
  what the vocoder can do and says nothing about speaking;
- `codes`: the prior path from the clip's own semantic codes, so with the recording's timing;
- `text`: what a listener gets: text to codes by the decoder, codes to audio by the prior path.
"""

from __future__ import annotations

import numpy as np
import torch

from models.frontend.audio import Samples
from models.frontend.level import training_gain
from models.seeds import derive_seed
from models.sovits.step import reconstructed
from models.threads import arithmetic_threads
from tasks.device import chosen_device, placed
from tasks.finetune.gpt_sovits.examples import Example, read_split
from tasks.finetune.gpt_sovits.sovits.batch import collate
from tasks.release.clips import ClipFacts, clip_samples, clip_speech, held_out, rendered_clips
from tasks.release.gpt_sovits.assembly import assemble_voice, codes_by_clip
from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.release.samples import RECORDING, Kind, Kinds, Sample, write_samples
from tasks.release.test_sentences import spoken
from tasks.stage import ConfigView, Inputs, Produced, Work

KINDS: Kinds = {
    RECORDING: Kind("the held-out recording", in_step=True),
    "posterior": Kind("resynthesised from the recording's own spectrogram (vocoder check)", in_step=True),
    "codes": Kind("from the recording's semantic codes, with its timing", in_step=True),
    "text": Kind("from text alone, as the voice speaks", in_step=False),
}
CACHE_MB = 256


def synthesize_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Render the clips; `samples.json` lists what was made.

    Raises:
        UserError: the shards hold no clip, or the device is not there.
    """
    settings = cfg.release.synthesize
    files = inputs.files("shard")
    clips = rendered_clips(files)
    voice = assemble_voice(inputs, cfg, chosen_device(cfg.compute.device))
    codes = codes_by_clip(inputs)
    chosen = held_out(clips, settings.clips, {r.utterance_id for r in voice.references.values()})

    def render(clip: ClipFacts) -> list[Sample]:
        examples = read_split(files, clip.split, voice.frame, CACHE_MB)
        example = examples[list(examples.utterance_ids).index(clip.utterance_id)]
        return _render(voice, clip, example, codes[clip.utterance_id], cfg.seed)

    with arithmetic_threads(cfg.compute.threads):
        count = cfg.release.evaluate.sentences
        said = spoken(voice, count, cfg.seed)
        return write_samples(chosen, render, KINDS, voice.frame.sample_rate, work, said, count)


def _render(
    voice: GptSovitsVoice, clip: ClipFacts, example: Example, codes: tuple[int, ...], seed: int
) -> list[Sample]:
    phonemized = clip_speech(clip)
    reference = voice.reference_of(clip.speaker if clip.speaker in voice.references else None)

    def seed_of(kind: str) -> int:
        return derive_seed(seed, "synthesize", clip.utterance_id, kind)

    rendered = voice.render([phonemized], [reference], seed_of("text"))
    own_codes, phone_ids = torch.tensor([codes]), torch.tensor([phonemized.phone_ids])
    rng = torch.Generator().manual_seed(seed_of("codes"))
    from_codes = voice.render_codes(own_codes, phone_ids, voice.style_of([reference]), rng, speed=1.0)
    # The others come at the level that the voice was trained at.
    recording = clip_samples(clip)
    recording = recording * np.float32(training_gain(recording))
    return [
        Sample(RECORDING, recording),
        Sample("posterior", _resynthesis(voice, example)),
        Sample("codes", from_codes),
        Sample("text", rendered.samples, rendered.cut_off),
    ]


@torch.no_grad()
def _resynthesis(voice: GptSovitsVoice, example: Example) -> Samples:
    batch = collate([example], voice.frame.hop_samples, voice.generator.config.uses_speaker_vector)
    output = reconstructed(voice.generator, placed(batch, voice.device))
    return np.asarray(output.wave[0, 0].cpu().numpy(), dtype=np.float32)
