"""Two processes that take one SoVITS step, or train a toy, together; run under torchrun by the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep
from tasks.finetune.distributed import current_ranks, joined
from tasks.finetune.gpt_sovits.sovits.recipe import SovitsRecipe, loss_weights
from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Updater
from tests.tasks.finetune import synthetic, toy

N_BATCHES = 3


def batch(number: int) -> SovitsBatch:
    """Rows and frames differ from batch to batch: 1, 2, 3 rows."""
    rng = torch.Generator().manual_seed(number)
    rows, frames, phones = number + 1, 20 + 7 * number, 6 + number
    lengths = torch.tensor([frames - 3 * row for row in range(rows)])
    counts = torch.tensor([phones - row for row in range(rows)])
    here = (torch.arange(frames) < lengths[:, None])[:, None]
    return SovitsBatch(
        ssl=torch.randn(rows, 12, frames, generator=rng) * here,
        spec=torch.randn(rows, 513, frames, generator=rng).abs() * here,
        spec_lengths=lengths,
        wave=0.1 * torch.randn(rows, 1, frames * 320, generator=rng),
        phone_ids=torch.randint(0, 40, (rows, phones), generator=rng),
        phone_lengths=counts,
        speaker_vector=None,
        utterance_ids=tuple(f"b{number}r{row}" for row in range(rows)),
    )


def sovits_recipe(**changes: object) -> SovitsRecipe:
    torch.manual_seed(0)
    config = sovits_config(
        "v2",
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in synthetic.TINY_SOVITS["sizes"].items()
        },
        n_symbols=40,
        content_channels=12,
        sample_rate=16_000,
        hop_samples=320,
        n_fft=1024,
        n_mels=40,
    )
    generator = SovitsGenerator(config)
    generator.quantizer.codebooks[0].embed.normal_()
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    settings = synthetic.settings(sovits=changes).train.sovits
    return SovitsRecipe(
        SovitsStep(generator, discriminator, loss_weights(settings)),
        settings,
        Machine(torch.device("cpu"), False),
    )


def gradients_of_one_step() -> tuple[dict[str, Tensor], dict[str, float]]:
    """Gradients of D, then of G judged by the updated D, as the optimisers meet them; and the losses."""
    torch.set_num_threads(1)
    recipe = sovits_recipe()
    update = Updater(recipe, N_BATCHES, {}, current_ranks())
    seen: dict[str, Tensor] = {}
    for name, optimiser in recipe.optimisers.items():

        def keep(*_: object, name: str = name) -> None:
            for key, parameter in recipe.modules[name].named_parameters():
                if parameter.grad is not None:
                    seen[f"{name}/{key}"] = parameter.grad.clone()

        optimiser.register_step_pre_hook(keep)
    update.start_step()
    for _ in update.passes():
        for number in update.numbers:
            torch.manual_seed(number)
            recipe.train_step(batch(number), update, torch.Generator().manual_seed(number))
    return seen, update.losses


def main() -> None:
    """`gradients FOLDER`, or `toy FOLDER STOP_AT POISONED [SETTING=JSON ...]`."""
    job, folder = sys.argv[1], Path(sys.argv[2])
    index = train_together(job, folder)
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    (folder / f"threads-{index}.json").write_text(json.dumps(names))


def train_together(job: str, folder: Path) -> int:
    """The job, and which of the processes this is."""
    with joined(on_gpu=False) as ranks:
        torch.set_num_threads(1)
        if job == "gradients":
            gradients, losses = gradients_of_one_step()
            save_file(gradients, folder / f"gradients-{ranks.index}.safetensors")
            (folder / f"losses-{ranks.index}.json").write_text(json.dumps(losses))
            return ranks.index
        changes = {name: json.loads(value) for name, value in (a.split("=") for a in sys.argv[5:])}
        # Only the second process is asked to stop: the first must follow.
        stop_at = int(sys.argv[3]) if ranks.index == 1 and sys.argv[3] != "-" else None
        poisoned = frozenset(sys.argv[4].split(","))
        trained = toy.run(folder, stop_at=stop_at, poisoned=poisoned, sees=False, **changes)
        named = {f"{m}/{k}": t for m, tensors in trained.weights.items() for k, t in tensors.items()}
        save_file(named, folder / f"weights-{ranks.index}.safetensors")
        (folder / f"ended-{ranks.index}.json").write_text(json.dumps([trained.finished, trained.state.step]))
        return ranks.index


if __name__ == "__main__":
    main()
