"""All settings of a run, one section per room of the pipeline."""

from __future__ import annotations

from pydantic import Field

from configs.align import AlignSettings
from configs.base import Section
from configs.compute import ComputeSettings
from configs.content import ContentSettings
from configs.corpus import CorpusSettings
from configs.enhance import EnhanceSettings
from configs.family import FamilySettings
from configs.linguistic import LinguisticSettings
from configs.measure import MeasureSettings
from configs.phonemize import PhonemizeSettings
from configs.pitch import PitchSettings
from configs.release import EvaluateSettings, ExportSettings, SynthesizeSettings
from configs.screen import ScreenSettings
from configs.segment import SegmentSettings
from configs.shard import ShardSettings
from configs.speaker import SpeakerSettings
from configs.speaker_vector import SpeakerVectorSettings
from configs.spectrogram import SpectrogramSettings
from configs.storage import StoreSettings
from configs.tracking import TrackingSettings
from configs.train_sovits import SovitsTrainSettings
from configs.train_t2s import T2sTrainSettings
from configs.transcribe import TranscribeSettings


class Corpus(CorpusSettings):
    """From recordings to screened utterances."""

    segment: SegmentSettings = SegmentSettings()
    enhance: EnhanceSettings = EnhanceSettings()
    transcribe: TranscribeSettings = TranscribeSettings()
    measure: MeasureSettings = MeasureSettings()
    screen: ScreenSettings = ScreenSettings()


class Features(Section):
    """From utterances to what a model learns from."""

    phonemize: PhonemizeSettings = PhonemizeSettings()
    align: AlignSettings = AlignSettings()
    pitch: PitchSettings = PitchSettings()
    spectrogram: SpectrogramSettings = SpectrogramSettings()
    content: ContentSettings = ContentSettings()
    linguistic: LinguisticSettings = LinguisticSettings()
    speaker: SpeakerSettings = SpeakerSettings()
    speaker_vector: SpeakerVectorSettings = SpeakerVectorSettings()
    shard: ShardSettings = ShardSettings()


class Train(Section):
    """Training of the networks."""

    sovits: SovitsTrainSettings = SovitsTrainSettings()
    t2s: T2sTrainSettings = T2sTrainSettings()


class Release(Section):
    """From trained networks to a voice."""

    synthesize: SynthesizeSettings = SynthesizeSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    export: ExportSettings = ExportSettings()


class Settings(Section):
    """Everything that can be set."""

    voice: str = Field("", description="Name of the voice; set by --voice.")
    preset: str = Field("", description="Preset these settings started from; set by --preset.")
    seed: int = Field(1234, ge=0, description="Seed of every random choice.")
    family: FamilySettings = FamilySettings()
    corpus: Corpus = Corpus()
    features: Features = Features()
    train: Train = Train()
    release: Release = Release()
    compute: ComputeSettings = ComputeSettings()
    store: StoreSettings = StoreSettings()
    tracking: TrackingSettings = TrackingSettings()
