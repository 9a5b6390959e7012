"""Every stage, family by family, in an order in which each follows what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from configs.errors import UserError
from configs.settings import Settings
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
from tasks.finetune.gpt_sovits.stages import PLAN, SEMANTIC, TRAIN_SOVITS, TRAIN_T2S
from tasks.finetune.kokoro.stages import TRAIN_KOKORO, VOICE_TABLE
from tasks.finetune.styletts2.stages import (
    TRAIN_STYLETTS2_FINETUNE,
    TRAIN_STYLETTS2_STAGE1,
    TRAIN_STYLETTS2_STAGE2,
)
from tasks.release.evaluate import EVALUATE as EVALUATE_RENDERINGS
from tasks.release.gpt_sovits.evaluate import EVALUATE
from tasks.release.gpt_sovits.export import EXPORT
from tasks.release.gpt_sovits.report import REPORT
from tasks.release.gpt_sovits.synthesize import SYNTHESIZE
from tasks.release.kokoro.export import EXPORT as EXPORT_KOKORO
from tasks.release.kokoro.report import REPORT as REPORT_KOKORO
from tasks.release.kokoro.synthesize import SYNTHESIZE as SYNTHESIZE_KOKORO
from tasks.release.styletts2.export import export_stage
from tasks.release.styletts2.report import pages
from tasks.release.styletts2.synthesize import synthesize_stage
from tasks.stage import Stage

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


@dataclass(frozen=True)
class Family:
    """What a family of models adds to the corpus's stages, which all families share.

    Attributes:
        finetune: From the table to trained networks.
        release: From networks to a voice and its page.
    """

    finetune: tuple[Stage, ...]
    release: tuple[Stage, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The whole pipeline."""
        return (*PREPARE, *self.finetune, *self.release)


def _styletts2_release(*trainings: str) -> tuple[Stage, ...]:
    """Stages that release what the last of the training stages wrote."""
    last = trainings[-1]
    return (synthesize_stage(last), EVALUATE_RENDERINGS, export_stage(last), pages(*trainings))


FINE_TUNED_STYLETTS2 = "styletts2, fine-tuned"

FAMILIES: Mapping[str, Family] = {
    "gpt-sovits": Family(
        finetune=(PLAN, TRAIN_SOVITS, SEMANTIC, TRAIN_T2S),
        release=(SYNTHESIZE, EVALUATE, EXPORT, REPORT),
    ),
    "styletts2": Family(
        finetune=(TRAIN_STYLETTS2_STAGE1, TRAIN_STYLETTS2_STAGE2),
        release=_styletts2_release(TRAIN_STYLETTS2_STAGE1.name, TRAIN_STYLETTS2_STAGE2.name),
    ),
    FINE_TUNED_STYLETTS2: Family(
        finetune=(TRAIN_STYLETTS2_FINETUNE,),
        release=_styletts2_release(TRAIN_STYLETTS2_FINETUNE.name),
    ),
    "kokoro": Family(
        finetune=(VOICE_TABLE, TRAIN_KOKORO),
        release=(SYNTHESIZE_KOKORO, EVALUATE_RENDERINGS, EXPORT_KOKORO, REPORT_KOKORO),
    ),
}
"""By the name that `family.name` takes; StyleTTS 2 has two ways to a voice."""


def family_of(settings: Settings) -> Family:
    """The family that the settings call for.

    Raises:
        UserError: it cannot be trained with this version.
    """
    name: str = settings.family.name
    if name == "styletts2" and settings.train.styletts2.pretrained is not None:
        name = FINE_TUNED_STYLETTS2
    if name not in FAMILIES:
        raise UserError(
            f"family.name = {name}: this version trains {', '.join(FAMILIES)} voices; choose one of them"
        )
    return FAMILIES[name]
