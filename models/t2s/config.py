"""Sizes of the text-to-semantic decoder; the defaults are GPT-SoVITS's `configs/s1longer-v2.yaml`."""

from dataclasses import dataclass, replace
from typing import Any

from configs.errors import UserError

CODES_PER_S = 25.0
"""Semantic codes of a second of speech: the quantiser joins two frames of content features."""


@dataclass(frozen=True)
class T2SConfig:
    """Raises UserError when `width` is not a multiple of `n_heads`, or is odd."""

    n_symbols: int = 732
    """732 in v2, 512 (of which 322 are used) in v1."""
    n_codes: int = 1024
    """Semantic codes; the end-of-sequence id is the number after the last of them."""
    linguistic_channels: int = 1024
    """Width of the BERT features per phoneme."""
    width: int = 512
    n_heads: int = 16
    n_layers: int = 24
    feed_forward: int = 2048
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.width % self.n_heads:
            raise UserError(
                f"t2s config: width = {self.width} must be a multiple of n_heads = {self.n_heads}"
            )
        if self.width % 2:
            raise UserError(
                f"t2s config: width = {self.width} must be even: positions are sine and cosine pairs"
            )

    @property
    def end_id(self) -> int:
        """Id of the end of a sequence (1024)."""
        return self.n_codes


VERSIONS: dict[str, dict[str, Any]] = {"v1": {"n_symbols": 512}, "v2": {}}
"""What each published version changes of the defaults; v2Pro and v2ProPlus use the v2 decoder."""


def t2s_config(version: str, **sizes: Any) -> T2SConfig:
    """The config of a published version, with any size replaced.

    Raises:
        UserError: the version is not known, or the sizes contradict each other.
    """
    if version not in VERSIONS:
        raise UserError(f"t2s version {version!r} is not known; use one of {', '.join(VERSIONS)}")
    return replace(T2SConfig(), **{**VERSIONS[version], **sizes})
