"""Stage acoustic_model: which aligner each language gets, and the models that have to be learned first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from configs.align import AlignSettings
from configs.errors import UserError
from models.aligner import hmm, hmm_aligner, sphinx
from models.aligner.alignment import AlignError
from models.aligner.bootstrap import bootstrap
from models.aligner.hmm_aligner import Utterance
from models.aligner.quality import (
    Limits,
    check_silence,
    require_sound,
)
from models.frontend.audio import decode_flac
from models.frontend.espeak import EspeakError
from models.frontend.text.espeak_ipa import UnsupportedLanguageError, espeak_voice
from tasks.features import mfa
from tasks.stage import ConfigView, Inputs, Produced, Work

ALIGNERS = "aligners.json"
MFA_MODEL = "mfa.zip"
_MAX_FAILED_RATIO = 0.25


class Aligner(NamedTuple):
    """What aligns one language, and what its model was learned from (0 where nothing had to be learned)."""

    language: str
    backend: str
    version: str
    model_digest: str = ""
    trained_on_s: float = 0.0
    clips: int = 0


class _Trained(NamedTuple):
    """A language's own model as bytes (none if there was nothing to learn from), and remarks for people."""

    aligner: Aligner
    data: bytes
    warnings: list[str]


def acoustic_model_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """One row per language with its aligner; files: the table of aligners and the models they need."""
    settings: AlignSettings = cfg.features.align
    texts = _rows_in_order(inputs)
    warnings: list[str] = []
    mfa_version = _mfa_version(settings, warnings)
    chosen: list[Aligner] = []
    files: dict[str, Path] = {}
    for language in sorted({row["language"] for row in texts}):
        backend = resolve(settings.backend, language, mfa_version is not None)
        if backend == hmm_aligner.NAME:
            of_language = [row for row in texts if row["language"] == language]
            # Sums in another order end in other last bits: one thread gives every machine the same model.
            with threadpool_limits(limits=1, user_api="blas"):
                trained = _train_hmm(inputs, of_language, language, settings, work)
            aligner = trained.aligner
            if trained.data:
                name = model_file(language)
                files[name] = _written(work.dir / name, trained.data)
            warnings += trained.warnings
        elif backend == sphinx.NAME:
            aligner = Aligner(language, backend, sphinx.backend_version())
        else:
            aligner = Aligner(language, backend, str(mfa_version))
        chosen.append(aligner)
    if any(aligner.backend == mfa.NAME for aligner in chosen):
        chosen = _with_mfa_model(inputs, texts, settings, chosen, files, work)
    table = {aligner.language: aligner._asdict() for aligner in chosen}
    text = json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False)
    files[ALIGNERS] = _written(work.dir / ALIGNERS, text.encode("utf-8"))
    rows = [
        {
            "backend": f"{aligner.backend} {aligner.language}",
            "backend_version": aligner.version,
            "model_digest": aligner.model_digest,
            "trained_on_s": aligner.trained_on_s,
            "clips": aligner.clips,
        }
        for aligner in chosen
    ]
    return Produced(rows=rows, files=files, warnings=warnings)


def read_aligners(path: Path) -> dict[str, Aligner]:
    """The aligner of each language, from the stage's file ALIGNERS."""
    table = json.loads(path.read_text("utf-8"))
    return {language: Aligner(**fields) for language, fields in table.items()}


def resolve(backend: str, language: str, mfa_runs: bool) -> str:
    """The aligner for a language: what the settings say, or the best there is for `auto`.

    Raises UserError when pocketsphinx is wanted for another language than English.
    """
    english = language.split("-")[0].lower() == "en"
    if backend == "auto":
        if mfa_runs:
            return mfa.NAME
        return sphinx.NAME if english else hmm_aligner.NAME
    if backend == sphinx.NAME and not english:
        raise UserError(
            f"features.align.backend = pocketsphinx: the corpus holds language {language!r}, and "
            f"pocketsphinx aligns English only; set it to auto or hmm"
        )
    return backend


def model_file(language: str) -> str:
    """Name of a language's model among the stage's files."""
    return f"hmm-{language}.safetensors"


def utterance_of(row: Mapping[str, Any]) -> Utterance:
    """A row's samples, words and phones. Raises ValueError when word2ph does not fit."""
    wave = decode_flac(row["audio"])
    if sum(row["word2ph"]) != len(row["phones"]) or len(row["word2ph"]) != len(row["words"]):
        raise ValueError(f"{row['utterance_id']}: word2ph does not add up to the phones")
    phones_per_word = []
    position = 0
    for count in row["word2ph"]:
        phones_per_word.append(row["phones"][position : position + count])
        position += count
    return Utterance(wave.samples, wave.sample_rate, row["words"], phones_per_word)


def limits_of(settings: AlignSettings, backend: str) -> Limits:
    """What an alignment of this backend must keep."""
    min_score, shortest_s = {
        hmm_aligner.NAME: (settings.min_score_hmm, 0.015),
        sphinx.NAME: (settings.min_score_pocketsphinx, 0.03),
        mfa.NAME: (settings.mfa.min_score, 0.03),
    }[backend]
    return Limits(
        min_score,
        settings.min_match_hmm,
        settings.max_swallowed_ratio,
        settings.min_swallowed_s,
        settings.max_hasty_ratio,
        shortest_s,
    )


def _mfa_version(settings: AlignSettings, warnings: list[str]) -> str | None:
    if settings.backend == mfa.NAME:
        return mfa.preflight(settings.mfa)
    if settings.backend == "auto" and settings.mfa.executable is not None:
        try:
            return mfa.preflight(settings.mfa)
        except UserError as error:
            warnings.append(f"MFA is configured but not used: {error}")
    return None


def _train_hmm(
    inputs: Inputs,
    texts: Sequence[dict[str, Any]],
    language: str,
    settings: AlignSettings,
    work: Work,
) -> _Trained:
    chosen = [u for _, u in _choose(inputs, _in_time(inputs, texts, settings), settings.max_training_s)]
    if not chosen:
        warning = f"aligner {language}: none of the {len(texts)} recordings can be learned from"
        return _Trained(Aligner(language, hmm_aligner.NAME, hmm_aligner.VERSION), b"", [warning])
    learned_s = sum(_duration_s(utterance) for utterance in chosen)
    warnings: list[str] = []
    model: hmm.Model | None = None
    if learned_s >= settings.min_training_s:
        model = hmm_aligner.train(
            chosen, lambda done, total: work.progress(done, total, f"aligner {language}")
        )
        failed = _failed_ratio(model, chosen, settings)
        if failed > _MAX_FAILED_RATIO:
            warnings.append(
                f"aligner {language}: {failed:.0%} of the training clips failed after a flat start; learned "
                "from synthetic speech instead"
            )
            model = None
    if model is None:
        try:
            model = bootstrap(chosen, espeak_voice(language))
        except (EspeakError, UnsupportedLanguageError, AlignError) as error:
            warnings.append(
                f"aligner {language}: {learned_s:.0f} s of recordings are little to learn from "
                f"(features.align.min_training_s {settings.min_training_s:g}), and there is no synthetic "
                f"speech to start with ({error}); check the alignments"
            )
            model = hmm_aligner.train(chosen)
    data = hmm_aligner.save(model)
    aligner = Aligner(
        language,
        hmm_aligner.NAME,
        hmm_aligner.VERSION,
        hmm_aligner.digest(data),
        learned_s,
        len(chosen),
    )
    return _Trained(aligner, data, warnings)


def _with_mfa_model(
    inputs: Inputs,
    texts: Sequence[dict[str, Any]],
    settings: AlignSettings,
    aligners: Sequence[Aligner],
    files: dict[str, Path],
    work: Work,
) -> list[Aligner]:
    """The same aligners with the digest of MFA's model, which is trained where none is configured."""
    configured = settings.mfa.acoustic_model
    learned_s, clips = 0.0, {}
    if configured is None:
        chosen = _choose(inputs, _in_time(inputs, texts, settings), settings.max_training_s)
        clips = {row["utterance_id"]: utterance for row, utterance in chosen}
        data = mfa.train(settings.mfa, clips)
        files[MFA_MODEL] = _written(work.dir / MFA_MODEL, data)
        learned_s = sum(_duration_s(utterance) for utterance in clips.values())
    elif Path(configured).is_file():
        data = Path(configured).read_bytes()
    else:
        data = b""
    model_digest = hmm_aligner.digest(data) if data else ""
    return [
        aligner._replace(model_digest=model_digest, trained_on_s=learned_s, clips=len(clips))
        for aligner in aligners
    ]


def _rows_in_order(inputs: Inputs) -> list[dict[str, Any]]:
    """Texts of the clips that earlier stages kept, by id."""
    measured = set(inputs.table("measure", ["utterance_id"]).column("utterance_id").to_pylist())
    texts = inputs.table("phonemize", ["utterance_id", "words", "phones", "word2ph", "language"])
    return sorted(
        (row for row in texts.to_pylist() if row["utterance_id"] in measured),
        key=lambda row: (row["utterance_id"].casefold(), row["utterance_id"]),
    )


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _in_time(
    inputs: Inputs, texts: Sequence[dict[str, Any]], settings: AlignSettings
) -> list[dict[str, Any]]:
    """Rows without those whose text has too many phones for their speech: they would teach nonsense."""
    table = inputs.table("measure", ["utterance_id", "speech_s"])
    speech_s = dict(zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True))
    return [
        row
        for row in texts
        if len(row["phones"]) <= settings.max_phones_per_s * max(speech_s[row["utterance_id"]], 0.1)
    ]


def _choose(
    inputs: Inputs, texts: Sequence[dict[str, Any]], max_training_s: float
) -> list[tuple[dict[str, Any], Utterance]]:
    """The first clips of each speaker in turn, until they last max_training_s.

    Clips are in order of their ids, so one that is added at the end changes nothing.
    """
    source = inputs.table("enhance", ["utterance_id", "audio", "sample_rate"])
    place = {name: i for i, name in enumerate(source.column("utterance_id").to_pylist())}
    people = inputs.table("speaker", ["utterance_id", "speaker"])
    speaker_of = dict(
        zip(people.column("utterance_id").to_pylist(), people.column("speaker").to_pylist(), strict=True)
    )
    by_speaker: dict[str, list[dict[str, Any]]] = {}
    for row in texts:
        if row["utterance_id"] in place:
            by_speaker.setdefault(speaker_of.get(row["utterance_id"], ""), []).append(row)
    chosen: list[tuple[dict[str, Any], Utterance]] = []
    total_s = 0.0
    for row in _turns(by_speaker[name] for name in sorted(by_speaker)):
        audio = source.column("audio")[place[row["utterance_id"]]].as_py()
        utterance = utterance_of({**row, "audio": audio})
        try:
            hmm_aligner.prepare(utterance)
        except AlignError:
            # The align stage refuses the clip and says why; here it is just no teacher.
            continue
        if chosen and total_s + _duration_s(utterance) > max_training_s:
            break
        chosen.append((row, utterance))
        total_s += _duration_s(utterance)
    return chosen


def _turns(queues: Iterable[Sequence[dict[str, Any]]]) -> Iterable[dict[str, Any]]:
    for turn in zip_longest(*queues):
        yield from (row for row in turn if row is not None)


def _failed_ratio(model: hmm.Model, utterances: Sequence[Utterance], settings: AlignSettings) -> float:
    limits = limits_of(settings, hmm_aligner.NAME)
    failed = 0
    for utterance in utterances:
        try:
            alignment = hmm_aligner.align(model, *utterance)
            silence = check_silence(alignment.phones, utterance.samples, utterance.sample_rate)
            require_sound(alignment, silence, limits)
        except AlignError:
            failed += 1
    return failed / len(utterances)


def _duration_s(utterance: Utterance) -> float:
    return len(utterance.samples) / utterance.sample_rate
