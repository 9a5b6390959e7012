"""Our side of the same works, in fp32 or a narrower precision.

What one item alone needs is imported where it is made: memory is compared, and libraries take a good part.
"""

from __future__ import annotations

import json
from functools import partial

import torch
from torch import Tensor

from bench import sovits as sovits_bench
from bench import t2s as t2s_bench
from bench.beside import shapes
from bench.beside.shapes import Asked, Works, never_end
from configs.compute import ComputeSettings
from configs.train_t2s import T2sTrainSettings
from models.frontend.text.character_tokens import character_table
from models.layers.conv import fold_weight_norm
from models.t2s.config import t2s_config
from models.t2s.generation import generate
from models.t2s.packed import prepare_for_decoding
from models.t2s.sampling import Sampling
from models.t2s.step import T2SStep
from tasks.finetune.gpt_sovits.t2s.recipe import T2sRecipe
from tasks.finetune.machine import Machine, choose_machine
from tasks.finetune.recipe import Recipe, Updater


def works(asked: Asked) -> Works:
    """What the item asks of us."""
    machine = choose_machine(
        ComputeSettings(device="cpu", precision="bf16" if asked.precision == "bf16" else "fp32")
    )
    what = asked.item.split(",")[0]
    if what in ("sovits step", "t2s step", "styletts2 step"):
        return _step(what, asked, machine)
    speakers = {
        "sovits decode": _sovits_decode,
        "t2s decode": _t2s_decode,
        "styletts2 speak": _styletts2_speak,
        "kokoro speak": _kokoro_speak,
    }
    return speakers[what](asked, machine)


def _step(what: str, asked: Asked, machine: Machine) -> Works:
    """Whole training steps of the real recipe, from forward to optimiser."""
    recipe: Recipe
    batch: object
    if what == "sovits step":
        recipe, batch = sovits_bench.sovits("v2", machine, asked.rows(int(asked.item.split()[-1])))
    elif what == "styletts2 step":
        from bench import styletts2 as styletts2_bench

        recipe, batch = styletts2_bench.joint_recipe(machine, shapes.STYLE_FRAMES, shapes.STYLE_TOKENS)
    else:
        model = t2s_bench.decoder(t2s_config("v2"), machine).train()
        # The reference's step has the optimiser's work in every fourth batch only; here both have it in each.
        settings = T2sTrainSettings(optimizer="scaled_adam", accumulate=1)
        recipe = T2sRecipe(T2SStep(model), settings, 100, machine)
        batch = t2s_bench.inputs(model.config, asked.rows(shapes.T2S_ROWS), shapes.T2S_CODES)
    updater = Updater(recipe, 1, dict.fromkeys(recipe.optimisers, 1000.0))
    rng = torch.Generator().manual_seed(0)

    def step() -> None:
        recipe.set_learning_rates(0, 0)
        updater.start_step()
        recipe.train_step(batch, updater, rng)

    return {shapes.WHOLE: step}


def _sovits_decode(asked: Asked, machine: Machine) -> Works:
    n_codes = shapes.SPOKEN_CODES // 5 if asked.tiny else shapes.SPOKEN_CODES
    return {shapes.WHOLE: sovits_bench.speaker("v2", machine, n_codes)}


def _t2s_decode(asked: Asked, machine: Machine) -> Works:
    model = t2s_bench.decoder(t2s_config("v2"), machine).eval()
    never_end(model.ar_predict_layer)
    rows = int(asked.item.split()[-1])
    batch = t2s_bench.inputs(model.config, rows, shapes.T2S_PROMPT)
    prepared = prepare_for_decoding(model, asked.precision)  # type: ignore[arg-type]
    sampling = Sampling(top_k=shapes.TOP_K, repetition_penalty=shapes.REPETITION_PENALTY)

    def speak(n_codes: int) -> None:
        found = generate(
            prepared,
            batch.phone_ids,
            batch.phone_lengths,
            batch.bert,
            prompt=batch.codes,
            sampling=sampling,
            max_codes=n_codes,
            rng=torch.Generator().manual_seed(0),
        )
        if found.lengths.tolist() != [n_codes] * rows:
            raise ValueError(f"decoded {found.lengths.tolist()} codes where {n_codes} were asked for")

    return {shapes.FIRST: partial(speak, 1), shapes.CODES: partial(speak, asked.new_codes)}


def _styletts2_speak(asked: Asked, machine: Machine) -> Works:
    from bench import styletts2 as styletts2_bench

    seconds = 1.0 if asked.tiny else shapes.STYLE_SPOKEN_S
    return {shapes.WHOLE: styletts2_bench.speaker("ljspeech", machine, seconds)}


def prepare(asked: Asked) -> None:
    """Write what both sides of Kokoro read: random weights and what is said at which speed."""
    from models.kokoro.config import KokoroConfig
    from models.kokoro.model import Kokoro
    from models.kokoro.upstream import save_config, save_kokoro

    torch.manual_seed(0)
    weights, config = asked.shared / "kokoro.pth", asked.shared / "kokoro.json"
    model = Kokoro(KokoroConfig())
    save_kokoro(weights, model)
    save_config(config, KokoroConfig())
    seconds = 1.0 if asked.tiny else shapes.KOKORO_S
    table = character_table("kokoro")
    letters = [character for character in table.ids if character.isalpha()]
    count = round(seconds * shapes.KOKORO_PHONEMES_PER_S)
    phonemes = "".join(letters[i % len(letters)] for i in range(count))
    tokens = _kokoro_tokens(phonemes)
    row = 0.2 * torch.randn(1, model.config.voice_width)
    with torch.no_grad():
        model.eval()
        frames = model.forward_train(tokens, torch.tensor([tokens.shape[1]]), row, segment=None).durations
    speed = float(frames.sum()) * model.config.frame_samples / 24_000 / seconds
    said = {"phonemes": phonemes, "row": row[0].tolist(), "speed": speed}
    (asked.shared / "said.json").write_text(json.dumps(said), encoding="utf-8")


def _kokoro_tokens(phonemes: str) -> Tensor:
    table = character_table("kokoro")
    return torch.tensor([[0, *(table.ids[character] for character in phonemes), 0]])


def _kokoro_speak(asked: Asked, machine: Machine) -> Works:
    from models.kokoro.upstream import load_kokoro

    model = load_kokoro(asked.shared / "kokoro.pth", asked.shared / "kokoro.json").requires_grad_(False)
    fold_weight_norm(model)
    said = json.loads((asked.shared / "said.json").read_text(encoding="utf-8"))
    tokens, row = _kokoro_tokens(said["phonemes"]), torch.tensor([said["row"]])
    lengths = torch.tensor([tokens.shape[1]])
    kind = torch.bfloat16 if machine.bf16 else None

    @torch.no_grad()
    def speak() -> object:
        return model.synthesize(tokens, lengths, row, speed=said["speed"], decoder_dtype=kind)

    return {shapes.WHOLE: speak}
