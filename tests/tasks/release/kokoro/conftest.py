"""A Kokoro voice trained for a few steps on tones, exported once for all tests here."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from configs.corpus import CorpusSettings
from configs.release import EvaluateSettings, ExportSettings, KokoroSpeakSettings
from configs.speaker import SpeakerSettings
from tasks.finetune.kokoro.stages import TRAIN_KOKORO, VOICE_TABLE
from tasks.release.kokoro.stages import TRAINED
from tasks.stage import function_of
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.kokoro import case as kokoro_case
from tests.tasks.finetune.styletts2 import case as styletts2_case


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Every stage's outcome from the voice table to export, by name."""
    folder = tmp_path_factory.mktemp("kokoro_release")
    tree = kokoro_case.settings(validate_every_steps=0, sample_clips=0, adversarial_step=None)
    tree.voice = "tones"
    tree.corpus = CorpusSettings(licence="CC0-1.0")
    tree.features = SimpleNamespace(speaker=SpeakerSettings(), phonemize=synthetic.LEXICON)
    tree.release = SimpleNamespace(
        kokoro=KokoroSpeakSettings(clips=1),
        evaluate=EvaluateSettings(sentences=1, recogniser=None),
        export=ExportSettings(),
    )
    inputs = synthetic.FakeInputs({"shard": styletts2_case.write_shards(folder / "shards")})
    random = np.random.default_rng(5)
    centroids = random.standard_normal((2, 256)).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    inputs.tables["speaker_profile"] = pa.Table.from_pylist([
        {"speaker": speaker, "centroid": centroid.tolist(), "backend": "resemblyzer"}
        for speaker, centroid in zip("ab", centroids, strict=True)
    ])  # fmt: skip
    made = {}
    for stage in (VOICE_TABLE, TRAIN_KOKORO, *TRAINED):
        work = synthetic.work(folder / stage.name)
        made[stage.name] = function_of(stage)(inputs, synthetic.view(stage, tree), work)
        inputs.stage_files[stage.name] = dict(made[stage.name].files)
    return SimpleNamespace(**made)
