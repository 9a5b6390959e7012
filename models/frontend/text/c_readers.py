"""espeak-ng, Open JTalk and transducers, which are C, in a process of their own that answers text after text.

Started by `reader_process` as a program, so it imports nothing of the project. What crashes, hangs or fills
the memory here ends this process alone, by the system's own limits.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import resource
import signal
import sys
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# Seconds of computing, which a busy machine does not change; the longest text that is given takes 0.3 s.
TEXT_CPU_S = 5.0
MEMORY_BYTES = 4 << 30
OUT_OF_MEMORY = 75
"""Exit status."""

# What the tagger of wetext finds ('date { month: "5" year: "2024" }'), and the order in which it is said.
_TAG = re.compile(r'(\w+) \{((?: \w+: "(?:[^"\\]|\\.)*")*) \}')
_TAGGED = re.compile(r'(\w+): "(?:[^"\\]|\\.)*"')
_SAID_IN_ORDER = {
    "date": ("year", "month", "day"),
    "fraction": ("denominator", "numerator"),
    "measure": ("denominator", "numerator", "value"),
    "money": ("value", "currency"),
    "time": ("noon", "hour", "minute", "second"),
}


def espeak_voices() -> list[str]:
    """Codes of all voices that espeak-ng lists."""
    from phonemizer.backend import EspeakBackend

    configure_espeak()
    return sorted(EspeakBackend.supported_languages())


def espeak(text: str, voice: str) -> list[str]:
    """IPA of words parted by spaces: of all together, then of each alone. Phones are separated by "_".

    Together they are read as they are spoken, in groups separated by "|", which need not be the words: "was
    a" is one group, a number several.
    """
    backend, separator = _espeak_backend(voice)
    said = backend.phonemize([text, *text.split(" ")], separator=separator, strip=True)
    return [str(groups).strip("_| ") for groups in said]


def open_jtalk(text: str) -> list[str]:
    """Full-context labels of Japanese text."""
    import pyopenjtalk

    return list(pyopenjtalk.extract_fullcontext(text))


def wetext(lines: str) -> list[str]:
    """Chinese lines with their numbers written out; each by itself, a line that the grammar refuses as it is.

    wetext is not imported: that would load all grammars of all its languages, for seconds.
    """
    tagger, verbalizer = _wetext_grammar()
    read = []
    for line in lines.split("\n"):
        said = verbalizer(_TAG.sub(_in_order, tagger(line).strip())).strip()
        read.append(said or line)
    return read


def _in_order(tag: re.Match[str]) -> str:
    found = {part[1]: part[0] for part in _TAGGED.finditer(tag[2])}
    order = _SAID_IN_ORDER.get(tag[1], ())
    named = [found.pop(name) for name in order if name in found]
    return f"{tag[1]} {{ {' '.join((*named, *found.values()))} }}"


@functools.lru_cache(maxsize=1)
def _wetext_grammar() -> tuple[Any, Any]:
    from kaldifst import TextNormalizer

    package = find_spec("wetext")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the package wetext is not installed")
    folder = Path(package.submodule_search_locations[0], "fsts", "zh", "tn")
    return TextNormalizer(str(folder / "tagger.fst")), TextNormalizer(str(folder / "verbalizer.fst"))


@functools.lru_cache(maxsize=1)
def configure_espeak() -> None:
    """Points phonemizer at the wheel's library and data, not at whatever the system has."""
    import espeakng_loader
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())


# phonemizer never lets go of a voice's library: one per voice, of which there are some hundred.
@functools.cache
def _espeak_backend(voice: str) -> tuple[Any, Any]:
    from phonemizer.backend import EspeakBackend
    from phonemizer.separator import Separator

    configure_espeak()
    logger = logging.getLogger("phonemizer.quiet")
    logger.setLevel(logging.CRITICAL)
    backend = EspeakBackend(
        voice, with_stress=True, language_switch="remove-flags", words_mismatch="ignore", logger=logger
    )
    return backend, Separator(phone="_", word="|", syllable="")


_READERS = {function.__name__: function for function in (espeak_voices, espeak, open_jtalk, wetext)}


def serve(end: Connection) -> None:
    """Answer `[reader, *arguments]` until the other side is gone."""
    # Ctrl-C reaches the whole process group; the other side decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    while True:
        try:
            reader, *arguments = json.loads(end.recv_bytes())
        except (EOFError, ConnectionError):
            return
        # Nobody catches this signal, so it ends the process, inside C as well.
        signal.setitimer(signal.ITIMER_PROF, TEXT_CPU_S)
        try:
            answer: dict[str, Any] = {"said": _READERS[reader](*arguments)}
        except (MemoryError, OSError):  # OSError: a library that found no room
            os._exit(OUT_OF_MEMORY)
        except Exception as error:  # noqa: BLE001 - the other side raises it where the text is known
            answer = {"failed": f"{type(error).__name__}: {error}"}
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        try:
            end.send_bytes(json.dumps(answer).encode())
        except ConnectionError:
            return


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
    # Whoever started this process removes phonemizer's copies of the library, and may have done so by now.
    os._exit(0)
