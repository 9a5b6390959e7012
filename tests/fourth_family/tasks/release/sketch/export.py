"""The stage `export` of Sketch voices: a voice as a folder that needs nothing else."""

from __future__ import annotations

import shutil

from tasks.finetune.sketch.trained import CONFIG, WEIGHTS, read_trained
from tasks.finetune.trained import read_json
from tasks.release.card import card_facts, scratch_warning, training_hours, voice_card
from tasks.release.clips import clip_facts
from tasks.release.exported_folder import describe, exported, write_json, write_lexicon
from tasks.release.sketch.assembly import TRAINING, trained_voice
from tasks.stage import ConfigView, Inputs, Produced, Work

PATHS = "`timed` takes the recording's timing, `text` is what a listener gets, `recording` is the yardstick."
FILES = f"`{WEIGHTS}` is the network, `{CONFIG}` its sizes, `curves.json` the losses of its training."


def export_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Write the voice's folder."""
    folder = work.dir / "voice"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = inputs.files(TRAINING)
    trained = read_trained(files)
    clips = clip_facts(inputs.files("shard"))
    voice = trained_voice(trained, clips, cfg)
    for name in (WEIGHTS, CONFIG, "curves.json"):
        shutil.copyfile(files[name], folder / name)
    evaluation = read_json(inputs.files("evaluate")["evaluation.json"])
    write_json(folder / "metrics.json", evaluation)
    facts = card_facts(
        voice,
        clips,
        evaluation,
        cfg,
        networks={"sketch": trained.description},
        warning=scratch_warning(trained.description["steps"], training_hours(clips)),
        paths=PATHS,
        files=(FILES,),
    )
    (folder / "README.md").write_text(voice_card(facts), encoding="utf-8")
    write_lexicon(folder, cfg.features.phonemize.lexicon)
    describe(
        folder,
        {
            "family": voice.family_name,
            "frame": voice.family.model_dump(mode="json"),
            "symbol_table": voice.family.character_table,
            "languages": list(voice.languages),
            "speakers": {name: {} for name in voice.references},
            "default_speaker": voice.default_speaker,
            "networks": {"sketch": {"weights": WEIGHTS, "steps": trained.description["steps"]}},
            "synthesize": voice.manner.model_dump(mode="json"),
            "training_data": facts.training_data,
        },
    )
    return exported(folder, len(voice.references), work)
