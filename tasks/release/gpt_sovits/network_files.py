"""A voice's networks as the two files that GPT-SoVITS's own inference loads, where it could."""

from __future__ import annotations

from pathlib import Path

from configs.errors import UserError
from models.sovits import upstream as sovits_upstream
from models.sovits.model import SovitsGenerator
from models.t2s import upstream as t2s_upstream
from models.t2s.model import TextToSemantic

FOLDER = "gpt-sovits"


def reason_against(generator: SovitsGenerator, decoder: TextToSemantic, symbol_table: str) -> str | None:
    """Why GPT-SoVITS could not speak with these networks; None when it can."""
    if not symbol_table.startswith("gpt-sovits-"):
        return f"the voice's phones are of the table {symbol_table}, which GPT-SoVITS does not know"
    version = generator.config.version
    return sovits_upstream.upstream_problem(generator.config) or t2s_upstream.upstream_problem(
        decoder.config, version
    )


def write_gpt_sovits_files(
    folder: Path, name: str, generator: SovitsGenerator, decoder: TextToSemantic, symbol_table: str
) -> str | None:
    """Write `gpt-sovits/<name>.pth` and `.ckpt` under `folder`, or say why there are none.

    Returns:
        The reason for which nothing was written, or None.
    """
    reason = reason_against(generator, decoder, symbol_table)
    if reason is not None:
        return reason
    target = folder / FOLDER
    target.mkdir()
    try:
        sovits_upstream.save_generator(target / f"{name}.pth", generator, name)
        t2s_upstream.save_decoder(target / f"{name}.ckpt", decoder, name)
    except UserError as error:
        for path in target.iterdir():
            path.unlink()
        target.rmdir()
        return str(error).replace(f"{target}/", "")
    return None
