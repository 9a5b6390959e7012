"""The one checkpoint format: a folder that is either whole or ignored.

    step-00000120/
        tensors.safetensors   module weights, optimiser slots, moving averages, best weights so far
        history.json          every logged loss so far
        state.json            position, scalars, digests of the two files above; written last

A checkpoint is written beside its final name, flushed to the disk and renamed, so a kill at any
moment leaves either the old set of checkpoints or the new one. `latest` believes a folder only when
the digests in `state.json` match. There is no random state to save: the loop derives every random
number from (seed, step), so the position alone says what comes next.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from artifacts import space
from artifacts.digest import of_file
from artifacts.faults import amount
from configs.errors import UserError

FORMAT = 1
TENSORS, HISTORY, STATE = "tensors.safetensors", "history.json", "state.json"


@dataclass(frozen=True)
class Snapshot:
    """Everything a run needs to go on as if it had never stopped.

    Attributes:
        step: Optimiser steps taken.
        tensors: Flat names to tensors, see `capture`.
        scalars: JSON values: the loop's position and the optimisers' plain slots.
        history: JSON value: the logged losses.
        identity: JSON value: the settings the run was made with; a resume must bring the same.
    """

    step: int
    tensors: Mapping[str, Tensor]
    scalars: Mapping[str, Any]
    history: Any
    identity: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one run in one folder, the newest few kept.

    Args:
        folder: Made when absent.
        keep: How many whole checkpoints stay; at least two, so that a damaged newest one has a
            predecessor.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder = folder
        self.keep = max(2, keep)
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, snapshot: Snapshot) -> Path:
        """Write a checkpoint so that it appears whole or not at all, then drop the oldest.

        Returns:
            The checkpoint's folder.
        """
        final = self.folder / f"step-{snapshot.step:08d}"
        partial = self.folder / f"partial-{snapshot.step:08d}-{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        save_file(
            {name: t.detach().contiguous() for name, t in snapshot.tensors.items()},
            partial / TENSORS,
        )
        (partial / HISTORY).write_text(json.dumps(snapshot.history))
        state = {
            "format": FORMAT,
            "step": snapshot.step,
            "scalars": dict(snapshot.scalars),
            "identity": dict(snapshot.identity),
            "digests": {name: of_file(partial / name) for name in (TENSORS, HISTORY)},
        }
        (partial / STATE).write_text(json.dumps(state, indent=1, sort_keys=True))
        for name in (TENSORS, HISTORY, STATE):
            _flush(partial / name)
        _flush(partial)
        # A run that went on from an older checkpoint may meet a damaged folder of this very step.
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        _flush(self.folder)
        self._prune(final)
        return final

    def require_space(
        self,
        modules: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        copies: int,
    ) -> None:
        """Refuse a run whose checkpoints will not fit: weights, the optimisers' two slots each, copies.

        One more than are kept is there while the newest is written.

        Args:
            modules: Whose weights are saved.
            optimisers: Whose slots.
            copies: Of the weights: averages, and the version that validated best.

        Raises:
            MachineError: there is too little space.
        """
        weights = [tensor for module in modules.values() for tensor in module.state_dict().values()]
        weights_bytes = sum(tensor.nbytes for tensor in weights)
        slots_bytes = 2 * sum(
            parameter.nbytes
            for optimiser in optimisers.values()
            for group in optimiser.param_groups
            for parameter in group["params"]
        )
        each_bytes = weights_bytes * (1 + copies) + slots_bytes
        there = len(list(self.folder.glob("step-*")))
        doing = f"checkpoints of {amount(each_bytes)} each, {self.keep} of which are kept"
        space.require(self.folder, each_bytes * max(1, self.keep + 1 - there), doing)

    def latest(self) -> Snapshot | None:
        """The newest checkpoint that is whole, or None; damaged and partial ones do not count."""
        for folder in sorted(self.folder.glob("step-*"), reverse=True):
            if (snapshot := _read(folder)) is not None:
                return snapshot
        return None

    def _prune(self, newest: Path) -> None:
        for folder in self.folder.glob("step-*"):
            if folder.name > newest.name:
                # Damaged, else this run would have gone on from it; out of the way of later steps.
                shutil.rmtree(folder, ignore_errors=True)
        for folder in sorted(self.folder.glob("step-*"), reverse=True)[self.keep :]:
            shutil.rmtree(folder, ignore_errors=True)
        for folder in self.folder.glob("partial-*"):
            shutil.rmtree(folder, ignore_errors=True)


def capture(
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    averages: Mapping[str, Tensor],
    best: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Flatten modules, optimisers, moving averages and the weights that validated best.

    Returns:
        Tensors named `module/<name>/<key>`, `optimiser/<name>/<index>/<slot>`, `average/<key>` and
        `best/<key>`, and the optimisers' slots that are plain numbers, by the same names.
    """
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for name, module in modules.items():
        for key, tensor in module.state_dict().items():
            tensors[f"module/{name}/{key}"] = tensor
    for name, optimiser in optimisers.items():
        for index, slots in optimiser.state_dict()["state"].items():
            for slot, value in slots.items():
                target = tensors if isinstance(value, Tensor) else plain
                target[f"optimiser/{name}/{index}/{slot}"] = value
    for key, tensor in averages.items():
        tensors[f"average/{key}"] = tensor
    for key, tensor in best.items():
        tensors[f"best/{key}"] = tensor
    return tensors, plain


def restore(
    snapshot: Snapshot,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    averages: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Put a snapshot's tensors back, in place. The reverse of `capture`.

    Returns:
        The weights that validated best, by key; empty where none were kept.

    Raises:
        UserError: the snapshot's names or shapes are not those of the modules.
    """
    for name, module in modules.items():
        saved = under(snapshot.tensors, f"module/{name}/")
        try:
            module.load_state_dict(saved, strict=True)
        except RuntimeError as error:
            raise UserError(
                f"checkpoint at step {snapshot.step}: weights of {name} do not fit this model "
                f"({error}); remove the checkpoint folder to start again"
            ) from error
    plain = snapshot.scalars.get("optimiser_slots", {})
    for name, optimiser in optimisers.items():
        prefix = f"optimiser/{name}/"
        state: dict[int, dict[str, Any]] = {}
        for key, value in {**under(snapshot.tensors, prefix), **under(plain, prefix)}.items():
            index, _, slot = key.partition("/")
            state.setdefault(int(index), {})[slot] = value
        # Hyper-parameters come from the settings and learning rates from the position.
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
    with torch.no_grad():
        for key, tensor in averages.items():
            tensor.copy_(snapshot.tensors[f"average/{key}"])
    return under(snapshot.tensors, "best/")


def _read(folder: Path) -> Snapshot | None:
    try:
        state = json.loads((folder / STATE).read_text())
        if state["format"] != FORMAT:
            return None
        if any(of_file(folder / name) != digest for name, digest in state["digests"].items()):
            return None
        return Snapshot(
            step=state["step"],
            tensors=load_file(folder / TENSORS),
            scalars=state["scalars"],
            history=json.loads((folder / HISTORY).read_text()),
            identity=state["identity"],
        )
    except (OSError, ValueError, KeyError, SafetensorError):
        return None


def under(flat: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The entries whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in flat.items() if k.startswith(prefix)}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
