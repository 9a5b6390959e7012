"""Writing the folder of a voice: `voice.json` comes last and holds every other file's digest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artifacts import digest
from models.frontend.audio import Waveform, encode_flac
from models.frontend.text.lexicon import FILE
from models.frontend.text.lexicon_file import read_lexicons, written_out
from tasks.outcome import Produced, Work
from tasks.release.voice_folder import DESCRIPTION, FORMAT


def describe(folder: Path, description: Mapping[str, Any]) -> None:
    """Write `voice.json` last, with the digest of every file that the folder holds by then."""
    digests = {
        path.relative_to(folder).as_posix(): digest.of_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / DESCRIPTION, {"format": FORMAT, **description, "digests": digests})


def exported(folder: Path, speakers: int, work: Work) -> Produced:
    """A finished folder as what the stage `export` made."""
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    work.progress(1, 1, f"{len(files)} files")
    return Produced(
        files=files,
        metrics={
            "bytes": float(sum(path.stat().st_size for path in files.values())),
            "speakers": float(speakers),
        },
    )


def write_reference(folder: Path, utterance_id: str, wave: Waveform) -> str:
    """Keep a recorded clip beside the networks; its name inside the folder, which `read_reference` takes."""
    safe = re.sub(r"[^\w.-]", "_", utterance_id)
    file = f"references/{safe}.flac"
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(encode_flac(*wave))
    return file


def write_lexicon(folder: Path, files: Sequence[str] | None) -> None:
    """Keep the pronunciations that a voice was trained with, where there are some. files: lexicons."""
    lexicon = read_lexicons(files or ())
    if lexicon.entries:
        (folder / FILE).write_text(written_out(lexicon), encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs alike; equal values give equal bytes."""
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
