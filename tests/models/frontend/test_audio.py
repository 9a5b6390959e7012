"""Canonical audio and the decoding of recordings."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from models.frontend.audio import FlacWriter, decode_flac, encode_flac, resample
from models.frontend.codecs import AudioError
from models.frontend.recordings import Decoded, DecodePolicy, decode_file

RATE = 24_000
POLICY = DecodePolicy()


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Two seconds that rise and fall as speech does, peak 0.5."""
    rng = np.random.default_rng(0)
    t = np.arange(2 * RATE) / RATE
    carrier = sum(np.sin(2 * np.pi * 140 * k * t + k) / k for k in range(1, 20))
    envelope = np.clip(np.sin(2 * np.pi * 2.2 * t), 0, None) ** 2
    samples = carrier * envelope + 1e-4 * rng.standard_normal(t.size)
    return (0.5 * samples / np.abs(samples).max()).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate, subtype=subtype, format="WAV")
    return path


def samples_of(decoded: Decoded) -> np.ndarray:
    return decode_flac(decoded.flac).samples


def refusal(source: Path | bytes, policy: DecodePolicy = POLICY) -> AudioError:
    with pytest.raises(AudioError) as caught:
        decode_file(source, policy)
    return caught.value


def encode_with_ffmpeg(path: Path, samples: np.ndarray, container: str, codec: str, picture: bool) -> Path:
    with av.open(str(path), "w", format=container) as file:
        film = film_track(file) if picture else None
        track = file.add_stream(codec, rate=48_000)
        track.layout = "mono"
        if film is not None:
            add_pictures(file, film)
        whole = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        whole.sample_rate = RATE
        cut = av.AudioResampler(track.format.name, "mono", 48_000, track.frame_size or 1024)
        for part in [*cut.resample(whole), *cut.resample(None)]:
            file.mux(track.encode(part))
        file.mux(track.encode(None))
    return path


def film_track(file):
    film = file.add_stream("mpeg4", rate=10)
    film.width = film.height = 64
    film.pix_fmt = "yuv420p"
    return film


def add_pictures(file, film):
    frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
    for _ in range(20):
        file.mux(film.encode(frame))
    file.mux(film.encode(None))


def test_flac_survives_a_round_trip_bit_for_bit(voice):
    data = encode_flac(voice, RATE)
    decoded = decode_flac(data)
    assert decoded.sample_rate == RATE
    assert np.abs(decoded.samples - voice).max() <= 0.5 / (1 << 23)
    assert encode_flac(decoded.samples, RATE) == data


def test_flac_does_not_depend_on_how_it_was_cut(voice):
    writer = FlacWriter(RATE)
    for at in range(0, voice.size, 777):
        writer.write(voice[at : at + 777])
    assert writer.finish() == encode_flac(voice, RATE)


def test_flac_limits_and_never_wraps():
    samples = decode_flac(encode_flac(np.array([1.5, -1.5, 1.0, -1.0], np.float32), RATE)).samples
    assert np.allclose(samples, [1, -1, 1, -1], atol=1e-6)


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros(0), np.array([np.nan]), np.array([np.inf])])
def test_flac_refuses_what_is_no_mono_audio(bad):
    with pytest.raises(ValueError, match="encode_flac"):
        encode_flac(bad.astype(np.float32), RATE)


def test_decode_flac_refuses_other_bytes():
    with pytest.raises(ValueError, match="FLAC"):
        decode_flac(b"nothing")


def test_resample_keeps_a_tone_and_drops_what_does_not_fit():
    t = np.arange(48_000) / 48_000
    low, high = (np.sin(2 * np.pi * f * t).astype(np.float32) for f in (1_000, 11_000))
    kept, dropped = resample(low, 48_000, 16_000), resample(high, 48_000, 16_000)
    assert kept.dtype == np.float32 and kept.size == 16_000
    assert 0.70 < kept[1000:-1000].std() < 0.72
    assert dropped[1000:-1000].std() < 1e-3


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_U8", 0.01), ("PCM_16", 1e-4), ("PCM_24", 1e-6), ("FLOAT", 1e-6), ("DOUBLE", 1e-6),
     ("ULAW", 0.03), ("IMA_ADPCM", 0.1)],
)  # fmt: skip
def test_wav_of_every_kind(tmp_path, voice, subtype, tolerance):
    decoded = decode_file(write(tmp_path / "a.wav", voice, subtype=subtype), POLICY)
    samples = samples_of(decoded)
    assert samples.size >= voice.size
    assert np.abs(samples[: voice.size] - voice).max() < tolerance
    assert decoded.codec == subtype.lower()
    assert decoded.conversions == ()


@pytest.mark.parametrize("form", ["AIFF", "RF64", "W64", "CAF", "AU", "FLAC", "OGG", "MP3"])
def test_the_content_decides_not_the_name(tmp_path, voice, form):
    path = tmp_path / "recording.wav"
    soundfile.write(path, voice, RATE, format=form)
    samples = samples_of(decode_file(path, POLICY))
    n = min(samples.size, voice.size)
    assert abs(samples.size - voice.size) < 0.1 * RATE
    assert np.corrcoef(samples[:n], voice[:n])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("container", "codec", "picture"),
    [("webm", "libopus", False), ("mp4", "aac", False), ("mp4", "aac", True), ("adts", "aac", False),
     ("matroska", "libopus", True)],
)  # fmt: skip
def test_compressed_sound_and_films_with_sound(tmp_path, voice, container, codec, picture):
    path = encode_with_ffmpeg(tmp_path / "a.bin", voice, container, codec, picture)
    decoded = decode_file(path, POLICY)
    assert abs(decoded.n_samples / decoded.sample_rate - 2.0) < 0.1
    assert decoded.sample_rate == 48_000


def test_a_film_without_sound_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        add_pictures(file, film_track(file))
    assert "no sound track" in refusal(path).reason


class TestDownmix:
    def level(self, tmp_path, channels):
        decoded = decode_file(write(tmp_path / "a.wav", np.stack(channels, 1)), POLICY)
        return samples_of(decoded), decoded.conversions[0]

    def test_same_in_both(self, tmp_path, voice):
        samples, _ = self.level(tmp_path, [voice, voice])
        assert np.abs(samples - voice).max() < 1e-4

    def test_one_silent(self, tmp_path, voice):
        samples, note = self.level(tmp_path, [0 * voice, voice])
        assert np.abs(samples - voice).max() < 1e-4
        assert "2 of 2" in note

    def test_opposite_phase(self, tmp_path, voice):
        samples, note = self.level(tmp_path, [voice, -voice])
        assert np.abs(np.abs(samples) - np.abs(voice)).max() < 1e-4
        assert "opposite" in note

    def test_speech_in_the_centre_of_six(self, tmp_path, voice):
        noise = np.random.default_rng(1).standard_normal((5, voice.size)).astype(np.float32) * 0.003
        samples, _ = self.level(tmp_path, [noise[0], noise[1], voice, *noise[2:]])
        assert np.corrcoef(samples, voice)[0, 1] > 0.99
        assert np.abs(samples).max() > 0.4

    def test_two_people_on_two_channels_are_both_kept(self, tmp_path, voice):
        other = np.roll(voice[::-1], 5000)
        samples, _ = self.level(tmp_path, [voice, other])
        assert np.corrcoef(samples, voice + other)[0, 1] > 0.99


def test_over_range_is_scaled_not_clipped(tmp_path, voice):
    decoded = decode_file(write(tmp_path / "a.wav", voice * 6, subtype="FLOAT"), POLICY)
    samples = samples_of(decoded)
    assert 0.99 < np.abs(samples).max() <= 1.0
    assert np.corrcoef(samples, voice)[0, 1] > 0.999999
    assert "3 times full scale" in decoded.conversions[0]


def test_a_square_wave_does_not_clip_when_resampled(tmp_path):
    square = np.sign(np.sin(np.arange(96_000) * 0.05)).astype(np.float32)
    square *= np.repeat([1.0, 0.01], 48_000)
    decoded = decode_file(write(tmp_path / "a.wav", square, 96_000), POLICY)
    assert decoded.sample_rate == 48_000 and decoded.n_samples == 48_000
    assert np.abs(samples_of(decoded)).max() < 1.0
    assert any("after resampling" in note for note in decoded.conversions)


@pytest.mark.parametrize("down_db", [50, 60])
def test_a_whisper_is_raised(tmp_path, voice, down_db):
    quiet = voice * 10 ** (-down_db / 20)
    decoded = decode_file(write(tmp_path / "a.wav", quiet, subtype="PCM_24"), POLICY)
    assert np.abs(samples_of(decoded)).max() == pytest.approx(10 ** (-6 / 20), rel=0.01)
    assert "raised" in decoded.conversions[0]


@pytest.mark.parametrize("name", ["zeros", "dither", "offset"])
def test_silence_is_refused(tmp_path, name):
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    samples = {"zeros": 0 * noise, "dither": 1e-4 * noise, "offset": 0 * noise + 0.3}[name]
    assert refusal(write(tmp_path / "a.wav", samples, subtype="PCM_24")).code == "silent"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_with_its_time(tmp_path, voice, bad):
    samples = voice.copy()
    samples[RATE] = bad
    error = refusal(write(tmp_path / "a.wav", samples, subtype="FLOAT"))
    assert error.code == "non_finite" and "1.000 s" in error.value


@pytest.mark.parametrize(("n", "code"), [(0, "no_samples"), (1, "too_short"), (1200, "too_short")])
def test_too_little_is_refused(tmp_path, voice, n, code):
    assert refusal(write(tmp_path / "a.wav", voice[:n])).code == code


def test_too_long_is_refused_by_its_header_alone(tmp_path):
    policy = DecodePolicy(max_duration_s=3)
    path = write(tmp_path / "a.wav", np.zeros(RATE * 10, np.float32))
    assert refusal(path, policy).code == "too_long"


@pytest.mark.parametrize("form", ["WAV", "FLAC", "AIFF", "MP3"])
def test_a_file_cut_in_half_is_refused_or_kept_as_asked(tmp_path, voice, form):
    whole = io.BytesIO()
    soundfile.write(whole, np.tile(voice, 3), RATE, format=form)
    data = whole.getvalue()[: len(whole.getvalue()) // 2]
    assert refusal(data).code == "truncated"
    kept = decode_file(data, DecodePolicy(keep_truncated=True))
    assert 1.0 < kept.n_samples / RATE < 4.0
    assert any("announced 6.00 s" in warning for warning in kept.warnings)


def test_a_cut_ogg_is_reported(voice):
    whole = io.BytesIO()
    soundfile.write(whole, np.tile(voice, 5), RATE, format="OGG", subtype="VORBIS")
    data = whole.getvalue()
    assert decode_file(data, POLICY).warnings == ()
    assert "breaks off" in decode_file(data[: len(data) * 2 // 3], POLICY).warnings[0]


def test_a_wav_written_to_a_pipe_is_whole(tmp_path, voice):
    data = bytearray(write(tmp_path / "a.wav", voice).read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    assert decode_file(bytes(data), POLICY).n_samples == voice.size


def test_chunks_before_the_data_are_skipped(tmp_path, voice):
    data = write(tmp_path / "a.wav", voice).read_bytes()
    chunk = b"LIST" + struct.pack("<I", 27) + b"INFOISFT" + struct.pack("<I", 15) + bytes(16)
    assert decode_file(data[:12] + chunk + data[12:], POLICY).n_samples == voice.size


@pytest.mark.parametrize(
    ("offset", "form", "value", "code"),
    [(24, "<I", 0, "unreadable"), (24, "<I", 1, "low_sample_rate"), (24, "<I", 8000, "low_sample_rate"),
     (24, "<I", 2**31 - 1, "unsupported"), (24, "<I", 2**32 - 1, "unreadable"),
     (22, "<H", 0, "unsupported"), (22, "<H", 65535, "unsupported"), (34, "<H", 0, "unreadable")],
)  # fmt: skip
def test_absurd_headers(tmp_path, voice, offset, form, value, code):
    data = bytearray(write(tmp_path / "a.wav", voice).read_bytes())
    struct.pack_into(form, data, offset, value)
    assert refusal(bytes(data)).code == code


@pytest.mark.parametrize(
    "data",
    [b"RIFF\x24\0\0\0WAVEfmt ", b"plain text", b"ID3\4\0\0\0\0\x0f\x76" + bytes(2038), b"ID3\4", bytes(9999),
     b"\xff\xfb\x90\0" * 5000, b"fLaC" + bytes(50), b"OggS" + bytes(50), b"\0\0\0\x18ftypM4A " + bytes(50),
     b"\x1a\x45\xdf\xa3" + bytes(50), b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
     b"ffconcat version 1.0\nfile /etc/passwd\n"],
)  # fmt: skip
def test_what_is_no_recording_is_refused(data):
    assert refusal(data).code == "unreadable"


def test_an_empty_file_is_refused():
    assert refusal(b"").code == "empty_file"


@pytest.mark.slow
def test_broken_bytes_get_an_answer_never_a_crash(voice, capfd):
    rng = np.random.default_rng(0)
    seeds = []
    for form in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF"):
        whole = io.BytesIO()
        soundfile.write(whole, voice, RATE, format=form)
        seeds.append(whole.getvalue())
    answers = set()
    for turn in range(300):
        data = bytearray(seeds[turn % len(seeds)])
        reach = min(len(data), 200) if turn % 2 else len(data)
        for at in rng.integers(0, reach, 6):
            data[at] = rng.integers(0, 256)
        try:
            decode_file(bytes(data), POLICY)
            answers.add("used")
        except AudioError as error:
            answers.add(error.code)
    assert {"used", "unreadable", "truncated"} <= answers
    assert "Traceback" not in capfd.readouterr().err


def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "fifo.wav")
    assert refusal(tmp_path / "fifo.wav").code == "not_a_file"
