"""Stage linguistic: one BERT vector per phone for Chinese, zeros for every other language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from models.linguistic.bert import bert_features, load_bert
from tasks.stage import ConfigView, Outcome


def linguistic_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row; empty features stand for zeros.

    Raises UserError when BERT's weights cannot be had, or its vectors are not of the configured size.
    """
    del files
    return [_linguistic_row(row, cfg.features.linguistic) for row in rows]


def _linguistic_row(row: dict[str, Any], settings: LinguisticSettings) -> Outcome:
    features, backend = b"", "zeros"
    if settings.backend == "bert" and row["language"] == "zh":
        encoder = load_bert(
            settings.model, settings.revision, settings.weights_digest, "features.linguistic.model"
        )
        vectors = bert_features(encoder, row["words"], row["word2ph"], settings.layer)
        if vectors.shape[0] != settings.dim:
            raise UserError(
                f"features.linguistic.dim = {settings.dim}: {settings.model} gives vectors of "
                f"{vectors.shape[0]}. Set features.linguistic.dim to that."
            )
        features = np.ascontiguousarray(vectors.numpy().T).astype("<f2").tobytes()
        backend = f"bert layer {settings.layer}"
    made = {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "features": features,
        "dim": settings.dim,
        "n_phones": sum(row["word2ph"]),
        "backend": backend,
    }
    return Outcome(rows=[made])
