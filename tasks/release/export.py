"""The stage `export`: a voice as a folder that needs nothing else.

voice.json            what it is, how it speaks, digests of all other files
sovits.safetensors    codes, phones and a reference to a waveform
t2s.safetensors       phones to codes
symbols.json          the phone symbols in order
references/*.flac     one clip per speaker
references/*.safetensors  its speaker vector and linguistic features, where it has them
gpt-sovits/           the networks as GPT-SoVITS's own inference loads them, where it could
metrics.json          the evaluation
README.md             the voice card
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from artifacts import digest, schemas
from configs.base import Section
from models.frontend.audio import encode_flac
from models.frontend.text.symbols import load_symbol_table
from tasks.finetune.networks import read_json
from tasks.release.assembly import CONFIG, READS, ClipFacts, assemble_voice, clip_facts
from tasks.release.card import CardFacts, voice_card
from tasks.release.gpt_sovits_files import write_gpt_sovits_files
from tasks.release.voice import Voice
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work
from tasks.weights import portable

FORMAT = 1


def export_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Write the voice's folder.

    Raises:
        UserError: a network's file is damaged.
    """
    folder = work.dir / "voice"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "references").mkdir(parents=True)
    voice = assemble_voice(inputs, cfg)
    clips = clip_facts(inputs.files("shard"))
    sovits, t2s = inputs.files("train_sovits"), inputs.files("train_t2s")
    networks = {
        "sovits": _network(folder, "sovits", sovits["generator.safetensors"], sovits["config.json"]),
        "t2s": _network(folder, "t2s", t2s["decoder.safetensors"], t2s["config.json"]),
    }
    left_out = write_gpt_sovits_files(folder, cfg.voice, voice.generator, voice.decoder, voice.symbol_table)
    evaluation = read_json(inputs.files("evaluate")["evaluation.json"])
    _write_json(folder / "metrics.json", evaluation)
    facts = _facts(voice, networks, clips, evaluation, cfg, left_out)
    (folder / "README.md").write_text(voice_card(facts), encoding="utf-8")
    training_data = {
        "clips": facts.clips,
        "hours": facts.hours,
        "licence": facts.licence,
        "attribution": facts.attribution,
    }
    describe_voice(folder, voice, cfg.family.name, networks, training_data, left_out)
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    work.progress(1, 1, f"{len(files)} files")
    return Produced(
        files=files,
        metrics={
            "bytes": float(sum(path.stat().st_size for path in files.values())),
            "speakers": float(len(voice.references)),
        },
    )


def describe_voice(
    folder: Path,
    voice: Voice,
    family: str,
    networks: Mapping[str, Mapping[str, Any]],
    training_data: Mapping[str, Any],
    left_out: str | None,
) -> None:
    """Write the references, the symbols, and last `voice.json` with the digest of every file there is.

    Args:
        folder: With the networks' files in it, and an empty folder `references`.
        networks: `sovits` and `t2s`: `file`, `sizes` and how they were trained.
        left_out: Why there are no files for GPT-SoVITS, or None.
    """
    speakers = {name: _speaker(folder, voice, name) for name in sorted(voice.references)}
    _write_json(folder / "symbols.json", list(load_symbol_table(voice.symbol_table).symbols))
    description = {
        "format": FORMAT,
        "family": family,
        "frame": voice.frame._asdict(),
        "symbol_table": voice.symbol_table,
        "languages": list(voice.languages),
        "speakers": speakers,
        "default_speaker": voice.default_speaker,
        "networks": networks,
        "synthesize": voice.manner.model_dump(mode="json"),
        "linguistic": _encoder(voice.linguistic),
        "content": _encoder(voice.content),
        "speaker_vector": _encoder(voice.speaker_vector),
        "training_data": training_data,
        "gpt_sovits": {"left_out": left_out},
        "digests": {
            path.relative_to(folder).as_posix(): digest.of_file(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    _write_json(folder / "voice.json", description)


def _encoder(settings: Section) -> dict[str, Any]:
    """How an encoder is used; its weights by name where they are published ones, whose place is elsewhere."""
    described = settings.model_dump(mode="json")
    return described | {"model": portable(described["model"])}


def _network(folder: Path, name: str, weights: Path, config: Path) -> dict[str, Any]:
    shutil.copyfile(weights, folder / f"{name}.safetensors")
    described = read_json(config)
    kept = ("sizes", "steps", "epochs", "clips", "from_scratch")
    return {"file": f"{name}.safetensors", **{key: described[key] for key in kept}}


def _speaker(folder: Path, voice: Voice, name: str) -> dict[str, Any]:
    reference = voice.references[name]
    file = f"references/{reference.utterance_id}.flac"
    (folder / file).write_bytes(encode_flac(reference.samples, voice.frame.sample_rate))
    vectors = {"linguistic": reference.linguistic, "speaker_vector": reference.speaker_vector}
    held = {key: value for key, value in vectors.items() if value is not None}
    beside = f"references/{reference.utterance_id}.safetensors" if held else None
    if beside:
        save_file(held, folder / beside)
    return {
        "reference": file,
        "vectors": beside,
        "utterance_id": reference.utterance_id,
        "text": reference.text,
        "language": reference.language,
        "phone_ids": list(reference.phone_ids),
        "codes": list(reference.codes),
    }


def _facts(
    voice: Voice,
    networks: Mapping[str, Mapping[str, Any]],
    clips: Sequence[ClipFacts],
    evaluation: Mapping[str, Any],
    cfg: ConfigView,
    left_out: str | None,
) -> CardFacts:
    trained = [clip for clip in clips if clip.split == "train"]
    return CardFacts(
        family=cfg.family.name,
        sample_rate=voice.frame.sample_rate,
        languages=voice.languages,
        speakers=tuple(sorted(voice.references)),
        name=cfg.voice,
        clips=len(trained),
        hours=sum(clip.duration_s for clip in trained) / 3600.0,
        licence=cfg.corpus.licence,
        attribution=cfg.release.export.attribution,
        content_backend=cfg.features.content.backend,
        networks=networks,
        metrics=evaluation["metrics"],
        machinery_below_steps=cfg.release.export.machinery_below_steps,
        gpt_sovits_left_out=left_out,
    )


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


EXPORT = CorpusStage(
    name="export",
    version=1,
    run=export_corpus,
    reads={**READS, "evaluate": ("evaluation.json",)},
    config=(*CONFIG, "release.export", "corpus.licence", "voice"),
    schema=schemas.NOTHING,
    libraries=("safetensors", "soundfile"),
    about="the voice as a self-contained folder",
)
