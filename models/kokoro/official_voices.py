"""Tables of Kokoro's official voices, and of mixes of them.

Source: hexgrad/Kokoro-82M, `voices/` (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from configs.errors import UserError
from models.kokoro.config import KokoroConfig
from models.kokoro.upstream import read_voice
from models.kokoro.voice_names import SHIPPED, voice_files
from models.published import read_table

READS_FILES = ("voices.safetensors",)
_SHIPPED_FILE = Path(__file__).with_name("voices.safetensors")
"""float16 [510, 256] by name."""


class OfficialVoices:
    """The voices of a folder, and those that are shipped.

    Args:
        folder: Of `<name>.pt` or `<name>.bin` files; None: the shipped ones alone.
        config: Sizes of the network that they are for; the shipped ones fit Kokoro-82M's alone.
    """

    def __init__(self, folder: Path | None, config: KokoroConfig) -> None:
        self._config = config
        self._files = voice_files(folder)
        sizes = KokoroConfig()
        fit = (config.voice_rows, config.voice_width) == (sizes.voice_rows, sizes.voice_width)
        self._shipped = SHIPPED if fit else ()

    @property
    def names(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted({*self._files, *self._shipped}))

    def table(self, name: str) -> Tensor:
        """float32 [510, 1, 256] of a voice.

        Raises:
            UserError: it is not there, or its file is damaged.
        """
        if name in self._files:
            return read_voice(self._files[name], self._config)
        if name not in self._shipped:
            raise UserError(
                f"{name!r} is none of the voices here: {', '.join(self.names)}; `voicewright models fetch "
                "kokoro-voices` gets all 54"
            )
        shipped = read_table(_SHIPPED_FILE, "install the program again")
        return shipped[name].float()[:, None]

    def mixed(self, shares: Mapping[str, float]) -> Tensor:
        """The tables' weighted mean. Raises as `table`."""
        return torch.stack([share * self.table(name) for name, share in shares.items()]).sum(0)
