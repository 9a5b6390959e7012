"""A StyleTTS 2 voice trained for a few steps on tones, exported once for all tests here."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from configs.corpus import CorpusSettings
from configs.release import EvaluateSettings, ExportSettings, StyleTTS2SpeakSettings
from configs.speaker import SpeakerSettings
from tasks.finetune.styletts2.stages import TRAIN_STYLETTS2_STAGE1, TRAIN_STYLETTS2_STAGE2
from tasks.release.stages import EVALUATE
from tasks.release.styletts2.stages import export_stage, synthesize_stage
from tasks.stage import function_of
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.styletts2 import case as styletts2_case


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Every stage's outcome from training to export, by name."""
    folder = tmp_path_factory.mktemp("styletts2_release")
    tree = styletts2_case.settings(validate_every_steps=0, sample_clips=0)
    tree.voice = "tones"
    tree.corpus = CorpusSettings(licence="CC0-1.0")
    tree.features = SimpleNamespace(speaker=SpeakerSettings(), phonemize=synthetic.LEXICON)
    tree.release = SimpleNamespace(
        styletts2=StyleTTS2SpeakSettings(clips=1, diffusion_steps=3),
        evaluate=EvaluateSettings(sentences=1, recogniser=None),
        export=ExportSettings(),
    )
    shards = styletts2_case.write_shards(folder / "shards")
    inputs = synthetic.FakeInputs({"shard": shards})
    profiles = [
        {
            "speaker": speaker,
            "centroid": np.full(256, 1 / 16, np.float32).tolist(),
            "n_clips": 3,
            "duration_s": 4.0 - at,
            "reference_utterance_id": f"tone_{at:03d}",
            "backend": "resemblyzer",
        }
        for at, speaker in enumerate("ab")
    ]
    inputs.tables["speaker_profile"] = pa.Table.from_pylist(profiles)
    inputs.tables["other_phones"] = styletts2_case.OTHER_PHONES
    made = {}
    last = TRAIN_STYLETTS2_STAGE2.name
    for stage in (
        TRAIN_STYLETTS2_STAGE1,
        TRAIN_STYLETTS2_STAGE2,
        synthesize_stage(last),
        EVALUATE,
        export_stage(last),
    ):
        work = synthetic.work(folder / stage.name)
        made[stage.name] = function_of(stage)(inputs, synthetic.view(stage, tree), work)
        inputs.stage_files[stage.name] = dict(made[stage.name].files)
    return SimpleNamespace(**made)
