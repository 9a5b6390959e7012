"""faster-whisper: what it is asked for, on which device, and what the real small models hear."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import ctranslate2
import faster_whisper
import numpy as np
import pytest
import torch

from configs.errors import UserError
from models.frontend import asr
from models.frontend.asr import (
    SAMPLE_RATE,
    Processor,
    Recognition,
    find_whisper,
    recognise_whisper,
    word_error_rate,
)
from models.threads import arithmetic_threads

ASKED = {
    "language": "no",
    "beam_size": 3,
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "vad_filter": False,
}
"""All that a transcription is asked for: a recording is heard alone, and the same each time."""


class StandIn:
    """A faster-whisper that keeps what it was made with and asked for."""

    made: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[dict[str, Any]]] = []
    supported_languages = ("en", "no")
    model = SimpleNamespace(is_multilingual=True)

    def __init__(self, folder: str, **arguments: Any) -> None:
        self.made.append({"folder": folder, **arguments})

    def transcribe(self, samples: np.ndarray, **arguments: Any) -> tuple[Iterator[Any], Any]:
        self.asked.append(arguments)
        segments = [SimpleNamespace(text=" God dag. ", tokens=[1, 2], avg_logprob=-0.5)]
        return iter(segments), SimpleNamespace(language="no", language_probability=0.75)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandIn]]:
    monkeypatch.setattr(faster_whisper, "WhisperModel", StandIn)
    monkeypatch.setattr(StandIn, "made", [])
    monkeypatch.setattr(StandIn, "asked", [])
    for cached in (asr._whisper, asr._placed):
        cached.cache_clear()
    yield StandIn
    for cached in (asr._whisper, asr._placed):
        cached.cache_clear()


def gpu(monkeypatch: pytest.MonkeyPatch, count: int, *kinds: str) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: count)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda device: set(kinds))


def hear(processor: Processor) -> Recognition:
    return recognise_whisper(np.zeros(160, np.float32), Path("w"), "nb", 3, processor)


def test_a_recording_is_heard_alone_and_the_same_each_time(stand_in: type[StandIn]) -> None:
    heard = hear(Processor("cpu"))
    assert stand_in.asked == [ASKED]
    assert heard == Recognition("God dag.", pytest.approx(np.exp(-0.5)), "no", 0.75)


@pytest.mark.parametrize(
    ("asked", "count", "kinds", "device", "arithmetic"),
    [
        ("cpu", 1, ("float16",), "cpu", "int8"),
        ("auto", 0, (), "cpu", "int8"),
        ("auto", 1, ("float32", "float16", "int8_float16"), "cuda", "float16"),
        ("cuda", 1, ("int8_float16", "float32"), "cuda", "int8_float16"),
        ("cuda", 2, ("float32", "int8"), "cuda", "float32"),
    ],
)
def test_device_and_arithmetic_follow_from_what_is_asked_for_and_there(
    stand_in: type[StandIn],
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    count: int,
    kinds: tuple[str, ...],
    device: str,
    arithmetic: str,
) -> None:
    gpu(monkeypatch, count, *kinds)
    hear(Processor(asked, 3))
    (made,) = stand_in.made
    assert (made["device"], made["compute_type"], made["cpu_threads"]) == (device, arithmetic, 3)
    assert made["local_files_only"] is True


def test_a_gpu_that_is_not_there_is_told(stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, 0)
    with pytest.raises(UserError, match=r"`device` = cuda: speech recognition finds no CUDA device"):
        hear(Processor("cuda"))
    assert not stand_in.made


def test_what_is_computed_after_it_keeps_its_number_of_threads(
    stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Meddling(StandIn):
        """As CTranslate2, which sets its own number for the thread that calls it."""

        def __init__(self, folder: str, **arguments: Any) -> None:
            super().__init__(folder, **arguments)
            torch.set_num_threads(arguments["cpu_threads"])

        def transcribe(self, samples: np.ndarray, **arguments: Any) -> tuple[Iterator[Any], Any]:
            segments, found = super().transcribe(samples, **arguments)

            def one_by_one() -> Iterator[Any]:
                torch.set_num_threads(1)
                yield from segments

            return one_by_one(), found

    monkeypatch.setattr(faster_whisper, "WhisperModel", Meddling)
    with arithmetic_threads(2):
        for _ in range(2):
            hear(Processor("cpu"))
            assert torch.get_num_threads() == 2


@pytest.fixture(scope="module", params=["whisper-tiny.en", "whisper-base"])
def whisper(request: pytest.FixtureRequest) -> Path:
    """A real model as `models fetch` leaves it in the workspace."""
    workspace = Path(os.environ.get("VOICEWRIGHT_WORKSPACE", "~/.voicewright")).expanduser()
    folder = workspace / "models" / request.param
    if find_whisper(str(folder), download=False) is None:
        pytest.skip(f"{folder} is absent: `.venv/bin/voicewright models fetch {request.param}` gets it")
    return folder


@pytest.mark.slow
def test_the_real_models_hear_a_reader_the_same_with_any_number_of_threads(whisper: Path) -> None:
    from models.frontend.audio import resample
    from tasks.corpus.embedded import embedded

    for one in list(embedded("held-out"))[:2]:
        wave = one.wave()
        samples = resample(wave.samples, wave.sample_rate, SAMPLE_RATE)
        heard = [
            recognise_whisper(samples, whisper, "en-us", 5, Processor("cpu", threads)) for threads in (1, 2)
        ]
        assert heard[0] == heard[1]
        with arithmetic_threads(2):
            recognise_whisper(samples, whisper, "en-us", 1)
            assert torch.get_num_threads() == 2
        assert word_error_rate(one.text, heard[0].text) <= 0.2
        assert heard[0].language == "en"


@pytest.mark.slow
def test_the_real_base_tells_the_language_and_tiny_knows_one_alone(whisper: Path) -> None:
    from models.frontend.audio import resample
    from tasks.corpus.embedded import embedded

    wave = next(iter(embedded("held-out"))).wave()
    heard = recognise_whisper(
        resample(wave.samples, wave.sample_rate, SAMPLE_RATE), whisper, None, 5, Processor("cpu")
    )
    assert heard.language == "en"
    if whisper.name == "whisper-tiny.en":
        assert set(asr.whisper_languages(whisper)) == {"en"}
        assert heard.language_confidence is None
    else:
        assert {"de", "no", "zh"} <= set(asr.whisper_languages(whisper))
        assert heard.language_confidence is not None and heard.language_confidence > 0.8
