"""Stage linguistic: one BERT vector per phone for Chinese, zeros for every other language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from models.linguistic.bert import bert_features_together, load_bert
from tasks.device import chosen_device
from tasks.stage import ConfigView, Outcome


def linguistic_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row; empty features stand for zeros.

    Raises UserError when BERT's weights or the device cannot be had, or its vectors are not of the configured
    size.
    """
    del files
    settings: LinguisticSettings = cfg.features.linguistic
    read = [at for at, row in enumerate(rows) if settings.backend == "bert" and row["language"] == "zh"]
    vectors: dict[int, Tensor] = {}
    if read:
        encoder = load_bert(
            settings.model,
            settings.revision,
            settings.weights_digest,
            "features.linguistic.model",
            chosen_device(cfg.compute.device),
        )
        texts = [(rows[at]["words"], rows[at]["word2ph"]) for at in read]
        vectors = dict(zip(read, bert_features_together(encoder, texts, settings.layer), strict=True))
    return [_outcome(row, vectors.get(at), settings) for at, row in enumerate(rows)]


def _outcome(row: dict[str, Any], vectors: Tensor | None, settings: LinguisticSettings) -> Outcome:
    features, backend = b"", "zeros"
    if vectors is not None:
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
