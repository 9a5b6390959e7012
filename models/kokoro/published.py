"""Kokoro's published weights as they lie on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from configs.errors import UserError
from models.kokoro.int8_onnx import SUFFIX


class PublishedFiles(NamedTuple):
    """Files of published weights.

    Attributes:
        weights: A .pth file, or a quantised export.
        config: Beside it; None where a quantised export stands alone.
    """

    weights: Path
    config: Path | None

    @property
    def is_dequantised(self) -> bool:
        """Whether the weights are those of an export to int8."""
        return self.weights.suffix == SUFFIX


def published_files(path: Path, where: str) -> PublishedFiles:
    """The files in a folder, or those that belong to one of them; .pth is preferred to a quantised export.

    Args:
        path: A .pth or .onnx file, or a folder of one.
        where: For messages.

    Raises:
        UserError: they are not there, or a folder holds several.
    """
    if path.is_dir():
        found = sorted(path.glob("*.pth")) or sorted(path.glob(f"*{SUFFIX}"))
        if len(found) != 1:
            raise UserError(
                f"{where}: the folder holds {len(found)} files of weights (.pth, {SUFFIX}); give the path of "
                "the one"
            )
        path = found[0]
    if not path.is_file():
        raise UserError(f"{where}: {path} is missing; put the .pth and its config.json into one folder")
    config = path.with_name("config.json")
    if config.is_file():
        return PublishedFiles(path, config)
    if path.suffix != SUFFIX:
        raise UserError(f"{where}: {config} is missing; put the .pth and its config.json into one folder")
    return PublishedFiles(path, None)
