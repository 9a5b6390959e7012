"""Voices side by side: what was measured of them, what they say, and which settings made the difference."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from artifacts import manifest as manifests
from artifacts.store import Store
from configs.errors import UserError
from configs.gates import GatesSettings
from models.frontend.audio import Waveform
from models.frontend.f0 import track_pitch
from models.frontend.mel import SpectrogramParameters, log_mel
from models.metrics.intervals import Interval
from tasks.release.evaluate import ABOUT, describe
from tasks.release.listening import NAMES, PATHS
from tasks.release.speak import load_voice
from tasks.release.test_sentences import spoken
from tasks.release.versions_page import Measure, Said, Shown, Take, VersionsData
from tasks.versions.folders import folder_of, split_name
from tasks.versions.gates import Measured, compared, decide, difference, measured_of
from tasks.versions.laid_out import version_file
from tasks.versions.record import VersionEntry, read_versions, version_of

_N_FFT, _N_MELS, _FRAMES_PER_S = 1024, 80, 100
_F0_MIN_HZ, _F0_MAX_HZ = 60.0, 600.0
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
"""SHA-256, whose first twelve digits tell two apart for people."""


class Compared(NamedTuple):
    """One of the voices."""

    name: str
    folder: Path
    entry: VersionEntry
    is_live: bool
    evaluation: Mapping[str, Any]
    settings: Mapping[str, Any]


def find(store: Store, workspace: Path, given: str) -> Compared:
    """A voice's champion, or one version, with what is known of it.

    Raises:
        UserError: there is none, or its results are damaged.
    """
    voice, number = split_name(given)
    record = read_versions(workspace, voice)
    entry = version_of(record, voice, number)
    report = manifests.load(store, "report", entry["stages"]["report"])
    return Compared(
        f"{voice}@{entry['number']}",
        folder_of(workspace, f"{voice}@{entry['number']}"),
        entry,
        entry["number"] == record["champion"],
        json.loads(version_file(store, voice, entry, "metrics.json")),
        {} if report is None else report.parts["config"],
    )


def compare(
    voices: Sequence[Compared],
    sentences: int,
    gates: GatesSettings,
    seed: int,
    progress: Callable[[str], None],
) -> VersionsData:
    """Gather what the page shows; every voice says the same sentences now.

    Args:
        voices: Two or more.
        sentences: How many, of those that come with the first voice's language.
        seed: Of what they say, and of the intervals.
        progress: Gets the name of each voice before it speaks.

    Raises:
        UserError: the voices speak different languages.
    """
    first, last = voices[0], voices[-1]
    known = [measured_of(v.entry["number"], v.entry["hours"], v.evaluation) for v in voices]
    decided = decide(known[0], known[-1], gates, seed)
    return VersionsData(
        shown=tuple(_shown(voice) for voice in voices),
        measures=tuple(_measures(voices, known, gates.confidence, seed)),
        said=tuple(_said(voices, sentences, seed, progress)) if sentences else (),
        settings=tuple(differing([voice.settings for voice in voices])),
        decision=f"{last.name} beside {first.name}: {decided}",
    )


def differing(settings: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Settings that are not the same everywhere, by name, with the value of each as text."""
    names = sorted(set(itertools.chain.from_iterable(settings)) - {"voice"})
    rows = [(name, tuple(_as_text(one.get(name)) for one in settings)) for name in names]
    return [
        (name, tuple(_DIGEST.sub(r"\1…", value) for value in values))
        for name, values in rows
        if len(set(values)) > 1
    ]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(voice: Compared) -> Shown:
    entry = voice.entry
    facts = (
        ("Preset", entry["preset"] or "none"),
        ("Speech", f"{60 * entry['hours']:.1f} min in {entry['clips']} clips"),
        ("Made", entry["made_at"][:10]),
    )
    return Shown(voice.name, entry["verdict"], facts, voice.is_live)


def _measures(
    voices: Sequence[Compared], known: Sequence[Measured], confidence: float, seed: int
) -> list[Measure]:
    metrics = [voice.evaluation["metrics"] for voice in voices]
    names = list(dict.fromkeys(itertools.chain.from_iterable(metrics)))
    rows = []
    for name in names:
        path, _, metric = name.partition("/")
        title, unit, better = NAMES.get(metric, (metric.replace("_", " "), "", ""))
        about = next(own[name]["about"] for own in metrics if name in own)
        values = tuple(_interval(own.get(name)) for own in metrics)
        best = _best(name, known, confidence, seed) if better and None not in values else None
        meaning = about.partition(": ")[2] if metric not in ABOUT else describe(name).partition(": ")[2]
        rows.append(Measure(f"{title} · {PATHS.get(path, path)}", unit, better, meaning, values, best))
    return rows


def _interval(measured: Mapping[str, Any] | None) -> Interval | None:
    if measured is None:
        return None
    mean = measured["mean"]
    low, high = measured.get("low", mean), measured.get("high", mean)
    return Interval(mean, low, high, measured.get("clips"))


def _best(name: str, known: Sequence[Measured], confidence: float, seed: int) -> int | None:
    """The voice that is better than every other one beyond chance."""
    for at, one in enumerate(known):
        if all(
            name in compared(one, other)
            and difference(name, other.clips[name], one.clips[name], confidence, seed).is_better
            for other in (*known[:at], *known[at + 1 :])
        ):
            return at
    return None


def _said(voices: Sequence[Compared], count: int, seed: int, progress: Callable[[str], None]) -> list[Said]:
    takes: dict[str, list[Take]] = {}
    languages: dict[str, str] = {}
    for voice in voices:
        progress(voice.name)
        loaded = load_voice(voice.folder)
        for one in spoken(loaded, count, seed):
            takes.setdefault(one.text, []).append(_take(Waveform(one.samples, loaded.sample_rate)))
            languages[one.text] = one.language
    if any(len(own) != len(voices) for own in takes.values()):
        spoken_in = ", ".join(f"{v.name}" for v in voices)
        raise UserError(
            f"{spoken_in}: speak different languages, so they share no sentences; compare them with "
            "--sentences 0, or voices of one language"
        )
    return [Said(text, languages[text], tuple(own)) for text, own in takes.items()]


def _take(wave: Waveform) -> Take:
    rate = wave.sample_rate
    hop = rate // _FRAMES_PER_S
    frame = SpectrogramParameters(rate, _N_FFT, hop, _N_MELS)
    mel = log_mel(torch.from_numpy(wave.samples)[None], frame)[0].numpy()
    f0 = track_pitch(wave.samples, rate, hop, mel.shape[1], "dio", _F0_MIN_HZ, _F0_MAX_HZ).f0_hz
    return Take(wave.samples, rate, mel.T, f0)
