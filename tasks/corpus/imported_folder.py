"""Folders that other tools train GPT-SoVITS from, turned into recordings with transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from artifacts.manifest import Reject
from artifacts.store import write_atomically
from configs.errors import UserError
from models.frontend.language import letters, script_of
from tasks.corpus.experiment_folder import ExperimentUtterance, read_experiment
from tasks.corpus.npy_folder import NpyUtterance, is_npy_folder, read_npy_folder

_LANGUAGES = {"CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko"}


def import_folder(
    folder: Path, target: Path, speaker: str | None = None, language: str | None = None
) -> Iterator[ExperimentUtterance | NpyUtterance | Reject]:
    """Write recordings and transcripts to a new folder that `finetune` reads, yielding each utterance.

    The transcript list `imported.list` is written last. Features are made anew from the recordings, so that
    nothing stale is trained on.

    Args:
        folder: GPT-SoVITS's experiment folder, or one of NumPy files.
        speaker: Whose voice it is; the folder's name by default.
        language: Code of the texts' language; by default each text's script tells.

    Raises:
        UserError: as `read_experiment` and `read_npy_folder`, or the target is not empty, or nothing could
            be used.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target}: is not an empty folder; name a new one for the recordings")
    rows = []
    for found in (read_npy_folder if is_npy_folder(folder) else read_experiment)(folder):
        if not isinstance(found, Reject):
            name, content = found.recording
            write_atomically(target / name, content)
            code = (language or language_of_script(found.text)).upper()
            rows.append(f"{name}|{speaker or folder.resolve().name}|{code}|{found.text}")
        yield found
    if not rows:
        raise UserError(f"{folder}: no utterance is complete; prepare the folder again")
    write_atomically(target / "imported.list", ("\n".join(rows) + "\n").encode())


def language_of_script(text: str) -> str:
    """zh, ja or ko where the script says so (kana settles Japanese), else en."""
    found = {_LANGUAGES[script_of(c)] for c in letters(text) if script_of(c) in _LANGUAGES}
    return next((code for code in ("ja", "ko", "zh") if code in found), "en")
