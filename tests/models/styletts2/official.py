"""Files laid out as StyleTTS 2 publishes them, with the weights of small networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from models.styletts2.training import Networks
from tests.models.styletts2 import training_case

BARE = ("mpd", "msd", "wd")
"""Networks whose names a published voice's file leaves bare."""


def networks(version: str = "ljspeech", seed: int = 0, **sizes: Any) -> Networks:
    """Small networks of either published form."""
    if version == "libritts":
        hifigan = {"decoder": "hifigan", "upsample_rates": (10, 5, 3, 2), "upsample_kernels": (20, 10, 6, 4)}
        sizes = {"multispeaker": True, **hifigan, **sizes}
    return training_case.networks(seed, **sizes)


def state(made: Networks) -> dict[str, dict[str, Tensor]]:
    """State dicts by network, as the run has them."""
    return {name: dict(network.state_dict()) for name, network in made.named().items()}


def net(made: Networks) -> dict[str, dict[str, Tensor]]:
    """The table `net` of a voice's file that a second stage of the published code writes."""
    tables = state(made)
    tables["diffusion"] = dict(made.model.diffusion.state_dict())
    return {
        name: {f"{'' if name in BARE else 'module.'}{key}": value for key, value in table.items()}
        for name, table in tables.items()
    }


def content(made: Networks) -> dict[str, Any]:
    """A voice's file with everything that lies beside the weights."""
    return {"net": net(made), "optimizer": [("bert", {"state": {}})], "iters": 7, "val_loss": 0.3, "epoch": 2}


def write(path: Path, content: Any) -> Path:
    """Written as the published files are; an older torch wrote no other form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


class _Method:
    """A method of an object, as pickle writes it."""

    def __init__(self, owner: object, name: str) -> None:
        self.named = (owner, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (getattr, self.named)


def schedule() -> dict[str, Any]:
    """The state of a schedule as PyTorch 1.7 kept it: with a method, so with itself and its optimiser."""
    network = nn.Linear(2, 2)
    optimiser = AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    return {"total_steps": 10, "anneal_func": _Method(OneCycleLR(optimiser, 1e-3, 10), "_annealing_cos")}


def aligner_content(aligner: nn.Module) -> dict[str, Any]:
    """The aligner's own file."""
    return {"model": dict(aligner.state_dict()), "optimizer": {}, "scheduler": schedule(), "steps": 3}


def pitch_content(extractor: nn.Module) -> dict[str, Any]:
    """The pitch extractor's own file."""
    return {"net": dict(extractor.state_dict()), "scheduler": schedule()}


def bert_content(bert: nn.Module) -> dict[str, Any]:
    """PL-BERT's own file: the encoder among the heads of its pre-training, positions in a buffer."""
    inside = {f"module.encoder.{key}": value for key, value in bert.state_dict().items()}
    inside["module.encoder.embeddings.position_ids"] = torch.arange(512)[None]
    heads = {"module.mask_predictor.weight": torch.ones(2, 2), "module.word_predictor.bias": torch.ones(2)}
    return {"net": {**inside, **heads}, "step": 1_000_000, "optimizer": {}}


def newer_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names that newer versions of PyTorch give normalised ones."""
    spectral = {key.removesuffix("_orig") for key in weights if key.endswith("weight_orig")}
    names = {}
    for key in weights:
        stem, _, last = key.rpartition(".")
        new = {
            "weight_g": "original0",
            "weight_v": "0._v" if f"{stem}.weight" in spectral else "original1",
            "weight_orig": "original",
            "weight_u": "0._u",
        }.get(last)
        names[key] = f"{stem}.parametrizations.weight.{new}" if new else key
    return {names[key]: value for key, value in weights.items()}
