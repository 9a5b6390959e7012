"""The Montreal Forced Aligner as an external program: what it is given, how it is called, what came back.

Its PyPI package installs without the Kaldi part that it needs, so it lives in an environment of its own and
its path is configured. It can end with status 0 and leave clips out, and one broken clip can abort or spoil
a whole corpus: what goes in is checked before (tasks.features.align), what comes out is compared with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from artifacts import digest
from configs.align import MfaSettings
from configs.errors import UserError
from models.aligner import mfa_output
from models.aligner.alignment import AlignError, Alignment, read_transcript
from models.aligner.features import PAD_S, SAMPLE_RATE, padded, to_16k
from models.aligner.hmm_aligner import Utterance
from tasks.features import mfa_model
from tasks.features.leashed import leashed

NAME = mfa_output.NAME
_FLAGS = ("--clean", "--final_clean", "--single_speaker", "--no_use_mp", "--no_use_postgres", "-j", "1")
_PREFLIGHT_TIMEOUT_S = 120.0
_INSTALL = (
    "install it with `conda create -n aligner -c conda-forge montreal-forced-aligner` and set "
    "features.align.mfa.executable to its `mfa`, or choose another features.align.backend"
)
_SPEAKER = "voice"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class _Corpus:
    """Where things lie for one call. The names are unique, because MFA keys its work folder on them."""

    root: Path
    recordings: Path
    dictionary: Path
    output: Path


def preflight(settings: MfaSettings) -> str:
    """MFA's version. Raises UserError when it does not run."""
    if settings.executable is None:
        raise UserError(f"features.align.mfa.executable is not set: {_INSTALL}")
    with tempfile.TemporaryDirectory(prefix="mfa-") as folder:
        finished = _call(settings, ["version"], Path(folder), _PREFLIGHT_TIMEOUT_S)
    if finished.returncode != 0:
        raise UserError(
            f"features.align.mfa.executable = {settings.executable}: `mfa version` ends with status "
            f"{finished.returncode} ({_last_line(finished)}); {_INSTALL}"
        )
    return finished.stdout.strip().splitlines()[-1].strip() if finished.stdout.strip() else "unknown"


def train(settings: MfaSettings, clips: Mapping[str, Utterance], heed: Callable[[], None]) -> bytes:
    """An acoustic model (zip) trained on the clips. Two trainings differ: key by these bytes.

    heed: called a few times a second; what it raises ends MFA. Raises UserError when MFA fails or leaves no
    model.
    """
    with tempfile.TemporaryDirectory(prefix="mfa-") as folder:
        corpus, _ = _write_corpus(Path(folder), clips)
        model = corpus.root / mfa_model.FILE
        finished = _call(
            settings,
            ["train", str(corpus.recordings), str(corpus.dictionary), str(model), *_FLAGS],
            corpus.root,
            settings.timeout_s,
            heed,
        )
        if finished.returncode != 0 or not model.is_file():
            raise UserError(_failure("train", finished, len(clips)))
        return model.read_bytes()


def align(
    settings: MfaSettings, version: str, model: Path, clips: Mapping[str, Utterance]
) -> dict[str, Alignment | AlignError]:
    """Aligns clips in one call; every id that goes in comes back, as an alignment or as the reason why not.

    model: an acoustic model's file, under any name. A clip with phones that the model does not know becomes
    an AlignError, since MFA would refuse all clips with it. Raises UserError when the call as a whole fails.
    """
    results: dict[str, Alignment | AlignError] = {}
    known = mfa_model.phones_of(model)
    for clip_id, clip in clips.items():
        unknown = sorted(spoken_phones([clip]) - known) if known is not None else []
        if unknown:
            results[clip_id] = _unknown(unknown)
    rest = {clip_id: clip for clip_id, clip in clips.items() if clip_id not in results}
    return {**results, **_align_known(settings, version, model, rest)} if rest else results


def spoken_phones(clips: Iterable[Utterance]) -> frozenset[str]:
    """Phones that the dictionary for these clips holds."""
    return frozenset(phone for clip in clips for word in _spoken_words(clip) for phone in word)


def _unknown(phones: Sequence[str]) -> AlignError:
    return AlignError(
        "align_failed",
        "phones",
        " ".join(phones),
        "MFA's acoustic model does not know the phones",
        "take a model of the same symbol table (features.align.mfa.acoustic_model), or another "
        "features.align.backend",
    )


def _align_known(
    settings: MfaSettings, version: str, model: Path, clips: Mapping[str, Utterance]
) -> dict[str, Alignment | AlignError]:
    with tempfile.TemporaryDirectory(prefix="mfa-") as folder:
        corpus, names = _write_corpus(Path(folder), clips)
        # MFA tells a model by the ending of its name, which a stored file lacks.
        named = corpus.root / mfa_model.FILE
        shutil.copyfile(model, named)
        finished = _call(
            settings,
            [
                "align",
                str(corpus.recordings),
                str(corpus.dictionary),
                str(named),
                str(corpus.output),
                *_FLAGS,
            ],
            corpus.root,
            settings.timeout_s,
        )
        if finished.returncode != 0:
            raise UserError(_failure("align", finished, len(clips)))
        return collect(corpus.output, names, clips, PAD_S, version)


def collect(
    output: Path,
    names: Mapping[str, str],
    clips: Mapping[str, Utterance],
    pad_s: float,
    version: str,
) -> dict[str, Alignment | AlignError]:
    """What MFA left in its output folder for each clip.

    names: clip id -> MFA's file name; files may be TextGrid, json or csv, in any sub-folder. A clip without a
    file, with a broken one, without a score or with other phones than its own becomes an AlignError.
    """
    analysis_file = output / "alignment_analysis.csv"
    try:
        analysis = mfa_output.read_analysis(analysis_file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{analysis_file.name}: MFA ended without error, but its scores cannot be read ({error}); "
            f"run `mfa align` by hand on a few clips to see why"
        ) from error
    written = {
        path.stem: path
        for path in sorted(output.rglob("*"))
        if path.suffix in {".TextGrid", ".json", ".csv"} and path != analysis_file
    }
    results: dict[str, Alignment | AlignError] = {}
    for clip_id, clip in clips.items():
        name = names[clip_id]
        try:
            results[clip_id] = _read_clip(written.get(name), clip, analysis.get(name), pad_s, version)
        except AlignError as error:
            results[clip_id] = error
    return results


def _read_clip(
    path: Path | None,
    clip: Utterance,
    analysis: mfa_output.Analysis | None,
    pad_s: float,
    version: str,
) -> Alignment:
    if path is None:
        raise AlignError(
            "align_failed",
            "text",
            "no output",
            "MFA left no alignment for the clip and gave no reason",
            "usual causes: another text than what is spoken, noise, a clip cut short",
        )
    try:
        tiers = mfa_output.intervals_of(path.read_text("utf-8"), path.suffix[1:])
    except ValueError as error:
        raise AlignError(
            "align_failed", path.name, "unreadable", f"MFA's output: {error}", "align again"
        ) from error
    return mfa_output.alignment_of(
        tiers,
        analysis,
        clip.samples,
        clip.sample_rate,
        clip.words,
        clip.phones_per_word,
        pad_s,
        version,
    )


def _write_corpus(folder: Path, clips: Mapping[str, Utterance]) -> tuple[_Corpus, dict[str, str]]:
    """Padded 16 kHz wavs, transcripts of made-up words, and the dictionary that spells them with our phones.

    Made-up words ("waab") keep MFA's own text normalisation and unknown words out of it.
    """
    unique = digest.of_value(sorted(clips))[:16]
    corpus = _Corpus(
        root=folder / "root",
        recordings=folder / f"voicewright-{unique}",
        dictionary=folder / "dictionary.txt",
        output=folder / "aligned",
    )
    corpus.root.mkdir()
    speaker = corpus.recordings / _SPEAKER
    speaker.mkdir(parents=True)
    spellings: dict[tuple[str, ...], str] = {}
    names: dict[str, str] = {}
    for number, (clip_id, clip) in enumerate(clips.items()):
        names[clip_id] = f"clip{number:06d}"
        signal = padded(to_16k(clip.samples, clip.sample_rate))
        wav = speaker / f"{names[clip_id]}.wav"
        soundfile.write(wav, np.clip(signal, -1, 1), SAMPLE_RATE, subtype="PCM_16")
        text = [spellings.setdefault(word, _made_up_word(len(spellings))) for word in _spoken_words(clip)]
        wav.with_suffix(".lab").write_text(" ".join(text) + "\n", encoding="utf-8")
    lines = [f"{word}\t{' '.join(phones)}\n" for phones, word in spellings.items()]
    corpus.dictionary.write_text("".join(sorted(lines)), encoding="utf-8")
    return corpus, names


def _spoken_words(clip: Utterance) -> list[tuple[str, ...]]:
    transcript = read_transcript(clip.words, clip.phones_per_word)
    words: dict[int, list[str]] = {}
    for index in transcript.spoken:
        words.setdefault(transcript.word_of[index], []).append(transcript.labels[index])
    return [tuple(words[index]) for index in sorted(words)]


def _made_up_word(number: int) -> str:
    letters = ""
    for _ in range(4):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return f"w{letters}"


def _call(
    settings: MfaSettings,
    arguments: Sequence[str],
    root: Path,
    timeout_s: float,
    heed: Callable[[], None] = lambda: None,
) -> subprocess.CompletedProcess[str]:
    # MFA keeps its work folder and its settings below this one; its default is shared by all runs of a user.
    # Downloaded models lie there too: tasks.features.mfa_model finds those.
    environment = {**os.environ, "MFA_ROOT_DIR": str(root)}
    try:
        return leashed([str(settings.executable), *arguments], environment, timeout_s, heed)
    except OSError as error:
        raise UserError(
            f"features.align.mfa.executable = {settings.executable}: cannot be started "
            f"({error.strerror or error}); {_INSTALL}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"features.align.mfa: `mfa {arguments[0]}` took longer than {timeout_s:g} s; raise "
            f"features.align.mfa.timeout_s or lower features.align.mfa.batch_clips"
        ) from error


def _failure(command: str, finished: subprocess.CompletedProcess[str], n_clips: int) -> str:
    return (
        f"features.align.mfa: `mfa {command}` on {n_clips} clips ends with status {finished.returncode} "
        f"({_last_line(finished)}); run `mfa validate`, or choose another features.align.backend"
    )


def _last_line(finished: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (finished.stderr + "\n" + finished.stdout).splitlines()]
    return next((line for line in reversed(lines) if line), "no message")[:200]
