"""A family small enough to train a thousand steps a second, with everything that can break a resume.

It has two optimisers in GAN order, dropout (global generator), noise (step's generator), a buffer that
changes in the forward pass, and a learning rate that depends on the epoch.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from configs.train import TrainSettings
from tasks.finetune.batches import Feed, Position, pad_frames
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.length import TrainingLength
from tasks.finetune.loop import Callbacks, LoopSettings, Trained, train
from tasks.finetune.recipe import Updater


class Batch(NamedTuple):
    x: Tensor
    utterance_ids: tuple[str, ...]


class Generator(nn.Module):
    def __init__(self, sees: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(3, 8, 3, padding=1), nn.Tanh(), nn.Conv1d(8, 3, 1))
        self.dropout = nn.Dropout(0.2)
        self.register_buffer("seen", torch.zeros(3))
        self.sees = sees

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        if self.training and self.sees:
            self.seen.mul_(0.9).add_(x.mean(dim=(0, 2)), alpha=0.1)
        return self.net(self.dropout(x) + 0.1 * noise) + self.seen[:, None]


class ToyRecipe:
    averaged = ("generator",)

    def __init__(self, poisoned: frozenset[str] = frozenset(), sees: bool = True) -> None:
        # Sums depend on how many threads share them; runs that are compared use the same number.
        torch.set_num_threads(1)
        torch.manual_seed(0)
        generator, discriminator = Generator(sees), nn.Conv1d(3, 1, 3, padding=1)
        self.modules = {"generator": generator, "discriminator": discriminator}
        self.optimisers = {
            name: torch.optim.AdamW(self.modules[name].parameters(), lr=0.01)
            for name in ("discriminator", "generator")
        }
        self.poisoned = poisoned
        self.generator, self.discriminator = generator, discriminator

    def set_learning_rates(self, step: int, epoch: int) -> None:
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = 0.01 * 0.9**epoch

    def train_step(self, batch: Batch, update: Updater, rng: torch.Generator) -> None:
        with torch.set_grad_enabled(update.wants("generator")), self.seen_once(update):
            fake = self.generator(batch.x, torch.randn(batch.x.shape, generator=rng))
        if update.wants("discriminator"):
            real_score, fake_score = self.discriminator(batch.x), self.discriminator(fake.detach())
            loss = ((real_score - 1) ** 2).mean() + (fake_score**2).mean()
            update.apply("discriminator", {"d": loss}, {"d": 1.0})
        if not update.wants("generator"):
            return
        losses = {
            "l1": (fake - batch.x).abs().mean(),
            "adversarial": ((self.discriminator(fake) - 1) ** 2).mean(),
        }
        if self.poisoned & set(batch.utterance_ids):
            losses["l1"] = losses["l1"] * float("nan")
        update.apply("generator", losses, {"l1": 45.0, "adversarial": 1.0})

    @contextmanager
    def seen_once(self, update: Updater) -> Iterator[None]:
        before = self.generator.seen.clone()
        yield
        if not update.wants("generator"):
            self.generator.seen.copy_(before)

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        return {"l1": (self.generator(batch.x, torch.zeros_like(batch.x)) - batch.x).abs().mean()}

    def utterances(self, batch: Batch) -> tuple[str, ...]:
        return batch.utterance_ids


def clips(count: int = 23) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    lengths = random.integers(5, 40, count)
    return [random.standard_normal((3, int(n))).astype(np.float32) for n in lengths]


def feed(loader_threads: int, batch_size: int = 4) -> Feed:
    data = clips()

    def load(index: int) -> tuple[str, np.ndarray]:
        return f"clip{index}", data[index]

    def collate(chosen: list[tuple[str, np.ndarray]]) -> Batch:
        return Batch(pad_frames([x for _, x in chosen]), tuple(name for name, _ in chosen))

    return Feed(
        [x.shape[-1] for x in data],
        load,
        collate,
        batch_size=batch_size,
        seed=7,
        loader_threads=loader_threads,
    )


def held_out() -> list[Batch]:
    return [next(feed(0).start(Position(1000, 0)))]


def settings(
    *,
    max_steps: int | None = 40,
    max_epochs: int | None = None,
    watched: Sequence[str] = (),
    identity: Mapping[str, Any] | None = None,
    **changes: Any,
) -> LoopSettings:
    every: dict[str, Any] = {
        "accumulate": 2,
        "ema_decay": 0.9,
        "log_every_steps": 3,
        "validate_every_steps": 8,
        "checkpoint_every_steps": 5,
    }
    return LoopSettings(
        seed=7,
        length=TrainingLength(True, max_epochs, max_steps),
        train=TrainSettings(**{**every, **changes}),
        max_norms={"generator": 1.0},
        watched=watched,
        identity=identity or {"rate": 0.01, "betas": (0.9, 0.99)},
    )


def run(
    folder: Path,
    *,
    stop_at: int | None = None,
    loader_threads: int = 0,
    poisoned: frozenset[str] = frozenset(),
    sees: bool = True,
    **changes: Any,
) -> Trained:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return stop_at is not None and asked > stop_at

    source = feed(loader_threads)
    validation = held_out()
    return train(
        ToyRecipe(poisoned, sees),
        source,
        validation,
        settings(**changes),
        Checkpoints(folder),
        Callbacks(stop=stop),
    )


def main() -> None:
    """Train in the folder given; kill this process with SIGKILL at the step given, if any."""
    folder, kill_at = Path(sys.argv[1]), int(sys.argv[2])

    def progress(done: int, total: int, losses: dict[str, float]) -> None:
        if done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    validation = held_out()
    train(
        ToyRecipe(),
        feed(1),
        validation,
        settings(),
        Checkpoints(folder),
        Callbacks(progress=progress),
    )


if __name__ == "__main__":
    main()
