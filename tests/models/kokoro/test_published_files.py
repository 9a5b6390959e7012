"""Which files of a folder are the published weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import UserError
from models.kokoro.published import published_files


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def test_the_released_form_comes_before_the_export_to_int8(tmp_path: Path) -> None:
    put(tmp_path, "kokoro-v1_0.pth", "config.json", "kokoro-v1.0.int8.onnx")
    found = published_files(tmp_path, "here")
    assert (found.weights.name, found.is_dequantised) == ("kokoro-v1_0.pth", False)
    assert found.config == tmp_path / "config.json"


def test_an_export_may_stand_alone(tmp_path: Path) -> None:
    put(tmp_path, "kokoro-v1.0.int8.onnx", "fetched.json")
    for path in (tmp_path, tmp_path / "kokoro-v1.0.int8.onnx"):
        found = published_files(path, "here")
        assert (found.weights.name, found.config, found.is_dequantised) == (
            "kokoro-v1.0.int8.onnx",
            None,
            True,
        )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "the folder holds 0 files of weights"),
        (("a.pth", "b.pth", "config.json"), "the folder holds 2 files of weights"),
        (("a.pth",), r"config\.json is missing"),
    ],
)
def test_what_cannot_be_told_is_one_message(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=f"here: .*{message}"):
        published_files(put(tmp_path, *names), "here")
