"""GPT-SoVITS's experiment folder: what its files hold, read and checked.

2-name2text.txt        name, phones, phones per word, normalised text; tab-separated
3-bert/<name>.pt       [1024, phones]; Chinese only
4-cnhubert/<name>.pt   [1, 768, frames] at 50 Hz
5-wav32k/<name>        32 kHz WAV, whatever its name ends in
6-name2semantic.tsv    name and codes at 25 Hz, under a header
7-sv_cn/<name>.pt      [1, 20480]; v2Pro only

Its own scripts print what goes wrong and skip it, so a folder may hold any part of an utterance: each is
checked whole before it is taken, and its neighbours do not suffer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from artifacts.manifest import Reject
from configs.errors import UserError
from models.published import read_tensor
from tasks.corpus.lists.entries import legible
from tasks.corpus.lists.names import has_audio_suffix
from tasks.outcome import reject

TEXTS, BERT, CONTENT, WAVES = "2-name2text.txt", "3-bert", "4-cnhubert", "5-wav32k"
CODES, SPEAKER_VECTORS = "6-name2semantic.tsv", "7-sv_cn"
CODES_HEADER = "item_name\tsemantic_audio"
SAMPLE_RATE, HOP_SAMPLES = 32_000, 640
BERT_CHANNELS, CONTENT_CHANNELS, VECTOR_CHANNELS, CODEBOOK = 1024, 768, 20480, 1024
SLACK_FRAMES = 2
"""HuBERT gives a frame fewer than the spectrogram, and scripts differ in how they pad."""
_CODE = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, eq=False)
class ExperimentUtterance:
    """One utterance, complete and consistent.

    Attributes:
        name: File name of its recording.
        phones: Symbols of a GPT-SoVITS table.
        word2ph: Phones per character of Chinese text, or None.
        text: Normalised.
        wave: The recording's file.
        bert: `[1024, L]`, or None for zeros.
        content: `[1, 768, T]`, or None where the folder has no such part.
        codes: At 25 Hz, or None as above.
        speaker_vector: `[1, 20480]`, or None as above.
    """

    name: str
    phones: tuple[str, ...]
    word2ph: tuple[int, ...] | None
    text: str
    wave: Path
    bert: Tensor | None
    content: Tensor | None
    codes: tuple[int, ...] | None
    speaker_vector: Tensor | None

    @property
    def recording(self) -> tuple[str, bytes]:
        """Name and content of a file of its sound."""
        name = self.name if has_audio_suffix(self.name) else f"{self.name}.wav"
        return name, self.wave.read_bytes()


def read_experiment(folder: Path) -> Iterator[ExperimentUtterance | Reject]:
    """Every utterance that `2-name2text.txt` names, or why it cannot be used, one at a time.

    Raises:
        UserError: the folder is no experiment folder, or its tables are no tables.
    """
    for needed in (TEXTS, WAVES):
        if not (folder / needed).exists():
            raise UserError(
                f"{folder}: holds no {needed}, so it is no finished GPT-SoVITS experiment folder, nor one of "
                "NumPy files with metadata.json; give logs/<experiment> after its formatting steps"
            )
    codes = _read_codes(folder / CODES)
    seen: set[str] = set()
    for number, line in enumerate(_lines(folder / TEXTS), 1):
        fields = line.split("\t")
        if len(fields) != 4 or fields[0] in seen or not is_file_name(fields[0]):
            yield reject(
                legible(fields[0]) or f"line {number}",
                "bad_metadata",
                TEXTS,
                legible(line),
                f"line {number} is not one new name, phones, phones per word and text, tab-separated",
                "Run the text step of the experiment again.",
            )
            continue
        seen.add(fields[0])
        try:
            yield _utterance(folder, fields, codes)
        except IncompleteError as problem:
            yield reject(fields[0], problem.code, problem.part, problem.found, problem.reason, problem.remedy)


def is_file_name(name: str) -> bool:
    """Whether it names a file of one folder that any system and any list of transcripts can hold."""
    return Path(name).name == name and len(name.encode()) < 250 and name.isprintable() and "|" not in name


class IncompleteError(Exception):
    """A part of an utterance that is missing or contradicts another."""

    def __init__(self, code: str, part: str, found: object, reason: str, step: str) -> None:
        super().__init__(reason)
        self.code, self.part, self.found, self.reason = code, part, str(found), reason
        self.remedy = f"Run the experiment's {step} step again, or remove the utterance."


def _utterance(folder: Path, fields: list[str], codes: dict[str, str] | None) -> ExperimentUtterance:
    name, spoken, counts, text = fields
    phones = tuple(spoken.split())
    if not phones or not text.strip():
        raise IncompleteError("bad_metadata", TEXTS, text, "there is no text, or no phones", "text")
    word2ph = _word2ph(counts)
    if word2ph is not None and sum(word2ph) != len(phones):
        raise IncompleteError(
            "mismatch",
            TEXTS,
            sum(word2ph),
            f"its words have another number of phones than {len(phones)}",
            "text",
        )
    frames = _wave_frames(folder / WAVES / name)
    content = _tensor(folder, CONTENT, name, "HuBERT", needed=True)
    bert = _tensor(folder, BERT, name, "text", needed=word2ph is not None)
    vector = _tensor(folder, SPEAKER_VECTORS, name, "speaker", needed=True)
    if bert is not None:
        _require_shape(BERT, bert, (BERT_CHANNELS, len(phones)), "text")
    if vector is not None:
        _require_shape(SPEAKER_VECTORS, vector, (1, VECTOR_CHANNELS), "speaker")
    if content is not None:
        _require_shape(CONTENT, content, (1, CONTENT_CHANNELS, content.shape[-1]), "HuBERT")
        _require_length(CONTENT, content.shape[-1], frames, "HuBERT")
    own_codes = None if codes is None else _codes(codes, name, frames)
    return ExperimentUtterance(
        name, phones, word2ph, text.strip(), folder / WAVES / name, bert, content, own_codes, vector
    )


def _tensor(folder: Path, part: str, name: str, step: str, needed: bool) -> Tensor | None:
    """One utterance's file of a part; None where the whole part is absent, or this one need not be."""
    path = folder / part / f"{name}.pt"
    if not path.exists():
        if needed and (folder / part).is_dir():
            raise IncompleteError("missing", part, path.name, f"{part}/{path.name} is missing", step)
        return None
    try:
        tensor = read_tensor(path)
    except UserError as error:
        raise IncompleteError("damaged", part, path.name, str(error), step) from error
    if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
        raise IncompleteError(
            "damaged", part, tensor.dtype, f"{path.name} holds other than finite numbers", step
        )
    return tensor


def _require_shape(part: str, tensor: Tensor, wanted: tuple[int, ...], step: str) -> None:
    if tuple(tensor.shape) != wanted:
        found = list(tensor.shape)
        raise IncompleteError("mismatch", part, found, f"its shape is not {list(wanted)}", step)


def _require_length(part: str, found: int, frames: int, step: str) -> None:
    if abs(found - frames) > SLACK_FRAMES:
        reason = f"it lasts {found} frames where the recording has {frames}"
        raise IncompleteError("mismatch", part, found, reason, step)


def _wave_frames(path: Path) -> int:
    """Frames of 20 ms in a recording."""
    import soundfile

    if not path.is_file():
        raise IncompleteError("missing", WAVES, path.name, f"{WAVES}/{path.name} is missing", "HuBERT")
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise IncompleteError("damaged", WAVES, path.name, str(error), "HuBERT") from error
    if info.samplerate != SAMPLE_RATE:
        reason = f"its rate is {info.samplerate} Hz, not {SAMPLE_RATE}"
        raise IncompleteError("mismatch", WAVES, info.samplerate, reason, "HuBERT")
    if info.frames < HOP_SAMPLES:
        raise IncompleteError("too_short", WAVES, info.frames, f"it holds {info.frames} samples", "HuBERT")
    return int(info.frames) // HOP_SAMPLES


def _codes(table: dict[str, str], name: str, frames: int) -> tuple[int, ...]:
    if name not in table:
        raise IncompleteError("missing", CODES, name, f"{CODES} does not name it", "semantic")
    words = table[name].split()
    if not words or not all(_CODE.fullmatch(word) and int(word) < CODEBOOK for word in words):
        reason = f"its codes are not numbers below {CODEBOOK}"
        raise IncompleteError("damaged", CODES, table[name][:60], reason, "semantic")
    _require_length(CODES, 2 * len(words), frames, "semantic")
    return tuple(int(word) for word in words)


def _read_codes(path: Path) -> dict[str, str] | None:
    """Codes by name; None where the folder has none."""
    if not path.exists():
        return None
    header, *rows = _lines(path) or [""]
    if header != CODES_HEADER:
        raise UserError(
            f"{path}: its first line is {header[:60]!r} where {CODES_HEADER!r} is expected; run the "
            "experiment's semantic step again"
        )
    return dict(row.partition("\t")[::2] for row in rows)


def _word2ph(text: str) -> tuple[int, ...] | None:
    if text == "None":
        return None
    try:
        counts = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise IncompleteError(
            "bad_metadata", TEXTS, text[:60], "phones per word are no list", "text"
        ) from error
    if not isinstance(counts, list) or not all(type(n) is int and n >= 0 for n in counts):
        raise IncompleteError(
            "bad_metadata", TEXTS, text[:60], "phones per word are no list of numbers", "text"
        )
    return tuple(counts)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error}); make it again") from error
    return [line for line in text.split("\n") if line.strip()]
