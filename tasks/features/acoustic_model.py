"""Stage acoustic_model: which aligner each language gets, and the models that have to be learned first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from configs.align import AlignSettings
from configs.errors import UserError
from models.aligner import hmm, hmm_aligner, sphinx
from models.aligner.alignment import AlignError, is_modifier, is_pause
from models.aligner.bootstrap import bootstrap
from models.aligner.hmm_aligner import Utterance
from models.aligner.quality import check_silence, require_sound
from models.frontend.espeak import EspeakError
from models.frontend.text.espeak_ipa import UnsupportedLanguageError, espeak_voice
from tasks.features import mfa, mfa_model, training_clips
from tasks.features.aligners import ALIGNERS, Aligner, limits_of, model_file, read_aligners, resolve
from tasks.features.training_clips import Candidate, Lesson
from tasks.stage import ConfigView, Inputs, Produced, Work

_MAX_FAILED_RATIO = 0.25
# So many clips tell whether a flat start failed; aligning all would cost a fifth of the training once more.
_JUDGED_CLIPS = 60


class _Offer(NamedTuple):
    """MFA as it is at hand: its version, and the ready acoustic model if one is configured."""

    version: str
    model: Path | None

    def unknown(self, clips: Sequence[Candidate]) -> list[str]:
        """Phones of the clips that the ready model does not know."""
        known = mfa_model.phones_of(self.model) if self.model is not None else None
        if known is None:
            return []
        labels = {label for clip in clips for label in clip.row["phones"]}
        return sorted(x for x in labels - known if not is_pause(x) and not is_modifier(x))


class _Surroundings(NamedTuple):
    """What choosing and learning need beside the clips; files and warnings are added to."""

    inputs: Inputs
    settings: AlignSettings
    work: Work
    earlier: Mapping[str, Aligner]
    files: dict[str, Path]
    warnings: list[str]

    def write(self, name: str, data: bytes) -> str:
        """Adds a file to what the stage makes and returns its digest."""
        path = self.work.dir / name
        path.write_bytes(data)
        self.files[name] = path
        return hmm_aligner.digest(data)


def acoustic_model_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """One row per language with its aligner; files: the table of aligners and the models they need.

    A model that was learned for the voice before is kept while the corpus has not grown by
    `features.align.relearn_growth` and what taught it is still there, so that a recording that is added
    leaves all other alignments as they are.
    """
    settings: AlignSettings = cfg.features.align
    earlier = read_aligners(work.earlier[ALIGNERS]) if ALIGNERS in work.earlier else {}
    around = _Surroundings(inputs, settings, work, earlier, {}, [])
    by_language = training_clips.candidates(inputs, settings)
    offer = _offer(settings, around.warnings)
    chosen: dict[str, Aligner] = {}
    for language, clips in sorted(by_language.items()):
        backend = resolve(settings.backend, language, _is_ready(offer, language, clips, around))
        if backend == hmm_aligner.NAME:
            # Sums in another order end in other last bits: one thread gives every machine the same model.
            with threadpool_limits(limits=1, user_api="blas"):
                chosen[language] = _hmm(language, clips, around)
        elif backend == sphinx.NAME:
            chosen[language] = Aligner(language, backend, sphinx.backend_version())
        elif offer is not None:
            chosen[language] = Aligner(language, backend, offer.version)
    for_mfa = [language for language, aligner in chosen.items() if aligner.backend == mfa.NAME]
    if for_mfa and offer is not None:
        clips = [clip for language in for_mfa for clip in by_language[language]]
        model = _mfa(offer, clips, around)
        chosen.update({language: model._replace(language=language) for language in for_mfa})
    table = {language: aligner._asdict() for language, aligner in chosen.items()}
    text = json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False)
    around.write(ALIGNERS, text.encode("utf-8"))
    rows = [
        {
            "backend": f"{aligner.backend} {aligner.language}",
            "backend_version": aligner.version,
            "model_digest": aligner.model_digest,
            "trained_on_s": aligner.trained_on_s,
            "clips": aligner.clips,
        }
        for aligner in chosen.values()
    ]
    return Produced(rows=rows, files=around.files, warnings=around.warnings)


def _offer(settings: AlignSettings, warnings: list[str]) -> _Offer | None:
    """MFA where it may be wanted. Raises UserError when it is asked for and does not run."""
    name = settings.mfa.acoustic_model
    wanted = settings.backend == mfa.NAME
    # Without a ready model `auto` has better aligners than MFA, so it is not even started.
    if not wanted and (settings.backend != "auto" or settings.mfa.executable is None or name is None):
        return None
    try:
        return _Offer(mfa.preflight(settings.mfa), mfa_model.find(name) if name is not None else None)
    except UserError as error:
        if wanted:
            raise
        warnings.append(f"MFA is configured but not used: {error}")
        return None


def _is_ready(offer: _Offer | None, language: str, clips: Sequence[Candidate], around: _Surroundings) -> bool:
    """Whether MFA has a ready model that knows the language's phones; a warning where it does not."""
    if offer is None or offer.model is None:
        return False
    unknown = offer.unknown(clips)
    if unknown:
        so = "MFA is not used" if around.settings.backend == "auto" else "clips that hold them are refused"
        around.warnings.append(
            f"aligner {language}: {so}: its acoustic model {offer.model.stem} lacks the phones "
            f"{' '.join(unknown[:10])}"
        )
    return not unknown


def _hmm(language: str, clips: Sequence[Candidate], around: _Surroundings) -> Aligner:
    """The language's own model: the one of before, or one that is learned now."""
    name, before = model_file(language), around.earlier.get(language)
    blank = Aligner(language, hmm_aligner.NAME, hmm_aligner.VERSION)
    lessons = _lessons_of_before(language, before, blank, clips, around)
    if lessons and before is not None and name in around.work.earlier:
        around.write(name, around.work.earlier[name].read_bytes())
        return before
    if lessons and before is not None:
        blank = blank._replace(corpus_s=before.corpus_s)
    else:
        lessons = training_clips.choose(around.inputs, clips, around.settings.max_training_s)
        blank = blank._replace(corpus_s=sum(clip.speech_s for clip in clips))
    if not lessons:
        around.warnings.append(f"aligner {language}: none of the {len(clips)} recordings can be learned from")
        return blank
    model = _train_hmm([lesson.utterance for lesson in lessons], language, around)
    return _taught(blank, around.write(name, hmm_aligner.save(model)), lessons)


def _mfa(offer: _Offer, clips: Sequence[Candidate], around: _Surroundings) -> Aligner:
    """MFA with its model: the configured one, that of before, or one that is trained now."""
    settings = around.settings.mfa
    blank = Aligner("", mfa.NAME, offer.version)
    if offer.model is not None:
        return blank._replace(model_digest=around.write(mfa_model.FILE, offer.model.read_bytes()))
    before = next((a for a in around.earlier.values() if a.backend == mfa.NAME), None)
    lessons = _lessons_of_before("mfa", before, blank, clips, around)
    # Two trainings of MFA differ, so without its file the model of before is lost.
    if lessons and before is not None and mfa_model.FILE in around.work.earlier:
        around.write(mfa_model.FILE, around.work.earlier[mfa_model.FILE].read_bytes())
        return before
    lessons = training_clips.choose(around.inputs, clips, settings.max_training_s)
    if not lessons:
        raise UserError(
            "features.align.backend = mfa: no recording can be learned from; set "
            "features.align.mfa.acoustic_model, or choose another backend"
        )
    utterances = {lesson.name: lesson.utterance for lesson in lessons}
    data = mfa.train(settings, utterances, around.work.heed_stop)
    blank = blank._replace(corpus_s=sum(clip.speech_s for clip in clips))
    return _taught(blank, around.write(mfa_model.FILE, data), lessons)


def _lessons_of_before(
    title: str, before: Aligner | None, blank: Aligner, clips: Sequence[Candidate], around: _Surroundings
) -> list[Lesson]:
    """The clips that taught the model of before, if it shall stay; else none, and a warning that says why."""
    if before is None or not before.learned or before[1:3] != blank[1:3]:
        return []
    lessons, why = training_clips.again(around.inputs, clips, before, around.settings.relearn_growth)
    if why:
        around.warnings.append(f"aligner {title}: learned anew, and all its clips aligned again, since {why}")
    return lessons


def _taught(blank: Aligner, model_digest: str, lessons: Sequence[Lesson]) -> Aligner:
    return blank._replace(
        model_digest=model_digest,
        trained_on_s=sum(lesson.duration_s for lesson in lessons),
        clips=len(lessons),
        learned={lesson.name: lesson.content for lesson in lessons},
    )


def _train_hmm(chosen: Sequence[Utterance], language: str, around: _Surroundings) -> hmm.Model:
    settings = around.settings
    learned_s = sum(len(utterance.samples) / utterance.sample_rate for utterance in chosen)
    if learned_s >= settings.min_training_s:

        def told(done: int, total: int) -> None:
            around.work.heed_stop()
            around.work.progress(done, total, f"aligner {language} learns from {learned_s / 60:.1f} minutes")

        model = hmm_aligner.train(chosen, told)
        failed = _failed_ratio(model, chosen[:_JUDGED_CLIPS], settings)
        if failed <= _MAX_FAILED_RATIO:
            return model
        around.warnings.append(
            f"aligner {language}: {failed:.0%} of the training clips failed after a flat start; learned "
            "from synthetic speech instead"
        )
    try:
        return bootstrap(chosen, espeak_voice(language))
    except (EspeakError, UnsupportedLanguageError, AlignError) as error:
        around.warnings.append(
            f"aligner {language}: {learned_s:.0f} s of recordings are little to learn from "
            f"(features.align.min_training_s {settings.min_training_s:g}), and there is no synthetic "
            f"speech to start with ({error}); check the alignments"
        )
        return hmm_aligner.train(chosen)


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
