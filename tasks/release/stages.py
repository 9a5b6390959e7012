"""The stages of a release that families share: measuring what was rendered, and the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from artifacts import schemas
from tasks.stage import SCAN, ConfigView, CorpusStage, Stage

EVALUATE_READS: dict[str, tuple[str, ...]] = {
    "synthesize": ("*",),
    "speaker_profile": ("speaker", "centroid"),
}
EVALUATE_CONFIG = (
    "release.evaluate",
    "family",
    "features.speaker.backend",
    "features.speaker.model",
    "features.speaker.download",
)
EVALUATE_LIBRARIES = (
    "torch",
    "numpy",
    "scipy",
    "pyworld",
    "resemblyzer",
    "speechbrain",
    "faster-whisper",
    "pocketsphinx",
    "onnxruntime",
    "librosa",
)
EVALUATE_MACHINE = ("compute.device", "compute.threads")
"""What a stage declares that measures renderings, and whatever else the family measures."""


def embeds_by_network(cfg: ConfigView) -> bool:
    """Whether speakers are told by a network that runs on the device."""
    return bool(cfg.features.speaker.backend == "ecapa")


EVALUATE = CorpusStage(
    name="evaluate",
    version=1,
    run="tasks.release.evaluate:evaluate_corpus",
    reads=EVALUATE_READS,
    config=EVALUATE_CONFIG,
    machine=EVALUATE_MACHINE,
    uses_gpu=embeds_by_network,
    schema=schemas.NOTHING,
    libraries=EVALUATE_LIBRARIES,
    about="distances of renderings to recordings",
)
"""The stage of families that measure nothing of their own."""

EXPORT_CONFIG = ("release.export", "features.phonemize.lexicon", "corpus.licence", "voice")
"""What every family's export declares beside how its voices speak."""

_SHOWN: dict[str, tuple[str, ...]] = {
    "ingest": ("recording_id", "source_path", "source_digest", "duration_s"),
    "segment": ("utterance_id", "recording_id"),
    "measure": ("utterance_id", "snr_db", "reverberation_s"),
    "enhance": ("utterance_id", "duration_s", "loudness_lufs"),
    "align": ("utterance_id", "backend", "backend_version", "phones", "words"),
    "screen": (
        "utterance_id",
        "speaker",
        "language",
        "text",
        "duration_s",
        "snr_db",
        "alignment_score",
    ),
}
"""Columns that the pages show; of every other stage they tell how many rows it has."""


def report_stage(run: str, phases: Mapping[str, Sequence[Stage]]) -> CorpusStage:
    """The pages of a family's voices.

    Args:
        run: The family's function.
        phases: Every stage before this one, in order, by the part of the pipeline it belongs to.
    """
    stages = [stage for part in phases.values() for stage in part]
    names = {part: tuple(stage.name for stage in own) for part, own in phases.items()}
    return CorpusStage(
        name="report",
        version=1,
        run=run,
        arguments={"phases": names},
        reads={stage.name: _SHOWN.get(stage.name, tuple(stage.schema.names[:1])) for stage in stages},
        rejects_of=(SCAN, *(stage.name for stage in stages)),
        records_of=(SCAN, *(stage.name for stage in stages)),
        config=("voice", "preset", "seed", "family", "corpus", "features", "train", "release"),
        schema=schemas.NOTHING,
        libraries=("jinja2", "matplotlib", "numpy"),
        about="pages about the voice: corpus, clips, training, metrics, lineage",
    )
