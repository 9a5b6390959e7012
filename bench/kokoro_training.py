"""What half an hour of a CPU core makes of a few minutes of speech: a Kokoro voice that speaks no words.

    PYTHONPATH=. python bench/kokoro_training.py WORKSPACE FOLDER... [--set SETTING=VALUE ...]

Trains a voice from each folder of recordings with the preset `kokoro-tiny`, from scratch, and writes
`bench/results/kokoro_training.json`: the validation curve from before the first step on, how far predicted
lengths of held-out sentences are from their recordings', how smoothly a voice's rows follow each other, and,
where there are several speakers, how far apart voices of two are beside two of one, from disjoint halves of
its clips; all measures of the rendered samples, and what a recogniser makes of them beside the recordings
(WORKSPACE has fetched whisper-base). A training that WORKSPACE already holds is not repeated, so its time is
missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.measuring import voices
from bench.measuring.heard import heard
from bench.measuring.voices import curve, files_of, measures
from models.acoustics.durations import predicted_durations
from models.kokoro.upstream import voice_rows_of
from models.speaker.centroid import robust_centroid
from tasks.finetune.characters.clips import read_clips
from tasks.finetune.kokoro.trained import TrainedKokoro, read_trained
from tasks.finetune.kokoro.voice_table import read_voice_table
from tasks.pipeline import Pipeline

STAGE = "train_kokoro"
CLIPS = "release.kokoro.clips=24"
CACHE_MB = 256


def describe(pipeline: Pipeline, step_s: dict[str, float | None]) -> dict[str, Any]:
    """The training, the lengths it predicts, and the voices it made."""
    trained = read_trained(files_of(pipeline, STAGE))
    return {
        **curve(pipeline, STAGE, step_s[STAGE]),
        "best_step": trained.description["best_step"],
        "held_out_lengths": held_out_lengths(pipeline, trained),
        "rows": {speaker: smoothness(table) for speaker, table in trained.voices.items()},
        "voices": distances(pipeline),
        "measures": measures(pipeline),
        "heard": heard(pipeline),
    }


@torch.no_grad()
def held_out_lengths(pipeline: Pipeline, trained: TrainedKokoro) -> dict[str, Any]:
    """Predicted lengths of all held-out sentences beside their recordings', in percent; one voice each."""
    off = []
    for split in ("validation", "test"):
        clips = read_clips(files_of(pipeline, "shard"), split, pipeline.settings.family, CACHE_MB)
        for clip in (clips[index] for index in range(len(clips))):
            tokens, lengths = torch.from_numpy(clip.tokens)[None], torch.tensor([len(clip.tokens)])
            row = voice_rows_of(trained.voices[clip.speaker], lengths)
            model = trained.model
            prosodic = row[:, model.config.style_dim :]
            mask = torch.ones_like(tokens, dtype=torch.bool)
            d_en = model.bert_encoder(model.bert(tokens, mask)).transpose(1, 2)
            d = model.predictor.encode(d_en, prosodic, lengths)
            predicted = float(predicted_durations(model.predictor.duration_logits(d, lengths)).sum())
            off.append(100 * (predicted / int(clip.durations.sum()) - 1))
    return {
        "clips": len(off),
        "off_percent": off,
        "off_percent_median_of_magnitudes": float(np.median(np.abs(off))),
    }


def smoothness(table: Tensor) -> dict[str, float]:
    """Steps from row to row of a voice [rows, 1, width], beside how far its rows stray from their mean."""
    rows = table[:, 0]
    return {
        "largest_step": float(rows.diff(dim=0).norm(dim=1).max()),
        "largest_stray": float((rows - rows.mean(0)).norm(dim=1).max()),
        "norm_of_mean": float(rows.mean(0).norm()),
    }


@torch.no_grad()
def distances(pipeline: Pipeline) -> dict[str, float] | None:
    """Between trained voices of disjoint halves of the speakers' clips; None for one speaker."""
    accepted = set(pipeline.table("screen", ["utterance_id"])["utterance_id"].to_pylist())
    rows = pipeline.table("speaker", ["utterance_id", "speaker", "embedding"]).to_pylist()
    own: dict[str, list[np.ndarray]] = {}
    for row in sorted(rows, key=lambda row: row["utterance_id"]):
        if row["utterance_id"] in accepted:
            own.setdefault(row["speaker"], []).append(np.array(row["embedding"], np.float32))
    own = {speaker: clips for speaker, clips in own.items() if len(clips) > 1}
    if len(own) < 2:
        return None
    halves = [robust_centroid(np.stack(clips[half::2])) for clips in own.values() for half in (0, 1)]
    table = read_voice_table({**files_of(pipeline, "voice_table"), **trained_table(pipeline)}).table.eval()
    voices = table(torch.from_numpy(np.stack(halves))).flatten(1)
    apart = torch.cdist(voices, voices)
    speaker = torch.arange(len(own)).repeat_interleave(2)
    same = speaker[:, None] == speaker
    of_one, of_two = apart[same & ~torch.eye(len(speaker), dtype=torch.bool)], apart[~same]
    return {
        "speakers": len(own),
        "of_one_mean": float(of_one.mean()),
        "of_one_largest": float(of_one.max()),
        "of_two_mean": float(of_two.mean()),
        "of_two_smallest": float(of_two.min()),
    }


def trained_table(pipeline: Pipeline) -> dict[str, Path]:
    """The weights of the voice table after training, under the name that they had before."""
    return {"voice_table.safetensors": files_of(pipeline, STAGE)["voice_table.safetensors"]}


if __name__ == "__main__":
    voices.main("kokoro_training", __doc__, "kokoro-tiny", describe, more=(CLIPS,))
