"""All settings of a run, one section per room of the pipeline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.align import AlignSettings
from configs.base import Section
from configs.compute import ComputeSettings
from configs.content import ContentSettings
from configs.corpus import CorpusSettings
from configs.enhance import EnhanceSettings
from configs.family import FamilySettings
from configs.frames import frame_of
from configs.gates import GatesSettings
from configs.linguistic import LinguisticSettings
from configs.measure import MeasureSettings
from configs.phonemize import PhonemizeSettings
from configs.pitch import PitchSettings
from configs.plan import PlanSettings
from configs.release import (
    EvaluateSettings,
    ExportSettings,
    KokoroSpeakSettings,
    StyleTTS2SpeakSettings,
    SynthesizeSettings,
)
from configs.screen import ScreenSettings
from configs.segment import SegmentSettings
from configs.shard import ShardSettings
from configs.speaker import SpeakerSettings
from configs.speaker_vector import SpeakerVectorSettings
from configs.spectrogram import SpectrogramSettings
from configs.storage import StoreSettings
from configs.tracking import TrackingSettings
from configs.train_kokoro import KokoroTrainSettings
from configs.train_kokoro_fit import KokoroFitSettings
from configs.train_sovits import SovitsTrainSettings
from configs.train_styletts2 import StyleTTS2TrainSettings
from configs.train_t2s import T2sTrainSettings
from configs.transcribe import TranscribeSettings
from configs.weights import WeightsSettings


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

    begin: Literal["anew", "champion"] = Field(
        "anew",
        description="what a training on new data begins with. `anew`: what the settings name, every time; "
        "`champion`: the weights of the version that speaks, on all of the data, old and new (all but "
        "StyleTTS 2 from scratch)",
    )
    plan: PlanSettings = PlanSettings()
    sovits: SovitsTrainSettings = SovitsTrainSettings()
    t2s: T2sTrainSettings = T2sTrainSettings()
    styletts2: StyleTTS2TrainSettings = StyleTTS2TrainSettings()
    kokoro: KokoroTrainSettings = KokoroTrainSettings()
    kokoro_fit: KokoroFitSettings = KokoroFitSettings()

    @model_validator(mode="after")
    def _fitted_for_what_is_trained(self) -> Train:
        begins, fits = self.kokoro.pretrained, self.kokoro_fit.pretrained
        if self.kokoro.table.start == "fitted" and self.kokoro.method == "train" and begins != fits:
            raise ValueError(
                f"kokoro_fit.pretrained = {fits} is not kokoro.pretrained = {begins}, and voices that are "
                "fitted for other weights are no beginning; set both alike"
            )
        return self


class Release(Section):
    """From trained networks to a voice."""

    synthesize: SynthesizeSettings = SynthesizeSettings()
    styletts2: StyleTTS2SpeakSettings = StyleTTS2SpeakSettings()
    kokoro: KokoroSpeakSettings = KokoroSpeakSettings()
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
    weights: WeightsSettings = WeightsSettings()
    store: StoreSettings = StoreSettings()
    tracking: TrackingSettings = TrackingSettings()
    gates: GatesSettings = GatesSettings()

    @model_validator(mode="after")
    def _family_has_onnx(self) -> Settings:
        if self.release.export.onnx and not frame_of(self.family.name).onnx:
            raise ValueError(
                f"release.export.onnx = true: a {self.family.name} voice is not exported as ONNX; set it to "
                "false"
            )
        return self
