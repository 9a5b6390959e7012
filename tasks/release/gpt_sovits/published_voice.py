"""Two published files and a recorded clip to a voice folder that speaks."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from configs.errors import UserError
from configs.settings import Settings
from models.frontend.text.symbols import load_symbol_table
from models.seeds import derive_seed
from models.sovits.upstream import TRAINING_ONLY, LoadedGenerator
from models.sovits.upstream import load_generator as load_published_generator
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder as load_published_decoder
from tasks.finetune.trained import sizes_as_json
from tasks.release.gpt_sovits.export import describe_voice
from tasks.release.gpt_sovits.network_files import write_gpt_sovits_files
from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.release.gpt_sovits.zero_shot import reference_from_file


def import_voice(
    folder: Path,
    sovits: Path,
    t2s: Path,
    reference: Path,
    reference_text: str,
    language: str,
    settings: Settings,
) -> GptSovitsVoice:
    """Write a voice folder as `export` does; the files' own weights, the clip's timbre.

    Args:
        folder: Where; it must not exist yet.
        sovits: A `.pth` of v1 to v2ProPlus.
        t2s: A `.ckpt` of the same symbol table.
        reference: A clip of 3 to 10 s of the speaker.
        reference_text: What is said in it.
        language: Code of that text's language.
        settings: How content features, speaker vectors and speech are made.

    Raises:
        UserError: a file cannot be used, the two do not belong together, or the folder exists.
    """
    if folder.exists():
        raise UserError(f"{folder}: exists already; give the voice another name, or remove that folder")
    with torch.random.fork_rng(devices=[]):
        # The posterior that most files lack is drawn afresh: the same for the same file.
        torch.manual_seed(derive_seed(settings.seed, "import", "posterior"))
        loaded = load_published_generator(sovits)
    decoder = load_published_decoder(t2s).eval().requires_grad_(False)
    _check_pair(sovits, loaded, t2s, decoder)
    generator = loaded.generator.eval().requires_grad_(False)
    version = generator.config.version
    voice = GptSovitsVoice(
        generator=generator,
        decoder=decoder,
        frame=generator.config.spectrogram,
        symbol_table=f"gpt-sovits-{'v1' if version == 'v1' else 'v2'}",
        languages=(language,),
        references={},
        default_speaker=folder.name,
        manner=settings.release.synthesize,
        linguistic=settings.features.linguistic,
        content=settings.features.content,
        speaker_vector=settings.features.speaker_vector,
        published=True,
    )
    clip = reference_from_file(voice, reference, reference_text, language)
    clip = dataclasses.replace(clip, speaker=folder.name)
    voice = dataclasses.replace(voice, references={folder.name: clip})
    _write(folder, voice, loaded.missing, (sovits.name, t2s.name), settings.corpus.licence)
    return voice


def _check_pair(sovits: Path, loaded: LoadedGenerator, t2s: Path, decoder: TextToSemantic) -> None:
    config = loaded.generator.config
    table = "v1" if config.version == "v1" else "v2"
    n_symbols = len(load_symbol_table(f"gpt-sovits-{table}").symbols)
    if config.n_symbols != n_symbols:
        raise UserError(
            f"{sovits}: knows {config.n_symbols} phone symbols, where GPT-SoVITS's table {table} has "
            f"{n_symbols}; give a file trained with that table"
        )
    wanted = t2s_config(table).n_symbols
    if decoder.config.n_symbols != wanted:
        raise UserError(
            f"{t2s}: knows {decoder.config.n_symbols} phone symbols, where {sovits.name} of {config.version} "
            f"needs a decoder with {wanted}; give the .ckpt that was trained with it"
        )
    if decoder.config.n_codes != config.codebook_size:
        raise UserError(
            f"{t2s}: makes {decoder.config.n_codes} codes, where {sovits.name} knows {config.codebook_size}; "
            "give the .ckpt that was trained with it"
        )


def _write(
    folder: Path, voice: GptSovitsVoice, missing: Sequence[str], sources: tuple[str, str], licence: str
) -> None:
    building = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(building, ignore_errors=True)
    (building / "references").mkdir(parents=True)
    networks: dict[str, dict[str, Any]] = {}
    for name, weights, config, source in (
        ("sovits", voice.generator.state_dict(), voice.generator.config, sources[0]),
        ("t2s", voice.decoder.state_dict(), voice.decoder.config, sources[1]),
    ):
        save_file({key: w.contiguous() for key, w in weights.items()}, building / f"{name}.safetensors")
        networks[name] = {
            "file": f"{name}.safetensors",
            "sizes": sizes_as_json(config),
            "from_scratch": False,
            "imported_from": source,
        }
    left_out = write_gpt_sovits_files(
        building, folder.name, voice.generator, voice.decoder, voice.symbol_table
    )
    without = (
        f"The files lacked the posterior encoder (`{TRAINING_ONLY}*`), as files made for speaking do: it is "
        "fresh here, and training must not go on from this folder.\n"
        if missing
        else ""
    )
    (building / "README.md").write_text(
        f"# {folder.name}\n\nImported from `{sources[0]}` and `{sources[1]}` "
        f"(GPT-SoVITS {voice.generator.config.version}); nothing was trained here, and nothing was "
        f"measured.\n{without}",
        encoding="utf-8",
    )
    training_data = {"clips": None, "hours": None, "licence": licence, "attribution": ""}
    describe_voice(building, voice, "gpt-sovits", networks, training_data, left_out)
    building.replace(folder)
