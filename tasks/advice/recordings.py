"""What a folder of recordings holds, found out in seconds: how much, who, which language, how it sounds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from configs.corpus import CorpusSettings

_HEARD, _HEARD_S = 6, 15.0
"""Recordings that are listened to, and how much of each."""
_LONG_S = 15.0
"""What is longer is cut into utterances, of about `_UTTERANCE_S`."""
_UTTERANCE_S = 6.0


class Sound(NamedTuple):
    """Medians of what was heard; see `models.frontend.quality.Quality`."""

    snr_db: float
    bandwidth_hz: float
    clipping_ratio: float
    reverberation_s: float | None


class Recordings(NamedTuple):
    """A folder of recordings.

    Attributes:
        files: How many recordings.
        seconds: Of all that could be measured.
        unmeasured: Recordings whose length is not known without decoding them.
        clips: Utterances that they will come to, about.
        speakers: Recordings by speaker.
        language: Code of the language; empty where nothing tells it.
        how_known: What told it: `set`, `list` or `texts`; empty likewise.
        with_text: Recordings that have a transcript.
        sound: How they sound; None where none could be heard.
        refused: Recordings and lists that cannot be used.
        warnings: What the user should know.
    """

    files: int
    seconds: float
    unmeasured: int
    clips: int
    speakers: Mapping[str, int]
    language: str
    how_known: str
    with_text: int
    sound: Sound | None
    refused: int
    warnings: Sequence[str]


def look_at_recordings(place: Path, settings: CorpusSettings, digest_cache: Path) -> Recordings:
    """Look at a folder of recordings, or at one recording.

    Args:
        place: as the pipeline takes it.
        settings: `corpus` of the settings.
        digest_cache: file that remembers digests of files, as in `tasks.corpus.scan`.

    Raises:
        UserError: it is absent or holds nothing usable.
    """
    from tasks.corpus.scan import scan_recordings

    found = scan_recordings(place, settings, digest_cache)
    lengths = lengths_s(found.rows)
    language, how_known = _language(found.rows, settings.language)
    return Recordings(
        files=len(found.rows),
        seconds=sum(lengths.values()),
        unmeasured=len(found.rows) - len(lengths),
        clips=clips_of(lengths.values()),
        speakers=Counter(row["speaker"] for row in found.rows),
        language=language,
        how_known=how_known,
        with_text=sum(1 for row in found.rows if row["text"] or row["cuts"]),
        sound=_sound(found.rows),
        refused=len(found.rejects),
        warnings=tuple(found.warnings),
    )


def lengths_s(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of each recording that tells its length without being decoded, by its identifier."""
    found = {}
    for row in rows:
        length = _length_s(Path(row["location"])) if row.get("member") is None else None
        if length is not None:
            found[str(row["recording_id"])] = length
    return found


def clips_of(lengths: Any) -> int:
    """About how many utterances recordings of these lengths, seconds, come to."""
    return sum(1 if length <= _LONG_S else max(1, round(length / _UTTERANCE_S)) for length in lengths)


def _length_s(path: Path) -> float | None:
    import av
    import soundfile

    try:
        return float(soundfile.info(str(path)).duration)
    except (soundfile.LibsndfileError, OSError):
        pass
    try:
        with av.open(str(path)) as container:
            return container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, OSError):
        return None


def _language(rows: Sequence[Mapping[str, Any]], given: str) -> tuple[str, str]:
    if given != "auto":
        return given, "set"
    listed = Counter(row["language"] for row in rows if row["language"])
    if listed:
        return str(listed.most_common(1)[0][0]), "list"
    texts = [row["text"] for row in rows if row["text"]]
    if not texts:
        return "", ""
    from models.frontend.language import languages_of
    from models.frontend.text.inline import without_phones

    found = languages_of([without_phones(text) for text in texts])
    return (found[0].language, "texts") if found else ("", "")


def _sound(rows: Sequence[Mapping[str, Any]]) -> Sound | None:
    """Listen to a few recordings, spread over the folder."""
    import soundfile

    from models.frontend.activity import analyse_activity
    from models.frontend.quality import measure_quality

    heard = []
    step = max(1, len(rows) // _HEARD)
    for row in rows[::step][:_HEARD]:
        try:
            with soundfile.SoundFile(row["location"]) as file:
                samples = file.read(int(_HEARD_S * file.samplerate), dtype="float32", always_2d=True).mean(1)
                rate = file.samplerate
        except (soundfile.LibsndfileError, OSError):
            continue
        if len(samples):
            heard.append(measure_quality(samples, rate, analyse_activity(samples, rate)))
    if not heard:
        return None
    rooms = [one.reverberation_s for one in heard if one.reverberation_s is not None]
    return Sound(
        snr_db=statistics.median(one.snr_db for one in heard),
        bandwidth_hz=statistics.median(one.bandwidth_hz for one in heard),
        clipping_ratio=statistics.median(one.clipping_ratio for one in heard),
        reverberation_s=statistics.median(rooms) if rooms else None,
    )
