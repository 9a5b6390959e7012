"""Settings whose value is, or may be, a file or folder of this machine."""

from __future__ import annotations

PLACES = (
    "corpus.metadata",
    "corpus.corrections",
    "corpus.transcribe.model",
    "features.phonemize.lexicon",
    "features.align.mfa.executable",
    "features.align.mfa.acoustic_model",
    "features.content.model",
    "features.linguistic.model",
    "features.speaker.model",
    "features.speaker_vector.model",
    "train.sovits.pretrained",
    "train.sovits.pretrained_discriminator",
    "train.t2s.pretrained",
    "train.styletts2.pretrained",
    "train.styletts2.pretrained_aligner",
    "train.styletts2.pretrained_pitch",
    "train.styletts2.pretrained_bert",
    "train.styletts2.slm.model",
    "train.styletts2.slm.other_texts",
    "train.styletts2.listening.recogniser",
    "train.kokoro.pretrained",
    "train.kokoro.table.voices",
    "train.kokoro.table.styles",
    "train.kokoro.slm.model",
    "train.kokoro.listening.recogniser",
    "train.kokoro_fit.pretrained",
    "train.kokoro_fit.pretrained_voices",
    "train.kokoro_fit.voices",
    "train.kokoro_fit.recogniser",
    "release.evaluate.recogniser",
    "release.evaluate.naturalness",
    "release.evaluate.second_naturalness",
    "release.evaluate.encoder",
    "weights.folder",
)
"""Relative ones are found from where the command is typed; a name of published weights is none."""
NEW_PLACES = ("store.url", "tracking.artifacts")
"""The same of folders that are made where they are missing; a URL is none."""
