"""The stage `export`: a voice as a folder that needs nothing else.

voice.json            what it is, how it speaks, digests of all other files
sovits.safetensors    codes, phones and a reference to a waveform
t2s.safetensors       phones to codes
symbols.json          the phone symbols in order
references/*.flac     one clip per speaker
references/*.safetensors  its speaker vector and linguistic features, where it has them
gpt-sovits/           the networks as GPT-SoVITS's own inference loads them, where it could
lexicon.tsv           pronunciations of words, where it was trained with some
metrics.json          the evaluation
README.md             the voice card
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from configs.base import Section
from models.frontend.audio import Waveform
from models.frontend.text.symbols import load_symbol_table
from tasks.finetune.gpt_sovits.trained import load_decoder, read_generator
from tasks.finetune.trained import read_json
from tasks.release.card import REFERENCES, CardFacts, card_facts, training_hours, voice_card
from tasks.release.clips import ClipFacts, clip_facts
from tasks.release.exported_folder import describe, exported, write_json, write_lexicon, write_reference
from tasks.release.gpt_sovits.assembly import assemble_voice
from tasks.release.gpt_sovits.network_files import write_gpt_sovits_files
from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.stage import ConfigView, Inputs, Produced, Work
from tasks.weights import portable

PATHS = (
    "`posterior` hears the recording itself (a vocoder check), `codes` uses the recording's semantic codes, "
    "`text` is what a listener gets. `recording` is the yardstick."
)
FILES = "`sovits.safetensors` and `t2s.safetensors` are the networks; `symbols.json` lists the phone symbols."
MFCC_LIMIT = (
    "Its semantic codes come from MFCCs, which carry more of the speaker and less of the words than HuBERT "
    "features."
)


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
    left_out = write_gpt_sovits_files(
        folder,
        cfg.voice,
        # Not the voice's own, which are laid out for speaking.
        read_generator(sovits["generator.safetensors"], networks["sovits"]["sizes"]),
        load_decoder(t2s["decoder.safetensors"], networks["t2s"]["sizes"]),
        voice.symbol_table,
    )
    evaluation = read_json(inputs.files("evaluate")["evaluation.json"])
    write_json(folder / "metrics.json", evaluation)
    facts = _facts(voice, networks, clips, evaluation, cfg, left_out)
    (folder / "README.md").write_text(voice_card(facts), encoding="utf-8")
    write_lexicon(folder, cfg.features.phonemize.lexicon)
    describe_voice(folder, voice, cfg.family.name, networks, facts.training_data, left_out)
    return exported(folder, len(voice.references), work)


def describe_voice(
    folder: Path,
    voice: GptSovitsVoice,
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
    write_json(folder / "symbols.json", list(load_symbol_table(voice.symbol_table).symbols))
    describe(
        folder,
        {
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
        },
    )


def _encoder(settings: Section) -> dict[str, Any]:
    """How an encoder is used; its weights by name where they are published ones, whose place is elsewhere."""
    described = settings.model_dump(mode="json")
    return described | {"model": portable(described["model"])}


def _network(folder: Path, name: str, weights: Path, config: Path) -> dict[str, Any]:
    shutil.copyfile(weights, folder / f"{name}.safetensors")
    described = read_json(config)
    kept = ("sizes", "steps", "chosen_step", "epochs", "clips", "from_scratch")
    return {"file": f"{name}.safetensors", **{key: described[key] for key in kept}}


def _speaker(folder: Path, voice: GptSovitsVoice, name: str) -> dict[str, Any]:
    reference = voice.references[name]
    wave = Waveform(reference.samples, voice.frame.sample_rate)
    file = write_reference(folder, reference.utterance_id, wave)
    vectors = {"linguistic": reference.linguistic, "speaker_vector": reference.speaker_vector}
    held = {key: value for key, value in vectors.items() if value is not None}
    beside = str(Path(file).with_suffix(".safetensors")) if held else None
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
    voice: GptSovitsVoice,
    networks: Mapping[str, Mapping[str, Any]],
    clips: Sequence[ClipFacts],
    evaluation: Mapping[str, Any],
    cfg: ConfigView,
    left_out: str | None,
) -> CardFacts:
    return card_facts(
        voice,
        clips,
        evaluation,
        cfg,
        networks=networks,
        warning=_warning(networks, training_hours(clips), cfg.release.export.machinery_below_steps),
        paths=PATHS,
        files=(REFERENCES, FILES, _for_gpt_sovits(cfg.voice, left_out)),
        limits=(MFCC_LIMIT,) if cfg.features.content.backend == "mfcc" else (),
        published=(cfg.train.sovits.pretrained, cfg.train.t2s.pretrained),
    )


def _warning(networks: Mapping[str, Mapping[str, Any]], hours: float, machinery_below_steps: int) -> str:
    sovits = networks["sovits"]
    if not sovits["from_scratch"] or sovits["steps"] >= machinery_below_steps:
        return ""
    return (
        f"It was trained from scratch for {sovits['steps']:,} SoVITS steps and "
        f"{networks['t2s']['steps']:,} text-to-semantic steps on "
        f"{60 * hours:.1f} minutes of speech. A voice worth listening "
        "to takes published weights to start from, or many hours of speech and of training."
    )


def _for_gpt_sovits(voice: str, left_out: str | None) -> str:
    if left_out is None:
        return f"`gpt-sovits/{voice}.pth` and `.ckpt` are the same networks for GPT-SoVITS itself."
    return f"There are no files for GPT-SoVITS itself: {left_out}."
