"""The plan in words. No key holds this module: a better wording trains nothing again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.finetune.gpt_sovits.planned import PLAN_FILE, REASONS_FILE

ENOUGH = {
    "reference_only": "too little to learn from: the reference clip alone makes the voice (zero-shot)",
    "timbre": "enough for the timbre, too little for the prosody",
    "timbre_and_some_prosody": "enough for the timbre; the prosody is optional",
    "timbre_and_prosody": "enough for timbre and prosody",
}
NETWORKS = {"sovits": "SoVITS (timbre)", "t2s": "T2S (prosody)"}
KEPT = {
    "kept_as_asked": "as you asked",
    "kept_too_little_speech": "it would forget more than it learns",
}
TRAINED = {
    "limits_given": ", as long as you set",
    "from_scratch": "; the validation curve tells when it is enough",
    "asked_despite_little": ", as you asked, though there is little speech for it",
    "fits": "",
}


def explained(files: Mapping[str, Path]) -> Sequence[str]:
    """The lines that people read of the files of the stage `plan`."""
    lengths, why = (json.loads(files[name].read_text(encoding="utf-8")) for name in (PLAN_FILE, REASONS_FILE))
    return explain(lengths, why)


def explain(lengths: Mapping[str, Mapping[str, Any]], why: Mapping[str, Any]) -> Sequence[str]:
    """The same of what the files hold: see `Plan.lengths` and `reasons` of the planner."""
    networks = why["networks"]
    first = f"{_duration(why['speech_s'])} of speech without pauses in {why['clips']} usable clips"
    from_weights = any(network["pretrained"] for network in networks.values())
    first += f": {ENOUGH[why['enough']]}" if from_weights else ", trained from scratch"
    return (
        first,
        *(_network(NETWORKS[name], lengths[name], networks[name]) for name in NETWORKS),
        "overrule it with --set train.plan.sovits=train|keep, train.plan.t2s=train|keep, "
        "train.sovits.max_epochs=N, train.t2s.max_epochs=N (or max_steps)",
    )


def _network(name: str, length: Mapping[str, Any], why: Mapping[str, Any]) -> str:
    reason = why["reason"]
    if not length["train"]:
        return f"{name}: kept as published, {KEPT[reason]}"
    limits = []
    if length["max_epochs"] is not None:
        steps = max(1, int(length["max_epochs"] * why["steps_per_epoch"]))
        # Whoever sets a limit counts passes; so does every curve and every log.
        counted = "" if reason == "limits_given" else _as_counted(length["max_epochs"], why.get("passes", 1))
        limits.append(f"{length['max_epochs']} epochs ({steps} steps{counted})")
    if length["max_steps"] is not None:
        limits.append(f"{length['max_steps']} steps")
    source = "from published weights" if why["pretrained"] else "from scratch"
    return f"{name}: {' or '.join(limits)}, {source}{TRAINED[reason]}"


def _as_counted(epochs: int, passes: int) -> str:
    if passes == 1:
        return ""
    return f"; {epochs // passes} as GPT-SoVITS counts, which repeats so few clips {passes} times in each"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
