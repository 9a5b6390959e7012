"""The stage `export` of StyleTTS 2 voices: a voice as a folder that needs nothing else.

voice.json              what it is, how it speaks, digests of all other files
networks/*.safetensors  one file per network, those that only training needs among them
networks/config.json    their sizes; the folder can be fine-tuned from
official/               the same networks as StyleTTS 2's own scripts read them
symbols.json            the characters and their identifiers
onnx/*.onnx             the synthesis path, where `release.export.onnx` asks for it
references/*.flac       one clip per speaker, whose style the voice takes
lexicon.tsv             pronunciations of words, where it was trained with some
metrics.json            the evaluation
README.md               the voice card
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from models.frontend.audio import Waveform
from models.frontend.text.character_tokens import character_table
from tasks.finetune.trained import read_json
from tasks.release.card import REFERENCES, CardFacts, card_facts, scratch_warning, training_hours, voice_card
from tasks.release.clips import ClipFacts, clip_facts
from tasks.release.exported_folder import describe, exported, write_json, write_lexicon, write_reference
from tasks.release.onnx_files import ONNX, write_onnx
from tasks.release.styletts2.assembly import assemble_voice
from tasks.release.styletts2.official_files import FOLDER, told_of, write_official_files
from tasks.release.styletts2.voice import StyleTTS2Voice
from tasks.release.styletts2.voice_files import NETWORKS
from tasks.stage import ConfigView, Inputs, Produced, Work

FAMILY = "styletts2"
PATHS = (
    "`resynthesis` hears the recording's own timing, pitch, energy and style (a decoder check), `timed` "
    "takes the recording's timing alone, `text` is what a listener gets. `recording` is the yardstick."
)
FILES = (
    "`networks/` holds the networks, those that only training needs among them, and can be fine-tuned from; "
    "`symbols.json` lists the characters and their identifiers."
)


def export_corpus(inputs: Inputs, cfg: ConfigView, work: Work, training: str) -> Produced:
    """Write the voice's folder.

    Raises:
        UserError: a network's file is damaged, or an ONNX file would not compute what torch does.
    """
    folder = work.dir / "voice"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / NETWORKS).mkdir(parents=True)
    voice = assemble_voice(training, inputs, cfg)
    trained = inputs.files(training)
    for name, path in trained.items():
        if "/" not in name and name.endswith((".safetensors", "config.json")):
            shutil.copyfile(path, folder / NETWORKS / name)
    evaluation = read_json(inputs.files("evaluate")["evaluation.json"])
    write_json(folder / "metrics.json", evaluation)
    network = read_json(trained["config.json"])
    problem = write_official_files(folder, cfg.voice, trained, network, cfg.family.character_table)
    official = told_of(cfg.voice, problem)
    facts = _facts(voice, network, clip_facts(inputs.files("shard")), evaluation, cfg, official)
    (folder / "README.md").write_text(voice_card(facts), encoding="utf-8")
    if cfg.release.export.onnx:
        write_onnx(voice.model.synthesis_parts(), folder / ONNX)
    table = character_table(cfg.family.character_table)
    write_json(folder / "symbols.json", dict(table.ids))
    write_lexicon(folder, cfg.features.phonemize.lexicon)
    describe(folder, _description(voice, network, facts, folder, problem))
    return exported(folder, len(voice.references), work)


def _description(
    voice: StyleTTS2Voice, network: Mapping[str, Any], facts: CardFacts, folder: Any, problem: str | None
) -> dict[str, Any]:
    kept = ("sizes", "steps", "chosen_step", "epochs", "clips", "from_scratch")
    return {
        "family": FAMILY,
        "frame": voice.family.model_dump(mode="json"),
        "symbol_table": voice.family.character_table,
        "languages": list(voice.languages),
        "speakers": {
            name: {
                "reference": write_reference(
                    folder, one.utterance_id, Waveform(one.samples, voice.sample_rate)
                ),
                "utterance_id": one.utterance_id,
                "text": one.text,
                "language": one.language,
            }
            for name, one in sorted(voice.references.items())
        },
        "default_speaker": voice.default_speaker,
        "networks": {FAMILY: {"folder": NETWORKS, **{key: network[key] for key in kept}}},
        "official": {"folder": FOLDER, "problem": problem},
        "synthesize": voice.manner.model_dump(mode="json"),
        "training_data": facts.training_data,
    }


def _facts(
    voice: StyleTTS2Voice,
    network: Mapping[str, Any],
    clips: Sequence[ClipFacts],
    evaluation: Mapping[str, Any],
    cfg: ConfigView,
    official: str,
) -> CardFacts:
    steps, from_scratch = network["steps"], cfg.train.styletts2.pretrained is None
    warned = from_scratch and steps < cfg.release.export.machinery_below_steps
    return card_facts(
        voice,
        clips,
        evaluation,
        cfg,
        networks={FAMILY: network},
        warning=scratch_warning(steps, training_hours(clips)) if warned else "",
        paths=PATHS,
        files=(REFERENCES, FILES, official),
        published=(cfg.train.styletts2.pretrained,),
    )
