"""Where the sound of an MP3 begins."""

from __future__ import annotations

import io

import pytest

from models.frontend.containers import first_frame, tags_end
from models.frontend.windows import Window

TAG = b"ID3\x04\0\0\0\0\x01\x02" + bytes(130)
"""Its size is written seven bits a byte: 1 * 128 + 2."""


@pytest.mark.parametrize("zeros", [0, 1, 500, 8000])
def test_a_frame_begins_behind_the_tags_and_the_zeros_after_them(zeros: int) -> None:
    for tags in (b"", TAG, TAG + TAG):
        data = tags + bytes(zeros) + b"\xff\xfb\x90\xc4" + bytes(400)
        file = Window(io.BytesIO(data), 0, len(data))
        assert (tags_end(file), first_frame(file)) == (len(tags), len(tags) + zeros)
