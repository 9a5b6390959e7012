"""Decode each recording to canonical mono, or refuse it."""

from __future__ import annotations

import errno
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from artifacts import digest
from configs.errors import UserError
from configs.naming import in_settings
from models.frontend.audio_errors import AudioError
from models.frontend.recordings import Decoded, DecodePolicy, decode_file
from tasks.corpus.parquet import read_member
from tasks.stage import ConfigView, Outcome, Reject, reject

_GIVEN = ("speaker", "language", "text", "cuts", "transcript_source", "source_path", "source_digest")
_OF_THIS_PROCESS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
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
        UserError: a folder vanished since it was scanned.
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
    try:
        source = _source(row)
        try:
            decoded: Decoded | AudioError = decode_file(source, policy)
        except AudioError as error:
            decoded = error
        # A recording may be replaced while it is read: its row must hold what its digest names.
        found = digest.of_bytes(source) if isinstance(source, bytes) else digest.of_file(source)
    except (OSError, pa.ArrowInvalid) as error:
        return Outcome(rejects=[_unread(row, error)])
    if found != row["source_digest"]:
        return Outcome(rejects=[_changed(row)])
    if isinstance(decoded, AudioError):
        why = f"{row['source_path']}: {decoded.reason}"
        remedy = in_settings("corpus", decoded.remedy)
        refused = reject(row["recording_id"], decoded.code, decoded.field, decoded.value, why, remedy)
        return Outcome(rejects=[refused])
    return Outcome(rows=[_row(row, decoded)], warnings=_warnings(row["source_path"], decoded))


def _source(row: Mapping[str, Any]) -> Path | bytes:
    path, member = Path(row["location"]), row.get("member")
    if member is not None:
        return read_member(path, member)
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file any more")
    return path


def _unread(row: Mapping[str, Any], error: OSError | pa.ArrowInvalid) -> Reject:
    """One file that cannot be read is refused.

    Raises:
        UserError: its whole folder is gone.
        OSError: this process, not the file, is the cause.
    """
    number = getattr(error, "errno", None)
    said = getattr(error, "strerror", None) or str(error)
    if number in _OF_THIS_PROCESS:
        raise error
    if number == errno.ENOENT and not Path(row["location"]).parent.is_dir():
        raise UserError(
            f"recordings: {row['source_path']} cannot be read any more, its folder is gone; run the command "
            "again once the folder is complete"
        ) from error
    return reject(
        row["recording_id"],
        "read_error",
        "path",
        row["source_path"],
        f"{row['source_path']}: cannot be read any more: {said}",
        "check the disk and the file's permissions, then run the command again",
    )


def _changed(row: Mapping[str, Any]) -> Reject:
    return reject(
        row["recording_id"],
        "changed",
        "path",
        row["source_path"],
        f"{row['source_path']}: changed while it was read",
        "run the command again once nothing writes to the file",
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
