"""Do the judges of voices judge right: known damage, known strangers, recordings heard by two recognisers.

    PYTHONPATH=. python bench/judging.py MODELS SPEECH [--clips N]

MODELS holds `whisper-base`, `dnsmos`, `distillmos` and `dvector` (`voicewright models fetch`), SPEECH
folders of recordings with `metadata.csv` (`id|text`): `libri-multi` and `libri-251spk` (speakers by the
beginning of a clip's name), `ljs-mini` and `kathleen`. Writes `bench/results/judging.json`, part by part:
what every judge costs, what every metric makes of speech that was damaged in a known way, the equal error
rate of both speaker encoders with the range of their cosines, and error rates of Whisper base and
pocketsphinx.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import librosa
import numpy as np
import soundfile

from bench.measuring.results import FOLDER
from models.frontend.activity import analyse_activity
from models.frontend.audio import Samples, Waveform, resample
from models.frontend.f0 import track_pitch
from models.frontend.mel import SpectrogramParameters
from models.metrics.intervals import mean_interval, ratio_interval
from models.speaker.encoder import embed_speaker
from tasks.release.evaluate import Sound, measure, sound_of
from tasks.release.judges import Judges

RATE = 24_000
FRAME = SpectrogramParameters(RATE, 2048, 300, 80)
CORPORA = ("ljs-mini", "kathleen", "libri-multi")
Damage = Callable[[Samples, Samples], Samples]


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--clips", type=int, default=10, help="of each corpus")
    given = parser.parse_args()
    names = {
        "recogniser": "whisper-base",
        "naturalness": "dnsmos",
        "second_naturalness": "distillmos",
        "encoder": "dvector",
    }
    judges = Judges.of(SimpleNamespace(**{name: str(given.models / file) for name, file in names.items()}))
    encoders = {
        "encoder that the pipeline uses (GE2E)": _ge2e,
        "encoder that no training knows (d-vector)": judges.embedding,
    }
    parts: dict[str, Callable[[], Any]] = {
        "cpu_seconds": lambda: costs(judges, given.speech, given.clips),
        "damage": lambda: damaged(judges, given.speech, given.clips),
        "speakers": lambda: {name: strangers(embed, given.speech) for name, embed in encoders.items()},
        "recognisers": lambda: recognisers(judges, given.speech, given.clips),
    }
    found: dict[str, Any] = {}
    for name, part in parts.items():
        found[name] = part()
        (FOLDER / "judging.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(name, json.dumps(found[name], indent=1), flush=True)


def costs(judges: Judges, speech: Path, count: int) -> dict[str, float]:
    """Processor seconds per clip of each judge and measure, after a first clip that loads what they need."""
    first, *clips = itertools.islice(_clips(speech / "ljs-mini"), count + 1)
    works = {
        **{name: _alone(judge) for name, judge in _each(judges).items()},
        "d-vector": lambda wave, _: judges.embedding(wave),
        "GE2E": lambda wave, _: _ge2e(wave),
        "mel spectrogram and pitch": lambda wave, _: _sound(wave),
    }
    spent = {"seconds of speech": sum(len(samples) for _, _, samples in clips) / RATE / count}
    for name, work in works.items():
        work(Waveform(first[2], RATE), first[1])
        begun = time.process_time()
        for _, text, samples in clips:
            work(Waveform(samples, RATE), text)
        spent[name] = (time.process_time() - begun) / count
    sounds = [_sound(Waveform(samples, RATE)) for _, _, samples in clips]
    begun = time.process_time()
    for sound in sounds:
        measure({"recording": sound, "text": sound}, set())
    spent["distances after warping"] = (time.process_time() - begun) / count
    return {name: round(seconds, 3) for name, seconds in spent.items()}


def _each(judges: Judges) -> dict[str, Judges]:
    return {
        "whisper-base": Judges(judges.whisper, True, None, None),
        "pocketsphinx": Judges(None, True, None, None),
        "dnsmos": Judges(None, False, judges.naturalness, None),
        "distillmos": Judges(None, False, None, None, second_naturalness=judges.second_naturalness),
        "clicks, clipping, offset, silence": Judges(None, False, None, None),
    }


def _alone(judge: Judges) -> Callable[[Waveform, str], Any]:
    return lambda wave, text: judge.judge(wave, text, "en")


DAMAGES: dict[str, Damage] = {
    "nothing": lambda own, _: own,
    "noise at 10 dB": lambda own, _: _with_noise(own, 10.0),
    "noise at 0 dB": lambda own, _: _with_noise(own, 0.0),
    "pitch up by two semitones": lambda own, _: librosa.effects.pitch_shift(own, sr=RATE, n_steps=2),
    "slower by a fifth": lambda own, _: librosa.effects.time_stretch(own, rate=0.8),
    "another speaker": lambda _, other: other,
    "half of it missing": lambda own, _: own[: len(own) // 2],
    "five clicks": lambda own, _: _with_clicks(own, 5),
    "an offset of .05": lambda own, _: own + np.float32(0.05),
    "clipped at half its peak": lambda own, _: _clipped(own),
}


def damaged(judges: Judges, speech: Path, count: int) -> dict[str, dict[str, float]]:
    """Means over clips of one reader; the other speaker says something else."""
    clips = list(itertools.islice(_clips(speech / "ljs-mini"), count))
    others = list(itertools.islice(_clips(speech / "kathleen"), count))
    centre = _mean(judges.embedding(Waveform(wave, RATE)) for _, _, wave in clips)
    table = {}
    for name, damage in DAMAGES.items():
        values: list[dict[str, float]] = []
        for (_, text, own), (_, _, other) in zip(clips, others, strict=True):
            wave = Waveform(np.asarray(damage(own, other), np.float32), RATE)
            sounds = {"recording": _sound(Waveform(own, RATE)), "text": _sound(wave)}
            embedding = judges.embedding(wave)
            assert embedding is not None
            values.append(
                {
                    **{n.partition("/")[2]: v for n, v in measure(sounds, set()).items()},
                    **judges.judge(wave, text, "en"),
                    "independent_similarity": float(embedding @ centre),
                }
            )
        table[name] = {n: float(np.nanmean([one[n] for one in values])) for n in values[0]}
    return table


def strangers(embed: Callable[[Waveform], Any], speech: Path) -> dict[str, Any]:
    """The equal error rate of telling one speaker from another by the cosine of two clips."""
    clips = [*_clips(speech / "libri-multi"), *_clips(speech / "libri-251spk")]
    known = [(name.split("-")[0].split("_")[0], embed(Waveform(wave, RATE))) for name, _, wave in clips]
    same: list[float] = []
    other: list[float] = []
    for (one, a), (two, b) in itertools.combinations(known, 2):
        (same if one == two else other).append(float(a @ b))
    levels = np.sort([*same, *other])
    missed = np.searchsorted(np.sort(same), levels) / len(same)
    taken = 1 - np.searchsorted(np.sort(other), levels) / len(other)
    at = int(np.argmin(np.abs(missed - taken)))
    return {
        "speakers": len({name for name, _ in known}),
        "pairs_of_one": len(same),
        "pairs_of_two": len(other),
        "equal_error_rate": round(float((missed[at] + taken[at]) / 2), 4),
        "threshold": round(float(levels[at]), 4),
        "one_speaker": _range(same),
        "two_speakers": _range(other),
    }


def recognisers(judges: Judges, speech: Path, count: int) -> dict[str, dict[str, list[float]]]:
    """Word error rate of recordings, with its interval."""
    sphinx = Judges(None, True, None, None)
    found: dict[str, dict[str, list[float]]] = {}
    for corpus in CORPORA:
        clips = list(itertools.islice(_clips(speech / corpus), count))
        found[corpus] = {}
        for name, one in (("whisper-base", judges), ("pocketsphinx", sphinx)):
            heard = [one.judge(Waveform(wave, RATE), text, "en") for _, text, wave in clips]
            rate = ratio_interval(
                [h["word_error_rate"] * h["words"] for h in heard], [h["words"] for h in heard]
            )
            found[corpus][name] = [round(value, 4) for value in rate]
    return found


def _clips(folder: Path) -> Iterable[tuple[str, str, Samples]]:
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    texts = {name: text.partition("|")[0] for name, _, text in (line.partition("|") for line in lines)}
    for path in sorted(folder.rglob("wavs/*")):
        samples, rate = soundfile.read(path, dtype="float32")
        yield path.stem, texts.get(path.stem, ""), resample(samples, rate, RATE)


def _sound(wave: Waveform) -> Sound:
    return sound_of(Path(), wave, FRAME, lambda s, n: track_pitch(s, RATE, 300, n, "dio", 60.0, 600.0).f0_hz)


def _ge2e(wave: Waveform) -> Any:
    return embed_speaker(*wave, analyse_activity(*wave), "resemblyzer", "", download=False)


def _mean(embeddings: Iterable[Any]) -> Any:
    mean = np.mean(np.stack(list(embeddings)), axis=0)
    return mean / np.linalg.norm(mean)


def _range(values: list[float]) -> list[float]:
    return [round(float(v), 4) for v in (mean_interval(values).mean, *np.quantile(values, (0.05, 0.95)))]


def _with_noise(own: Samples, snr_db: float) -> Samples:
    noise = np.random.default_rng(0).standard_normal(len(own)).astype(np.float32)
    return own + noise * np.float32(np.sqrt(np.mean(own**2)) * 10 ** (-snr_db / 20))


def _with_clicks(own: Samples, number: int) -> Samples:
    clicked = own.copy()
    clicked[(np.linspace(0.1, 0.9, number) * len(own)).astype(int)] += np.float32(0.8)
    return clicked


def _clipped(own: Samples) -> Samples:
    scaled = own / np.float32(np.abs(own).max() / 2)
    return np.clip(scaled, -1.0, 1.0)


if __name__ == "__main__":
    main()
