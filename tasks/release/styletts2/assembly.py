"""A StyleTTS 2 voice put together from a run's own stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from tasks.device import CPU
from tasks.finetune.trained import read_json
from tasks.pipeline import Pipeline
from tasks.release.clips import (
    ClipFacts,
    clip_facts,
    clip_samples,
    corpus_clip,
    languages_of,
    representative,
)
from tasks.release.styletts2.networks import load_model
from tasks.release.styletts2.voice import StyleReference, StyleTTS2Voice
from tasks.stage import ConfigView, Inputs


def assemble_voice(
    training: str, inputs: Inputs, cfg: ConfigView, device: torch.device = CPU
) -> StyleTTS2Voice:
    """The voice of this run, with its networks on a device.

    Raises:
        UserError: a network's file is damaged.
    """
    clips = clip_facts(inputs.files("shard"))
    files = inputs.files(training)
    profiles = inputs.table("speaker_profile").to_pylist()
    speakers = {clip.speaker for clip in clips}
    heard = [profile for profile in profiles if profile["speaker"] in speakers]
    voice = StyleTTS2Voice(
        model=load_model(files, read_json(files["config.json"])["sizes"]),
        family=cfg.family,
        languages=languages_of(clips),
        references={},
        default_speaker=max(heard, key=lambda p: (p["duration_s"], p["speaker"]))["speaker"],
        manner=cfg.release.styletts2,
    ).on(device)
    references: Mapping[str, StyleReference] = {
        profile["speaker"]: clip_reference(voice, representative(profile, clips)) for profile in heard
    }
    return replace(voice, references=references)


def clip_reference(voice: StyleTTS2Voice, clip: ClipFacts) -> StyleReference:
    """A clip of the corpus as a reference."""
    samples = clip_samples(clip)
    return StyleReference(
        speaker=clip.speaker,
        utterance_id=clip.utterance_id,
        text=clip.text,
        language=clip.language,
        samples=np.asarray(samples, dtype=np.float32),
        style=voice.style_of(samples),
    )


def corpus_reference(voice: StyleTTS2Voice, pipeline: Pipeline, utterance_id: str) -> StyleReference:
    """A clip of the finished voice's corpus as a reference.

    Raises:
        UserError: the corpus has no such clip, or is not finished.
    """
    return clip_reference(voice, corpus_clip(pipeline, utterance_id))
