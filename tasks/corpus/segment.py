"""Recordings to utterances: at the times that subtitles give, else long ones in their pauses; clips stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.segment import SegmentSettings
from models.frontend.activity import HOP_S, SILENT_DBFS, Activity, analyse_activity, pause_mask
from models.frontend.audio import Waveform, decode_flac, encode_flac
from models.frontend.cuts import join_cuts, placed
from models.frontend.rms_slicer import SlicerParameters, segments_of_pieces, slice_silence
from models.frontend.segmenter import Limits, Segment, plan_segments, trim_silence
from models.frontend.text.sharing import Share, share_text
from models.frontend.timed_text import Cut
from tasks.stage import ConfigView, Outcome, Reject, reject

_LEAST_SPEECH_S = 0.1
_BEHIND_END_S = 0.5
_UNTOLD_SHARE = 0.1
"""Of the sound that may lie outside given times without a word about it."""


def segment_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Utterances of each recording."""
    del files
    return [_segment(row, cfg.corpus.segment) for row in rows]


def _segment(row: dict[str, Any], settings: SegmentSettings) -> Outcome:
    if row["duration_s"] < settings.clip_min_s:
        return Outcome(rejects=[_too_short(row, settings)])
    audio = decode_flac(row["audio"])
    activity = analyse_activity(audio.samples, audio.sample_rate)
    refusal = _without_speech(row, activity)
    if refusal is not None:
        return Outcome(rejects=[refusal])
    if row["cuts"]:
        return _given(row, audio, activity, settings)
    if activity.duration_s <= _longest_whole_s(row, settings):
        return _whole(row, audio, activity, settings)
    return _cut(row, audio, activity, settings)


def _whole(row: dict[str, Any], audio: Waveform, activity: Activity, settings: SegmentSettings) -> Outcome:
    start_s, end_s = trim_silence(activity, settings.edge_silence_s, settings.edge_margin_s)
    if end_s - start_s < settings.clip_min_s:
        return Outcome(rejects=[_too_short(row | {"duration_s": end_s - start_s}, settings)])
    return Outcome(rows=[_utterance(row, row["recording_id"], row["text"], audio, start_s, end_s)])


def _given(row: dict[str, Any], audio: Waveform, activity: Activity, settings: SegmentSettings) -> Outcome:
    """Utterances at the times, and with the texts, that came with the recording."""
    limits = Limits(settings.min_s, settings.max_s, settings.pad_s, settings.split_pause_s)
    pause = pause_mask(activity)
    cuts = join_cuts([Cut(**cut) for cut in row["cuts"]], limits)
    utterances, rejects = [], []
    unheard = ~pause
    for index, cut in enumerate(cuts):
        name = f"{row['recording_id']}-s{index:04d}"
        place = placed(cuts, index, pause, settings.pad_s)
        refusal = _refused_cut(row, name, cut, place, activity, settings)
        if refusal is not None or place is None:
            rejects += [refusal] if refusal is not None else []
            continue
        unheard[int(place[0] / HOP_S) : int(place[1] / HOP_S) + 1] = False
        spoken = row | {"speaker": cut.speaker or row["speaker"]}
        utterances.append(_utterance(spoken, name, cut.text, audio, *place))
    warnings = []
    if unheard.sum() > _UNTOLD_SHARE * max(1, (~pause).sum()):
        warnings.append(
            f"{row['recording_id']}: {unheard.sum() * HOP_S:.0f} s of sound lie outside the times that its "
            "texts have, or in refused ones, and are not used"
        )
    return Outcome(rows=utterances, rejects=rejects, warnings=warnings)


def _refused_cut(
    row: dict[str, Any],
    name: str,
    cut: Cut,
    place: tuple[float, float] | None,
    activity: Activity,
    settings: SegmentSettings,
) -> Reject | None:
    times = f"{cut.start_s:.2f}-{cut.end_s:.2f} s"
    if cut.end_s > activity.duration_s + _BEHIND_END_S:
        why = f"“{cut.text[:60]}” is at {times}, but the recording ends at {activity.duration_s:.2f} s"
        return reject(name, "bad_cut", "end_s", f"{cut.end_s:.2f}", why, "Correct the times of its text.")
    if place is None:
        why = f"nobody is heard at {times}, where “{cut.text[:60]}” should be said"
        return reject(
            name, "no_speech", "start_s", f"{cut.start_s:.2f}", why, "Correct the times of its text."
        )
    length_s = min(place[1], activity.duration_s) - place[0]
    if length_s < settings.clip_min_s:
        return _too_short(row | {"recording_id": name, "duration_s": length_s}, settings)
    if length_s > settings.clip_max_s:
        why = f"one text for {times}, longer than corpus.segment.clip_max_s = {settings.clip_max_s:g}"
        remedy = "Give the text in shorter stretches, or remove its times so that it is cut in its pauses."
        return reject(name, "too_long", "duration_s", f"{length_s:.2f}", why, remedy)
    return None


def _cut(row: dict[str, Any], audio: Waveform, activity: Activity, settings: SegmentSettings) -> Outcome:
    segments = _plan(audio, activity, settings)
    warnings = []
    if _has_text(row):
        warnings.append(
            f"{row['recording_id']}: {activity.duration_s:.0f} s with a transcript is longer than "
            f"corpus.segment.clip_max_s = {settings.clip_max_s:g}: its words are shared out over "
            f"{len(segments)} pieces by the time that they take, and put right by ear where a recogniser "
            "of the language is at hand. Shorter clips with lines of their own need neither."
        )
    forced = [segment for segment in segments if segment.forced]
    if forced:
        warnings.append(
            f"{row['recording_id']}: no pause for {settings.max_s:g} s, cut inside speech near "
            + ", ".join(f"{segment.start_s:.1f}-{segment.end_s:.1f} s" for segment in forced)
            + ". A larger corpus.segment.max_s avoids it."
        )
    utterances, rejects = [], []
    for index, (segment, share) in enumerate(zip(segments, _shares(row, segments, activity), strict=True)):
        name = f"{row['recording_id']}-s{index:04d}"
        utterance = _utterance(row, name, None, audio, segment.start_s, segment.end_s)
        if share is not None:
            utterance |= {"text": share.text, "text_before": share.before, "text_after": share.after}
        # The default method has min_s; the slicer keeps no shortest piece at a recording's end.
        if settings.method == "gpt-sovits" and utterance["duration_s"] < settings.clip_min_s:
            rejects.append(_too_short(utterance | {"recording_id": name}, settings))
        else:
            utterances.append(utterance)
    return Outcome(rows=utterances, rejects=rejects, warnings=warnings)


def _plan(audio: Waveform, activity: Activity, settings: SegmentSettings) -> list[Segment]:
    limits = Limits(settings.min_s, settings.max_s, settings.pad_s, settings.split_pause_s)
    if settings.method == "pauses":
        return plan_segments(activity, limits)
    parameters = SlicerParameters(**settings.slicer.model_dump())
    pieces = slice_silence(audio.samples, audio.sample_rate, parameters)
    return segments_of_pieces(activity, pieces, audio.sample_rate, limits)


def _shares(row: dict[str, Any], segments: list[Segment], activity: Activity) -> list[Share] | list[None]:
    """What each piece says of the recording's text; None each where it has none."""
    if not _has_text(row) or not segments:
        return [None] * len(segments)
    speech = ~pause_mask(activity)
    frames = [slice(int(one.start_s / HOP_S), int(one.end_s / HOP_S)) for one in segments]
    return share_text(row["text"], [float(speech[of].sum()) * HOP_S for of in frames])


def _utterance(
    row: dict[str, Any],
    utterance_id: str,
    text: str | None,
    audio: Waveform,
    start_s: float,
    end_s: float,
) -> dict[str, Any]:
    rate = audio.sample_rate
    start = max(0, round(start_s * rate))
    end = min(audio.samples.size, round(end_s * rate))
    untouched = start == 0 and end == audio.samples.size
    return {
        "utterance_id": utterance_id,
        "recording_id": row["recording_id"],
        "source_digest": row["source_digest"],
        "speaker": row["speaker"],
        "language": row["language"],
        "text": text,
        "text_before": None,
        "text_after": None,
        "start_s": start / rate,
        "end_s": end / rate,
        "audio": row["audio"] if untouched else encode_flac(audio.samples[start:end], rate),
        "sample_rate": rate,
        "duration_s": (end - start) / rate,
    }


def _longest_whole_s(row: dict[str, Any], settings: SegmentSettings) -> float:
    """Longest recording that stays one clip, seconds."""
    if _has_text(row):
        return settings.clip_max_s
    return settings.max_s if settings.method == "pauses" else 0.0


def _has_text(row: dict[str, Any]) -> bool:
    # An empty transcript is a transcript: the row keeps it, and transcribe refuses it by name.
    return row["text"] is not None


def _without_speech(row: dict[str, Any], activity: Activity) -> Reject | None:
    if activity.level_dbfs < SILENT_DBFS:
        return reject(
            row["recording_id"],
            "silent",
            "level_dbfs",
            f"{activity.level_dbfs:.1f}",
            f"the loudest parts stay below {SILENT_DBFS:g} dBFS",
            "Check the microphone and the channel that was recorded.",
        )
    if activity.speech_s < _LEAST_SPEECH_S:
        return reject(
            row["recording_id"],
            "no_speech",
            "speech_s",
            f"{activity.speech_s:.2f}",
            "the voice activity detector hears nobody speak",
            "Remove the file, or check that it is the recording you meant.",
        )
    return None


def _too_short(row: dict[str, Any], settings: SegmentSettings) -> Reject:
    return reject(
        row["recording_id"],
        "too_short",
        "duration_s",
        f"{row['duration_s']:.3f}",
        f"shorter than corpus.segment.clip_min_s = {settings.clip_min_s:g}",
        "Remove the file, or lower corpus.segment.clip_min_s.",
    )
