"""A Sketch voice put together from a run's own stages."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.finetune.sketch.trained import TrainedSketch
from tasks.pipeline import Pipeline
from tasks.release.clips import ClipFacts, corpus_clip, languages_of
from tasks.release.sketch.voice import SketchVoice, Speaker
from tasks.stage import ConfigView

TRAINING = "train_sketch"


def trained_voice(trained: TrainedSketch, clips: Sequence[ClipFacts], cfg: ConfigView) -> SketchVoice:
    """The voice of a network as training left it."""
    speakers = trained.description["speakers"]
    return SketchVoice(
        model=trained.model,
        family=cfg.family,
        languages=languages_of(clips),
        references={name: Speaker(name) for name in speakers},
        default_speaker=speakers[0],
        manner=cfg.release.sketch,
    )


def corpus_reference(voice: SketchVoice, pipeline: Pipeline, utterance_id: str) -> Speaker:
    """The speaker of a clip; raises as `corpus_clip`."""
    return voice.reference_of(corpus_clip(pipeline, utterance_id).speaker)
