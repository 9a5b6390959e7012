"""Mutated sound files of every suffix: each becomes a row or one reject, as in a run.

By hand: `python -m tests.fuzz.sounds --count 3000 --seed 1`.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import av
import numpy as np
import soundfile

from configs.corpus import CorpusSettings
from configs.errors import UserError
from models.frontend.audio import decode_flac
from tasks.corpus.ingest import ingest_rows
from tasks.corpus.scan import scan_recordings
from tasks.corpus.stages import INGEST
from tasks.stage import ConfigView
from tests.fuzz import harness

LIMIT_S = 30.0
# Of the processor, which does not depend on what else runs.
_LIMIT_CPU_S = 1.0
# AMR has most to decode: a byte is 1.5 ms of sound.
_LIMIT_CPU_S_PER_BYTE = 1e-5
_DURATION_S = 0.8
_HEADER_BYTES = 160

# suffix -> how libsndfile (format, coding) or FFmpeg (container, codec, Hz) writes such files
_BY_LIBSNDFILE = {
    ".wav": (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24"), ("WAV", "IMA_ADPCM"), ("WAV", "ULAW")),
    ".wave": (("WAV", "MS_ADPCM"), ("WAV", "DOUBLE"), ("WAV", "PCM_U8")),
    ".rf64": (("RF64", "PCM_16"),),
    ".w64": (("W64", "PCM_16"), ("W64", "IMA_ADPCM")),
    ".flac": (("FLAC", "PCM_16"), ("FLAC", "PCM_24")),
    ".aif": (("AIFF", "PCM_16"),),
    ".aiff": (("AIFF", "PCM_24"),),
    ".aifc": (("AIFF", "ULAW"), ("AIFF", "FLOAT")),
    ".au": (("AU", "PCM_16"), ("AU", "ALAW")),
    ".snd": (("AU", "FLOAT"),),
    ".caf": (("CAF", "PCM_16"), ("CAF", "ALAC_16")),
    ".oga": (("OGG", "VORBIS"),),
}
_BY_FFMPEG = {
    ".mp3": (("mp3", "libmp3lame", 44_100), ("mp3", "libmp3lame", 22_050)),
    ".mp2": (("mp2", "mp2", 44_100),),
    ".mpga": (("mp3", "libmp3lame", 48_000),),
    ".ogg": (("ogg", "libopus", 48_000),),
    ".opus": (("ogg", "libopus", 48_000),),
    ".m4a": (("ipod", "aac", 44_100), ("ipod", "alac", 44_100)),
    ".m4b": (("ipod", "aac", 22_050),),
    ".mp4": (("mp4", "aac", 48_000),),
    ".mov": (("mov", "pcm_s16le", 44_100),),
    ".3gp": (("3gp", "aac", 44_100),),
    ".aac": (("adts", "aac", 44_100),),
    ".adts": (("adts", "aac", 24_000),),
    ".webm": (("webm", "libopus", 48_000),),
    ".mka": (("matroska", "aac", 44_100), ("matroska", "libopus", 48_000)),
    ".mkv": (("matroska", "pcm_s16le", 44_100),),
    ".wma": (("asf", "wmav2", 44_100),),
    ".amr": (("amr", "libopencore_amrnb", 8_000),),
}
SUFFIXES = tuple(sorted(_BY_LIBSNDFILE | _BY_FFMPEG))
_EXTREMES = (
    *(b"\0", b"\1", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff"),
    *(b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80", b"\xfe\xff\xff\xff"),
    *(bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\x7f" + b"\xff" * 7, b"\0\1\0\0", b"\1\0\0\0"),
)


class Case(NamedTuple):
    """The file is made from the seed alone."""

    suffix: str
    seed: int


def cases(count: int, seed: int) -> Iterator[Case]:
    """All suffixes in turn."""
    for number in range(seed, seed + count):
        yield Case(SUFFIXES[number % len(SUFFIXES)], number)


def take(case: Case) -> str:
    """Scan a folder with the file, ingest the row, and read its audio as the next stage does.

    Raises:
        UserError: the recording was refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "in")
        root.mkdir()
        data = content(case)
        (root / f"a{case.suffix}").write_bytes(data)
        begun_s = time.process_time()
        settings = CorpusSettings(min_sample_rate_hz=8_000, min_duration_s=0.1)
        rows = scan_recordings(root, settings, Path(folder, "digests.json")).rows
        view = ConfigView(SimpleNamespace(corpus=settings), INGEST.config)
        (outcome,) = ingest_rows(list(rows), view, {})
        spent_s = time.process_time() - begun_s
    if spent_s > _LIMIT_CPU_S + _LIMIT_CPU_S_PER_BYTE * len(data):
        raise AssertionError(f"{spent_s:.1f} s of the processor for {len(data)} bytes")
    if outcome.rejects:
        (refused,) = outcome.rejects
        if not all((refused.code, refused.field, refused.reason, refused.remedy)) or outcome.rows:
            raise AssertionError(f"a refusal that explains nothing: {refused}")
        raise UserError(f"{refused.code}: {refused.reason}")
    (row,) = outcome.rows
    audio = decode_flac(row["audio"])
    if not np.isfinite(audio.samples).all() or audio.samples.size != round(
        row["duration_s"] * audio.sample_rate
    ):
        raise AssertionError("the row's audio is not what the row says")
    return f"{row['source_codec']}, {row['duration_s']:.2f} s, {row['conversions']}, {outcome.warnings}"


def content(case: Case) -> bytes:
    """The case's bytes."""
    chance = random.Random(case.seed)
    data = _sample(case.suffix, chance)
    for _ in range(chance.randint(1, 3)):
        data = chance.choice(_MUTATIONS)(data, chance)
    return data


def _sample(suffix: str, chance: random.Random) -> bytes:
    kinds: tuple[Any, ...] = (*_BY_LIBSNDFILE.get(suffix, ()), *_BY_FFMPEG.get(suffix, ()))
    return _written(chance.choice(kinds), chance.choice((1, 2)))


@cache
def _written(kind: tuple[Any, ...], channels: int) -> bytes:
    if len(kind) == 2:
        file = io.BytesIO()
        soundfile.write(file, _voice(44_100, channels), 44_100, kind[1], format=kind[0])
        return file.getvalue()
    container, codec, rate = kind
    channels = 1 if codec == "libopencore_amrnb" else channels
    layout = "mono" if channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(_voice(rate, channels).reshape(1, -1), "flt", layout)
    frame.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format=container) as made:
        stream = made.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 12_200 if codec == "libopencore_amrnb" else 128_000
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


def _voice(rate: int, channels: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """`[samples, channels]`: a tone that swells, with a little noise."""
    seconds = np.arange(round(rate * _DURATION_S)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 180 * seconds) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * seconds))
    noise = np.random.default_rng(0).normal(0, 0.003, (seconds.size, channels))
    return np.ascontiguousarray(tone[:, None] + noise, np.float32)


# -- mutations: bytes and chance to bytes


def _place(data: bytes, chance: random.Random) -> int:
    """More often in the header than behind it."""
    return chance.randrange(
        max(1, min(len(data), chance.choice((_HEADER_BYTES, _HEADER_BYTES, len(data) or 1))))
    )


def _over(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 4, 32)) if data else 0):
        changed[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _extreme(data: bytes, chance: random.Random) -> bytes:
    return _over(data, _place(data, chance), chance.choice(_EXTREMES))


def _size(data: bytes, chance: random.Random) -> bytes:
    """A four-byte number of the header, halved, doubled or off by one."""
    at = chance.randrange(max(1, min(len(data), _HEADER_BYTES)))
    order = chance.choice("<>")
    (value,) = struct.unpack(f"{order}I", data[at : at + 4].ljust(4, b"\0"))
    changed = chance.choice((value // 2, value * 2, value + 1, value - 1, len(data), len(data) * 2))
    return _over(data, at, struct.pack(f"{order}I", changed & 0xFFFFFFFF))


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _headless(data: bytes, chance: random.Random) -> bytes:
    return data[_place(data, chance) :]


def _zeroed(data: bytes, chance: random.Random) -> bytes:
    return _over(data, _place(data, chance), bytes(chance.choice((16, 512, 8192))))


def _repeated(data: bytes, chance: random.Random) -> bytes:
    start, length = _place(data, chance), chance.choice((8, 64, 2048))
    return data[:start] + data[start : start + length] * chance.choice((2, 3, 50)) + data[start + length :]


def _removed(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + data[start + chance.choice((1, 7, 300)) :]


def _spliced(data: bytes, chance: random.Random) -> bytes:
    other = _sample(chance.choice(SUFFIXES), chance)
    start, at = _place(other, chance), _place(data, chance)
    return data[:at] + other[start : start + chance.choice((16, 256, 4096))] + data[at:]


def _joined(data: bytes, chance: random.Random) -> bytes:
    tag = b"ID3\4\0\0\0\0\1\0" + bytes(128) if chance.random() < 0.3 else b""
    return data + tag + (data if chance.random() < 0.5 else _sample(chance.choice(SUFFIXES), chance))


def _misnamed(data: bytes, chance: random.Random) -> bytes:
    """Another kind of file under this suffix."""
    return _sample(chance.choice(SUFFIXES), chance)


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _extreme, _extreme, _size, _cut, _headless, _zeroed, _repeated, _removed, _spliced),
    *(_joined, _misnamed),
)


if __name__ == "__main__":
    given = harness.arguments(3000, __doc__)
    sys.exit(harness.report(harness.judge(take, cases(given.count, given.seed), LIMIT_S)) > 0)
