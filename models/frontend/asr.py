"""Speech recognition for recordings that come without a transcript."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.errors import UserError

SAMPLE_RATE = 16000
WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json")

_OTHER_CODES = {"nb": "no", "cmn": "zh", "fil": "tl", "iw": "he", "jv": "jw"}
"""Codes of languages that Whisper knows by another one."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana and ideographs."""
_FILE_PATTERNS = (*WHISPER_FILES, "vocabulary.*", "preprocessor_config.json")


class Recognition(NamedTuple):
    """What was heard. Confidences are 0 to 1; the text's is None where no word was heard, the language's
    where the recogniser knows one language alone."""

    text: str
    confidence: float | None
    language: str
    language_confidence: float | None


def find_whisper(model: str, download: bool) -> Path | None:
    """Folder of a faster-whisper model: itself a folder, in the hub's cache, or fetched if allowed.

    Raises:
        UserError: it was to be fetched and could not be. None would let another recogniser, or none, decide
            what is heard for good, for a network that was away for a minute.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder if all((folder / name).is_file() for name in WHISPER_FILES) else None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(model, allow_patterns=list(_FILE_PATTERNS), local_files_only=not download)
    except HFValidationError:
        return None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        if download:
            raise UserError(
                f"`model` = {model}: could not be fetched: {str(error).strip().splitlines()[0]}; run the "
                "same command again when the network is back, or set `download`=false"
            ) from error
        return None
    return Path(found) if (Path(found) / "model.bin").is_file() else None


def require_whisper(model: str, download: bool) -> Path:
    """As `find_whisper`.

    Raises:
        UserError: it is nowhere; the message says where to put it.
    """
    folder = find_whisper(model, download)
    if folder is None:
        raise UserError(
            f"`model` = {model}: neither a folder with {', '.join(WHISPER_FILES)} nor in "
            "the local hub cache. Put the model's files into a folder and name it here, set "
            "`download`=true with a network, give transcripts, or (for English) "
            "choose `backend`=pocketsphinx"
        )
    return folder


class Processor(NamedTuple):
    """What a recogniser computes on.

    Attributes:
        device: `auto` is a CUDA device where there is one, else the CPU; `cpu` or `cuda`.
        threads: Of a CPU. Their number is the machine's affair: what is heard is the same, bit for bit.
    """

    device: str = "cpu"
    threads: int = 1


ONE_THREAD = Processor()
_ON_CPU = "int8"
_ON_GPU = ("float16", "int8_float16", "float32")
"""Arithmetic, the best first that the device has. int8 is the fastest on a CPU; its sums are exact."""


class _Placed(NamedTuple):
    device: str
    arithmetic: str


@lru_cache
def _placed(device: str) -> _Placed:
    """Where a recogniser runs and in what.

    Raises:
        UserError: a CUDA device is asked for and there is none.
    """
    import ctranslate2

    count = ctranslate2.get_cuda_device_count() if device != "cpu" else 0
    if device == "cuda" and not count:
        raise UserError("`device` = cuda: speech recognition finds no CUDA device; use auto or cpu")
    chosen = "cuda" if count else "cpu"
    if chosen == "cpu":
        return _Placed(chosen, _ON_CPU)
    supported = ctranslate2.get_supported_compute_types(chosen)
    return _Placed(chosen, next(kind for kind in _ON_GPU if kind in supported))


@lru_cache(maxsize=1)
def _whisper(folder: str, processor: Processor) -> Any:
    from faster_whisper import WhisperModel

    placed = _placed(processor.device)
    with _arithmetic_threads_kept():
        return WhisperModel(
            folder,
            device=placed.device,
            compute_type=placed.arithmetic,
            cpu_threads=processor.threads,
            num_workers=1,
            local_files_only=True,
        )


def _arithmetic_threads_kept() -> AbstractContextManager[None]:
    """CTranslate2 gives its own number of threads to whatever its caller computes next: a training that has
    once heard its voice would go on with another number, at half the speed and with other last bits."""
    import torch

    from models.threads import arithmetic_threads

    return arithmetic_threads(torch.get_num_threads())


def whisper_languages(folder: Path, processor: Processor = ONE_THREAD) -> Collection[str]:
    """Codes of the languages that a faster-whisper model knows, by its own names."""
    known: Collection[str] = _whisper(str(folder), processor).supported_languages
    return known


def whisper_language(code: str | None, known: Collection[str]) -> str | None:
    """What a recogniser calls a language (`en-us` is `en`, `nb` is `no`); None for one it does not know."""
    base = (code or "").split("-")[0].lower()
    own = _OTHER_CODES.get(base, base)
    return own if own in known else None


def recognise_whisper(
    samples_16k: NDArray[np.float32],
    folder: Path,
    language: str | None,
    beam_size: int,
    processor: Processor = ONE_THREAD,
) -> Recognition:
    """Transcribe `[T]` at 16 kHz with faster-whisper, which detects a language not given or not known to it.

    Greedy in temperature, without the previous text, so that a row depends on nothing but itself.

    Raises:
        UserError: the device is not there.
    """
    model = _whisper(str(folder), processor)
    with _arithmetic_threads_kept():
        segments, info = model.transcribe(
            samples_16k,
            language=whisper_language(language, model.supported_languages),
            beam_size=beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        heard = list(segments)
    text = " ".join(segment.text.strip() for segment in heard).strip()
    weights = [max(len(segment.tokens), 1) for segment in heard]
    confidence = None
    if heard:
        mean = np.average([segment.avg_logprob for segment in heard], weights=weights)
        confidence = math.exp(min(0.0, float(mean)))
    sure = float(info.language_probability) if model.model.is_multilingual else None
    return Recognition(text, confidence, info.language, sure)


@lru_cache(maxsize=1)
def _sphinx() -> Any:
    from pocketsphinx import Decoder

    # Batch normalisation: the live one carries its mean from one utterance into the next.
    return Decoder(samprate=SAMPLE_RATE, cmn="batch", loglevel="FATAL")


def recognise_sphinx(samples_16k: NDArray[np.float32]) -> Recognition:
    """Transcribe English `[T]` at 16 kHz with pocketsphinx's own model: rough, but always there.

    The confidence is the mean posterior of its words.
    """
    decoder = _sphinx()
    peak = float(np.abs(samples_16k).max(initial=0.0))
    scale = 0.9 * 32767 / max(peak, 1e-5)
    pcm = np.rint(samples_16k * scale).astype("<i2").tobytes()
    decoder.start_utt()
    decoder.process_raw(pcm, False, True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    text = "" if hypothesis is None else hypothesis.hypstr.strip()
    posteriors = [segment.prob for segment in decoder.seg() or () if segment.word[0] not in "<["]
    confidence = float(np.mean(posteriors)) if posteriors else None
    return Recognition(text, confidence, "en", None)


class WordErrors(NamedTuple):
    """Edits (Levenshtein over words, case and punctuation aside) from `words` words to what was heard.

    In scripts without spaces every character is a word: one wrong would else be a whole clause wrong.
    """

    errors: int
    words: int


def word_error_rate(reference: str, heard: str) -> float:
    """Edits per word of the reference; 1 if it has none."""
    errors, words = word_errors(reference, heard)
    return errors / words if words else 1.0


def word_errors(reference: str, heard: str) -> WordErrors:
    """Count the edits."""
    wanted, got = _words(reference), _words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, start=1):
        previous, row[0] = row[0], i
        for j, other in enumerate(got, start=1):
            substituted = previous + (word != other)
            previous = row[j]
            row[j] = min(substituted, row[j] + 1, row[j - 1] + 1)
    return WordErrors(row[-1], len(wanted))


def _words(text: str) -> list[str]:
    # Composed, and with the marks that belong to letters: Devanagari writes most vowels as such.
    spaced = _UNSPACED.sub(r" \g<0> ", unicodedata.normalize("NFC", text.lower()))
    kept = "".join(c if c in "'’" or unicodedata.category(c)[0] in "LMN" else " " for c in spaced)
    return kept.replace("’", "'").split()
