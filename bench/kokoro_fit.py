"""What fitting a Kokoro voice comes to, beside the recordings and the best official voice.

    PYTHONPATH=. python bench/kokoro_fit.py WORKSPACE RECORDINGS --name NAME [--only PREFIX] [--seconds S]
        [--language CODE] [--set SETTING=VALUE ...] [--out FILE] [--point POINT]

Fits a voice by the command itself to the first clips of a folder with `metadata.csv` (`id|text`), up to so
many seconds, and says 20 sentences that are in no corpus. Judged by a recogniser (Whisper tiny.en in English,
base elsewhere), by the speaker encoder that fitting uses, by another that has no part in it, and by DNSMOS.
The row joins those of `bench/results/kokoro_fit.json` under its name. Similarity is to the last clips of the
folder, five to twelve, which are never fitted to, so that rows of one speaker are compared with the same; a
speaker with fewer than fifteen clips is compared with all of them, and the row says so. WORKSPACE holds
`models` with kokoro-82m, kokoro-voices, dnsmos, dvector and the recogniser.

With `--point` the row is there already, and a voice that is fitted with other settings (`--set`), shorter,
longer or from another seed, joins it under that name: a point of the speaker's curve.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.measuring.results import FOLDER
from bench.measuring.sentences import SENTENCES
from models.frontend.activity import analyse_activity
from models.frontend.asr import recognise_whisper, word_errors
from models.frontend.audio import Samples, Waveform, resample
from models.metrics.naturalness import FILE as DNSMOS
from models.metrics.naturalness import dnsmos
from models.speaker.dvector import FILE as DVECTOR
from models.speaker.dvector import embed_dvector
from models.speaker.encoder import embed_speaker
from tasks.release.judged import centre
from tasks.release.kokoro.published import as_published, official_references
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions, Voice
from tasks.versions.folders import folder_of
from tasks.versions.record import read_versions
from tasks.weights import LocalWeights

HELD_OUT = (5, 12)
FEWEST_TO_HOLD_OUT = 15
DRAWS = 2_000


class Judges:
    """Everyone who listens, and the speaker's recordings as each of them hears them."""

    def __init__(self, weights: LocalWeights, language: str, recordings: Sequence[Samples]) -> None:
        self.language = language.split("-")[0]
        name = "whisper-tiny.en" if self.language == "en" else "whisper-base"
        self.whisper, self.dnsmos, self.dvector = map(weights.of, (name, "dnsmos", "dvector"))
        self.ge2e_centre = centre([self.ge2e(one) for one in recordings])
        self.other_centre = centre([self.other(one) for one in recordings])

    def ge2e(self, samples: Samples) -> NDArray[np.float32]:
        return embed_speaker(
            samples, 16_000, analyse_activity(samples, 16_000), "resemblyzer", "", download=False
        )

    def other(self, samples: Samples) -> NDArray[np.float32]:
        return embed_dvector(samples, self.dvector / DVECTOR)

    def judged(self, text: str, samples: Samples) -> dict[str, float]:
        """Of one utterance at 16 kHz."""
        heard = recognise_whisper(samples, self.whisper, self.language, beam_size=5).text
        errors = word_errors(text, heard)
        return {
            "errors": errors.errors,
            "words": errors.words,
            "similarity": float(self.ge2e(samples) @ self.ge2e_centre),
            "similarity_by_another": float(self.other(samples) @ self.other_centre),
            "dnsmos": dnsmos(samples, self.dnsmos / DNSMOS).overall,
        }


def main() -> None:
    """Fit, speak, judge, and put the row among the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--only", default="", help="clips whose id begins so")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--language", default="en-us")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--out", type=Path, default=FOLDER / "kokoro_fit.json")
    parser.add_argument("--point", default="", help="name of a point to add to the row")
    given = parser.parse_args()
    rows = json.loads(given.out.read_text()) if given.out.is_file() else {}
    if given.point and given.name not in rows:
        parser.error(f"{given.out} has no row {given.name} that a point could join")
    weights = LocalWeights(given.workspace / "models")
    texts, waves = _clips(given.recordings, given.only)
    fitted, held_out = _parted(waves, given.seconds)
    judged_by = held_out or list(waves)
    samples = {name: resample(*waves[name], 16_000) for name in judged_by}
    judges = Judges(weights, given.language, list(samples.values()))
    cost = _fit(given, {name: texts[name] for name in fitted})
    voice = load_voice(_newest(given.workspace, given.name))
    found = {**cost, "fitted": _summary(_said(voice, given.language, judges))}
    if given.point:
        row = rows[given.name]
        row["points"] = row.get("points", {}) | {given.point: found}
    else:
        row = {
            "fitted_to_s": sum(_seconds(waves[name]) for name in fitted),
            "compared_with": {"clips": len(judged_by), "were_fitted_to": not set(judged_by) - set(fitted)},
            **found,
            "recordings": _summary([judges.judged(texts[name], one) for name, one in samples.items()]),
            "official": _official(judges, voice, weights, given.language),
        }
    given.out.write_text(json.dumps(rows | {given.name: row}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({given.name: row}, indent=1))


def _clips(folder: Path, prefix: str) -> tuple[dict[str, str], dict[str, Waveform]]:
    """Texts and waves by id, in the order of the list."""
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    texts = {line.split("|")[0]: line.split("|")[1] for line in lines if line.startswith(prefix)}
    files = {path.stem: path for path in sorted(folder.rglob("wavs/*"))}
    return texts, {name: Waveform(*soundfile.read(files[name], dtype="float32")) for name in texts}


def _parted(waves: dict[str, Waveform], seconds: float) -> tuple[list[str], list[str]]:
    """The first clips that fill so many seconds, and the last, about a tenth, to compare with."""
    names, (least, most) = list(waves), HELD_OUT
    n_held_out = min(most, max(least, len(names) // 10)) if len(names) >= FEWEST_TO_HOLD_OUT else 0
    chosen, total = [], 0.0
    for name in names[: len(names) - n_held_out]:
        if total >= seconds:
            break
        chosen.append(name)
        total += _seconds(waves[name])
    return chosen, names[len(names) - n_held_out :]


def _fit(given: argparse.Namespace, texts: dict[str, str]) -> dict[str, Any]:
    """Run the command; what it took."""
    folder = given.workspace / "recordings" / given.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = {path.stem: path for path in sorted(given.recordings.rglob("wavs/*"))}
    for name in texts:
        shutil.copyfile(files[name], folder / files[name].name)
    (folder / "metadata.csv").write_text("".join(f"{n}|{t}\n" for n, t in texts.items()), encoding="utf-8")
    settings = (
        f"language={given.language}",
        "release.kokoro.clips=1",
        "release.evaluate.sentences=0",
        *given.settings,
    )
    program = [sys.executable, "-m", "flows", "-w", str(given.workspace), "finetune", str(folder)]
    options = ["-v", given.name, "-p", "kokoro-fit", *(word for one in settings for word in ("-s", one))]
    before, began = _children_s(), time.monotonic()
    subprocess.run([*program, *options], check=True)
    wall_s, cpu_s = time.monotonic() - began, _children_s() - before
    run = json.loads((given.workspace / "runs" / given.name / "run.json").read_text(encoding="utf-8"))
    described = json.loads((_newest(given.workspace, given.name) / "networks/config.json").read_text())
    return {
        "settings": list(settings),
        "plan": described["plan"],
        "best_step": described["best_step"],
        "fit_wall_min": run["stages"]["fit_kokoro"]["seconds"] / 60,
        "whole_wall_min": wall_s / 60,
        "whole_cpu_min": cpu_s / 60,
    }


def _newest(workspace: Path, name: str) -> Path:
    """The folder of what was fitted last, live or not."""
    return folder_of(workspace, f"{name}@{read_versions(workspace, name)['versions'][-1]['number']}")


def _official(judges: Judges, voice: Voice[Any], weights: LocalWeights, language: str) -> dict[str, Any]:
    """The official voice that is most similar by a short sentence, with all sentences."""
    voice = as_published(voice, weights)
    short = SENTENCES[judges.language][0]
    references = official_references(voice, weights)
    heard = [judges.ge2e(_spoken(voice, short, language, [one])) for one in references]
    best = references[int(np.argmax([one @ judges.ge2e_centre for one in heard]))]
    return {"voice": best.speaker, **_summary(_said(voice, language, judges, [best]))}


def _said(
    voice: Voice[Any], language: str, judges: Judges, references: Sequence[Any] | None = None
) -> list[dict[str, float]]:
    texts = SENTENCES[judges.language]
    return [judges.judged(text, _spoken(voice, text, language, references)) for text in texts]


def _spoken(voice: Voice[Any], text: str, language: str, references: Sequence[Any] | None) -> Samples:
    wave = voice.speak(text, SpeakOptions(language=language, references=references))
    return resample(wave.samples, wave.sample_rate, 16_000)


def _summary(judged: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Error rate and means, each with the interval that 95 % of draws of utterances lie in."""
    table = {name: np.array([one[name] for one in judged]) for name in judged[0]}
    draws = np.random.default_rng(0).integers(len(judged), size=(DRAWS, len(judged)))
    rates = table["errors"][draws].sum(1) / table["words"][draws].sum(1)
    found: dict[str, Any] = {
        "utterances": len(judged),
        "errors": int(table["errors"].sum()),
        "words": int(table["words"].sum()),
        "error_rate": _interval(float(table["errors"].sum() / table["words"].sum()), rates),
    }
    for name in ("similarity", "similarity_by_another", "dnsmos"):
        found[name] = _interval(float(table[name].mean()), table[name][draws].mean(1))
    return found


def _interval(value: float, draws: NDArray[np.float64]) -> list[float]:
    return [round(float(one), 4) for one in (value, *np.quantile(draws, (0.025, 0.975)))]


def _seconds(wave: Waveform) -> float:
    return len(wave.samples) / wave.sample_rate


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
