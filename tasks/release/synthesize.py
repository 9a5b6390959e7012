"""The stage `synthesize`: held-out clips rendered in every way that tells something.

For each clip there are four files, and their names say which path made them:

- `recording`: the clip itself;
- `posterior`: resynthesis from the clip's own spectrogram. The model hears the answer, so this shows
  what the vocoder can do and says nothing about speaking;
- `codes`: the prior path from the clip's own semantic codes, so with the recording's timing;
- `text`: what a listener gets: text to codes by the decoder, codes to audio by the prior path.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from artifacts import schemas
from configs.errors import UserError
from models.frontend.audio import Samples, decode_flac, encode_flac
from models.frontend.text.g2p import Phonemized
from tasks.finetune.batches import derive_seed
from tasks.finetune.examples import Example, read_split
from tasks.finetune.session import arithmetic_threads
from tasks.finetune.sovits import collate
from tasks.release.assembly import (
    CONFIG,
    READS,
    ClipFacts,
    assemble_voice,
    clip_facts,
    clip_row,
    codes_by_clip,
)
from tasks.release.voice import Voice
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

Kind = Literal["recording", "posterior", "codes", "text"]
KINDS: tuple[Kind, ...] = ("recording", "posterior", "codes", "text")
ABOUT: dict[Kind, str] = {
    "recording": "the held-out recording",
    "posterior": "resynthesised from the recording's own spectrogram (vocoder check)",
    "codes": "from the recording's semantic codes, with its timing",
    "text": "from text alone, as the voice speaks",
}
CACHE_MB = 256
_SPOKEN = ("normalized_text", "language", "symbol_table", "words", "phones", "phone_ids", "word2ph")


class _Sample(NamedTuple):
    kind: Kind
    samples: Samples
    cut_off: bool


def synthesize_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Render the clips; `samples.json` lists what was made.

    Raises:
        UserError: the shards hold no clip.
    """
    settings = cfg.release.synthesize
    files = inputs.files("shard")
    clips = clip_facts(files)
    if not clips:
        raise UserError("synthesize: the shards hold 0 clips; run the stage shard again")
    voice = assemble_voice(inputs, cfg)
    codes = codes_by_clip(inputs)
    chosen = held_out(clips, settings.clips, {r.utterance_id for r in voice.references.values()})
    listing: list[dict[str, Any]] = []
    made = {}
    warnings = []
    if chosen[0].split == "train":
        warnings.append("no clip was held out: the samples are clips that the voice was trained on")
    with arithmetic_threads(cfg.compute.threads):
        for number, clip in enumerate(chosen):
            examples = read_split(files, clip.split, voice.frame, CACHE_MB)
            example = examples[list(examples.utterance_ids).index(clip.utterance_id)]
            for sample in _render(voice, clip, example, codes[clip.utterance_id], cfg.seed):
                name = f"samples/{clip.utterance_id}.{sample.kind}.flac"
                path = work.dir / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode_flac(sample.samples, voice.frame.sample_rate))
                made[name] = path
                listing.append(_entry(clip, sample, name, voice))
            work.progress(number + 1, len(chosen), clip.utterance_id)
    cut_off = [entry["utterance_id"] for entry in listing if entry["cut_off"]]
    if cut_off:
        warnings.append(
            f"the decoder found no end for {len(cut_off)} of {len(chosen)} sentences "
            f"({', '.join(cut_off)}); train T2S longer"
        )
    made["samples.json"] = work.dir / "samples.json"
    made["samples.json"].write_text(json.dumps(listing, indent=1, ensure_ascii=False) + "\n")
    metrics = {"clips": float(len(chosen)), "cut_off": float(len(cut_off))}
    return Produced(files=made, metrics=metrics, warnings=warnings)


def held_out(clips: Sequence[ClipFacts], count: int, references: set[str]) -> list[ClipFacts]:
    """Clips to render: test before validation before training, references last within each."""
    order = {"test": 0, "validation": 1, "train": 2}
    ranked = sorted(clips, key=lambda c: (order[c.split], c.utterance_id in references, c.utterance_id))
    unseen = [clip for clip in ranked if clip.split != "train"]
    return (unseen or ranked)[:count]


def _render(
    voice: Voice, clip: ClipFacts, example: Example, codes: tuple[int, ...], seed: int
) -> list[_Sample]:
    spoken = clip_row(clip, _SPOKEN)
    phonemized = Phonemized(**spoken, unknown=[])
    reference = voice.reference_of(clip.speaker if clip.speaker in voice.references else None)

    def seed_of(kind: Kind) -> int:
        return derive_seed(seed, "synthesize", clip.utterance_id, kind)

    rendered = voice.render([phonemized], [reference], seed_of("text"))
    own_codes, phone_ids = torch.tensor([codes]), torch.tensor([phonemized.phone_ids])
    rng = torch.Generator().manual_seed(seed_of("codes"))
    from_codes = voice.render_codes(own_codes, phone_ids, voice.style_of([reference]), rng, speed=1.0)
    return [
        _Sample("recording", decode_flac(_flac(clip)).samples, cut_off=False),
        _Sample("posterior", _resynthesis(voice, example), cut_off=False),
        _Sample("codes", from_codes, cut_off=False),
        _Sample("text", rendered.samples, rendered.cut_off),
    ]


@torch.no_grad()
def _resynthesis(voice: Voice, example: Example) -> Samples:
    batch = collate([example], voice.frame.hop_samples, voice.generator.config.uses_speaker_vector)
    output = voice.generator.reconstruct(
        batch.ssl,
        batch.spec,
        batch.spec_lengths,
        batch.phone_ids,
        batch.phone_lengths,
        speaker_vector=batch.speaker_vector,
    )
    return np.asarray(output.wave[0, 0].numpy(), dtype=np.float32)


def _flac(clip: ClipFacts) -> bytes:
    data: bytes = clip_row(clip, ["audio"])["audio"]["bytes"]
    return data


def _entry(clip: ClipFacts, sample: _Sample, name: str, voice: Voice) -> dict[str, Any]:
    return {
        "utterance_id": clip.utterance_id,
        "speaker": clip.speaker,
        "language": clip.language,
        "text": clip.text,
        "split": clip.split,
        "kind": sample.kind,
        "about": ABOUT[sample.kind],
        "file": name,
        "duration_s": len(sample.samples) / voice.frame.sample_rate,
        "cut_off": sample.cut_off,
    }


SYNTHESIZE = CorpusStage(
    name="synthesize",
    version=1,
    run=synthesize_corpus,
    reads=READS,
    config=(*CONFIG, "seed", "compute.threads"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "soundfile"),
    about="held-out sentences rendered by every path",
)
