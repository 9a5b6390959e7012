"""`voicewright doctor`: what works on this machine and what would make the rest work."""

from __future__ import annotations

import importlib
import platform
import shutil
import subprocess
import warnings
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

PACKAGES = (
    ("torch", "torch", "training and features"),
    ("prefect", "prefect", "flows"),
    ("mlflow", "mlflow", "tracking"),
    ("pyarrow", "pyarrow", "the store"),
    ("soundfile", "soundfile", "decoding wav, flac, ogg, mp3"),
    ("av", "av", "decoding m4a, aac, opus, webm"),
    ("pyworld", "pyworld", "pitch: dio, harvest"),
    ("torchcrepe", "torchcrepe", "pitch: crepe-tiny, crepe-full"),
    ("librosa", "librosa", "pitch: pyin"),
    ("phonemizer-fork", "phonemizer", "phonemes"),
    ("espeakng-loader", "espeakng_loader", "phonemes"),
    ("silero-vad", "silero_vad", "segmentation"),
    ("pocketsphinx", "pocketsphinx", "English alignment and fallback transcripts"),
    ("faster-whisper", "faster_whisper", "transcripts"),
    ("resemblyzer", "resemblyzer", "speaker embeddings"),
    ("speechbrain", "speechbrain", "speaker embeddings: ecapa"),
    ("transformers", "transformers", "HuBERT and BERT features"),
    ("datasets", "datasets", "reading training tables"),
)

PRESET = "preset: "
"""Before the name of each preset that was looked at."""


class Finding(NamedTuple):
    """One line of the check-up: `state` is ok, optional (absent but not needed) or broken."""

    what: str
    state: str
    details: str
    remedy: str


def examine(workspace: Path) -> list[Finding]:
    """Look at everything; nothing is changed."""
    return [
        Finding("python", "ok", platform.python_version(), ""),
        *(_package(*entry) for entry in PACKAGES),
        _accelerator(),
        _mfa(),
        _free_space(workspace),
        *(_weights(workspace)),
    ]


def examine_presets(workspace: Path) -> list[Finding]:
    """Which presets work here: whether their weights are on this machine, and a GPU where they want one."""
    from configs.loading import presets
    from tasks.advice.presets import workable

    has_gpu = _accelerator().state == "ok"
    states = {"ok": "ok", "fetch": "optional", "slow": "optional", "broken": "broken"}
    found = [workable(name, workspace, has_gpu) for name in presets()]
    return [Finding(f"{PRESET}{one.preset}", states[one.state], one.why, one.remedy) for one in found]


def _package(distribution: str, module: str, purpose: str) -> Finding:
    try:
        version = metadata.version(distribution)
        with warnings.catch_warnings():
            # What a library says of its own future is nothing to act on here.
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    except (ImportError, OSError, metadata.PackageNotFoundError) as error:
        return Finding(distribution, "broken", f"{purpose}: {error}", "run `make setup` again")
    return Finding(distribution, "ok", f"{version}: {purpose}", "")


def _accelerator() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("gpu", "ok", torch.cuda.get_device_name(0), "")
    return Finding(
        "gpu",
        "optional",
        f"training runs on the CPU (torch {torch.__version__})",
        "a CUDA machine with a CUDA build of torch; needed for full-size voices, not for the demo",
    )


def _mfa() -> Finding:
    remedy = (
        "conda create -n aligner -c conda-forge montreal-forced-aligner, then "
        "--set features.align.mfa.executable=PATH; without it the built-in aligners are used"
    )
    command = shutil.which("mfa")
    if command is None:
        return Finding("mfa", "optional", "Montreal Forced Aligner is not on the path", remedy)
    try:
        done = subprocess.run([command, "version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("mfa", "optional", f"{command} does not run: {error}", remedy)
    if done.returncode != 0:
        return Finding("mfa", "optional", f"{command} version failed", remedy)
    return Finding("mfa", "ok", done.stdout.strip(), "")


def _free_space(workspace: Path) -> Finding:
    free_gb = shutil.disk_usage(workspace).free / 1e9
    details = f"{free_gb:.0f} GB free in {workspace}"
    if free_gb < 2:
        return Finding("disk", "broken", details, "free some space or choose another --workspace")
    return Finding("disk", "ok", details, "")


def _weights(workspace: Path) -> list[Finding]:
    from configs.weights import PUBLISHED
    from tasks.weights import located

    findings = []
    for weights in PUBLISHED:
        place = located(weights, workspace / "models")
        findings.append(
            Finding(
                f"weights: {weights.name}",
                "ok" if place else "optional",
                f"{place or 'not on this machine'}: {weights.used_for}",
                "" if place else f"voicewright models fetch {weights.name}",
            )
        )
    return findings
