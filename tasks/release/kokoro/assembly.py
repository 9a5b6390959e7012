"""A Kokoro voice put together from a run's own stages."""

from __future__ import annotations

from collections.abc import Sequence

from models.layers.conv import fold_weight_norm
from tasks.finetune.kokoro.trained import TrainedKokoro, read_trained
from tasks.pipeline import Pipeline
from tasks.release.clips import ClipFacts, corpus_clip, languages_of
from tasks.release.kokoro.voice import KokoroVoice, SpeakerTable
from tasks.stage import ConfigView, Inputs


def assemble_voice(training: str, inputs: Inputs, clips: Sequence[ClipFacts], cfg: ConfigView) -> KokoroVoice:
    """The voice of this run, for use: weight norm folded, not to be trained or saved.

    Args:
        training: The stage that wrote model and tables.
        inputs: Of the stage that asks.
        clips: The corpus.
        cfg: The stage's settings.

    Raises:
        UserError: a network's file is damaged.
    """
    voice = trained_voice(read_trained(inputs.files(training)), clips, cfg)
    fold_weight_norm(voice.model)
    return voice


def trained_voice(trained: TrainedKokoro, clips: Sequence[ClipFacts], cfg: ConfigView) -> KokoroVoice:
    """The voice of networks as training left them; whoever speaks longest in `clips` is its first speaker."""
    seconds = dict.fromkeys(trained.voices, 0.0)
    for clip in clips:
        seconds[clip.speaker] = seconds.get(clip.speaker, 0.0) + clip.duration_s
    return KokoroVoice(
        model=trained.model,
        family=cfg.family,
        languages=languages_of(clips),
        references={name: SpeakerTable(name, "", table) for name, table in trained.voices.items()},
        default_speaker=max(trained.voices, key=lambda name: (seconds[name], name)),
        manner=cfg.release.kokoro,
    )


def corpus_reference(voice: KokoroVoice, pipeline: Pipeline, utterance_id: str) -> SpeakerTable:
    """The table of a clip's speaker.

    Raises:
        UserError: the corpus has no such clip, or is not finished.
    """
    return voice.reference_of(corpus_clip(pipeline, utterance_id).speaker)
