"""A voice trained for six steps on tones, exported once for all tests here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.finetune.gpt_sovits.semantic import semantic_rows
from tasks.finetune.gpt_sovits.sovits.train import train_sovits
from tasks.finetune.gpt_sovits.stages import SEMANTIC, TRAIN_SOVITS, TRAIN_T2S
from tasks.finetune.gpt_sovits.t2s.train import train_t2s
from tasks.release.gpt_sovits.evaluate import evaluate_corpus
from tasks.release.gpt_sovits.export import export_corpus
from tasks.release.gpt_sovits.stages import EVALUATE, EXPORT, SYNTHESIZE
from tasks.release.gpt_sovits.synthesize import synthesize_corpus
from tests.tasks.finetune import synthetic


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Every stage's outcome from training to export, by name."""
    folder = tmp_path_factory.mktemp("release")
    tree = synthetic.settings(content={"mfcc_dim": 12})
    shards = synthetic.write_shards(folder / "shards")
    inputs = synthetic.FakeInputs({"shard": shards})

    def run(function: object, stage: object) -> object:
        work = synthetic.work(folder / stage.name)
        produced = function(inputs, synthetic.view(stage, tree), work)
        inputs.stage_files[stage.name] = dict(produced.files)
        return produced

    sovits = run(train_sovits, TRAIN_SOVITS)
    columns = {"content": "features", "content_dim": "dim"}
    rows = [
        {columns.get(name, name): value for name, value in row.items()}
        for path in shards.values()
        for row in pq.read_table(path).to_pylist()
    ]
    coded = semantic_rows(rows, synthetic.view(SEMANTIC, tree), {"train_sovits": sovits.files})
    inputs.tables["semantic"] = pa.Table.from_pylist([o.rows[0] for o in coded], SEMANTIC.schema)
    centroid = np.full(256, 1 / 16, np.float32)
    profile = {
        "speaker": "tester",
        "centroid": centroid.tolist(),
        "n_clips": 11,
        "duration_s": 14.0,
        "reference_utterance_id": "tone_002",
        "backend": "resemblyzer",
    }
    inputs.tables["speaker_profile"] = pa.Table.from_pylist([profile])
    return SimpleNamespace(
        inputs=inputs,
        tree=tree,
        train_t2s=run(train_t2s, TRAIN_T2S),
        synthesize=run(synthesize_corpus, SYNTHESIZE),
        evaluate=run(evaluate_corpus, EVALUATE),
        export=run(export_corpus, EXPORT),
        export_to=lambda place: export_corpus(inputs, synthetic.view(EXPORT, tree), synthetic.work(place)),
    )


@pytest.fixture
def voice_folder(release: SimpleNamespace, tmp_path: Path) -> Path:
    """A fresh copy of the exported voice."""
    for name, path in release.export.files.items():
        target = tmp_path / "voice" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return tmp_path / "voice"
