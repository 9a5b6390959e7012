"""Recordings as recorders, copies and faulty inputs leave them: taken, and said what was done, or refused."""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

from configs.corpus import CorpusSettings
from models.frontend.audio import decode_flac
from tasks.corpus.ingest import ingest_rows
from tasks.corpus.scan import scan_recordings
from tasks.corpus.stages import INGEST
from tasks.stage import ConfigView, Outcome
from tests.speech.hostile import encoded

RATE = 22_050
TO_ITS_END = "read to its end: the header gives no length"


def voice(seconds: float, rate: int = RATE, channels: int = 1, hz: float = 180.0) -> np.ndarray:
    """`[samples, channels]`: a tone that swells."""
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * hz * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    return np.repeat(tone[:, None], channels, 1).astype(np.float32)


def written(samples: np.ndarray, kind: str, subtype: str = "PCM_16", rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=kind)
    return file.getvalue()


def mp3(seconds: float, rate: int = RATE, channels: int = 1) -> bytes:
    layout = "mono" if channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(voice(seconds, rate, channels).reshape(1, -1), "flt", layout)
    frame.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as made:
        stream = made.add_stream("libmp3lame", rate=rate, layout=layout)
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Outcome]:
    """What becomes of one file's bytes."""

    def run(data: bytes, name: str = "a.wav", **settings: object) -> Outcome:
        root = tmp_path / "in"
        root.mkdir(exist_ok=True)
        (root / name).write_bytes(data)
        (outcome,) = outcomes_of(root, tmp_path, **settings)
        return outcome

    return run


def outcomes_of(root: Path, cache: Path, **settings: object) -> list[Outcome]:
    chosen = CorpusSettings(**settings)
    rows = scan_recordings(root, chosen, cache / "digests.json").rows
    return ingest_rows(list(rows), ConfigView(SimpleNamespace(corpus=chosen), INGEST.config), {})


def samples_of(outcome: Outcome) -> np.ndarray:
    (row,) = outcome.rows
    return decode_flac(row["audio"]).samples


# -- lengths


def at(data: bytes, name: bytes, skip: int, value: bytes) -> bytes:
    """`data` with a value `skip` bytes behind the first `name`."""
    place = data.index(name) + len(name) + skip
    return data[:place] + value + data[place + len(value) :]


ALL_ONES = b"\xff" * 8
SIZES = {  # container -> name before the size of the sound, bytes between, bytes of the size, byte order
    "WAV": (b"data", 0, 4, "<"),
    "AIFF": (b"SSND", 0, 4, ">"),
    "AU": (b".snd", 4, 4, ">"),
    "W64": (bytes.fromhex("64617461f3acd3118cd100c04f8edb8a"), 0, 8, "<"),
    "CAF": (b"data", 0, 8, ">"),
    "RF64": (b"ds64", 12, 8, "<"),
}


@pytest.mark.parametrize("value", [bytes(8), ALL_ONES])
@pytest.mark.parametrize("kind", SIZES)
def test_a_header_without_a_length_is_read_to_the_end(ingest, kind, value):
    name, skip, size, _ = SIZES[kind]
    data = written(voice(1.0), kind)
    outcome = ingest(at(data, name, skip, value[:size]))
    assert np.array_equal(samples_of(outcome), samples_of(ingest(data)))
    assert outcome.rows[0]["conversions"] == [TO_ITS_END]
    assert not ingest(data).rows[0]["conversions"]


def test_riff_and_data_of_zero_bytes_are_read_to_the_end(ingest):
    data = written(voice(1.0), "WAV")
    outcome = ingest(at(at(data, b"RIFF", 0, bytes(4)), b"data", 0, bytes(4)))
    assert np.array_equal(samples_of(outcome), samples_of(ingest(data)))


def test_an_empty_recording_that_was_closed_well_stays_empty(ingest):
    data = at(written(voice(1.0), "WAV"), b"data", 0, bytes(4))
    tagged = data[: data.index(b"data") + 8] + b"LIST" + struct.pack("<I", 4000) + b"\1" * 4000
    (refused,) = ingest(tagged).rejects
    assert refused.code == "no_samples"


@pytest.mark.parametrize("kind", SIZES)
def test_half_of_the_length_is_said(ingest, kind):
    name, skip, size, order = SIZES[kind]
    data = written(voice(2.0), kind)
    outcome = ingest(at(data, name, skip, struct.pack(f"{order}{'IQ'[size // 8]}", RATE * 2)))
    assert samples_of(outcome).size == pytest.approx(RATE, abs=100)
    (warning,) = [one for one in outcome.warnings if "left out" in one]
    assert "announces 1.00 s" in warning and "1.00 s if it is sound" in warning


@pytest.mark.parametrize("kind", SIZES)
def test_twice_the_length_is_truncated(ingest, kind):
    name, skip, size, order = SIZES[kind]
    data = written(voice(2.0), kind)
    data = at(data, name, skip, struct.pack(f"{order}{'IQ'[size // 8]}", RATE * 8))
    (refused,) = ingest(data).rejects
    assert refused.code == "truncated" and "2.00 s of the announced 4.00 s" in refused.reason
    assert samples_of(ingest(data, keep_truncated=True)).size == 2 * RATE


@pytest.mark.parametrize(
    ("announced", "said"), [(0, TO_ITS_END), (RATE, "announces 1.00 s, 2.00 s are there")]
)
def test_flac_is_read_whole_whatever_its_header_announces(ingest, announced, said):
    data = written(voice(2.0), "FLAC")
    word = int.from_bytes(data[18:26], "big") >> 36 << 36 | announced
    outcome = ingest(data[:18] + word.to_bytes(8, "big") + data[26:], "a.flac")
    assert np.array_equal(samples_of(outcome), samples_of(ingest(data, "a.flac")))
    assert said in " ".join([*outcome.rows[0]["conversions"], *outcome.warnings])


def test_an_mp3_longer_than_it_announces_is_read_whole(ingest):
    data = mp3(2.0)
    name = b"Xing" if b"Xing" in data else b"Info"
    outcome = ingest(at(data, name, 4, struct.pack(">I", 38)), "a.mp3")
    assert outcome.rows[0]["duration_s"] == pytest.approx(2.0, abs=0.05)
    assert "2.0" in outcome.warnings[0] and "announces 0.9" in outcome.warnings[0]


# -- joined files


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [*((kind, "PCM_16") for kind in SIZES), ("FLAC", "PCM_24"), ("OGG", "VORBIS")],
)
def test_joined_recordings_are_read_one_after_the_other(ingest, kind, subtype):
    first, second = written(voice(1.0), kind, subtype), written(voice(0.5, hz=300.0), kind, subtype)
    joined = ingest(first + second)
    apart = [samples_of(ingest(first)), samples_of(ingest(second))]
    assert np.array_equal(samples_of(joined), np.concatenate(apart))
    assert joined.rows[0]["conversions"] == ["2 joined recordings read one after the other"]


@pytest.mark.parametrize("between", [b"", b"TAG" + bytes(125) + b"ID3\4\0\0\0\0\2\0" + bytes(256)])
def test_joined_mp3s_are_read_as_if_they_were_apart(ingest, between):
    outcome = ingest(between.join([mp3(1.0), mp3(0.5), mp3(0.7)]), "a.mp3")
    assert samples_of(outcome).size == round(2.2 * RATE)
    assert outcome.rows[0]["conversions"] == ["3 joined recordings read one after the other"]


@pytest.mark.parametrize("second", ["mp3", "wav", "flac"])
def test_what_is_joined_in_another_form_takes_the_form_of_the_first(ingest, second):
    other = voice(1.5, 48_000, 2)
    data = mp3(1.5, 48_000, 2) if second == "mp3" else written(other, second.upper(), rate=48_000)
    outcome = ingest(mp3(1.0) + data, "a.mp3")
    assert samples_of(outcome).size == pytest.approx(2.5 * RATE, abs=RATE * 0.05)
    assert "1.00 to 2.50 s: 48000 Hz stereo brought to 22050 Hz mono" in outcome.rows[0]["conversions"]
    heard = samples_of(outcome)[round(1.1 * RATE) : round(2.4 * RATE)]
    assert np.abs(heard).max() == pytest.approx(0.3, abs=0.05)


def test_a_stream_whose_form_changes_without_a_seam_is_read(ingest):
    frames = [mp3(1.0), mp3(1.0, 44_100, 2)]
    # Without their first frames, which say how many follow, nothing tells where one ends.
    bare = b"".join(data[_second_frame(data) :] for data in frames)
    outcome = ingest(bare, "a.mp3")
    assert outcome.rows[0]["duration_s"] == pytest.approx(2.0, abs=0.2)  # the gaps are padding now
    assert any("22050 Hz mono brought to 44100 Hz stereo" in one for one in outcome.rows[0]["conversions"])


def _second_frame(data: bytes) -> int:
    header = data.index(b"\xff", 10 if data[:3] == b"ID3" else 0)
    return data.index(data[header : header + 2], header + 4)


def test_a_second_recording_that_cannot_be_read_is_said(ingest):
    outcome = ingest(written(voice(1.0), "WAV") + written(voice(1.0), "CAF")[:60])
    assert samples_of(outcome).size == RATE
    assert any("60 bytes from byte" in one and "left out" in one for one in outcome.warnings)


# -- offsets


@pytest.mark.parametrize("offset", [0.4, -0.03])
def test_a_constant_offset_is_taken_off_and_said(ingest, offset):
    plain = voice(2.0)
    outcome = ingest(written(plain + np.float32(offset), "WAV", "PCM_24"))
    assert abs(samples_of(outcome).mean()) < 1e-5
    assert np.abs(samples_of(outcome) - plain[:, 0]).max() < 1e-3
    assert outcome.rows[0]["conversions"] == [f"removed a constant offset of {offset:+.4f} of full scale"]


def test_an_offset_of_one_channel_goes_before_the_channels_are_mixed(ingest):
    stereo = voice(2.0, channels=2) + np.array([0.0, 0.5], np.float32)
    outcome = ingest(written(stereo, "WAV", "PCM_24"))
    assert np.abs(samples_of(outcome) - voice(2.0)[:, 0]).max() < 1e-3


def test_an_offset_as_small_as_good_recordings_have_stays(ingest):
    plain = voice(2.0) + np.float32(0.007)
    assert ingest(written(plain, "WAV", "PCM_24")).rows[0]["conversions"] == []


def test_values_that_are_no_sound_are_refused(ingest):
    (refused,) = ingest(written(voice(1.0) * np.float32(1e30), "WAV", "FLOAT")).rejects
    assert refused.code == "non_finite"


@pytest.mark.parametrize(
    ("codec", "container", "chunk", "offset", "broken"),
    [
        # The size of the chunk before the sound, and of the sound itself.
        ("pcm_s16be", "caf", b"info", 5, 0xFF),
        ("pcm_s16le", "w64", b"data", 23, 0x7F),
    ],
)
def test_a_damaged_container_is_one_reject_among_its_neighbours(
    codec, container, chunk, offset, broken, speech, tmp_path
):
    root = tmp_path / "in"
    root.mkdir()
    data = bytearray(encoded(voice(1.6)[:, 0], codec, container))
    data[data.index(chunk) + offset] = broken
    (root / f"broken.{container}").write_bytes(data)
    for clip in sorted((speech / "ljs-mini" / "wavs").iterdir())[:3]:
        shutil.copy(clip, root)
    outcomes = outcomes_of(root, tmp_path)
    assert sum(len(outcome.rejects) for outcome in outcomes) == 1
    assert sum(len(outcome.rows) for outcome in outcomes) == 3
