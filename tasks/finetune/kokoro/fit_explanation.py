"""The plan of a fitting in words. No key holds this module: a better wording fits nothing again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.finetune.kokoro.trained import CONFIG


def explained(files: Mapping[str, Path]) -> Sequence[str]:
    """The lines that people read of the files of the stage `fit_kokoro`."""
    config = json.loads(files[CONFIG].read_text(encoding="utf-8"))
    plan, mixes = config["plan"], config["mix"]
    whose = "of one speaker" if plan["speakers"] == 1 else f"of {plan['speakers']} speakers"
    decoder = " and biases of the decoder" if plan["decoder"] else ""
    vector = (
        f"then {plan['vector']} with a vector beside it{decoder}"
        if plan["vector"]
        else "and no vector beside it, which so little speech would lead astray"
    )
    return (
        f"{plan['seconds']:.0f} s of clips {whose} to learn from, silence at their ends included, fitted to "
        "Kokoro as it is published",
        *(f"{speaker} began as {_written(mix)}" for speaker, mix in mixes.items()),
        f"{plan['mix']} steps for the mix of official voices, {vector}",
        _judged(config["had_listener"]),
        "overrule it with --set train.kokoro_fit.mix_steps=N, train.kokoro_fit.vector_steps=N, "
        "train.kokoro_fit.decoder_lr=0",
    )


def _judged(had_listener: bool) -> str:
    if had_listener:
        return "versions are compared by similarity, spectrum and words misheard"
    return (
        "versions are compared by similarity and spectrum; by words misheard too once `voicewright models "
        "fetch whisper-base` was run"
    )


def _written(mix: Mapping[str, float]) -> str:
    """As `speak --voice kokoro/...` takes it."""
    return "+".join(f"{name}:{share:.2g}" for name, share in mix.items())
