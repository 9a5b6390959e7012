"""Every stage, in an order in which each follows what it reads."""

from __future__ import annotations

from tasks.corpus.enhance import ENHANCE
from tasks.corpus.ingest import INGEST
from tasks.corpus.language import LANGUAGE
from tasks.corpus.measure import MEASURE
from tasks.corpus.screen import SCREEN
from tasks.corpus.segment import SEGMENT
from tasks.corpus.transcribe import TRANSCRIBE
from tasks.features.acoustic_model import ACOUSTIC_MODEL
from tasks.features.align import ALIGN
from tasks.features.content import CONTENT
from tasks.features.linguistic import LINGUISTIC
from tasks.features.phonemize import PHONEMIZE
from tasks.features.pitch import PITCH
from tasks.features.shard import SHARD
from tasks.features.speaker import SPEAKER
from tasks.features.speaker_profile import SPEAKER_PROFILE
from tasks.features.speaker_vector import SPEAKER_VECTOR
from tasks.features.spectrogram import SPECTROGRAM
from tasks.finetune.semantic import SEMANTIC
from tasks.finetune.sovits import TRAIN_SOVITS
from tasks.finetune.t2s import TRAIN_T2S
from tasks.release.evaluate import EVALUATE
from tasks.release.export import EXPORT
from tasks.release.report import REPORT
from tasks.release.synthesize import SYNTHESIZE

PREPARE = (
    INGEST,
    SEGMENT,
    ENHANCE,
    LANGUAGE,
    TRANSCRIBE,
    MEASURE,
    SPEAKER,
    PHONEMIZE,
    ACOUSTIC_MODEL,
    ALIGN,
    SCREEN,
    PITCH,
    SPECTROGRAM,
    CONTENT,
    LINGUISTIC,
    SPEAKER_VECTOR,
    SPEAKER_PROFILE,
    SHARD,
)
"""From recordings to a training table."""

FINETUNE = (TRAIN_SOVITS, SEMANTIC, TRAIN_T2S)
"""From the table to trained networks."""

RELEASE = (SYNTHESIZE, EVALUATE, EXPORT, REPORT)
"""From networks to a voice and its page."""

STAGES = (*PREPARE, *FINETUNE, *RELEASE)
