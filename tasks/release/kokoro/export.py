"""The stage `export` of Kokoro voices: a voice as a folder that needs nothing else.

<voice>.pth             the networks as the official package reads them; training can start from them
config.json             their sizes and the characters, in the official form
voices/<voice>.pt       the first speaker's table of styles; voices/<voice>_<speaker>.pt is another's
networks/*.safetensors  the same networks and tables without pickle, with how they were trained
onnx/*.onnx             the synthesis path, where `release.export.onnx` asks for it
voice.json              what it is, how it speaks, digests of all other files
samples/*.flac          held-out sentences as the voice says them
lexicon.tsv             pronunciations of words, where it was trained with some
metrics.json            the evaluation
curves.json             losses of the training, step by step
README.md               the voice card
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from models.kokoro.upstream import official_problem, save_config, save_kokoro, save_voice
from tasks.finetune.kokoro.trained import SPEAKING_FILES, TrainedKokoro, read_trained
from tasks.finetune.trained import read_json
from tasks.release.card import CardFacts, card_facts, scratch_warning, training_hours, voice_card
from tasks.release.clips import clip_facts
from tasks.release.exported_folder import describe, exported, write_json, write_lexicon
from tasks.release.kokoro.assembly import trained_voice
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.kokoro.voice_files import CONFIG_FILE, FAMILY, TABLES
from tasks.release.onnx_files import ONNX, write_onnx
from tasks.stage import ConfigView, Inputs, Produced, Work

NETWORKS, SAMPLES, CURVES = "networks", "samples", "curves.json"
PATHS = (
    "`resynthesis` hears the recording's own timing, pitch and energy (a decoder check), `timed` takes the "
    "recording's timing alone, `text` is what a listener gets. `recording` is the yardstick."
)
FILES = (
    "`{voice}.pth`, `config.json` and `voices/{voice}.pt` are the voice in Kokoro's own form, and training "
    "can start from them; `networks/` holds the same as safetensors. `samples/` are held-out sentences as "
    "the voice says them, `curves.json` the losses of its training."
)
OFFICIAL = """With the official `kokoro` package (row n - 1 of the table speaks n phonemes):

```python
import torch
from kokoro import KModel

model = KModel(repo_id="hexgrad/Kokoro-82M", config="config.json", model="{voice}.pth").eval()
table = torch.load("voices/{voice}.pt", weights_only=True)
audio = model(phonemes, table[len(phonemes) - 1], speed=1.0)  # 24 kHz
```"""


def export_corpus(inputs: Inputs, cfg: ConfigView, work: Work, *, training: str) -> Produced:
    """Write the voice's folder out of what the stage `training` wrote.

    Raises:
        UserError: a network's file is damaged, training has diverged, or an ONNX file would not compute what
            torch does.
    """
    folder = work.dir / "voice"
    shutil.rmtree(folder, ignore_errors=True)
    for name in (NETWORKS, SAMPLES, TABLES):
        (folder / name).mkdir(parents=True)
    files = inputs.files(training)
    trained = read_trained(files)
    clips = clip_facts(inputs.files("shard"))
    voice = trained_voice(trained, clips, cfg)
    weights = f"{cfg.voice}.pth"
    save_kokoro(folder / weights, trained.model)
    save_config(folder / CONFIG_FILE, trained.model.config)
    tables = _table_files(voice, cfg.voice)
    for name, file in tables.items():
        save_voice(folder / file, voice.references[name].table)
    for name in SPEAKING_FILES:
        shutil.copyfile(files[name], folder / NETWORKS / name)
    shutil.copyfile(files[CURVES], folder / CURVES)
    _copy_samples(inputs.files("synthesize"), folder)
    evaluation = read_json(inputs.files("evaluate")["evaluation.json"])
    write_json(folder / "metrics.json", evaluation)
    hours = training_hours(clips)
    facts = card_facts(
        voice,
        clips,
        evaluation,
        cfg,
        networks={FAMILY: trained.description},
        warning=_warning(trained, hours, cfg.release.export.machinery_below_steps),
        paths=PATHS,
        files=(FILES.format(voice=cfg.voice), _for_official(trained, cfg.voice)),
        published=_published(cfg),
    )
    (folder / "README.md").write_text(voice_card(facts), encoding="utf-8")
    if cfg.release.export.onnx:
        write_onnx(trained.model.synthesis_parts(), folder / ONNX)
    write_lexicon(folder, cfg.features.phonemize.lexicon)
    describe(folder, _description(voice, trained, weights, tables, facts))
    return exported(folder, len(voice.references), work)


def _table_files(voice: KokoroVoice, name: str) -> dict[str, str]:
    """A file per speaker, under names that any file system takes; no two are alike."""
    files = {voice.default_speaker: f"{TABLES}/{name}.pt"}
    for speaker in sorted(voice.references.keys() - files.keys()):
        stem = f"{name}_" + re.sub(r"[^\w.-]", "_", speaker)
        names = (f"{TABLES}/{stem}{f'-{n}' if n else ''}.pt" for n in count())
        files[speaker] = next(file for file in names if file not in files.values())
    return files


def _copy_samples(files: Mapping[str, Path], folder: Path) -> None:
    """What the voice says from text; recordings stay where they are."""
    for name, path in files.items():
        if name.endswith(".text.flac"):
            shutil.copyfile(path, folder / SAMPLES / Path(name).name)


def _warning(trained: TrainedKokoro, hours: float, machinery_below_steps: int) -> str:
    steps, from_scratch = trained.description["steps"], trained.description["from_scratch"]
    return scratch_warning(steps, hours) if from_scratch and steps < machinery_below_steps else ""


def _published(cfg: ConfigView) -> tuple[str | None, ...]:
    """Settings' values that name what it was made from: the model, and voices where one was fitted."""
    kokoro, fit = cfg.train.kokoro, cfg.train.kokoro_fit
    is_fitted = kokoro.method == "fit"
    begins_fitted = is_fitted or kokoro.table.start == "fitted"
    return (fit.pretrained if is_fitted else kokoro.pretrained, fit.voices if begins_fitted else None)


def _for_official(trained: TrainedKokoro, voice: str) -> str:
    problem = official_problem(trained.model.config)
    if problem is None:
        return OFFICIAL.format(voice=voice)
    return f"The official `kokoro` package cannot speak it: {problem}."


def _description(
    voice: KokoroVoice,
    trained: TrainedKokoro,
    weights: str,
    tables: Mapping[str, str],
    facts: CardFacts,
) -> dict[str, Any]:
    kept = ("sizes", "steps", "chosen_step", "epochs", "clips", "from_scratch", "dequantised", "mix")
    return {
        "family": FAMILY,
        "frame": voice.family.model_dump(mode="json"),
        "symbol_table": voice.family.character_table,
        "languages": list(voice.languages),
        "speakers": {name: {"table": file} for name, file in tables.items()},
        "default_speaker": voice.default_speaker,
        "networks": {
            FAMILY: {
                "weights": weights,
                **{key: trained.description[key] for key in kept if key in trained.description},
            }
        },
        "synthesize": voice.manner.model_dump(mode="json"),
        "training_data": facts.training_data,
    }
