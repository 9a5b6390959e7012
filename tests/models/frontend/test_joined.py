"""Where the second of two recordings begins that were written one behind the other."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
import soundfile

from models.frontend.containers import container_of
from models.frontend.extents import extent_of
from models.frontend.joined import next_recording
from models.frontend.windows import Window

WRITTEN = {"flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III")}
ENCODED = {"mp4": "aac", "webm": "libopus", "asf": "wmav2"}


def sound(kind: str, seed: int) -> bytes:
    noise = (0.1 * np.random.default_rng(seed).standard_normal(48_000)).astype(np.float32)
    file = io.BytesIO()
    if kind in WRITTEN:
        form, subtype = WRITTEN[kind]
        soundfile.write(file, noise, 48_000, subtype, format=form)
    elif kind == "wav":
        soundfile.write(file, noise, 48_000, format="WAV")
    else:
        with av.open(file, "w", format=kind) as opened:
            track = opened.add_stream(ENCODED[kind], rate=48_000, layout="mono")
            track.bit_rate = 64_000
            frame = av.AudioFrame.from_ndarray(noise[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 0
            frames = av.AudioResampler(track.format.name, "mono", 48_000, track.frame_size or 1_024).resample(
                frame
            )
            for one in [*frames, None]:
                for packet in track.encode(one):
                    opened.mux(packet)
    return file.getvalue()


def following(data: bytes) -> int | None:
    whole = Window(io.BytesIO(data), 0, len(data))
    container = container_of(whole)
    assert container is not None
    return next_recording(whole, container, extent_of(whole))


@pytest.mark.parametrize("kind", ["wav", *WRITTEN, *ENCODED])
def test_the_second_of_two_is_found_and_one_is_alone(kind: str) -> None:
    first, second = sound(kind, 1), sound(kind, 2)
    assert following(first) is None
    assert following(first + second) == len(first)
    assert following(first + second + first) == len(first)
