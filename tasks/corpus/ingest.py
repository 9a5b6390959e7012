"""Decode each recording to canonical mono, or refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from artifacts import digest
from configs.errors import UserError
from models.frontend.codecs import AudioError
from models.frontend.recordings import Decoded, DecodePolicy, decode_file
from tasks.corpus.parquet import read_member
from tasks.stage import ConfigView, Outcome, reject

_GIVEN = ("speaker", "language", "text", "transcript_source", "source_path", "source_digest")
_SUFFIXES = {
    "wav": (".wav", ".wave", ".rf64"),
    "aiff": (".aif", ".aiff", ".aifc"),
    "au": (".au", ".snd"),
    "ogg": (".ogg", ".oga", ".opus", ".webm"),  # some browsers' recorders call Ogg WebM
    "mp3": (".mp3", ".mp2", ".mpga"),
    "aac": (".aac", ".adts"),
    "mp4": (".m4a", ".m4b", ".mp4", ".mov", ".3gp"),
    "webm": (".webm", ".mka", ".mkv"),
}


def ingest_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One row per usable recording: `audio` at its own rate up to `corpus.max_sample_rate_hz`.

    Raises:
        UserError: a recording changed or vanished since the folder was scanned.
    """
    del files
    policy = DecodePolicy(
        min_sample_rate_hz=cfg.corpus.min_sample_rate_hz,
        max_sample_rate_hz=cfg.corpus.max_sample_rate_hz,
        min_duration_s=cfg.corpus.min_duration_s,
        max_duration_s=cfg.corpus.max_duration_s,
        silence_dbfs=cfg.corpus.silence_dbfs,
        keep_truncated=cfg.corpus.keep_truncated,
    )
    return [_ingest(row, policy) for row in rows]


def _ingest(row: Mapping[str, Any], policy: DecodePolicy) -> Outcome:
    path, member = Path(row["location"]), row.get("member")
    shown = row["source_path"]
    try:
        source = path if member is None else read_member(path, member)
        try:
            decoded = decode_file(source, policy)
        finally:
            # A recording may be replaced while it is read: its row must hold what its digest names.
            found = digest.of_bytes(source) if isinstance(source, bytes) else digest.of_file(source)
    except AudioError as error:
        _check_unchanged(row, found)
        why = f"{shown}: {error.reason}"
        refused = reject(row["recording_id"], error.code, error.field, error.value, why, error.remedy)
        return Outcome(rejects=[refused])
    except OSError as error:
        raise UserError(
            f"recordings: {shown} cannot be read any more ({error.strerror or error}); "
            "run the command again once the folder is complete"
        ) from error
    _check_unchanged(row, found)
    return Outcome(rows=[_row(row, decoded)], warnings=_warnings(shown, decoded))


def _check_unchanged(row: Mapping[str, Any], found: str) -> None:
    if found != row["source_digest"]:
        raise UserError(
            f"recordings: {row['source_path']} changed while it was read; "
            "run the command again once nothing writes to the folder"
        )


def _row(row: Mapping[str, Any], decoded: Decoded) -> dict[str, Any]:
    return {
        "recording_id": row["recording_id"],
        **{name: row[name] for name in _GIVEN},
        "audio": decoded.flac,
        "sample_rate": decoded.sample_rate,
        "duration_s": decoded.n_samples / decoded.sample_rate,
        "source_codec": f"{decoded.container}/{decoded.codec}",
        "source_sample_rate": decoded.source_sample_rate,
        "source_channels": decoded.source_channels,
        "conversions": list(decoded.conversions),
    }


def _warnings(shown: str, decoded: Decoded) -> list[str]:
    warnings = [f"{shown}: {warning}" for warning in decoded.warnings]
    suffix = PurePosixPath(shown).suffix.lower()
    expected = _SUFFIXES.get(decoded.container, (f".{decoded.container}",))
    if suffix and suffix not in expected:
        warnings.append(f"{shown}: called {suffix}, but the content is {decoded.container}")
    return warnings
