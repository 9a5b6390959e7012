"""Published weights speak by the name of an official voice or a mix, without training."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from flows.__main__ import run
from models.kokoro.config import TINY
from models.kokoro.model import Kokoro
from models.kokoro.upstream import save_config, save_kokoro
from tasks.release.kokoro.published import as_published, official_references
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.published import load_published, published_family, published_names
from tasks.release.voice import SpeakOptions
from tasks.weights import LocalWeights

SIZES = replace(TINY, decoder=replace(TINY.decoder, style_dim=128))
"""Small, but for the width that official voices have."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds small weights where the published ones would be."""
    folder = tmp_path_factory.mktemp("published")
    place = folder / "models" / "kokoro-82m"
    place.mkdir(parents=True)
    torch.manual_seed(3)
    save_kokoro(place / "kokoro-v1_0.pth", Kokoro(SIZES))
    save_config(place / "config.json", SIZES)
    return folder


@pytest.fixture
def call(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def invoke(*arguments: str, place: Path = workspace) -> int:
        monkeypatch.setattr(sys, "argv", ["voicewright", "-w", str(place), *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0)

    return invoke


@pytest.mark.slow
def test_a_voice_a_mix_and_their_languages(workspace: Path) -> None:
    weights = LocalWeights(workspace / "models")
    one = load_published("kokoro/af_heart", weights)
    mix = load_published("kokoro/bf_emma:0.7+af_heart:0.3", weights)
    assert (one.languages, mix.languages) == (("en-us",), ("en-gb",))
    assert {"en-us", "es", "fr-fr", "it"} <= set(one.spoken_languages)
    tables = [
        one.reference_of(None).table,
        load_published("kokoro/bf_emma", weights).reference_of(None).table,
    ]
    torch.testing.assert_close(mix.reference_of(None).table, 0.3 * tables[0] + 0.7 * tables[1])
    said, again = (voice.speak("One, two.").samples for voice in (one, one))
    assert np.array_equal(said, again)
    assert not np.array_equal(said, mix.speak("One, two.").samples)
    assert len(one.speak("Uno, dos.", SpeakOptions(language="es")).samples)


@pytest.mark.slow
def test_official_voices_beside_a_fitted_one_are_said_by_the_published_model(workspace: Path) -> None:
    weights = LocalWeights(workspace / "models")
    official = load_published("kokoro/af_heart", weights)
    assert isinstance(official, KokoroVoice)
    torch.manual_seed(4)
    fitted = replace(official, model=Kokoro(SIZES).eval())
    wanted, moved = (voice.speak("One, two.").samples for voice in (official, fitted))
    restored = as_published(fitted, weights)
    assert np.array_equal(restored.speak("One, two.").samples, wanted)
    assert not np.array_equal(moved, wanted)
    assert "af_heart" in [one.speaker for one in official_references(restored)]


def test_names_are_listed_where_the_weights_are(workspace: Path, tmp_path: Path) -> None:
    here = published_names(LocalWeights(workspace / "models"))
    assert here["kokoro/bm_george"] == "en-gb"
    assert published_names(LocalWeights(tmp_path)) == {}


def test_only_names_behind_a_family_are_published() -> None:
    assert published_family("kokoro/af_heart") == "kokoro"
    assert [published_family(name) for name in ("anna", "kokoro/", "kokoro", "gpt-sovits/x", "no/x")] == [
        None
    ] * 5


@pytest.mark.slow
def test_the_commands(call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "mix.wav"
    assert call("speak", "-v", "kokoro/af_heart:0.6+bf_emma:0.4", "Hello.", "-o", str(output)) == 0
    assert soundfile.info(output).samplerate == 24_000
    assert call("voices") == 0
    assert "kokoro/af_heart" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-v", "kokoro/nobody"), "'nobody' is none of the voices here"),
        (("-v", "kokoro/af_heart:0"), "is no mix of voices"),
        (("-v", "kokoro/af_heart", "--language", "sv"), "language: 'sv' is not spoken"),
        (("-v", "kokoro/af_heart", "--manner", "spead=2"), "did you mean speed"),
        (("-v", "kokoro/af_heart", "--content-model", "x"), "takes no reference through a content encoder"),
    ],
)
def test_mistakes_end_with_one_message(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert call("speak", "Hello.", *arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_weights_that_are_not_here_are_told_with_the_remedy(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("speak", "Hello.", "-v", "kokoro/af_heart", place=tmp_path) == 2
    assert f"`voicewright -w {tmp_path} models fetch kokoro-82m`" in capsys.readouterr().err
