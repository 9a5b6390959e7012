"""Speech from the espeak-ng formant synthesiser, with the exact start time of every phoneme.

The aligner bootstraps on it (speech in any of ~100 languages whose phone times are known) and the embedded
demo corpus is written with it. Sound quality is beside the point; exactness and determinism are the point.

C interface: `speak_lib.h` of espeak-ng 1.52 (https://github.com/espeak-ng/espeak-ng). The library keeps its
whole state in C globals, and what it says depends a little on what it said before (flutter and wave phases
run on; re-initialising does not reset them). So every call loads a private copy of the shared library, about
5 ms, and lets go of it afterwards:
  * the same arguments give the same bytes, in every process and in any order;
  * threads do not share anything;
  * another user of espeak in the process (phonemizer) keeps its own voice, callback and sample rate.
"""

from __future__ import annotations

import _ctypes
import ctypes
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.espeak_copies import copies_folder

RATE_RANGE_WPM = (80, 450)
PITCH_RANGE = (0, 99)

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1 << 0
_INITIALIZE_PHONEME_IPA = 1 << 1
_INITIALIZE_DONT_EXIT = 1 << 15
_EVENT_LIST_TERMINATED = 0
_EVENT_PHONEME = 7
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_RATE = 1
_PARAMETER_VOLUME = 2
_PARAMETER_PITCH = 3
_PARAMETER_RANGE = 4
_BUFFER_MS = 200
_SEED = 1
_EVENT_NAME_BYTES = 8
_INT16_SCALE = 1.0 / 32768.0


class EspeakError(RuntimeError):
    """espeak-ng could not be loaded, does not know the voice, or refused the text."""


class Phoneme(NamedTuple):
    """One phoneme as espeak spoke it.

    label: IPA in UTF-8, at most 8 bytes; "" for a pause and for the end of the speech.
    start_s: where it begins, seconds from the start of the samples; it lasts until the next one begins.
    """

    label: str
    start_s: float


class Synthesis(NamedTuple):
    """samples: float32 [T] in -1..1, mono; phonemes: in time order, pauses included."""

    samples: NDArray[np.float32]
    sample_rate: int
    phonemes: list[Phoneme]


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_ubyte * _EVENT_NAME_BYTES),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


class _Recorder:
    """Receives sound and events from espeak while it speaks."""

    def __init__(self) -> None:
        self.chunks: list[NDArray[np.int16]] = []
        self.phonemes: list[tuple[str, int]] = []

    def __call__(self, wav: Any, n_samples: int, events: Any) -> int:
        if wav and n_samples > 0:
            self.chunks.append(np.ctypeslib.as_array(wav, shape=(n_samples,)).copy())
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                label = bytes(event.id.string).split(b"\0", 1)[0].decode("utf-8", errors="ignore")
                self.phonemes.append((label, event.sample))
            index += 1
        return 0


@contextmanager
def _private_library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """A copy of espeak-ng with C globals of its own, initialised, and its sample rate."""
    import espeakng_loader

    source = Path(espeakng_loader.get_library_path())
    with tempfile.TemporaryDirectory(dir=copies_folder()) as folder:
        # The loader tells libraries apart by file: only a copy has globals of its own. The mapping
        # outlives the file, so the copy is deleted at once.
        private_copy = Path(folder) / source.name
        try:
            shutil.copyfile(source, private_copy)
            library = ctypes.CDLL(str(private_copy))
        except OSError as error:
            raise EspeakError(f"cannot load espeak-ng from {source}: {error}") from error
    try:
        data_path = espeakng_loader.get_data_path()
        options = _INITIALIZE_PHONEME_EVENTS | _INITIALIZE_PHONEME_IPA | _INITIALIZE_DONT_EXIT
        sample_rate = library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data_path.encode("utf-8"), options
        )
        if sample_rate <= 0:
            raise EspeakError(f"espeak-ng found no usable data in {data_path!r}: reinstall espeakng-loader")
        # Breathy voices use random numbers, which espeak seeds with the time of day.
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        yield library, sample_rate
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def synthesize(
    text: str,
    voice: str = "en-us",
    rate_wpm: int = 170,
    pitch: int = 50,
    pitch_range: int = 50,
) -> Synthesis:
    """Speaks `text` and says when each phoneme starts.

    voice: espeak language code, optionally with a variant ("de", "en-us+f3"); rate_wpm: words per minute;
    pitch and pitch_range: 0-99, 50 is the voice's own.
    The same arguments give the same bytes, whatever was spoken before.
    Raises EspeakError (voice unknown, text without sound), ValueError (rate or pitch out of range).
    """
    if not RATE_RANGE_WPM[0] <= rate_wpm <= RATE_RANGE_WPM[1]:
        raise ValueError(f"rate_wpm {rate_wpm} is outside {RATE_RANGE_WPM[0]}-{RATE_RANGE_WPM[1]}")
    for name, value in (("pitch", pitch), ("pitch_range", pitch_range)):
        if not PITCH_RANGE[0] <= value <= PITCH_RANGE[1]:
            raise ValueError(f"{name} {value} is outside {PITCH_RANGE[0]}-{PITCH_RANGE[1]}")
    if not text.strip():
        raise EspeakError(f"espeak-ng made no sound of {text!r}: the text is empty")
    recorder = _Recorder()
    callback = _SynthCallback(recorder)
    with _private_library() as (library, sample_rate):
        if library.espeak_SetVoiceByName(voice.encode("utf-8")) != 0:
            raise EspeakError(f"voice {voice!r} is unknown to espeak-ng: voices() lists the known")
        library.espeak_SetSynthCallback(callback)
        for parameter, value in (
            (_PARAMETER_RATE, rate_wpm),
            (_PARAMETER_VOLUME, 100),
            (_PARAMETER_PITCH, pitch),
            (_PARAMETER_RANGE, pitch_range),
        ):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode("utf-8") + b"\0"
        code = library.espeak_Synth(
            encoded,
            ctypes.c_size_t(len(encoded)),
            ctypes.c_uint(0),
            _POSITION_CHARACTER,
            ctypes.c_uint(0),
            ctypes.c_uint(_CHARS_UTF8),
            None,
            None,
        )
        library.espeak_Synchronize()
    if code != 0 or not recorder.chunks:
        raise EspeakError(f"espeak-ng made no sound of {text!r} with voice {voice!r} (code {code})")
    samples = np.concatenate(recorder.chunks).astype(np.float32) * np.float32(_INT16_SCALE)
    phonemes = [Phoneme(label, start / sample_rate) for label, start in recorder.phonemes]
    return Synthesis(samples, sample_rate, phonemes)


def voices() -> list[str]:
    """Codes of the languages that espeak-ng speaks, sorted ("de", "en-us", ...)."""
    names: set[str] = set()
    with _private_library() as (library, _):
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = library.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            # `languages` is a priority byte and the NUL-terminated code of the voice's main language.
            names.add(listed[index].contents.languages[1:].decode("utf-8"))
            index += 1
    return sorted(names)
