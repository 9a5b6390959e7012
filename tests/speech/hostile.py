"""A folder of broken and malicious input, from embedded recordings, with what each must become."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tests.speech.clips import read_aloud

GOOD, FIRST, SECOND = "LJ001-0016", "LJ001-0026", "LJ001-0004"
RATE = 22_050
MULAW_RATE, OPUS_RATE, STUDIO_RATE = 8_000, 24_000, 96_000
NAMES = ("good.wav", "ünïcödé 音声 🎤.wav", "with space.wav", "new\nline.wav", "-rf.wav")
SILENT_MINUTES = 60

Samples = NDArray[np.float64]


class Item(NamedTuple):
    """A file or a set of the folder.

    Attributes:
        path: Below the folder.
        expected: `ok` (used), `ok_convert` (used after a conversion), `warn` (used and reported), `reject`,
            `reject_items` (the bad rows only), `reject_dataset`, two of them joined by `_or_`, or `bait`
            (never touched).
        code: Of what is wrong.
    """

    path: str
    expected: str
    code: str


SOUNDS = (
    *((f"audio/{name}", "ok", "ok") for name in NAMES),
    ("audio/empty.wav", "reject", "empty_file"),
    ("audio/zero_samples.wav", "reject", "no_samples"),
    ("audio/truncated_header.wav", "reject", "unreadable"),
    ("audio/truncated_data.wav", "warn_or_reject", "truncated"),
    ("audio/mulaw_8k.wav", "warn_or_reject", "low_sample_rate"),
    ("audio/stereo_96k_24bit.wav", "ok_convert", "downmix_resample"),
    ("audio/float64.wav", "ok_convert", "bit_depth"),
    ("audio/clipped.wav", "warn_or_reject", "clipping"),
    ("audio/float_over_range.wav", "ok_convert", "peak_over_1"),
    ("audio/nan_float.wav", "reject", "non_finite"),
    ("audio/inf_float.wav", "reject", "non_finite"),
    ("audio/silence_digital_5s.wav", "reject", "silent"),
    ("audio/silence_near_5s.wav", "reject", "silent"),
    ("audio/very_quiet_speech.wav", "ok_convert", "low_level"),
    ("audio/noise_white_5s.wav", "reject", "no_speech"),
    ("audio/tone_440_5s.wav", "reject", "no_speech"),
    ("audio/mostly_silence.wav", "ok_convert", "trim"),
    ("audio/too_short_50ms.wav", "reject", "too_short"),
    ("audio/one_sample.wav", "reject", "too_short"),
    ("audio/stereo_left_only.wav", "ok_convert", "downmix"),
    ("audio/stereo_antiphase.wav", "ok_convert", "antiphase"),
    ("audio/surround_51.wav", "ok_convert", "downmix"),
    *((f"audio/good.{kind}", "ok_convert", "container") for kind in ("mp3", "ogg", "m4a", "opus", "flac")),
    ("audio/mp3_named.wav", "ok_convert", "wrong_extension"),
    ("audio/text_named.wav", "reject", "unreadable"),
    ("audio/truncated.flac", "warn_or_reject", "truncated"),
    ("audio/directory.wav", "reject", "not_a_file"),
    ("audio/loop_a.wav", "reject", "bad_link"),
    ("audio/dangling.wav", "reject", "bad_link"),
    ("audio/silence_60min.flac", "reject", "silent"),
)
SETS = (
    ("00_good", "ok", "ok"),
    ("dup_ids_same_text", "warn", "duplicate_id"),
    ("dup_ids_conflict", "reject_items", "duplicate_id"),
    ("missing_row", "warn", "no_transcript"),
    ("missing_wav", "reject_items", "no_audio"),
    ("empty_text", "reject_items", "empty_text"),
    ("one_column", "reject_dataset", "bad_metadata"),
    ("empty_metadata", "reject_dataset", "bad_metadata"),
    ("wrong_language", "reject_items", "text_mismatch"),
    ("emoji_only", "reject_items", "no_words"),
    ("rtl", "reject_items", "text_mismatch"),
    ("text_too_long", "reject_items", "rate_outlier"),
    ("bad_id_00", "reject_items", "bad_id"),
    ("bad_id_01", "reject_items", "bad_id"),
    ("bad_id_04", "ok_or_reject", "bad_id"),
    ("crlf_bom", "ok", "normalise"),
    ("latin1", "ok_or_reject", "encoding"),
    ("unbalanced_quote", "ok", "ok"),
    ("mixed_rates", "ok_convert", "mixed_rates"),
    ("only_one_clip", "warn_or_reject", "too_little_data"),
)
ITEMS = tuple(
    Item(*one)
    for one in (
        *SOUNDS,
        *((f"datasets/{name}", expected, code) for name, expected, code in SETS),
        # What the id `../../x` would reach from a set's own folder.
        ("x.wav", "bait", "bait"),
    )
)


def write_hostile(root: Path) -> None:
    """Make the folder, with links that lead nowhere and names that some systems cannot have."""
    clips = {one.name: one for one in read_aloud()}
    speech, rate = clips[GOOD].read()
    assert rate == RATE
    audio = root / "audio"
    audio.mkdir(parents=True)
    for name in NAMES:
        soundfile.write(audio / name, speech, RATE, "PCM_16")
    _write_levels(audio, speech)
    _write_channels(audio, speech)
    _write_containers(audio, speech)
    _write_silence(audio)
    _write_what_is_no_sound(audio)
    for name, _, _ in SETS:
        _write_set(root / "datasets" / name, clips[FIRST].read()[0], clips[SECOND].read()[0])
        texts = clips[FIRST].text, clips[SECOND].text
        (root / "datasets" / name / "metadata.csv").write_bytes(_listed(name, *texts))
    _change_sets(root / "datasets", clips[SECOND].read()[0])
    for bait in (root / "x.wav", root / "datasets" / "x.wav"):
        soundfile.write(bait, speech, RATE, "PCM_16")


def _write_levels(audio: Path, speech: Samples) -> None:
    def write(name: str, samples: Samples, kind: str = "PCM_16") -> None:
        soundfile.write(audio / f"{name}.wav", samples, RATE, kind)

    noise = np.random.default_rng(0).standard_normal(5 * RATE)
    write("clipped", np.clip(12 * speech, -1, 1))
    write("float_over_range", 4 * speech, "FLOAT")
    write("float64", speech, "DOUBLE")
    for name, value, count in (("nan_float", np.nan, 10), ("inf_float", np.inf, 1)):
        broken = speech.copy()
        broken[RATE : RATE + count] = value
        write(name, broken, "FLOAT")
    write("very_quiet_speech", speech * 10**-2.5, "PCM_24")
    write("noise_white_5s", 0.1 * noise)
    write("tone_440_5s", 0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE))
    write("too_short_50ms", speech[RATE : RATE + RATE // 20])
    write("one_sample", np.full(1, 0.1))
    write("silence_near_5s", 1e-4 * noise)
    write("silence_digital_5s", np.zeros(5 * RATE))
    write("mostly_silence", np.concatenate([np.zeros(5 * RATE), speech, np.zeros(9 * RATE)]))
    telephone = soxr.resample(speech, RATE, MULAW_RATE)
    soundfile.write(audio / "mulaw_8k.wav", telephone, MULAW_RATE, "ULAW")


def _write_channels(audio: Path, speech: Samples) -> None:
    none = np.zeros_like(speech)
    layouts = {
        "stereo_left_only": [speech, none],
        "stereo_antiphase": [speech, -speech],
        "surround_51": [none, none, speech, none, none, none],
    }
    for name, channels in layouts.items():
        soundfile.write(audio / f"{name}.wav", np.stack(channels, 1), RATE, "PCM_16")
    wide = soxr.resample(speech, RATE, STUDIO_RATE)
    soundfile.write(audio / "stereo_96k_24bit.wav", np.stack([wide, wide], 1), STUDIO_RATE, "PCM_24")


def _write_containers(audio: Path, speech: Samples) -> None:
    soundfile.write(audio / "good.flac", speech, RATE, "PCM_16")
    soundfile.write(audio / "good.ogg", speech, RATE, "VORBIS", format="OGG")
    soundfile.write(audio / "good.mp3", speech, RATE, "MPEG_LAYER_III", format="MP3")
    at_opus_rate = soxr.resample(speech, RATE, OPUS_RATE)
    soundfile.write(audio / "good.opus", at_opus_rate, OPUS_RATE, "OPUS", format="OGG")
    (audio / "good.m4a").write_bytes(encoded(speech, "aac", "ipod"))
    (audio / "mp3_named.wav").write_bytes((audio / "good.mp3").read_bytes())
    for name, share in (("truncated.flac", 0.5), ("truncated_data.wav", 0.4)):
        data = (audio / f"good.{name.rsplit('.', 1)[-1]}").read_bytes()
        (audio / name).write_bytes(data[: int(share * len(data))])


def encoded(samples: Samples, codec: str, container: str) -> bytes:
    """One channel at RATE by a codec and in a container of libav's."""
    kind = "s16" if codec.startswith("pcm") else "fltp"
    values = np.round(32767 * samples).astype("<i2") if kind == "s16" else samples.astype(np.float32)
    frame = av.AudioFrame.from_ndarray(values[None], kind, "mono")
    frame.sample_rate = RATE
    file = io.BytesIO()
    with av.open(file, "w", format=container) as made:
        stream: Any = made.add_stream(codec, rate=RATE, layout="mono")
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


def _write_silence(audio: Path) -> None:
    with soundfile.SoundFile(audio / "silence_60min.flac", "w", RATE, 1) as file:
        for _ in range(SILENT_MINUTES):
            file.write(np.zeros(60 * RATE, np.int16))


def _write_what_is_no_sound(audio: Path) -> None:
    (audio / "empty.wav").write_bytes(b"")
    soundfile.write(audio / "zero_samples.wav", np.zeros(0), RATE, "PCM_16")
    (audio / "truncated_header.wav").write_bytes((audio / "good.wav").read_bytes()[:20])
    (audio / "text_named.wav").write_text("This is not audio.\n" * 40)
    (audio / "directory.wav").mkdir()
    (audio / "directory.wav" / ".keep").write_bytes(b"")
    for name, target in (("loop_a", "loop_b"), ("loop_b", "loop_a"), ("dangling", "nowhere")):
        (audio / f"{name}.wav").symlink_to(f"{target}.wav")


def _write_set(folder: Path, first: Samples, second: Samples) -> None:
    (folder / "wavs").mkdir(parents=True)
    for name, samples in ((FIRST, first), (SECOND, second)):
        soundfile.write(folder / "wavs" / f"{name}.wav", samples, RATE, "PCM_16")


def _listed(name: str, first: str, second: str) -> bytes:
    """A set's `metadata.csv`."""
    good = f"{FIRST}|{first}\n"
    listings = {
        "dup_ids_same_text": f"{good}{good}{SECOND}|{second}\n",
        "dup_ids_conflict": f"{good}{FIRST}|{second}\n{SECOND}|{second}\n",
        "missing_row": good,
        "missing_wav": f"{good}{SECOND}|{second}\nLJ999-0001|There is no such file.\n",
        "empty_text": f"{good}{SECOND}|\n",
        "one_column": f"{FIRST}\n{SECOND}\n",
        "empty_metadata": "",
        "wrong_language": f"{good}{SECOND}|明天早上我们去河边散步。\n",
        "emoji_only": f"{good}{SECOND}|😀🎉🔥\n",
        "rtl": f"{good}{SECOND}|מחר בבוקר נלך לטייל ליד הנהר.\n",
        "text_too_long": f"{good}{SECOND}|{' '.join([second] * 12)}\n",
        "bad_id_00": f"{good}../../x|{second}\n",
        "bad_id_01": f"{good}/etc/passwd|{second}\n",
        "bad_id_04": f"{good}sub/clip|{second}\n",
        "crlf_bom": f"\ufeff{good}{SECOND}|{second}\n".replace("\n", "\r\n"),
        "latin1": f"{good}{SECOND}|Café naïve déjà vu\n",
        "unbalanced_quote": f'{FIRST}|"{first}\n{SECOND}|{second}\n',
        "only_one_clip": good,
    }
    text = listings.get(name, f"{good}{SECOND}|{second}\n")
    return text.encode("latin-1" if name == "latin1" else "utf-8")


def _change_sets(datasets: Path, second: Samples) -> None:
    """What is wrong with the sets whose sounds are not the usual two."""
    for name in ("only_one_clip", "bad_id_00", "bad_id_01"):
        (datasets / name / "wavs" / f"{SECOND}.wav").unlink()
    inner = datasets / "bad_id_04" / "wavs" / "sub"
    inner.mkdir()
    (datasets / "bad_id_04" / "wavs" / f"{SECOND}.wav").rename(inner / "clip.wav")
    slower = soxr.resample(second, RATE, 16_000)
    soundfile.write(datasets / "mixed_rates" / "wavs" / f"{SECOND}.wav", slower, 16_000, "PCM_16")
