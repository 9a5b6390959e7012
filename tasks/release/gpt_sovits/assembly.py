"""A voice put together from a run's own stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from models.frontend.audio import decode_flac
from models.t2s.packed import prepare_for_decoding
from tasks.device import CPU
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.trained import load_decoder, load_generator
from tasks.finetune.trained import read_json
from tasks.pipeline import Pipeline
from tasks.release.clips import (
    ClipFacts,
    clip_facts,
    clip_row,
    clip_speech,
    corpus_clip,
    languages_of,
    representative,
)
from tasks.release.gpt_sovits.marks import missing_marks, with_marks
from tasks.release.gpt_sovits.prompt import prompt_codes
from tasks.release.gpt_sovits.reference import Reference
from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.stage import ConfigView, Inputs


def codes_by_clip(inputs: Inputs) -> dict[str, tuple[int, ...]]:
    """Semantic codes of every clip."""
    table = inputs.table("semantic", ["utterance_id", "codes"])
    names = table.column("utterance_id").to_pylist()
    return {n: tuple(c) for n, c in zip(names, table.column("codes").to_pylist(), strict=True)}


def assemble_voice(inputs: Inputs, cfg: ConfigView, device: torch.device = CPU) -> GptSovitsVoice:
    """The voice of this run, with its networks and the encoders of its references on a device.

    Raises:
        UserError: a network's file is damaged, or one cannot compute there.
    """
    clips = clip_facts(inputs.files("shard"))
    sovits, t2s = inputs.files("train_sovits"), inputs.files("train_t2s")
    sovits_config, t2s_config = read_json(sovits["config.json"]), read_json(t2s["config.json"])
    profiles = inputs.table("speaker_profile").to_pylist()
    speakers = {clip.speaker for clip in clips}
    heard = [profile for profile in profiles if profile["speaker"] in speakers]
    voice = GptSovitsVoice(
        generator=load_generator(sovits["generator.safetensors"], sovits_config["sizes"]),
        decoder=prepare_for_decoding(
            load_decoder(t2s["decoder.safetensors"], t2s_config["sizes"]),
            cfg.release.synthesize.decoder_weights,
        ),
        frame=spectrogram_parameters(cfg.family),
        symbol_table=sovits_config["symbol_table"],
        languages=languages_of(clips),
        references={},
        default_speaker=max(heard, key=lambda p: (p["duration_s"], p["speaker"]))["speaker"],
        manner=cfg.release.synthesize,
        linguistic=cfg.features.linguistic,
        content=cfg.features.content,
        speaker_vector=cfg.features.speaker_vector,
        published=not (sovits_config["from_scratch"] or t2s_config["from_scratch"]),
    ).on(device)
    chosen = {profile["speaker"]: representative(profile, clips) for profile in heard}
    return replace(voice, references={name: clip_reference(voice, clip) for name, clip in chosen.items()})


def clip_reference(voice: GptSovitsVoice, clip: ClipFacts) -> Reference:
    """A clip of the corpus as a reference of the voice.

    Raises:
        UserError: weights of an encoder cannot be had.
    """
    row = clip_row(clip, ["audio", "linguistic", "linguistic_dim", "speaker_vector"])
    vector = row["speaker_vector"]
    samples = np.asarray(decode_flac(row["audio"]["bytes"]).samples, dtype=np.float32)
    speech = clip_speech(clip)
    runs = with_marks([speech])
    added = missing_marks(speech.phones, speech.symbol_table)
    # Marks of a Chinese clip have vectors of their own, and change those of the characters around them.
    linguistic = voice.linguistic_features(runs) if any(added) else None
    if linguistic is None and row["linguistic"]:
        stored = np.frombuffer(row["linguistic"], np.float16).reshape(-1, row["linguistic_dim"])
        linguistic = np.ascontiguousarray(np.pad(stored.astype(np.float32), (added, (0, 0))).T)
    return Reference(
        speaker=clip.speaker,
        utterance_id=clip.utterance_id,
        text=clip.text,
        language=clip.language,
        samples=samples,
        phone_ids=tuple(phone_id for run in runs for phone_id in run.phone_ids),
        codes=prompt_codes(samples, voice.generator, voice.frame, voice.content, voice.device),
        linguistic=linguistic,
        speaker_vector=np.frombuffer(vector, np.float32).copy() if vector else None,
    )


def corpus_reference(voice: GptSovitsVoice, pipeline: Pipeline, utterance_id: str) -> Reference:
    """A clip of the finished voice's corpus as a reference.

    Raises:
        UserError: the corpus has no such clip, or weights of an encoder cannot be had.
    """
    return clip_reference(voice, corpus_clip(pipeline, utterance_id))
