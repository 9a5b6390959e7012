"""The demo: what it shows, what it remembers, and what it does without published weights.

Fitting and speaking with the published weights themselves is what `make demo` does; here a voice stands in
for them that speaks with recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configs.errors import MachineError, UserError
from flows import demo
from flows.commands import demo as command
from models.frontend.audio import Waveform
from models.frontend.espeak import synthesize
from tasks.corpus.embedded import embedded
from tasks.release.voice import AS_TRAINED, SpeakOptions
from tests.command_line import Call


@dataclass
class StandIn:
    """Says each sentence by playing a recording; as another reference, espeak says it."""

    calls: int = 0

    def speak(self, text: str, options: SpeakOptions[Any] = AS_TRAINED) -> Waveform:
        self.calls += 1
        if options.references is None:
            return embedded("fit")[self.calls % 3].wave()
        spoken = synthesize(text, voice=options.references[0].espeak)
        return Waveform(spoken.samples, spoken.sample_rate)


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    stand_in = StandIn()
    described = tmp_path / "w" / "voices" / demo.VOICE / "voice.json"
    described.parent.mkdir(parents=True)
    described.write_text("{}")
    references = [SimpleNamespace(speaker=one, espeak=one) for one in ("en-us", "de")]
    monkeypatch.setattr(demo, "load_voice", lambda folder: stand_in)
    monkeypatch.setattr(demo, "official_references", lambda voice: references)
    monkeypatch.setattr(demo, "as_published", lambda voice, weights: voice)
    monkeypatch.setattr(demo.LocalWeights, "of", lambda self, name: tmp_path)
    heard = iter([one.text for one in embedded("held-out")] + ["the wrong words"] * 100)
    monkeypatch.setattr(demo, "recognise_whisper", lambda *_, **__: SimpleNamespace(text=next(heard)))
    yield stand_in


@pytest.mark.slow
def test_the_voice_is_judged_beside_recordings_and_the_best_official_voice(
    voice: StandIn, tmp_path: Path
) -> None:
    recorded, fitted, official = demo.speak_and_judge(tmp_path, tmp_path / "w", print)
    assert recorded.judgement.errors == 0
    assert fitted.judgement.error_rate > 0.9
    assert recorded.judgement.similarity > 0.9
    assert fitted.judgement.similarity > 0.9 > official.judgement.similarity
    assert official.who.removeprefix("official ") in {"en-us", "de"}
    assert (tmp_path / demo.PICTURE).read_bytes().startswith(b"\x89PNG")
    assert all(one.path.stat().st_size > 100_000 for one in (recorded, fitted, official))


@pytest.mark.slow
def test_what_was_judged_is_told_again_until_voice_or_files_change(voice: StandIn, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    first = demo.speak_and_judge(tmp_path, workspace, print)
    spoken = voice.calls
    assert demo.speak_and_judge(tmp_path, workspace, print) == first
    assert voice.calls == spoken
    first[1].path.write_bytes(b"something else")
    demo.speak_and_judge(tmp_path, workspace, print)
    assert voice.calls == 2 * spoken
    (workspace / "voices" / demo.VOICE / "voice.json").write_text('{"another": "voice"}')
    demo.speak_and_judge(tmp_path, workspace, print)
    assert voice.calls == 3 * spoken
    (tmp_path / demo.RECORD).write_text('{"rows": [{"who"')
    demo.speak_and_judge(tmp_path, workspace, print)
    assert voice.calls == 4 * spoken


@pytest.mark.slow
def test_the_command_shows_a_row_for_each_and_where_all_is(
    voice: StandIn, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "fetch_weights", lambda workspace, say: say("here already"))
    monkeypatch.setattr(demo, "fit_voice", lambda folder, workspace: None)
    monkeypatch.setattr(
        command, "print_places", lambda workspace, voice, wav: print(f"at {workspace} {voice}")
    )
    status, output, _ = call("demo", str(tmp_path))
    assert status == 0
    assert "her recordings" in output and "0 of 45" in output
    assert "spectrograms.png" in output
    assert f"at {tmp_path / 'w'} {demo.VOICE}" in output


def test_without_published_weights_it_says_so_and_trains_a_tiny_network(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(workspace: Path, say: demo.Say) -> None:
        raise UserError("models fetch kokoro-82m: no source has it")

    trained: list[Any] = []
    monkeypatch.setattr(demo, "fetch_weights", refuse)
    monkeypatch.setattr(demo, "fit_voice", lambda folder, workspace: pytest.fail("there are no weights"))
    monkeypatch.setattr("flows.run.run_voice", lambda workspace, request, *_, **__: trained.append(request))
    monkeypatch.setattr("tasks.corpus.sample.SENTENCES", ("One sentence.",))
    said = SimpleNamespace(speak=lambda text: embedded("held-out")[0].wave(), sample_rate=22_050)
    monkeypatch.setattr("tasks.release.speak.load_voice", lambda folder: said)
    monkeypatch.setattr(command, "print_places", lambda workspace, voice, wav: print(f"{voice} {wav}"))
    status, _, errors = call("demo", str(tmp_path))
    assert status == 0
    assert "no source has it" in errors and "tiny network" in errors
    (request,) = trained
    assert (request.preset, request.recordings.name) == ("tiny", "synthetic")
    assert (tmp_path / "demo.wav").stat().st_size > 100_000


def test_a_full_disk_is_not_taken_for_missing_weights(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(workspace: Path, say: demo.Say) -> None:
        raise MachineError("the disk is full")

    monkeypatch.setattr(demo, "fetch_weights", full)
    status, _, errors = call("demo", str(tmp_path))
    assert status == 74
    assert "the disk is full" in errors
