"""The stages that train a StyleTTS 2 voice: two from scratch, or one that fine-tunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from artifacts import schemas
from tasks.features.stages import PHONEMIZE, front_ends_of
from tasks.finetune.declaration import LISTENING_LIBRARIES, RUN_SETTINGS, machine_settings
from tasks.finetune.styletts2.settings import declared
from tasks.stage import CodeByRow, ColumnByRow, CorpusStage

OTHER_TEXTS = CorpusStage(
    name="other_texts",
    version=1,
    run="tasks.finetune.styletts2.other_texts:other_texts_corpus",
    reads={"phonemize": ("language",)},
    config=tuple(f"train.styletts2.slm.{name}" for name in ("model", "adversary", "other_texts")),
    schema=schemas.OTHER_TEXTS,
    about="texts for the SLM adversary that no clip says",
)
OTHER_PHONES = replace(
    PHONEMIZE,
    name="other_phones",
    reads={"other_texts": ("source_digest", "text", "language")},
    only=(),
    code_by_row=CodeByRow("other_texts", "language", front_ends_of),
    column_by_row=ColumnByRow(
        "lexicon", "other_texts", ("text", "language"), "tasks.features.lexicon:entries_by_row", "lexicon:"
    ),
    about="phones of these texts",
)
_OTHER = {"other_phones": ("language", "words", "phones", "word2ph", "own_words")}


def _training(
    stage: str,
    about: str,
    reads: Mapping[str, Sequence[str]] | None = None,
) -> CorpusStage:
    return CorpusStage(
        name=f"train_styletts2_{stage}",
        version=1,
        run=f"tasks.finetune.styletts2.train:train_{stage}",
        reads={"shard": ("*.parquet",), **(reads or {})},
        config=(*declared(stage), *RUN_SETTINGS),
        machine=machine_settings("train.styletts2"),
        schema=schemas.NOTHING,
        libraries=("torch", "numpy", "safetensors", "transformers", "pyworld", *LISTENING_LIBRARIES),
        about=about,
        uses_gpu=True,
    )


TRAIN_STYLETTS2_STAGE1 = _training("stage1", "StyleTTS 2: text encoder, style encoder, decoder")
TRAIN_STYLETTS2_STAGE2 = _training(
    "stage2",
    "StyleTTS 2: prosody and style from text, then all of it",
    {"train_styletts2_stage1": ("*.safetensors", "config.json"), **_OTHER},
)
TRAIN_STYLETTS2_FINETUNE = _training("finetune", "StyleTTS 2: a published voice, to another speaker", _OTHER)

FROM_SCRATCH = (OTHER_TEXTS, OTHER_PHONES, TRAIN_STYLETTS2_STAGE1, TRAIN_STYLETTS2_STAGE2)
FINE_TUNED = (OTHER_TEXTS, OTHER_PHONES, TRAIN_STYLETTS2_FINETUNE)
