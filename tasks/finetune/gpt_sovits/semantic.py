"""The stage `semantic`: content features to the codes that the text-to-semantic decoder learns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.content.frames import encoded_frames
from models.sovits.model import SovitsGenerator
from tasks.finetune.gpt_sovits.trained import load_generator
from tasks.finetune.trained import read_json
from tasks.outcome import ConfigView, Outcome


def semantic_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Codes at 25 Hz of each row, by the trained quantiser."""
    del cfg
    trained = files["train_sovits"]
    generator = _generator(trained["generator.safetensors"], trained["config.json"])
    return [Outcome(rows=[_codes(row, generator)]) for row in rows]


def _codes(row: dict[str, Any], generator: SovitsGenerator) -> dict[str, Any]:
    features = np.frombuffer(row["features"], np.float16).reshape(row["n_frames"], row["dim"])
    return {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "codes": semantic_codes(features, generator),
    }


@torch.no_grad()
def semantic_codes(features: np.ndarray, generator: SovitsGenerator) -> list[int]:
    """Content features float16 `[T, D]` to codes, one for two frames that the encoder gave, at least one.

    As in GPT-SoVITS, which makes codes of the encoder's frames before it brings these in step with the
    spectrogram: an odd last frame has none.
    """
    heard = features[: encoded_frames(features)]
    pairs = heard[: len(heard) // 2 * 2] if len(heard) > 1 else np.repeat(heard, 2, axis=0)
    ssl = torch.from_numpy(pairs.astype(np.float32).T.copy())[None].to(generator.ssl_proj.weight.device)
    codes: list[int] = generator.extract_codes(ssl)[0].tolist()
    return codes


@lru_cache(maxsize=1)
def _generator(weights: Path, config: Path) -> SovitsGenerator:
    return load_generator(weights, read_json(config)["sizes"])
