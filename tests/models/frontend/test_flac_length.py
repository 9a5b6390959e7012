"""How long a FLAC file is, by its header and by its last frame, on files that libFLAC wrote."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
import soundfile

from models.frontend.flac_length import FlacLength, flac_length
from models.frontend.windows import Window


def written(samples: int, rate: int) -> bytes:
    noise = 0.1 * np.random.default_rng(samples).standard_normal(samples)
    file = io.BytesIO()
    soundfile.write(file, noise, rate, format="FLAC")
    return file.getvalue()


def announcing(data: bytes, samples: int) -> bytes:
    word = int.from_bytes(data[18:26], "big") >> 36 << 36 | samples
    return data[:18] + word.to_bytes(8, "big") + data[26:]


def found(data: bytes) -> FlacLength:
    return flac_length(Window(io.BytesIO(data), 0, len(data)))


# Rates of every code: in a table, whole kHz in one byte, Hz and tens of Hz in two. Last blocks of one and of
# two bytes, and of a power of two; numbers of frames of one, two and three bytes.
@pytest.mark.parametrize(
    ("rate", "samples"),
    [*product((8_000, 11_025, 12_000, 44_100, 64_010), (100, 4_096, 4_097, 4_352, 9_000)), (12_000, 600_000)],
)
def test_the_last_frame_tells_how_many_samples_there_are(rate: int, samples: int) -> None:
    data = written(samples, rate)
    assert found(data) == FlacLength(samples, samples, {})
    silent = found(announcing(data, 0))
    assert (silent.announced, silent.there) == (None, samples)


def test_a_header_that_announces_less_is_put_right() -> None:
    data = announcing(written(9_000, 22_050), 4_096)
    length = found(data)
    assert (length.announced, length.there) == (4_096, 9_000)
    mended = bytearray(data)
    for at, value in length.correction.items():
        mended[at : at + len(value)] = value
    assert found(bytes(mended)) == FlacLength(9_000, 9_000, {})
    assert len(soundfile.read(io.BytesIO(bytes(mended)))[0]) == 9_000


def test_a_cut_file_shows_less_than_it_announces() -> None:
    data = written(20_000, 16_000)
    length = found(data[: len(data) * 2 // 3])
    assert length.announced == 20_000
    assert length.there is not None and 8_000 < length.there < 20_000
    assert length.correction == {}


@pytest.mark.parametrize("kept", [0, 8, 30])
def test_without_a_header_nothing_is_known(kept: int) -> None:
    assert found(written(1_000, 16_000)[:kept]) == FlacLength(None, None, {})
